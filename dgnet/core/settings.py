"""Settings from a YAML file and `section.key=value` overrides, checked. Unknown keys are errors."""

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.core.old_configs import current_config, current_key
from dgnet.core.section import Section, resolved
from dgnet.core.setting_errors import foreign_configuration, sentence_of
from dgnet.core.yaml_files import comment_in, parse_yaml, read_yaml

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
    if meaning := foreign_configuration(kind, frozenset(values)):
        raise UserError(f"{path}: the sections {', '.join(kind.model_fields)} are expected here; this is {meaning}")
    return _checked(kind, values, overrides, f"{path}: ")


def settings_of(kind: type[Settings], config: object) -> Settings:
    """A configuration of this kind as it is, or read from the YAML file of a path.

    Raises:
        UserError: as `load_settings`, or `config` is neither.
    """
    if isinstance(config, kind):
        return config
    if not isinstance(config, (str, Path)):
        raise UserError(f"config must be a {kind.__name__} or the path of its YAML file, got {type(config).__name__}")
    return load_settings(kind, user_path(config))


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


def _checked(kind: type[Settings], values: dict[str, Any], overrides: Sequence[str], source: str) -> Settings:
    values = _current(kind, values, source)
    earlier: list[tuple[str, tuple[str, ...], Any]] = []
    for override in overrides:
        key, value = _parsed(kind, override)
        _refuse_contradiction(earlier, override, key, value)
        earlier.append((override, key, value))
        _set(values, override, key, value)
        values = _current(kind, values, f"{override}: ")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(str(part) for part in first["loc"])
        sentence = sentence_of(kind, place, first)
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


def _parsed(kind: type[Section], override: str) -> tuple[tuple[str, ...], Any]:
    """Key, by its name of today, and value of an override."""
    _, separator, text = override.partition("=")
    key = _key(kind, override)
    if not separator or not all(key):
        raise UserError(f"{override!r} is not of the form section.key=value")
    if not text.strip():
        # As of a variable of the shell that is not set.
        raise UserError(f"{override}: a value is missing behind the =; none at all is written null")
    try:
        value = parse_yaml(text)
    except (yaml.YAMLError, ValueError) as error:  # a date of a thirteenth month is a ValueError
        raise UserError(f"{override}: the value is not readable as YAML ({' '.join(str(error).split())})") from error
    if comment := comment_in(text):
        # A folder "photographs #2" would be "photographs", and weights "#2.pth" would be none.
        raise UserError(f"{override}: {comment!r} is a comment to YAML; a value that has it is in quotes of its own")
    _require_text_keys([value], f"{override}: ")
    return key, value


def _set(values: dict[str, Any], override: str, key: tuple[str, ...], value: Any) -> None:
    place = values
    for section in key[:-1]:
        if place.get(section) is None:
            place[section] = {}
        place = place[section]
        if not isinstance(place, dict):
            raise UserError(f"{override}: {section!r} is a value, not a section")
    place[key[-1]] = copy.deepcopy(value)  # later overrides may change what lies in it


def _refuse_contradiction(
    earlier: Sequence[tuple[str, tuple[str, ...], Any]], override: str, key: tuple[str, ...], value: Any
) -> None:
    """`UserError` where an override would take back what one before it sets."""
    for other, other_key, other_value in earlier:
        if not _meet(key, other_key):
            continue
        # One is the other, or a setting of the section that the other sets as a whole.
        inner, outer = (value, other_value) if len(key) >= len(other_key) else (other_value, value)
        longer = max(key, other_key, key=len)
        path, there = longer[min(len(key), len(other_key)) :], True
        for part in path:
            there = there and isinstance(outer, dict) and part in outer
            outer = outer[part] if there else None
        if not there and longer is key:
            continue  # the section does not name it
        if not there or outer != inner or type(outer) is not type(inner):
            raise UserError(f"{'.'.join(longer)} is set twice, by {other} and by {override}: give one of them")
