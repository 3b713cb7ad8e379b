"""What is said and refused before the joint training begins."""

import re
from pathlib import Path

import pytest
import torch

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.models.build import build_generator, build_teacher
from dgnet.models.model_file import save_model
from dgnet.training.checks import check_training
from dgnet.training.job import Job
from dgnet.training.joint import begin_from_teacher
from dgnet.training.pipeline import job_teachers, train_job_teacher
from tests.dgnet.small_training import HEIGHT, WIDTH, narrow_trunks, quick_config
from tests.messages import mentions

CPU = Distributed(0, 0, 1, torch.device("cpu"))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


def teacher(path: Path, dataset: Dataset, height: int, width: int, names: tuple[str, ...] = ()) -> Path:
    network = build_teacher(quick_config().teacher, len(dataset.identities))
    save_model(path, network, dataset.identities, height, width, names)
    return path


def test_a_teacher_of_images_of_another_size_is_said(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for height, warned in ((HEIGHT, False), (128, True)):
        path = teacher(tmp_path / f"{height}.pth", dataset, height, WIDTH)
        job = Job(quick_config({"teacher.checkpoints": [str(path)]}), tmp_path, CPU)
        assert len(job_teachers(job, dataset)) == 1
        assert bool(re.search(mentions(path, f"128x{WIDTH}", f"{HEIGHT}x{WIDTH}"), caplog.text)) == warned


def test_initial_weights_of_other_people_are_refused_before_any_training(dataset: Dataset, tmp_path: Path) -> None:
    path = teacher(tmp_path / "others.pth", dataset, HEIGHT, WIDTH, tuple("abcdef"))
    job = Job(quick_config({"teacher.weights": str(path)}), tmp_path, CPU)
    with pytest.raises(UserError, match=mentions(path, "class 0", "a", "new_classifier=true")):
        check_training(job, dataset)
    with pytest.raises(UserError, match=mentions(path, "class 0", "a", "new_classifier=true")):
        train_job_teacher(job, dataset, "teacher")
    config = quick_config({"teacher.weights": str(path), "teacher.new_classifier": True})
    check_training(Job(config, tmp_path, CPU), dataset)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_with_the_teachers_pooling_the_encoder_begins_as_the_teacher(pooling: str) -> None:
    settings = {
        "appearance.pooling": pooling,
        "appearance.last_stride": 2,
        "appearance.upsample_below_height": 0,
        "teacher.upsample_below_height": 0,
    }
    config = quick_config(settings)
    generator, network = build_generator(config, 5).eval(), build_teacher(config.teacher, 5).eval()
    begin_from_teacher(generator, [network])
    images = torch.randn(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    same = torch.allclose(generator.appearance(images).primary.logits, network(images).mean_logits, atol=1e-5)
    assert same == (pooling == "avg")
    torch.testing.assert_close(generator.appearance.backbone(images), network(images).feature_map)
    said = str(generator.appearance.backbone.initial_weights)
    assert ("classifier" in said) == (pooling == "avg") and "teacher" in said
