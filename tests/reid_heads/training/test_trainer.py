"""The training loop in this process: what it writes, exact resume, generated images, teachers, refusals."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.models.build import build_teacher
from dgnet.models.model_file import read_model_file, save_model
from dgnet.models.read_model import read_model
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.run import Run
from dgnet.runs.scalars import read_scalars
from reid_heads.config import GeneratedConfig
from reid_heads.generated.sources import LiveGenerator
from reid_heads.training.evaluation import Evaluation
from reid_heads.training.teachers import load_label_teachers
from tests.dgnet.small_generator import small_generator
from tests.dgnet.small_training import narrow_trunks
from tests.dgnet.small_training import small_config as small_dgnet
from tests.messages import mentions
from tests.reid_heads.small_data import generated_folder
from tests.reid_heads.training.small_run import begin, end_of, teacher_file, train


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resnet18 of an eighth of the width: training does not see it."""
    narrow_trunks(monkeypatch)


def test_a_run_keeps_its_best_weights_and_says_what_it_does(
    dataset: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given, drawn = iter([0.25, 0.5, 0.375]), []

    def evaluate(head: ReIDModel) -> dict[str, float]:
        return {"mAP": next(given), "Rank-1": 0.5}

    trained = train(tmp_path, dataset, evaluation=Evaluation(evaluate), draw=drawn.append, schedule__epochs=3)
    assert trained.figures == {"mAP": 0.375, "Rank-1": 0.5}
    assert trained.best == tmp_path / "run" / "mAP_50.0.pth"
    assert sorted(path.name for path in (tmp_path / "run").glob("*.pth")) == ["last.pth", "mAP_50.0.pth"]
    best = read_model_file(trained.best)
    assert best.identities == dataset.identities and (best.height, best.width) == (64, 48)
    assert drawn == [tmp_path / "run"] * 3
    said = capfd.readouterr().err
    for words in (
        *(f"{dataset.name} at {dataset.root}\nsplit ", "train                   6           24"),
        "an epoch: 4 batches of 3 x 2 images",
        "epoch 1/3, iteration 1/4: loss ",
        ", learning rate 3.5e-06",
        " s per batch, ",
        "mAP 25.00 %; Rank-1 50.00 %",
        "the best so far: ",
    ):
        assert words in said, words
    rows = read_scalars(tmp_path / "run" / "scalars.csv")
    assert [row[1].get("mAP") for row in rows if "mAP" in row[1]] == [0.25, 0.5, 0.375]
    assert {"loss/CrossEntropy", "loss/Triplet", "accuracy", "epoch", "learning_rate/head"} <= set(rows[0][1])


@pytest.mark.slow
def test_the_best_is_the_best_by_one_protocol(dataset: Dataset, tmp_path: Path) -> None:
    """0.5 by another protocol is no better than 0.25: both files stay, and the log says why."""
    run, epochs = tmp_path / "run", {"schedule__epochs": 3}
    for protocol, value, kept in (
        ("image alone", 0.5, ["mAP_50.0.pth"]),
        ("image and mirror image", 0.25, ["mAP_25.0.pth", "mAP_50.0.pth"]),
        ("image and mirror image", 0.375, ["mAP_37.5.pth", "mAP_50.0.pth"]),
    ):
        # The end of the hours comes with the last batch of an epoch, after its test.
        over = iter([False] * 3 + [True])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Run, "should_stop", lambda _, over=over: next(over))
            trained = train(
                tmp_path,
                dataset,
                evaluation=Evaluation(lambda _, value=value: {"mAP": value}, protocol),
                resume=run.exists(),
                **epochs,
            )
        assert trained.best == run / f"mAP_{100 * value:.1f}.pth"
        assert sorted(path.name for path in run.glob("mAP_*.pth")) == kept
    said = (run / "log.txt").read_text(encoding="utf-8")
    assert said.count(f"{run / 'mAP_50.0.pth'} stays: it was the best by image alone; from now on the best by") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"loss__terms": "1*CrossEntropy+1*Triplet+0.005*CenterLoss"},
        {"optimizer__name": "SGD", "model__name": "resnet18_kd", "distillation__stage_features": 0.03},
    ],
)
def test_stopped_and_resumed_is_uninterrupted(dataset: Dataset, tmp_path: Path, options: dict[str, Any]) -> None:
    """Bit for bit, with generated images and centers, from a stop in the middle of an epoch."""
    options = options | {"generated__source": generated_folder(tmp_path / "made", dataset)}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, dataset, **options)
    for _ in range(3):
        begin(parts, dataset, resume=(parts / "run").exists(), **options)
    assert list_checkpoints(parts / "run" / "checkpoints")[-1].name == "checkpoint_00000003.pt"
    train(parts, dataset, resume=True, **options)
    one, other = end_of(whole), end_of(parts)
    assert one.keys() == other.keys() and any("exp_avg" in key or "momentum" in key for key in one)
    for key, value in one.items():
        assert torch.equal(value, other[key]) if isinstance(value, torch.Tensor) else value == other[key], key
    rows = [read_scalars(place / "run" / "scalars.csv") for place in (whole, parts)]
    assert len({tuple(row["loss/CrossEntropy"] for _, row in table) for table in rows}) == 1


def test_a_run_does_not_go_on_with_other_people_or_images(dataset: Dataset, tmp_path: Path) -> None:
    begin(tmp_path, dataset)
    fewer = replace(
        dataset, train=tuple(record for record in dataset.train if record.identity != dataset.identities[0])
    )
    with pytest.raises(UserError, match=mentions("trained", "identities", 6, 5)):
        train(tmp_path, fewer, resume=True)
    with pytest.raises(UserError, match="was trained on other images than the"):
        train(tmp_path, replace(dataset, train=dataset.train[:-1]), resume=True)
    (state,) = list_checkpoints(tmp_path / "run" / "checkpoints")
    with pytest.raises(UserError, match=mentions("trained", "training state of a reid head")):
        read_model(state)


@pytest.mark.slow
def test_a_run_does_not_go_on_with_other_generated_images(dataset: Dataset, tmp_path: Path) -> None:
    source = generated_folder(tmp_path / "made", dataset)
    begin(tmp_path, dataset, generated__source=source)
    rows = (source / "manifest.csv").read_text().splitlines()
    swapped = [rows[0], ",".join([rows[1].split(",")[0], *rows[-1].split(",")[1:]]), *rows[2:]]
    for changed in (rows[:-1], swapped):
        (source / "manifest.csv").write_text("\n".join(changed))
        with pytest.raises(UserError, match=mentions("trained", "images", "generated.source")):
            train(tmp_path, dataset, generated__source=source, resume=True)
    (source / "manifest.csv").write_text("\n".join(rows))
    train(tmp_path, dataset, generated__source=source, resume=True)


@pytest.mark.slow
def test_nor_with_a_generator_that_has_learned_on(dataset: Dataset, tmp_path: Path) -> None:
    live = LiveGenerator(small_generator(), 64, 48)
    begin(tmp_path, dataset, live)
    with torch.no_grad():
        next(live.network.parameters()).view(-1)[0] += 1e-3
    with pytest.raises(UserError, match=mentions("trained", "images", "generated.source")):
        train(tmp_path, dataset, live, resume=True)
    train(tmp_path, dataset, LiveGenerator(small_generator(), 64, 48), resume=True)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.01, "1 generated images beside them (14.3 % of a batch; generated.share is 1 %)"),
        (0.25, "2 generated images beside them (25.0 % of a batch; "),
    ],
)
def test_the_share_that_comes_out_is_said(dataset: Dataset, tmp_path: Path, share: float, words: str) -> None:
    """A batch has one generated image at least, however small the share that was asked for."""
    source = generated_folder(tmp_path / "made", dataset)
    begin(tmp_path, dataset, generated__source=source, generated__share=share)
    assert words in (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")


def first_losses(place: Path, dataset: Dataset, generated: Any = None, **options: Any) -> dict[str, float]:
    begin(place, dataset, generated, **options)
    return read_scalars(place / "run" / "scalars.csv")[0][1]


def test_generated_images_enter_the_losses_that_they_should(dataset: Dataset, tmp_path: Path) -> None:
    source = {"generated__source": generated_folder(tmp_path / "made", dataset)}
    plain = first_losses(tmp_path / "plain", dataset)
    outside = first_losses(tmp_path / "outside", dataset, **source)
    inside = first_losses(tmp_path / "inside", dataset, generated__in_metric=True, **source)
    later = first_losses(tmp_path / "later", dataset, generated__start_epoch=1, **source)
    assert later == pytest.approx({**plain, **{key: later[key] for key in later if "/" in key and "loss" not in key}})
    assert outside["loss/CrossEntropy"] != plain["loss/CrossEntropy"]
    assert inside["loss/Triplet"] != outside["loss/Triplet"]


def test_a_live_generator_in_the_step(dataset: Dataset, tmp_path: Path) -> None:
    live, before = LiveGenerator(small_generator(), 64, 48), small_generator().state_dict()
    found = first_losses(tmp_path, dataset, live, run__precision="bf16")
    assert found["loss/CrossEntropy"] > 0
    assert all(torch.equal(value, before[key]) for key, value in live.network.state_dict().items())


def test_unlabeled_images_and_a_frozen_teacher(dataset: Dataset, tmp_path: Path) -> None:
    options = {
        "distillation__teacher": teacher_file(tmp_path / "teacher.pth", dataset),
        "distillation__offline_logits": 1.0,
        "distillation__offline_similarity": 1.0,
    }
    plain = first_losses(tmp_path / "plain", dataset, **options)
    source = {"generated__source": generated_folder(tmp_path / "made", dataset), "generated__label": "unlabeled"}
    beside = first_losses(tmp_path / "beside", dataset, **options, **source)
    assert beside["loss/offline_logits"] != plain["loss/offline_logits"] > 0


def test_generated_images_get_the_labels_of_a_teacher(dataset: Dataset, tmp_path: Path) -> None:
    config = small_dgnet({"data.width": 48})
    teacher = build_teacher(config.teacher, len(dataset.identities))
    with torch.no_grad():
        teacher.classifier.logits.bias[4] = 50.0  # it names the fifth whoever it sees
    save_model(tmp_path / "teacher.pth", teacher, dataset.identities, config.data.height, config.data.width)
    source = {"generated__source": generated_folder(tmp_path / "made", dataset), "generated__label": "soft"}
    plain = first_losses(tmp_path / "plain", dataset, **source | {"generated__label": "lsro"})
    taught = first_losses(tmp_path / "taught", dataset, **source, generated__teacher=[str(tmp_path / "teacher.pth")])
    assert taught["loss/CrossEntropy"] != plain["loss/CrossEntropy"]
    assert taught["loss/Triplet"] == plain["loss/Triplet"]


def test_a_teacher_of_generated_images_sees_them_at_its_own_size(dataset: Dataset, tmp_path: Path) -> None:
    config = small_dgnet({"data.width": 48})
    teacher = build_teacher(config.teacher, len(dataset.identities)).eval()
    save_model(tmp_path / "teacher.pth", teacher, dataset.identities, config.data.height, config.data.width)
    asks = GeneratedConfig(source=tmp_path, label="soft", teacher=(tmp_path / "teacher.pth",))
    teaching = load_label_teachers(asks, dataset, torch.device("cpu"))
    assert teaching is not None
    large = torch.randn(2, 3, 128, 48, generator=torch.Generator().manual_seed(0))
    small = torch.nn.functional.interpolate(large, (config.data.height, 48), mode="bilinear", antialias=True)

    def says(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return sum(teacher(view).mean_logits.double().softmax(1) for view in (images, images.flip(3))) / 2

    wrong, predicted = (says(large) - says(small)).abs().max(), teaching.predict(large)
    assert (predicted - says(small)).abs().max() < 0.1 * wrong, "another size is another answer"


def test_a_teacher_that_knows_others_cannot_pass_on_logits(dataset: Dataset, tmp_path: Path) -> None:
    other = teacher_file(tmp_path / "teacher.pth", dataset, identities=4)
    with pytest.raises(UserError, match=mentions("identities", 4, 6)):
        first_losses(tmp_path, dataset, distillation__teacher=other, distillation__offline_logits=1.0)
    assert first_losses(tmp_path, dataset, distillation__teacher=other, distillation__offline_similarity=1.0)
    with pytest.raises(UserError, match="distillation.teacher goes with"):
        first_losses(tmp_path, dataset, distillation__offline_logits=1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer__learning_rate": 1e30, "schedule__warmup_epochs": 0}, "is (nan|inf) at iteration .* lower"),
        ({"model__name": "mgn", "distillation__stage_features": 0.03}, "has no stages to distill between"),
        ({"model__options": {"stripes": "1-2-3"}}, "has no option 'stripes'"),
        ({"generated__start_epoch": 99}, mentions("generated.start_epoch", 99)),
        ({"generated__label": "soft"}, mentions("label", "teacher", "generated.label=soft")),
    ],
)
def test_refusals(dataset: Dataset, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    live = LiveGenerator(small_generator(), 64, 48) if any("generated" in name for name in options) else None
    if live is not None:
        options = options | {"generated__source": tmp_path}
    with pytest.raises(UserError, match=words):
        train(tmp_path, dataset, live, **options)
