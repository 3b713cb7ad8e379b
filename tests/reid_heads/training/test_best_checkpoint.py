"""The best weights of a run that went on."""

from pathlib import Path

from reid_heads.training.best_checkpoint import BestCheckpoint


def test_a_state_that_does_not_say_how_it_was_measured(tmp_path: Path) -> None:
    """Earlier versions' states: with `test.mirrored=false` in their configuration MGN was measured otherwise."""
    old = {"mAP": 0.5, "name": "mAP_50.0.pth", "last": {"mAP": 0.4}}
    best = BestCheckpoint(tmp_path, distilled=False, protocol="image alone")
    sentence = best.load_state_dict(old)
    assert (
        sentence is not None and sentence.startswith(f"{tmp_path / 'mAP_50.0.pth'} stays: ") and "not known" in sentence
    )
    assert (best.mAP, best.path, best.last) == (-1.0, None, {"mAP": 0.4})
    # Nothing measured there, or nothing measured here: nothing to compare.
    assert BestCheckpoint(tmp_path, False, "image alone").load_state_dict(old | {"name": "", "mAP": -1.0}) is None
    unmeasured = BestCheckpoint(tmp_path, distilled=False)
    assert unmeasured.load_state_dict(old | {"protocol": "image alone"}) is None
    assert unmeasured.path == tmp_path / "mAP_50.0.pth" and unmeasured.state_dict()["protocol"] == "image alone"


def test_the_best_on_other_test_images_is_not_compared(tmp_path: Path) -> None:
    """Test images that changed between two starts: 0.5 on the old ones kept weights that 0.4 on the new ones beat."""
    old = {"mAP": 0.5, "name": "mAP_50.0.pth", "last": {"mAP": 0.4}, "protocol": "image alone", "data": "aa"}
    best = BestCheckpoint(tmp_path, False, "image alone", "bb")
    sentence = best.load_state_dict(old)
    assert sentence is not None and "mAP_50.0.pth stays" in sentence and "other test images" in sentence
    assert (best.mAP, best.path, best.state_dict()["data"]) == (-1.0, None, "bb")
    for before, now in (("aa", "aa"), ("", "bb"), ("aa", "")):
        same = BestCheckpoint(tmp_path, False, "image alone", now)
        assert same.load_state_dict(old | {"data": before}) is None and same.mAP == 0.5
        assert same.state_dict()["data"] == (before or now)
