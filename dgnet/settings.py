"""Typed, frozen settings from a YAML file and `section.key=value` overrides. Unknown keys are errors."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from dgnet.errors import UserError


class Section(BaseModel):
    """A frozen part of a configuration that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


Settings = TypeVar("Settings", bound=Section)


def load_settings(kind: type[Settings], path: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read a YAML file as the configuration `kind` and apply `section.key=value` overrides (values in YAML's spelling).

    Raises:
        UserError: the file is missing or not YAML, a key is unknown, or a value is out of its range.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such configuration file")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: a configuration is a mapping of sections, this is a {type(values).__name__}")
    # A section whose keys are all commented out reads as null.
    values = {key: {} if value is None else value for key, value in values.items()}
    for override in overrides:
        _override(values, override)
    return parse_settings(kind, values, str(path))


def parse_settings(kind: type[Settings], values: dict[str, Any], source: str) -> Settings:
    """A mapping -> the configuration `kind`; the first problem becomes one sentence that begins with `source`."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{source}: {_sentence(kind, error)}") from error


def override_settings(config: Settings, overrides: Sequence[str], source: str = "overrides") -> Settings:
    """The configuration with `section.key=value` overrides. `UserError` as in `load_settings`."""
    values = resolved(config)
    for override in overrides:
        _override(values, override)
    return parse_settings(type(config), values, source)


def resolved(config: Section) -> dict[str, Any]:
    """The configuration as plain strings, numbers and lists, for YAML, checkpoints and comparison."""
    return config.model_dump(mode="json")


def plain_folder_name(name: str) -> str:
    """`name` where it can name a run's folder. `ValueError` otherwise."""
    if not name or name in (".", "..") or "/" in name or "\\" in name:
        raise ValueError("must be a plain folder name")
    return name


def _override(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise UserError(f"override {override!r} is not of the form section.key=value")
    *sections, last = key.split(".")
    place = values
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise UserError(f"override {override!r}: {section!r} is a value, not a section")
    try:
        place[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"override {override!r}: the value is not readable as YAML") from error


def _sentence(kind: type[Section], error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        siblings = _fields_at(kind, first["loc"][:-1])
        close = difflib.get_close_matches(str(first["loc"][-1]), siblings, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys here: {', '.join(siblings)}"
        return f"unknown key {key!r}; {hint}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message[0].lower()}{message[1:]}, got {first['input']!r}"


def _fields_at(kind: type[Section], location: tuple[Any, ...]) -> list[str]:
    model: Any = kind
    for part in location:
        model = model.model_fields[str(part)].annotation
    return list(model.model_fields)
