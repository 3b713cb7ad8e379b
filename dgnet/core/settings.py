"""Typed, frozen settings from a YAML file and `section.key=value` overrides. Unknown keys are errors."""

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.core.old_keys import current_config, current_key
from dgnet.core.yaml_files import parse_yaml, read_yaml


class Section(BaseModel):
    """A frozen part of a configuration that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, values: Any) -> Any:
        """A section whose keys are all commented out reads as null; it is none, unless null is one of its values."""
        if not isinstance(values, dict):
            return values
        sections = {key for key, field in cls.model_fields.items() if _is_section(field.annotation)}
        return {key: value for key, value in values.items() if value is not None or key not in sections}

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: Any) -> Any:
        """True is no probability of 1, and no rate."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in (int, float):
            raise ValueError("must be a number")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _as_users_write_paths(cls, value: Any, info: Any) -> Any:
        """`~` is the home folder in every path; an empty path is refused."""
        if not _takes_paths(cls.model_fields[str(info.field_name)].annotation):
            return value
        if isinstance(value, (list, tuple)):
            return [_user_path(item) for item in value]
        return _user_path(value)


def _takes_paths(annotation: Any) -> bool:
    return annotation is Path or any(_takes_paths(part) for part in get_args(annotation))


def _user_path(value: Any) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    try:
        return user_path(value)
    except UserError as error:
        # The sentence of a setting tells the value itself.
        raise ValueError(str(error).partition(", got ")[0]) from error


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


_LONGEST_NAME = 200  # bytes: systems allow 255, and others are made of it (NAME_teacher, NAME.old_1)

# Top-level keys -> the configuration that has them, in the words of an error's sentence.
_CONFIGURATIONS = (
    (
        ("gen", "dis", "max_iter"),
        "a configuration of the official DG-Net: tools/import_official.py imports its training, "
        "configs/latest.yaml holds the same settings by today's names",
    ),
    (("MODEL", "SOLVER"), "a configuration of another system, such as fast-reid: configs/heads/ has such recipes"),
    (("appearance", "data"), "a configuration of DG-Net: tools/train_gan.py and tools/train_teacher.py read it"),
    (("baseline", "variants"), "a configuration of an A/B: tools/ab.py reads it"),
    (("model", "loss"), "a configuration of a re-ID model: tools/train.py reads it"),
)

Settings = TypeVar("Settings", bound=Section)


def load_settings(kind: type[Settings], path: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read a YAML file as the configuration `kind` and apply `section.key=value` overrides (values in YAML's spelling).

    Raises:
        UserError: the file is missing or not YAML, a key is unknown, or a value is out of its range. The sentence
            begins with the override that is to blame, or with the file.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: " + ("a folder, not a configuration file" if path.is_dir() else "no such configuration file")
        )
    values = read_yaml(path) or {}
    if not isinstance(values, dict):
        raise UserError(f"{path}: a configuration is a mapping of sections, this is a {type(values).__name__}")
    _require_text_keys(values, f"{path}: ")
    for keys, meaning in _CONFIGURATIONS:
        if set(keys) <= values.keys() and not set(keys) <= kind.model_fields.keys():
            raise UserError(f"{path}: the sections {', '.join(kind.model_fields)} are expected here; this is {meaning}")
    return _checked(kind, values, overrides, f"{path}: ")


def parse_settings(kind: type[Settings], values: dict[str, Any], source: str) -> Settings:
    """A mapping -> the configuration `kind`; the first problem becomes one sentence that begins with `source`."""
    _require_text_keys(values, f"{source}: ")
    return _checked(kind, values, (), f"{source}: ")


def override_settings(config: Settings, overrides: Sequence[str], source: str = "") -> Settings:
    """The configuration with `section.key=value` overrides. `UserError` as in `load_settings`.

    `source`: what the sentence begins with where the overrides were not typed but read from somewhere.
    """
    try:
        return _checked(type(config), resolved(config), overrides, "")
    except UserError as error:
        raise UserError(f"{source}: {error}" if source else str(error)) from error


def as_settings(values: Mapping[str, object]) -> list[str]:
    """`section.key` -> value as overrides; None is left out."""
    return [f"{key}={json.dumps(value, default=str)}" for key, value in values.items() if value is not None]


def resolved(config: Section) -> dict[str, Any]:
    """The configuration as plain strings, numbers and lists, for YAML, checkpoints and comparison."""
    return config.model_dump(mode="json")


def plain_folder_name(name: str) -> str:
    """`name` where it can name a run's folder. `ValueError` otherwise."""
    if name in ("", ".", "..") or name != name.strip() or not name.isprintable() or "/" in name or "\\" in name:
        raise ValueError("must be a plain folder name")
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise ValueError(f"must be a folder name of at most {_LONGEST_NAME} bytes")
    return name


def _checked(kind: type[Settings], values: dict[str, Any], overrides: Sequence[str], source: str) -> Settings:
    values = _current(kind, values, source)
    for override in overrides:
        _override(kind, values, override)
        values = _current(kind, values, f"{override}: ")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(str(part) for part in first["loc"])
        sentence = _sentence(kind, place, first)
        blamed = [override for override in overrides if _meet(_key(kind, override), place)]
        if blamed:
            # The setting is not named twice.
            name = ".".join(_key(kind, blamed[-1]))
            raise UserError(f"{blamed[-1]}: {sentence.removeprefix(f'{name}: ')}") from error
        beside = [override for override in overrides if _key(kind, override)[:-1] == place[:-1] != ()]
        if first["type"] == "value_error" and beside:
            # Settings of one section that do not go together.
            source = f"{source.removesuffix(': ')} with {beside[-1]}: " if source else f"{beside[-1]}: "
        raise UserError(f"{source}{sentence}") from error


def _current(kind: type[Section], values: dict[str, Any], source: str) -> dict[str, Any]:
    """The values under today's keys."""
    try:
        return current_config(values, kind.model_fields)
    except ValueError as error:
        raise UserError(f"{source}{error}") from error


def _require_text_keys(values: Any, source: str) -> None:
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(values, dict) and not isinstance(key, str):
            raise UserError(
                f"{source}a key must be text, got {key!r} (one that YAML reads otherwise is written in quotes)"
            )
        if isinstance(value, (dict, list)):
            _require_text_keys(value, source)


def _key(kind: type[Section], override: str) -> tuple[str, ...]:
    return tuple(current_key(override.partition("=")[0], kind.model_fields).split("."))


def _meet(key: tuple[str, ...], place: tuple[str, ...]) -> bool:
    """Whether one is the other or lies in it."""
    shared = min(len(key), len(place))
    return key[:shared] == place[:shared]


def _override(kind: type[Section], values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    *sections, last = current_key(key, kind.model_fields).split(".")
    if not separator or not all((*sections, last)):
        raise UserError(f"{override!r} is not of the form section.key=value")
    place = values
    for section in sections:
        if place.get(section) is None:
            place[section] = {}
        place = place[section]
        if not isinstance(place, dict):
            raise UserError(f"{override}: {section!r} is a value, not a section")
    if not text.strip():
        # As of a variable of the shell that is not set.
        raise UserError(f"{override}: a value is missing behind the =; none at all is written null")
    try:
        value = parse_yaml(text)
    except (yaml.YAMLError, ValueError) as error:  # a date of a thirteenth month is a ValueError
        raise UserError(f"{override}: the value is not readable as YAML ({' '.join(str(error).split())})") from error
    _require_text_keys([value], f"{override}: ")
    place[last] = value


def _sentence(kind: type[Section], place: tuple[str, ...], problem: Any) -> str:
    key, value = ".".join(place), problem["input"]
    if problem["type"] == "extra_forbidden":
        siblings = list(_section_at(kind, place[:-1]).model_fields)
        close = difflib.get_close_matches(place[-1], siblings, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys here: {', '.join(siblings)}"
        return f"unknown key {key!r}; {hint}"
    if problem["type"] == "model_type":
        message = f"must be a section with the keys {', '.join(_section_at(kind, place).model_fields)}"
    else:
        message = _PLAINER.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        message = message.replace("Input should be", "must be", 1)
    return f"{key}: {message[0].lower()}{message[1:]}, got {value!r}"


# Where pydantic speaks of types and not of what to write.
_PLAINER = {
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "path_type": "must be a path (one that is a number is written in quotes)",
    "string_type": "must be text (a number that is meant as text is written in quotes)",
    "tuple_type": "must be a list, as in [a, b]",
}


def _section_at(kind: type[Section], place: tuple[str, ...]) -> type[Section]:
    """The section at `place`, through lists of sections and mappings to sections."""
    model: Any = kind
    for part in place:
        if _is_section(model):
            model = model.model_fields[part].annotation
        else:
            model = get_args(model)[0 if part.isdecimal() else -1]
        options = [option for option in get_args(model) if _is_section(option)]
        if type(None) in get_args(model) and options:
            model = options[0]
    found: type[Section] = model
    return found
