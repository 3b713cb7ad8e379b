"""Configurations: what is written is what is set; what is not allowed is refused by its name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from dgnet.config import Config
from dgnet.core.errors import UserError
from dgnet.core.section import Section, resolved
from dgnet.core.settings import load_settings
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.config import ReIDConfig
from tests.fuzz.cases import Refusal, attempt, folder, reading, refusal

pytestmark = pytest.mark.slow

KINDS: list[type[Section]] = [Config, ReIDConfig, ABConfig]


def settings_of(kind: type[Section], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """`section.key` of every number, switch and choice."""
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from settings_of(field.annotation, f"{above}{name}.")
        elif field.annotation in (int, float, bool) or get_origin(field.annotation) is Literal:
            yield f"{above}{name}", field


def limits(field: FieldInfo) -> dict[str, Any]:
    """gt, ge, lt, le and multiple_of of a number."""
    names = ("gt", "ge", "lt", "le", "multiple_of")
    return {name: getattr(part, name) for part in field.metadata for name in names if hasattr(part, name)}


def allowed(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Values that the field's own limits allow."""
    limit = limits(field)
    if get_origin(field.annotation) is Literal:
        return st.sampled_from(get_args(field.annotation))
    if field.annotation is bool:
        return st.booleans()
    if field.annotation is int:
        step = limit.get("multiple_of", 1)
        low = limit.get("ge", limit.get("gt", -1000) + 1)
        high = min(limit.get("le", 10**6), limit.get("lt", 10**6) - 1)
        return st.integers(-(-low // step), high // step).map(lambda number: number * step)
    return st.floats(
        limit.get("ge", limit.get("gt", -1000)),
        limit.get("le", limit.get("lt", 1000)),
        exclude_min="gt" in limit,
        exclude_max="lt" in limit and "le" not in limit,
    )


def not_allowed(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Values of another type, and beyond the limits."""
    limit = limits(field)
    others: list[Any] = ["nonsense", [1, 2], {"a": 1}, float("nan"), float("inf")]
    if get_origin(field.annotation) is not Literal:
        others += [limit[name] - 1 for name in ("gt", "ge") if name in limit]
        others += [limit[name] + 1 for name in ("lt", "le") if name in limit]
        others += [limit[name] for name in ("gt", "lt") if name in limit]
    if field.annotation is int:
        others += [limit.get("ge", 0) + 0.5]
    return st.sampled_from(others)


def nested(values: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, last = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return tree


def at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config[part]
    return config


def load(kind: type[Section], text: str | bytes, overrides: list[str]) -> Section:
    with folder() as root:
        path = root / "some.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_settings(kind, path, overrides)


def drawn_values(data: st.DataObject, kind: type[Section], most: int) -> dict[str, Any]:
    keys = data.draw(st.lists(st.sampled_from(sorted(dict(settings_of(kind)))), max_size=most, unique=True))
    return {key: data.draw(allowed(dict(settings_of(kind))[key]), key) for key in keys}


@given(st.sampled_from(KINDS), st.data())
def test_what_is_written_is_set(kind: type[Section], data: st.DataObject) -> None:
    """The file's values, then the overrides', and nothing else changes."""
    written, overridden = drawn_values(data, kind, 5), drawn_values(data, kind, 3)
    expected = written | overridden
    text = yaml.safe_dump(nested(written), default_flow_style=data.draw(st.booleans()))
    overrides = [f"{key}={json.dumps(value)}" for key, value in overridden.items()]
    config = attempt(lambda: load(kind, text, overrides))
    if isinstance(config, Refusal):
        # Each value is allowed; several may not go together, which the type says on its own.
        with pytest.raises(ValidationError):
            kind.model_validate(nested(expected))
        return
    default = resolved(kind())
    for key, _ in settings_of(kind):
        assert at(resolved(config), key) == expected.get(key, at(default, key)), key


@given(st.sampled_from(KINDS), st.booleans(), st.data())
def test_what_is_not_allowed_is_refused_by_its_name(kind: type[Section], override: bool, data: st.DataObject) -> None:
    fields = dict(settings_of(kind))
    key = data.draw(st.sampled_from(sorted(fields)))
    value = data.draw(not_allowed(fields[key]))
    spelled = yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
    text = "" if override else yaml.safe_dump(nested({key: value}))
    sentence = refusal(lambda: load(kind, text, [f"{key}={spelled}"] if override else []))
    assert key in sentence


@given(st.sampled_from(KINDS), st.data())
def test_an_unknown_key_is_refused_by_its_name(kind: type[Section], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(dict(settings_of(kind))))) + data.draw(st.sampled_from(["x", "_", "s s"]))
    text, overrides = (yaml.safe_dump(nested({key: 1})), []) if data.draw(st.booleans()) else ("", [f"{key}=1"])
    assert key in refusal(lambda: load(kind, text, overrides))


# fmt: off
YAML_PARTS = (
    "run", "data", "loss", "batch_size", "seed", ":", ": ", "\n", "\n  ", "- ", "[", "]", "{", "}", ",", "1", "1e3",
    "0x1f", "null", "~", "'", '"', "#", "&a ", "*a", "[*a]", "!!int ", "!!python/name:os.system ", "<<: ", "? ", "|\n",
    ">", "%", "@", "`", "2026-13-01", "2026-01-01", "12:30:45", ".inf", ".nan", "yes", "\t", "\x00", "é", "---",
    "!!bool ", "!!float ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!x ",
)
# fmt: on
YAML_TEXT = st.lists(st.sampled_from(YAML_PARTS), max_size=12).map("".join)


@given(st.sampled_from(KINDS), YAML_TEXT | st.text(max_size=40))
def test_any_text_is_a_configuration_or_refused(kind: type[Section], text: str) -> None:
    config = attempt(lambda: load(kind, text.encode("utf-8", "surrogatepass"), []))
    if isinstance(config, Refusal):
        assert "some.yaml: " in config or "some.yaml, line" in config
    else:
        # What was read is what PyYAML reads.
        values = yaml.safe_load(text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")) or {}
        assert config == kind.model_validate(values)


@given(st.sampled_from(KINDS), st.lists(YAML_TEXT, min_size=1, max_size=2), st.booleans(), st.data())
def test_any_override_is_set_or_refused(
    kind: type[Section], texts: list[str], to_key: bool, data: st.DataObject
) -> None:
    keys = st.sampled_from(sorted(dict(settings_of(kind))))
    overrides = [f"{data.draw(keys)}={text}" if to_key else text for text in texts]
    config = attempt(lambda: load(kind, "", overrides))
    if isinstance(config, Refusal):
        assert any(str(UserError(override)) in config or repr(override) in config for override in overrides), config
    else:
        assert config == kind.model_validate(resolved(config))


@given(st.binary(max_size=100))
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    assert "some.yaml" in refusal(lambda: load(Config, b"\xff\xfe\xfa" + content, []))


@pytest.mark.parametrize("kind", KINDS)
def test_the_settings_are_many(kind: type[Section]) -> None:
    """So that the tests above say something."""
    fields = dict(settings_of(kind))
    assert len(fields) > 10 and any(limits(field) for field in fields.values())
    assert annotated_types.Ge(1) in dict(settings_of(Config))["run.accumulate"].metadata
    assert reading(lambda: load(kind, "", [])) == kind() and Path("some.yaml")
