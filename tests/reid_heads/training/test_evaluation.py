"""mAP and Rank-k of a head: against the ranking of features that were made by hand, and what cannot be measured."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.data.cache import ImageCache
from dgnet.data.datasets import read_dataset
from dgnet.data.records import JUNK, Dataset
from dgnet.models.model_file import StoredModel, save_model
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel
from eval.reid.evaluator import RankingEvaluator
from eval.reid.ranking import rank_metrics
from reid_heads.config import ReIDConfig
from reid_heads.config import TestConfig as Settings
from reid_heads.measure import measure_model
from reid_heads.options import asked_options, refuse_unused
from reid_heads.training import from_config
from reid_heads.training.evaluation import ModelEvaluation, evaluation_of
from tests.dgnet.small_training import narrow_trunks
from tests.eval.reid.sides import sides
from tests.messages import mentions
from tests.reid_heads.small_data import HEIGHT, WIDTH, small_config


def figures_of(dataset: Dataset, settings: Settings, height: int, width: int, name: str) -> ModelEvaluation:
    return evaluation_of(dataset, settings, height, width, name, RankingEvaluator)


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> ReIDModel:
    narrow_trunks(monkeypatch)
    torch.manual_seed(0)
    return build_model("resnet18", 3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_figures_are_those_of_the_embedding(dataset: Dataset, head: ReIDModel, mirrored: bool) -> None:
    columns = []
    with torch.no_grad():
        head.eval()
        for split in (dataset.query, dataset.gallery):
            cache = ImageCache([record.path for record in split])
            images = pixels.normalize(cache.gather(torch.arange(len(cache)), HEIGHT, WIDTH))
            features = F.normalize(head.embed(images) + (head.embed(images.flip(3)) if mirrored else 0))
            columns += [features, torch.tensor([r.identity for r in split]), torch.tensor([r.camera for r in split])]
        head.train()
    expected = rank_metrics(*sides(columns), ranks=(1, 5, 10))
    measure = figures_of(dataset, Settings(batch_size=3, mirrored=mirrored), HEIGHT, WIDTH, head.name)
    found = measure(head)
    assert found == pytest.approx({"mAP": expected.mAP} | {f"Rank-{k}": share for k, share in expected.cmc.items()})
    assert head.training and measure(head) == found


def test_each_head_is_tested_as_its_publication_does(dataset: Dataset) -> None:
    """MGN with the mirror image, the BNNeck baseline without; whoever asks otherwise gets and reads the other."""
    for name, asked, expected in (
        ("resnet18", None, "image alone"),
        ("resnet50_kd", None, "image alone"),
        ("mgn", None, "image and mirror image"),
        ("resnet18", True, "image and mirror image"),
        ("mgn", False, "image alone"),
    ):
        measure = figures_of(dataset, Settings(mirrored=asked), HEIGHT, WIDTH, name)
        assert measure.protocol == f"protocol standard, {expected}"


def test_what_cannot_be_measured_is_refused_with_the_reason(dataset: Dataset) -> None:
    one_camera = tuple(replace(record, camera=1) for record in (*dataset.query, *dataset.gallery))
    for other, reason in (
        (replace(dataset, query=()), "there is no query and gallery split"),
        (replace(dataset, query=one_camera[:3], gallery=one_camera[3:]), "no query has an image of its identity from"),
    ):
        with pytest.raises(UserError, match=f"nothing can be measured here, {reason}"):
            figures_of(other, Settings(), HEIGHT, WIDTH, "resnet18")


def test_few_images_are_re_ranked_by_fewer_neighbors(dataset: Dataset, head: ReIDModel) -> None:
    measure = figures_of(dataset, Settings(re_rank=True), HEIGHT, WIDTH, "resnet18")
    images = len(dataset.query) + sum(record.identity != JUNK for record in dataset.gallery)
    assert images < len(dataset.query) + len(dataset.gallery) <= 20
    assert measure.ranking.reranking == f"k-reciprocal k1={images - 1} k2=6 lambda=0.3"
    assert [name for name in measure(head) if name.startswith("re-ranked")] == [
        "re-ranked mAP", "re-ranked Rank-1", "re-ranked Rank-5", "re-ranked Rank-10"
    ]  # fmt: skip


@pytest.mark.slow
def test_images_are_decoded_for_each_test(dataset: Dataset, tmp_path: Path, head: ReIDModel) -> None:
    dataset = read_dataset(shutil.copytree(dataset.root, tmp_path / "people"))
    measure = figures_of(dataset, Settings(), HEIGHT, WIDTH, "resnet18")
    measure(head)
    dataset.query[0].path.write_bytes(b"")
    with pytest.raises(UserError, match=dataset.query[0].path.name):
        measure(head)


def test_a_test_at_another_size_than_asked_for_is_refused(
    dataset: Dataset, head: ReIDModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of ours tells its size; that of another system does not, and what was asked for counts."""
    save_model(tmp_path / "x.pth", head, (1, 2, 3), HEIGHT, WIDTH)
    config = small_config(data__root=dataset.root)

    def figures(*size: int | None) -> dict[str, float]:
        return measure_model(config, tmp_path / "x.pth", None, RankingEvaluator, size=size).figures

    assert figures(HEIGHT, None) == figures(None, None)
    with pytest.raises(UserError, match=mentions(tmp_path / "x.pth", f"{HEIGHT}x{WIDTH}", f"96x{WIDTH}")):
        figures(96, None)
    stranger = StoredModel(head.eval(), (), HEIGHT, WIDTH)
    monkeypatch.setattr("reid_heads.measure.read_model", lambda *_, **__: stranger)
    settings = config.test.model_copy(update={"re_rank": True})
    assert figures(96, None) == figures_of(dataset, settings, 96, WIDTH, head.name)(head) != figures(None, None)


def test_another_option_than_the_file_s_is_refused(dataset: Dataset, head: ReIDModel, tmp_path: Path) -> None:
    """A test of a file with last_stride 1 was printed for whom asked for last_stride 2."""
    save_model(tmp_path / "x.pth", head, (1, 2, 3), HEIGHT, WIDTH)
    config = small_config(data__root=dataset.root)

    def measure(**options: int) -> None:
        measure_model(config, tmp_path / "x.pth", None, RankingEvaluator, asked_options=options)

    measure(last_stride=1)
    for options in ({"last_stride": 2}, {"features": 128}):
        with pytest.raises(UserError, match=mentions(tmp_path / "x.pth", *options, *options.values())):
            measure(**options)


def test_options_that_were_asked_for_are_not_the_defaults() -> None:
    config = small_config(model__options={"last_stride": 2, "stem_relu": True})
    assert asked_options(config, ["data.root=x"]) == {}
    assert asked_options(config, ["head.options.last_stride=2"]) == {"last_stride": 2}
    assert asked_options(config, ["model.options={last_stride: 2, stem_relu: true}"]) == config.model.options


@pytest.mark.parametrize("setting", ["loss.margin=1", "run.precision=bf16", "schedule.epochs=3", "test.re_rank=false"])
def test_a_setting_without_effect_on_a_test_is_refused(setting: str) -> None:
    refuse_unused(["data.root=x", "data.synthetic.seed=1", "head.name=mgn", "run.device=cpu", "test.mirrored=true"])
    with pytest.raises(UserError, match=mentions(setting)):
        refuse_unused(["data.root=x", setting])


def test_a_training_warns_of_queries_with_a_copy(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = shutil.copytree(dataset.root, tmp_path / "people")
    trained: list[ReIDConfig] = []
    monkeypatch.setattr(from_config, "train_model", lambda config, *_, **__: trained.append(config))
    from_config.train_from_config(small_config(data__root=root), tmp_path, RankingEvaluator)
    assert "copy" not in caplog.text
    query = sorted((root / "query").iterdir())[0]
    person = query.name.partition("_")[0]
    shutil.copy(query, root / "bounding_box_test" / f"{person}_c9s1_000009_00.png")
    from_config.train_from_config(small_config(data__root=root), tmp_path, RankingEvaluator)
    assert re.search(mentions("1 of 3 queries", query.name), caplog.text) and len(trained) == 2
