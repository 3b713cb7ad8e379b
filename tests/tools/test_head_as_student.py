"""A head as the student of the joint training, from its configuration."""

from pathlib import Path

import pytest
import torch

from dgnet.config import override_config, resolved
from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.data.pedestrians import write_dataset
from dgnet.generation.load import load_generator
from dgnet.models.appearance import PARTS, ReIDAppearanceEncoder
from dgnet.models.build import build_discriminator, build_generator
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.training.optimizers import Optimizers
from reid_heads.config import GeneratedConfig
from reid_heads.generated.sources import LiveGenerator, open_generated
from reid_heads.load import load_model
from reid_heads.models.bnneck import BNNeck
from tests.dgnet.generation.small_run import SETTINGS
from tests.dgnet.small_generator import IDENTITIES, small_config, store
from tests.tools.gan_tool import Here, write_config
from tests.visual.small_run import SPEC, Script
from tools import generate, report
from tools import test_2label as two_labels
from visual import show1by1, show_rainbow, show_smooth, show_smooth_structure, show_spaces, show_swap

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]

HEAD = "appearance.model=resnet18"


def test_a_bnneck_learns_in_the_joint_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_config(tmp_path)
    here = Here(capsys, tmp_path)
    # The appearance source's identity as label: no teacher to train first.
    settings = (HEAD, "teacher.label=appearance", "schedule.iterations=4", "loss.teacher_ramp_begin=0")
    status, _, said = here(*settings)
    assert status == 0, said
    run = tmp_path / "outputs" / "whole"
    early, late = (load_generator(run, iteration=i).network.appearance for i in (2, 4))
    assert isinstance(late, ReIDAppearanceEncoder)
    assert isinstance(late.model, BNNeck)
    # Trunk, neck and classifier learn; the neck's bias is held at 0.
    moved = {key for key, value in late.state_dict().items() if not torch.equal(value, early.state_dict()[key])}
    learning = {f"backbone.{name}" for name, p in late.model.named_parameters() if p.requires_grad}
    assert learning <= moved
    assert not late.model.neck.bias.any()


def test_the_head_is_the_primary_classifier_and_makes_the_code() -> None:
    head = build_model("mgn", 5, trunk="resnet18", features=8).eval()
    encoder = ReIDAppearanceEncoder(head).eval()
    images = torch.randn(2, 3, 96, 48)
    with torch.no_grad():
        output, own = encoder(images), head(images)
    assert torch.equal(output.primary.embedding, own.embedding)
    assert torch.allclose(output.primary.logits, torch.stack(own.logits).mean(0))
    assert output.code.shape == (2, PARTS * head.channels) == (2, encoder.code_size)
    assert output.fine.logits.shape == (2, 5)


def test_random_weights_learn_faster_than_the_trunk() -> None:
    config = override_config(small_config(), [HEAD])
    generator = build_generator(config, len(IDENTITIES))
    rates = Optimizers(generator, build_discriminator(config), config).appearance.param_groups
    trunk, fresh = ({id(parameter) for parameter in group["params"]} for group in rates)
    assert rates[1]["lr"] == 10 * rates[0]["lr"]
    encoder = generator.appearance
    assert isinstance(encoder, ReIDAppearanceEncoder)
    assert trunk == {id(parameter) for parameter in encoder.model.get_submodule("trunk").parameters()}
    assert trunk | fresh == {id(parameter) for parameter in encoder.parameters()}


def test_a_trained_head_begins_where_it_stopped(tmp_path: Path) -> None:
    head = build_model("resnet18", 3)
    save_model(tmp_path / "head.pth", head, [1, 2, 3], 64, 48)
    config = override_config(small_config(), [HEAD, f"appearance.weights={tmp_path / 'head.pth'}"])
    encoder = build_generator(config, 3).appearance
    assert isinstance(encoder, ReIDAppearanceEncoder)
    student = encoder.model
    assert all(torch.equal(value, head.state_dict()[key]) for key, value in student.state_dict().items())
    with pytest.raises(UserError, match="no self-distillation: .*resnet18.*not 'resnet18_kd'"):
        build_generator(override_config(config, ["appearance.model=resnet18_kd"]), 3)


def test_every_tool_reads_a_run_whose_encoder_is_a_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    people = tmp_path / "people"
    write_dataset(people, SPEC)
    data = read_dataset(people)
    config = override_config(small_config(), [*SETTINGS, HEAD, f"data.root={people}", "name=student"])
    torch.manual_seed(0)
    generator = build_generator(config, len(IDENTITIES)).eval()
    discriminator = build_discriminator(config).state_dict()
    run = tmp_path / "outputs" / "student"
    store(run, generator, 4, config=resolved(config), discriminator=discriminator, identities=list(data.identities))
    script = Script(monkeypatch, capsys)
    where = ("--name", "student", "--output-path", tmp_path)
    for main, options in (
        (generate.main, ("--device", "cpu", "--count", 4)),
        (two_labels.main, ("--device", "cpu", "--workers", 1)),
        (report.main, ("--device", "cpu", "--workers", 1, "--without-accuracy")),
        (show_swap.main, ("--device", "cpu", "--count", 2)),
        (show_rainbow.main, ("--device", "cpu", "--count", 2, "--people", 1)),
        (show_smooth.main, ("--device", "cpu", "--pairs", 1, "--steps", 2, "--film", "none")),
        (show_smooth_structure.main, ("--device", "cpu", "--pairs", 1, "--steps", 2, "--film", "none")),
        (show1by1.main, ("--device", "cpu", "--count", 2)),
        (show_spaces.main, ("--device", "cpu", "--people", 3, "--images", 2)),
    ):
        status, printed, said = script(main, *where, *options)
        assert status == 0 and printed, said
    assert load_model("student", output=tmp_path).name.startswith("DG-Net's encoder of student")
    assert isinstance(open_generated(GeneratedConfig(source=run), data), LiveGenerator)
