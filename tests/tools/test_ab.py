"""`tools/ab.py` on a handful of images: its outcome, a kill and what is kept of it, its refusals."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dgnet.core.errors import UserError
from dgnet.core.settings import load_settings
from dgnet.data.datasets import read_dataset
from eval.report.ab_outcome import difference_text
from eval.report.paired import paired_difference
from eval.report.report import read_report
from reid_heads.ab_experiment.config import ABConfig, PedestriansConfig, SubsetConfig, TargetDomainConfig
from reid_heads.ab_experiment.data import open_target_domain, subset_of
from reid_heads.ab_experiment.folder import refuse_foreign_folder
from reid_heads.ab_experiment.generator import swap_names
from reid_heads.config import ReIDConfig
from tests.dgnet.small_training import narrow_trunks
from tests.messages import mentions
from tests.tools.small_ab import VARIANTS, arguments, figures, run, write_place

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, narrow: None) -> Path:
    return write_place(tmp_path_factory.mktemp("ab"))


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    assert run(place) == 0
    return place / "outputs" / "whole"


def test_the_outcome(whole: Path) -> None:
    found = figures(whole)
    assert sorted(found) == sorted(f"{variant}_{seed}.json" for variant in VARIANTS for seed in (0, 1))
    report = read_report(whole / "report.json")
    for domain in ("same cameras", "other cameras, other light"):
        for variant, other in (
            ("generated", "real"),
            ("filtered", "generated"),
            ("filtered", "real"),
            ("distilled", "real"),
        ):
            values = [[found[f"{name}_{seed}.json"][domain]["mAP"] for seed in (0, 1)] for name in (variant, other)]
            expected = paired_difference(*values)
            section = f"mAP, {domain}"
            assert report.value(section, f"{variant} - {other}") == pytest.approx(100 * expected.mean)
            assert report.value(section, f"{variant} - {other}, low end") == pytest.approx(100 * expected.low)
            assert report.value(section, variant) == pytest.approx(50 * sum(values[0]))
    assert list(report.checkpoints) == ["small, iteration 8"]
    # Rows differ, so that a difference of 0 is none of the tool's making.
    assert len({str(one) for one in found.values()}) > 4
    table = (whole / "outcome.md").read_text()
    assert all(f"**{variant}**: {VARIANTS[variant]['meaning']}" in table for variant in VARIANTS)
    assert "no difference found" in table and "**filtered** - generated | " in table
    assert "Filter of filtered: best 50 % of each identity by diversity: 6 of 12 generated images dropped." in table
    assert (whole / "outcome.png").stat().st_size > 1000 and (whole / "report.html").exists()
    assert not list(whole.glob("runs/*/checkpoints"))
    # A generator of which nothing is known is not called fair.
    assert "is not recorded" in table


def test_every_variant_trains_as_many_steps_on_what_it_is_meant_to_see(whole: Path) -> None:
    results = {path.stem: json.loads(path.read_text()) for path in (whole / "results").iterdir()}
    assert {result["steps"] for result in results.values()} == {2}
    assert {result["real_images"] for result in results.values()} == {6}
    seen = {name: result["generated_images"] for name, result in results.items()}
    assert (seen["real_0"], seen["generated_1"], seen["filtered_0"], seen["distilled_1"]) == (0, 12, 6, 0)


@pytest.mark.timeout(400)  # a program of its own, beside other tests
def test_results_of_other_images_are_not_mixed(place: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed, other = sorted((place / "people" / "bounding_box_test").iterdir())[:2]
    kept = changed.read_bytes()
    changed.write_bytes(other.read_bytes())
    capsys.readouterr()
    try:
        assert run(place, "--resume") == 2
    finally:
        changed.write_bytes(kept)
    assert re.search(mentions("results", "images", str(place / "people")), capsys.readouterr().err)
    assert run(place, "--resume") == 0


def test_killed_resumed_and_grown(place: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = place / "outputs" / "killed"
    program = [sys.executable, "-m", "tests.tools.narrow_tool", "ab", *arguments(place, "--name", "killed")]
    process = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 300
        while len(list(folder.glob("results/*.json"))) < 2 and time.monotonic() < ends and process.poll() is None:
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("results/*.json")}
    assert 2 <= len(finished) < 8
    assert run(place, "--name", "killed") == 2
    assert "already holds an A/B; continue it with --resume" in capsys.readouterr().err
    assert run(place, "--name", "killed", "--resume") == 0
    before = figures(folder)
    assert before == figures(whole)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished

    assert run(place, "--name", "killed", "--resume", "seeds=3", "keep_models=true") == 0
    assert sorted(path.parent.name for path in folder.glob("runs/*/last.pth")) == sorted(f"{one}_2" for one in VARIANTS)
    after = figures(folder)
    assert len(after) == 12 and {name: found for name, found in after.items() if name in before} == before
    capsys.readouterr()
    for setting, said in (
        ("variants.generated.settings={generated.share: 0.6}", "generated.share (0.2 there, 0.6 now)"),
        ("per_identity=5", "per_identity (4 there, 5 now)"),
    ):
        assert run(place, "--name", "killed", "--resume", "seeds=3", setting) == 2
        assert said in capsys.readouterr().err
    assert figures(folder) == after


def test_an_experiment_of_an_earlier_version_is_resumed(
    place: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "outputs" / "earlier"
    shutil.copytree(whole, folder)
    for path in folder.glob("runs/*/config.yaml"):
        path.write_text(path.read_text().replace(str(whole), str(folder)))
    (folder / "results").rename(folder / "rows")
    for path in folder.glob("rows/*.json"):
        result = json.loads(path.read_text())
        counts = [
            f"{words}: {left} of {images} generated images dropped"
            for words, left, images in result.pop("filter_counts")
        ]
        path.write_text(json.dumps({"row": result.pop("variant"), **result, "dropped": counts}))
    old = yaml.safe_load((folder / "config.yaml").read_text())
    names = {"subset": "few", "target_domain": "elsewhere", "variants": "rows"}
    old = {names.get(key, key): value for key, value in old.items()} | {"name": "earlier"}
    (folder / "config.yaml").write_text(yaml.safe_dump(old, sort_keys=False))
    before = figures(whole)
    assert run(place, "--name", "earlier", "--resume") == 0
    assert figures(folder) == before and not (folder / "rows").exists()
    # Nothing was trained again: the runs are as they were copied.
    assert not list(folder.glob("runs/*/checkpoints"))
    assert (folder / "outcome.md").read_text() == (whole / "outcome.md").read_text()


def test_folders_of_others_are_left_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = place / "outputs" / "notes"
    notes.mkdir(parents=True)
    (notes / "mine.txt").write_text("mine")
    for options in ((), ("--resume",)):
        assert run(place, "--name", "notes", *options) == 2
        assert "holds something other than an A/B" in capsys.readouterr().err
        assert run(place, "--name", "small", *options) == 2
        assert "holds something other than an A/B" in capsys.readouterr().err
    assert [path.name for path in notes.iterdir()] == ["mine.txt"]
    (place / "outputs" / "file").write_text("")
    assert run(place, "--name", "file") == 2
    assert "is a file, not the folder of an A/B" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("generator=nowhere/demo", mentions("trained", "nowhere/demo")),
        ("generator_training={config: configs/demo.yaml}", mentions("generator_training", "generator", "exclude")),
        ("generator=null", mentions("generator", "DG-Net")),
        (
            "baseline=generated",
            mentions("baseline", "distilled", "'generated'"),
        ),
        (
            "variants.filtered.against=[nobody]",
            mentions("variants.filtered.against", "distilled", "'nobody'"),
        ),
        ("variants.generated.settings={model.nme: resnet18}", "unknown key 'model.nme'"),
        ("variants.generated.settings={run.seed: 3}", mentions("variant", "run.seed")),
        ("variants.distilled.settings={schedule.epochs: 3}", mentions(3, "variants.real")),
        ("seeds=1", mentions("seeds=1", 2, 1)),
        ("variants={real: {meaning: alone}}", "at least one variant to compare with it"),
        ("variants.a/b={meaning: alone}", mentions("name", "folder", "'a/b'")),
        ("subset.images=0", "subset.images"),
        ("training.data.root=nowhere", "nowhere"),
        ("target_domain.root=nowhere/else", "nowhere/else"),
        # Of the last variant, before the first is trained.
        ("variants.distilled.settings={model.weights: gone.pth}", "gone.pth: no such file"),
        (
            "variants.distilled.settings={distillation.stage_features: 0.03}",
            mentions("variants.distilled", "resnet18", "no stages"),
        ),
        ("variants.distilled.settings={data.pad: 48}", "data.pad must be smaller"),
        ("variants.filtered.settings={generated.label: soft}", "generated.label=soft needs a teacher"),
    ],
)
def test_bad_settings(place: Path, setting: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = "bad" + str(abs(hash(setting)))
    assert run(place, "--name", name, setting) == 2
    error = capsys.readouterr().err
    assert re.search(said, error) and "Traceback" not in error
    assert not (place / "outputs" / name / "runs").exists()
    # Put right, the same command begins.
    refuse_foreign_folder(place / "outputs" / name, resume=False)


def test_a_subset_of_the_images(place: Path) -> None:
    dataset = read_dataset(place / "people")
    subset = subset_of(dataset, SubsetConfig(identities=2, images=2, cameras=3))
    assert len(subset.identities) == 2 and len(subset.train) == 4
    assert set(subset.train) < set(dataset.train) and subset.query == dataset.query
    assert subset_of(dataset, SubsetConfig()).train == dataset.train
    one = subset_of(dataset, SubsetConfig(cameras=1))
    assert all(len({r.camera for r in one.train if r.identity == who}) == 1 for who in one.identities)
    draws = {tuple(subset_of(dataset, SubsetConfig(images=1, seed=seed)).train) for seed in range(5)}
    assert len(draws) > 1
    # Swaps are made between these images alone.
    named = {name for pair in swap_names(subset, 2, 0) for name in pair}
    assert named <= {record.path.relative_to(dataset.root).as_posix() for record in subset.train}


def test_another_domain_is_rendered_once(tmp_path: Path) -> None:
    people = PedestriansConfig(test_identities=2, images_per_identity=4)
    place = TargetDomainConfig(root=tmp_path / "target_domain", pedestrians=people)
    first = open_target_domain(place)
    assert first.query and len({record.identity for record in first.query}) == 2
    assert open_target_domain(place).query == first.query
    with pytest.raises(UserError, match="camera_seed 1"):
        open_target_domain(place.model_copy(update={"pedestrians": people.model_copy(update={"camera_seed": 5})}))


def test_words_of_a_difference() -> None:
    same = paired_difference([0.5, 0.6, 0.7], [0.51, 0.6, 0.69])
    assert difference_text(same).startswith("+0.00 (-2.48 to 2.48), no difference found")
    found = paired_difference([0.51, 0.62, 0.71], [0.5, 0.6, 0.7])
    assert found.significant == ("no difference found" not in difference_text(found))
    higher = paired_difference([0.52, 0.62, 0.722], [0.5, 0.6, 0.7])
    assert difference_text(higher) == "+2.07 (1.78 to 2.35)"


def test_the_shipped_configuration() -> None:
    path = ROOT / "configs" / "ab_demo.yaml"
    config = load_settings(ABConfig, path)
    # The generator learns from what the models have.
    assert config.generator is None and config.generator_training is not None
    assert config.name == path.stem and config.seeds >= 5
    assert f"python tools/ab.py --config configs/{path.name}" in path.read_text()
    models = [config.model_of(name, 3, Path("made")) for name in config.variants]
    assert all(isinstance(model, ReIDConfig) and model.run.seed == 3 and model.test.every == 0 for model in models)
    assert any(one.generated.filters for one in models) and any(one.model.name.endswith("_kd") for one in models)
    assert {model.generated.source for model in models} == {None, Path("made")} and models[0].generated.source is None


def test_a_target_domain_of_the_same_images_is_refused(place: Path, tmp_path: Path, capsys) -> None:
    """Both tables were of one data set, the second named "other cameras, other light"."""
    shutil.copytree(place / "people", tmp_path / "copied")
    assert run(place, "name=same", f"target_domain.root={tmp_path / 'copied'}") == 2
    assert re.search(mentions("target_domain", "training.data", str(tmp_path / "copied")), capsys.readouterr().err)
