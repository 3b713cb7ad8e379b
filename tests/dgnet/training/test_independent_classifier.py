"""The independent classifier is trained apart from DG-Net: other images, other settings, another seed."""

from pathlib import Path

import pytest
import torch

from dgnet.config import Config, override_config
from dgnet.core import pixels
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset, Record
from dgnet.models.build import build_teacher
from dgnet.models.model_file import StoredModel
from dgnet.models.registry import build_model
from dgnet.training.independent_classifier import (
    check_independent_classifier,
    classifier_logits,
    classifier_name,
    hold_out,
    independent_classifier_config,
    train_independent_classifier,
)
from dgnet.training.job import Job
from dgnet.training.teacher import TEACHER_FILE, TeacherTask
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")


def dataset(images):
    train = [Record(Path(f"{i}_{n}.png"), i, 1, "train") for i, count in images.items() for n in range(count)]
    return Dataset("test", Path("root"), tuple(train))


def test_one_image_of_each_identity_is_held_out():
    whole = dataset({4: 3, 7: 2})
    kept, held_out = hold_out(whole)
    assert [record.path.stem for record in held_out] == ["4_2", "7_1"]
    assert [record.path.stem for record in kept.train] == ["4_0", "4_1", "7_0"]
    assert kept.identities == whole.identities


def test_it_is_no_second_teacher():
    config = override_config(Config(), ["run.precision=bf16"])
    classifier = independent_classifier_config(config)
    assert classifier.run.precision == "bf16", "it computes as the run does"
    assert classifier.run.seed != config.run.seed
    assert (classifier.data.height, classifier.data.width) != (config.data.height, config.data.width)
    assert classifier.teacher.backbone != config.teacher.backbone and classifier.teacher.checkpoints == ()
    assert classifier.data.root == config.data.root and classifier.data.synthetic == config.data.synthetic


def test_its_log_does_not_call_it_the_teacher():
    config = independent_classifier_config(Config())
    task = TeacherTask(build_teacher(config.teacher, 2), config, 1, Distributed(0, 0, 1, torch.device("cpu")))
    assert task.introduction()[1] == "resnet18 began with random weights"


def test_a_classifier_that_is_there_is_not_trained_again(tmp_path):
    job = Job(Config(), tmp_path, Distributed(0, 0, 1, torch.device("cpu")))
    path = job.folder("one_classifier") / TEACHER_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"untouched")
    assert train_independent_classifier(job, dataset({4: 3, 7: 2}), "one_classifier") == path
    assert [entry.name for entry in path.parent.iterdir()] == [TEACHER_FILE]


def test_the_run_of_an_earlier_version_keeps_its_name(tmp_path):
    job = Job(Config(), tmp_path, Distributed(0, 0, 1, torch.device("cpu")))
    assert classifier_name(job, "one") == "one_classifier"
    job.folder("one_witness").mkdir(parents=True)
    assert classifier_name(job, "one") == "one_witness"


def test_what_it_would_refuse_is_said_before_the_hours_of_dg_net(tmp_path):
    job = Job(Config(), tmp_path, Distributed(0, 0, 1, torch.device("cpu")))
    check_independent_classifier(job, dataset({4: 9, 7: 9}), "one_classifier")
    with pytest.raises(UserError, match=mentions("teacher.batch_size", 12, 3, 32)):  # of 5 images 2 are held out
        check_independent_classifier(job, dataset({4: 3, 7: 2}), "one_classifier")
    job.curves("one_classifier").mkdir(parents=True)
    (job.curves("one_classifier") / "events").write_text("of another run")
    with pytest.raises(UserError, match="holds the curves of another run"):
        check_independent_classifier(job, dataset({4: 9, 7: 9}), "one_classifier")
    assert not (tmp_path / "outputs").exists()


def test_its_logits_of_images_of_any_size():
    torch.manual_seed(0)
    network = build_model("ide", 3, backbone="resnet18", upsample_below_height=0).eval()
    logits = classifier_logits(StoredModel(network, (1, 2, 3), 64, 48))
    images = torch.randint(0, 256, (2, 3, 128, 64), dtype=torch.uint8)
    with torch.no_grad():
        expected = network(pixels.normalize(pixels.resize(images, 64, 48))).mean_logits
        assert torch.equal(logits(images), expected)
