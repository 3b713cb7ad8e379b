"""What is wrong with a configuration, as the sentence that its user reads."""

import difflib
from typing import Any, get_args

from dgnet.core.section import Section, is_section

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


def foreign_configuration(kind: type[Section], keys: frozenset[str]) -> str | None:
    """What a configuration with these top-level keys is, where it is of another kind than `kind`."""
    for own, meaning in _CONFIGURATIONS:
        if set(own) <= keys and not set(own) <= kind.model_fields.keys():
            return meaning
    return None


def sentence_of(kind: type[Section], place: tuple[str, ...], problem: Any) -> str:
    """A problem that pydantic found at `place` of the configuration `kind`, in one sentence with the value."""
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
        if is_section(model):
            model = model.model_fields[part].annotation
        else:
            model = get_args(model)[0 if part.isdecimal() else -1]
        options = [option for option in get_args(model) if is_section(option)]
        if type(None) in get_args(model) and options:
            model = options[0]
    found: type[Section] = model
    return found
