"""Settings: from file and command line to one frozen configuration, or to one sentence."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from dgnet.config import Config, load_config, parse_config, resolved
from dgnet.config.training import ShortTrainingConfig
from dgnet.core.errors import UserError
from dgnet.core.section import Section
from dgnet.core.settings import override_settings
from tests.messages import mentions


def load(tmp_path: Path, text: str, *overrides: str) -> Config:
    path = tmp_path / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, overrides)


def refusal(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text, *overrides)
    sentence = str(caught.value)
    assert "\n" not in sentence and "pydantic" not in sentence and "Error" not in sentence, sentence
    return sentence


def test_an_empty_file_is_the_papers_recipe(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    assert config == Config()
    assert (config.run.batch_size, config.schedule.iterations, config.appearance.backbone) == (8, 100_000, "resnet50")
    assert (config.discriminator.gradient_penalty, config.loss.structure_encoder_probability) == (0.01, 0.5)
    assert config.teacher.label == "soft"


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("run.batch_size=4", "run", "batch_size", 4),
        ("optimizer.generator_rate=0.001", "optimizer", "generator_rate", 1e-3),
        ("optimizer.generator_rate=1e-3", "optimizer", "generator_rate", 1e-3),
        ("run.channels_last=false", "run", "channels_last", False),
        ("appearance.weights=null", "appearance", "weights", None),
        ("appearance.weights=some folder/r50.pth", "appearance", "weights", Path("some folder/r50.pth")),
        ("data.root=a=b", "data", "root", Path("a=b")),
        ("teacher.checkpoints=[a.pth, b.pth]", "teacher", "checkpoints", (Path("a.pth"), Path("b.pth"))),
        ("data.synthetic={seed: 3}", "data", "synthetic", {"seed": 3}),
        ("name=other", "", "name", "other"),
    ],
)
def test_an_override_is_read_as_yaml(tmp_path: Path, override: str, section: str, key: str, value: Any) -> None:
    config: Any = load(tmp_path, "run: {batch_size: 16}", override)
    found = getattr(getattr(config, section) if section else config, key)
    assert (found.seed if key == "synthetic" else found) == (value["seed"] if key == "synthetic" else value)


def test_overrides_reach_into_sections(tmp_path: Path) -> None:
    text = "data: {height: 128, synthetic: {seed: 1}}"
    config = load(tmp_path, text, "data.synthetic.train_identities=7", "data.width=96")
    assert (config.data.height, config.data.width) == (128, 96)
    assert (config.data.synthetic.seed, config.data.synthetic.train_identities) == (1, 7)
    assert load(tmp_path, "data:", "data.height=80").data.height == 80
    assert load(tmp_path, "data: {synthetic: }").data == Config().data
    assert load(tmp_path, "data: {synthetic: }", "data.synthetic.seed=5").data.synthetic.seed == 5


def test_resolved_goes_through_yaml_and_back(tmp_path: Path) -> None:
    config = load(tmp_path, "teacher: {checkpoints: [x/teacher.pth]}", "data.root=/somewhere", "loss.cycle=3")
    plain = resolved(config)
    assert yaml.safe_load(yaml.safe_dump(plain)) == plain
    assert parse_config(plain, "again") == config


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Config().run.batch_size = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "overrides", "words"),
    [
        ("run: {batchsize: 4}", (), ("'run.batchsize'", "'batch_size'")),
        ("optimizr: {}", (), ("'optimizr'", "'optimizer'")),
        ("data: {synthetic: {sed: 1}}", (), ("'data.synthetic.sed'", "'seed'")),
        ("structure: {zzz: 1}", (), ("'structure.zzz'", "input", "channels", "residual_blocks")),
        ("", ("los.cycle=1",), ("'los'", "'loss'")),
        ("run: {batch_size: 1}", (), ("run.batch_size", "2", "1")),
        ("run: {seed: -1}", (), ("run.seed", "0", "-1")),
        ("", ("run.seed=99999999999999999999",), ("run.seed", "99999999999999999999")),
        ("", ("data.root=2020-13-45",), ("data.root=2020-13-45", "not readable as YAML")),
        ("data: {root: 2020-13-45}", (), ("not readable as YAML", "month")),
        ("run: {batch_size: many}", (), ("run.batch_size", "whole number", "'many'")),
        ("run: {precision: fp8}", (), ("run.precision", "'auto'", "'fp32'", "'tf32'", "'bf16'", "'fp16'", "'fp8'")),
        ("data: {height: 100}", (), ("data.height", "16", "100")),
        ("data: {flip: 1.5}", (), ("data.flip", "1", "1.5")),
        ("loss: {cycle: -1}", (), ("loss.cycle", "0", "-1")),
        ("loss: {cycle: .nan}", (), ("loss.cycle", "nan")),
        ("loss: {cycle: .inf}", (), ("loss.cycle", "inf")),
        ("teacher: {style: 5}", (), ("teacher.label", "5")),
        ("appearance: {backbone: resnet52}", (), ("appearance.backbone", "'resnet50'", "'resnet52'")),
        ("discriminator: {kind: wgan}", (), ("discriminator.kind", "'lsgan'", "'nsgan'", "'wgan'")),
        ("decoder: {residual_blocks: 3}", (), ("decoder.residual_blocks", "3")),
        ("run: 4", (), ("run", "4")),
        ("run:\n", ("run.batch_size=0",), ("run.batch_size", "0")),
        ("name: a/b", (), ("name", "'a/b'")),
        ("name: ..", (), ("name", "'..'")),
        ("- a list", (), ("mapping", "list")),
        ("just words", (), ("mapping", "str")),
        ("run:\n  seed: 1\nname: x\nrun: {seed: 2}", (), ("'run'", "line 1", "line 4")),
        ("loss:\n  cycle: 1\n  cycle: 2", (), ("'cycle'", "line 2", "line 3")),
        ("run: {batch_size: [", (), ("not readable as YAML",)),
        ("", ("run.batch_size",), ("'run.batch_size'", "section.key=value")),
        ("", ("=4",), ("'=4'", "section.key=value")),
        ("name: x", ("name.batch=4",), ("'name'", "not a section")),
        ("", ("run.seed=[1",), ("run.seed=[1", "not readable as YAML")),
        ("", ("data.root=photographs #2",), ("data.root=photographs #2", "comment", "'#2'", "quotes")),
        ("", ("appearance.weights=#2.pth",), ("appearance.weights=#2.pth", "comment", "'#2.pth'", "quotes")),
        ("run: {batch_size: 6, accumulate: 4}", (), ("accumulate", "4", "6")),
        ("run: {batch_size: 4, accumulate: 4}", (), ("accumulate", "4")),
    ],
)
def test_a_bad_setting_is_one_sentence(tmp_path: Path, text: str, overrides: tuple[str, ...], words: tuple) -> None:
    sentence = refusal(tmp_path, text, *overrides)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize("value", ["'a #2'", '"a #2"', "a#2"])
def test_a_number_sign_in_a_quoted_value_or_within_a_word_is_part_of_it(tmp_path: Path, value: str) -> None:
    assert load(tmp_path, "", f"data.root={value}").data.root == Path(value.strip("'\""))


@pytest.mark.parametrize(
    ("text", "overrides", "start"),
    [
        ("", ("run.seed=3", "run.batch_size=0"), "run.batch_size=0: must be greater than or equal to 2, got 0"),
        ("", ("run.batch_size=many", "run.seed=3"), "run.batch_size=many: must be a whole number"),
        ("", ("run.precision=fp8",), "run.precision=fp8: must be 'auto', 'fp32', 'tf32', 'bf16' or 'fp16', got 'fp8'"),
        ("", ("data.synthetic.sed=1",), "data.synthetic.sed=1: unknown key 'data.synthetic.sed'; did you mean 'seed'?"),
        ("", ("run=4",), "run=4: must be a section with the keys batch_size, "),
        ("", ("teacher.checkpoints=3",), "teacher.checkpoints=3: must be a list"),
        ("", ("teacher.checkpoints=[a, 3]",), "teacher.checkpoints=[a, 3]: teacher.checkpoints.1: must be a path"),
        ("", ("run..seed=1",), "'run..seed=1' is not of the form section.key=value"),
        ("name: x", ("name.batch=4",), "name.batch=4: 'name' is a value, not a section"),
        # The file's own mistakes stay the file's, whatever was typed beside.
        ("los: {}", ("name=x",), "{file}: unknown key 'los'"),
        ("run: {precision: fp8}", ("run.seed=3",), "{file}: run.precision: must be"),
        ("run: {accumulate: 4}", ("run.batch_size=6", "name=x"), "{file} with run.batch_size=6: run.accumulate: must"),
    ],
)
def test_the_sentence_begins_with_what_was_typed(
    tmp_path: Path, text: str, overrides: tuple[str, ...], start: str
) -> None:
    assert refusal(tmp_path, text, *overrides).startswith(start.format(file=tmp_path / "some.yaml"))


def test_a_configuration_that_is_there_blames_the_override() -> None:
    for override in ("run.batch_size=0", "run.bach_size=4"):
        with pytest.raises(UserError) as caught:
            override_settings(Config(), ["name=x", override])
        assert str(caught.value).startswith(f"{override}: ")
        with pytest.raises(UserError, match=f"^some row: {override}: "):
            override_settings(Config(), [override], "some row")


def test_unknown_keys_in_lists_and_mappings_of_sections() -> None:
    class Item(Section):
        score: int = 0

    class Whole(Section):
        items: tuple[Item, ...] = ()
        parts: dict[str, Item] = {}
        perhaps: Item | None = None

    for override, known in (
        ("items=[{}, {scor: 1}]", "unknown key 'items.1.scor'; did you mean 'score'"),
        ("parts.new.zzz=1", "unknown key 'parts.new.zzz'; known keys here: score"),
        ("perhaps.zzz=1", "unknown key 'perhaps.zzz'; known keys here: score"),
    ):
        with pytest.raises(UserError) as caught:
            override_settings(Whole(perhaps=Item()), [override])
        assert str(caught.value).startswith(f"{override}: {known}")


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=mentions("configuration", "nowhere.yaml")):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(UserError, match="a folder, not a configuration file"):
        load_config(tmp_path)
    (tmp_path / "image.yaml").write_bytes(b"\xff\xd8\xff\xe0\x00")
    with pytest.raises(UserError, match=mentions("image.yaml", "YAML")):
        load_config(tmp_path / "image.yaml")


@pytest.mark.parametrize("key", ["? ", "1: 2", "true: 2", "2026-01-01: 2"])
def test_a_key_that_is_no_text_is_refused(tmp_path: Path, key: str) -> None:
    for text, override in ((key, ()), (f"run: {{{key}}}", ()), ("", (f"run={{{key}}}",))):
        assert "a key must be text" in refusal(tmp_path, text, *override)


def test_a_sentence_is_one_line_whatever_is_written(tmp_path: Path) -> None:
    assert refusal(tmp_path, "", "appearance.backbone=|\n  a").startswith(r"appearance.backbone=|\n  a: must be")


def test_an_override_under_an_old_and_a_new_name_is_refused(tmp_path: Path) -> None:
    override = "loss={fine: 1, fine_grained: 2}"
    sentence = refusal(tmp_path, "", override)
    assert sentence.startswith(f"{override}: ") and "are the same setting" in sentence


@pytest.mark.parametrize(
    "value", ["&a [*a]", "&a {x: *a}", "[" * 400, "{a: " * 400, "!!int", "!!bool x", "!!timestamp x"]
)
def test_a_value_without_end_or_of_another_kind_is_refused(tmp_path: Path, value: str) -> None:
    for text, override in ((f"run: {value}", ()), ("", (f"run={value}",))):
        assert "not readable as YAML" in refusal(tmp_path, text, *override)


def test_settings_that_are_not_the_papers_are_used() -> None:
    """By a configuration of today, or by one of an earlier version, whose runs must go on: others are to be removed."""
    root = Path(__file__).parents[2]
    stored = root / "tests" / "compatibility" / "version_0_1" / "configs"
    today, earlier = ({*used_settings(folder)} for folder in (root / "configs", stored))
    ours = {f"short_training.{name}" for name in ShortTrainingConfig.model_fields}
    assert ours <= today | earlier
    lines = (root / "dgnet" / "config" / "training.py").read_text().partition("    # The rest is here only so that")[2]
    only_earlier = {f"short_training.{name}" for name in re.findall(r"^    (\w+): ", lines, re.MULTILINE)}
    assert only_earlier == ours - today


def used_settings(folder: Path) -> Iterator[str]:
    """`section.key` of what the DG-Net configurations in a folder set to another value than the default."""
    default = resolved(Config())
    for path in folder.glob("*.yaml"):
        if not path.stem.startswith("ab_"):
            for section, values in resolved(load_config(path)).items():
                if isinstance(values, dict):
                    yield from (f"{section}.{key}" for key in values if values[key] != default[section][key])
