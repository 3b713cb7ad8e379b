"""`Section`, a part of a configuration: typed and frozen; unknown keys are errors."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from dgnet.core.errors import UserError
from dgnet.core.files import user_path


class Section(BaseModel):
    """A frozen part of a configuration that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, values: Any) -> Any:
        """A section whose keys are all commented out reads as null; it is none, unless null is one of its values."""
        if not isinstance(values, dict):
            return values
        sections = {key for key, field in cls.model_fields.items() if is_section(field.annotation)}
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


def is_section(kind: Any) -> bool:
    """Whether a type is one of sections."""
    return isinstance(kind, type) and issubclass(kind, Section)


def resolved(config: Section) -> dict[str, Any]:
    """The configuration as plain strings, numbers and lists, for YAML, checkpoints and comparison."""
    return config.model_dump(mode="json")
