"""The official flat configuration: every key carried over, without effect, or refused by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dgnet.config import Config, resolved
from dgnet.core.errors import UserError
from dgnet.official.config import (
    CARRIED,
    CODE_STARTS,
    ONLY,
    WITHOUT_EFFECT,
    convert_config,
    read_flat_config,
    teacher_names,
)
from dgnet.runs.folder import differences
from tests.dgnet.official.official_folder import FLAT


def flat(path: Path, **changes: Any) -> dict[str, Any]:
    path.write_text(yaml.safe_dump(FLAT | changes))
    return read_flat_config(path)


def test_every_value_arrives(tmp_path: Path) -> None:
    config = convert_config(flat(tmp_path / "config.yaml"), "config.yaml", "small")
    changed = {key: new for key, (_, new) in differences(resolved(Config()), resolved(config)).items()}
    assert changed == {
        "name": "small", "data.root": "elsewhere", "data.height": 64, "data.width": 48, "data.erasing": 0.25,
        "appearance.pooling": "avg", "structure.channels": 2, "decoder.style_hidden": 8, "discriminator.channels": 4,
        "discriminator.residual_blocks": 1, "discriminator.scales": 2, "discriminator.gradient_penalty": 0.02,
        "teacher.label": "soft_between", "loss.adversarial": 1.5, "loss.self_reconstruction": 4.0,
        "loss.same_identity_reconstruction": 6.0, "loss.appearance_code": 1.75, "loss.structure_code": 1.75,
        "loss.cycle": 3.0, "loss.identity": 1.25, "loss.positive_identity": 0.75, "loss.generated_identity": 0.6,
        "loss.teacher_factor": 2.5, "loss.fine_grained": 0.3, "loss.code_ramp_begin": 5, "loss.teacher_ramp_begin": 6,
        "loss.ramp_rate": 0.01, "loss.structure_encoder_probability": 0.4, "loss.batch_statistics_when_frozen": False,
        "schedule.iterations": 8, "schedule.step_size": 7, "schedule.generator_gamma": 0.2,
        "schedule.appearance_gamma": 0.3, "optimizer.generator_rate": 0.0003, "optimizer.discriminator_rate": 0.0002,
        "optimizer.appearance_rate": 0.003, "optimizer.adam_beta2": 0.99, "optimizer.weight_decay": 0.001,
        "run.batch_size": 2, "run.image_every": 3, "run.checkpoint_every": 4,
    }  # fmt: skip


def test_every_key_of_latest_has_one_place(tmp_path: Path) -> None:
    places = [set(CARRIED) | set(CODE_STARTS), set(ONLY) - {"gen.n_res"}, set(WITHOUT_EFFECT)]
    assert len(set.union(*places)) == sum(map(len, places))
    assert set(flat(tmp_path / "config.yaml")) <= set.union(*places)


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({"single": "edge"}, {"structure.input": "edge"}),
        ({"apex": True}, {"run.precision": "fp16"}),
        ({"T_w": 0.5}, {"loss.soft_label": 0.5}),
        ({"recon_f_w": 0.1, "recon_s_w": 0.1, "recon_x_cyc_w": 0.1}, {"loss.code_start": 0.1}),
        ({"lr": 0.5}, {"optimizer.generator_rate": 0.0003}),  # lr_g says it more exactly
    ],
)
def test_other_values(tmp_path: Path, changes: dict[str, Any], settings: dict[str, Any]) -> None:
    values = resolved(convert_config(flat(tmp_path / "config.yaml", **changes), "config.yaml", "small"))
    for setting, value in settings.items():
        section, name = setting.split(".")
        assert values[section][name] == value


def test_keys_may_be_missing() -> None:
    config = convert_config({"lr": 0.5}, "config.yaml", "small")
    assert config.optimizer.generator_rate == config.optimizer.discriminator_rate == 0.5
    assert convert_config({}, "config.yaml", "latest") == Config()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"gen": {**FLAT["gen"], "dec": "parallel"}}, ["gen.dec", "'parallel'", "'basic'"]),
        ({"gen": {**FLAT["gen"], "n_res": 3}}, ["gen.n_res", "3"]),
        ({"dis": {**FLAT["dis"], "norm": "bn"}}, ["dis.norm", "'bn'"]),
        ({"dis": {**FLAT["dis"], "gan_type": "wgan"}}, ["dis.gan_type", "'wgan'", "lsgan"]),
        ({"ID_style": "PCB"}, ["ID_style", "'PCB'"]),
        ({"use_decoder_again": False}, ["use_decoder_again", "False"]),
        ({"pool": "max+avg"}, ["pool", "'max+avg'"]),
        ({"single": "rgb"}, ["single", "'rgb'", "gray, edge"]),
        ({"teacher_style": 5}, ["teacher_style", "5"]),
        ({"max_iter": "many"}, ["max_iter", "'many'"]),
        ({"recon_s_w": 1}, ["recon_s_w", "1"]),
        ({"warm_itre": 3}, ["warm_itre", "3"]),
        ({"warm_iter": [3]}, ["warm_iter", "[3]"]),
    ],
)
def test_what_is_not_supported_is_named(tmp_path: Path, changes: dict[str, Any], named: list[str]) -> None:
    with pytest.raises(UserError) as error:
        convert_config(flat(tmp_path / "config.yaml", **changes), "there/config.yaml", "small")
    assert all(word in str(error.value) for word in ["there/config.yaml", *named]), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, "a: [", "- 1\n", "gen: 3\n"])
def test_unreadable_files_are_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match="config.yaml"):
        read_flat_config(path)


def test_names_of_teachers() -> None:
    assert teacher_names({"teacher": "best"}) == ("best",)
    assert teacher_names({"teacher": "best,other"}) == ("best", "other")
    assert teacher_names({}) == ()
