"""Configurations: paths as users write them, and files that are another program's or another tool's."""

from pathlib import Path

import pytest
import yaml

from dgnet.config import Config, load_config, resolved
from dgnet.core.errors import UserError
from dgnet.core.section import Section
from dgnet.core.settings import load_settings, override_settings, settings_of
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.config import ReIDConfig
from tests.messages import mentions

ROOT = Path(__file__).resolve().parents[3]
# Of the published code's configs/latest.yaml, shortened.
OFFICIAL = "max_iter: 100000\nbatch_size: 8\nID_style: AB\ngen: {dim: 16}\ndis: {dim: 32}\nnew_size: 128\n"


def test_the_home_folder_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    (tmp_path / "x.yaml").write_text("data: {root: ~/people}\nteacher: {checkpoints: [~/a.pth, b.pth]}\n")
    config = load_config(tmp_path / "x.yaml", ["appearance.weights=~/resnet.pth"])
    assert config.data.root == Path("/home/somebody/people")
    assert config.teacher.checkpoints == (Path("/home/somebody/a.pth"), Path("b.pth"))
    assert config.appearance.weights == Path("/home/somebody/resnet.pth")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.root=''", "data.root='': must be a path, got ''"),
        ('data.root="a\\0b"', "must be a path without zero bytes"),
        ("data.root=~nobody-of-this-name/x", "must be a path, got '~nobody-of-this-name/x'"),
        ("teacher.checkpoints=['']", "must be a path"),
        ("data.root=null", "must be a path"),
    ],
)
def test_what_is_no_path_is_refused(override: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: x\n")
    with pytest.raises(UserError) as refused:
        load_config(tmp_path / "x.yaml", [override])
    assert said in str(refused.value) and override.partition("=")[0] in str(refused.value)


@pytest.mark.parametrize("text", ["010", "0123", "1:30", "+07", "-1:30"])
@pytest.mark.parametrize("key", ["run.seed", "run.batch_size", "data.root", "name"])
def test_a_number_that_yaml_reads_otherwise_than_people_is_refused(key: str, text: str, tmp_path: Path) -> None:
    """To YAML 1.1 010 is 8, while 08 is text that is 8, and 1:30 is 90."""
    (tmp_path / "x.yaml").write_text("name: x\n")
    with pytest.raises(UserError, match=mentions(key, text)):
        load_config(tmp_path / "x.yaml", [f"{key}={text}"])
    (tmp_path / "y.yaml").write_text(f"run:\n  seed: {text}\n")
    with pytest.raises(UserError, match=mentions("y.yaml", text)):
        load_config(tmp_path / "y.yaml")
    assert load_config(tmp_path / "x.yaml", ["run.seed=10", "name='010'", "data.root='1:30'"]).name == "010"


@pytest.mark.parametrize("setting", ["data.flip", "data.erasing", "run.accumulate", "loss.fine_grained"])
@pytest.mark.parametrize("switch", ["true", "false", "yes", "off"])
def test_a_switch_is_no_number(setting: str, switch: str, tmp_path: Path) -> None:
    """`erasing: true` of other programs would erase in every image, with probability 1."""
    (tmp_path / "x.yaml").write_text("name: x\n")
    with pytest.raises(UserError, match=mentions(setting, "number")):
        load_config(tmp_path / "x.yaml", [f"{setting}={switch}"])


@pytest.mark.parametrize("override", ["appearance.weights=", "teacher.weights= ", "data.root="])
def test_nothing_behind_the_equals_sign_is_refused(override: str, tmp_path: Path) -> None:
    """A variable of the shell that is not set would mean random weights."""
    (tmp_path / "x.yaml").write_text("name: x\n")
    with pytest.raises(UserError, match=mentions(override.partition("=")[0], "null")):
        load_config(tmp_path / "x.yaml", [override])
    assert load_config(tmp_path / "x.yaml", ["appearance.weights=null"]).appearance.weights is None


@pytest.mark.parametrize("kind", [Config, ReIDConfig, ABConfig])
def test_the_official_configuration_is_named(kind: type[Section], tmp_path: Path) -> None:
    (tmp_path / "latest.yaml").write_text(OFFICIAL)
    with pytest.raises(UserError, match=mentions("latest.yaml", "DG-Net", "tools/import_official.py")):
        load_settings(kind, tmp_path / "latest.yaml")


@pytest.mark.parametrize(
    ("kind", "file", "tool"),
    [
        (Config, "configs/heads/bnneck.yaml", "tools/train.py"),
        (Config, "configs/ab_demo.yaml", "tools/ab.py"),
        (ReIDConfig, "configs/latest.yaml", "tools/train_gan.py"),
        (ABConfig, "configs/latest.yaml", "tools/train_gan.py"),
    ],
)
def test_a_configuration_of_another_tool_is_named(kind: type[Section], file: str, tool: str) -> None:
    with pytest.raises(UserError, match=mentions(file, tool)):
        load_settings(kind, ROOT / file)


def test_every_configuration_is_its_own(tmp_path: Path) -> None:
    for kind in (Config, ReIDConfig, ABConfig):
        (tmp_path / "whole.yaml").write_text(yaml.safe_dump(resolved(kind())))
        assert load_settings(kind, tmp_path / "whole.yaml") == kind()


def test_a_configuration_or_the_path_of_its_file(tmp_path: Path) -> None:
    """`dgnet.train("x.yaml")` ended in an AttributeError."""
    (tmp_path / "x.yaml").write_text("name: mine\n")
    for given in (Config(name="mine"), tmp_path / "x.yaml", str(tmp_path / "x.yaml")):
        assert settings_of(Config, given) == Config(name="mine")
    for wrong in ({"name": "mine"}, None, ReIDConfig()):
        with pytest.raises(UserError, match=mentions("config", "Config", "path", type(wrong).__name__)):
            settings_of(Config, wrong)


@pytest.mark.parametrize(
    ("overrides", "key", "values"),
    [
        (["run.seed=1", "run.seed=2"], "run.seed", ["run.seed=1", "run.seed=2"]),
        (["run.seed=1", "name=y", "run={seed: 3}"], "run.seed", ["run.seed=1", "run={seed: 3}"]),
        (["run={seed: 3}", "run.seed=1"], "run.seed", ["run.seed=1", "run={seed: 3}"]),
        (["data.height=64", "data={width: 32}"], "data.height", ["data.height=64", "data={width: 32}"]),
        (["data.flip=1", "data.flip=0.5", "data.flip=1"], "data.flip", ["data.flip=1", "data.flip=0.5"]),
    ],
)
def test_a_setting_with_two_values_is_refused(
    overrides: list[str], key: str, values: list[str], tmp_path: Path
) -> None:
    """The last one would count without a word."""
    (tmp_path / "x.yaml").write_text("name: x\n")
    with pytest.raises(UserError, match=mentions(key, *values)):
        load_config(tmp_path / "x.yaml", overrides)


def test_an_old_and_a_new_name_are_one_setting(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=mentions("model.name", "head.name=resnet50", "model.name=mgn")):
        override_settings(ReIDConfig(), ["head.name=resnet50", "model.name=mgn"])


def test_settings_that_do_not_contradict_each_other_add_up(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: x\n")
    added = ["run={seed: 3}", "run.batch_size=4", "run.seed=3", "run.seed=3"]
    run = load_config(tmp_path / "x.yaml", added).run
    assert (run.seed, run.batch_size) == (3, 4)
