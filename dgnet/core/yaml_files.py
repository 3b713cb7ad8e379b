"""YAML without silent losses: a key that is written twice is an error, not the last value."""

import re
from pathlib import Path
from typing import Any

import yaml

from dgnet.core.errors import UserError

# Numbers that YAML 1.1 reads otherwise than people: 010 is 8 there, and 1:30 is 90.
_ODD_NUMBER = re.compile(r"[-+]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, except that it refuses duplicate keys, and numbers in base 8 and base 60."""

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        if number and isinstance(node, yaml.ScalarNode) and _ODD_NUMBER.fullmatch(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value} is another number to YAML: write it without leading 0 or colon, or in quotes"
            )
        return super().construct_scalar(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            # A merge ("<<") may be written twice, and mappings as keys are refused below.
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key)
            if name in lines:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name!r} is there twice, in line {lines[name]} and in line {line}", None
                )
            lines[name] = line
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> Any:
    """The content of YAML text: plain Python values.

    Raises:
        yaml.YAMLError: it is not YAML, a key is there twice, a value lies in itself, the nesting is too deep, or a
            number is written in base 8 or base 60.
        ValueError: a value that only looks like a date, such as 2026-13-01.

    Example:
        >>> parse_yaml("run: {seed: 1}")
        {'run': {'seed': 1}}
    """
    try:
        content = yaml.load(text, Loader=_Loader)
        _refuse_circles(content)
    except RecursionError as error:
        raise yaml.YAMLError("its brackets or sections are nested too deeply") from error
    except (
        LookupError,
        AttributeError,
        TypeError,
    ) as error:  # what PyYAML raises for `!!int ""`, `!!bool x` and others
        raise yaml.YAMLError("a value is not of the kind that stands before it with two exclamation marks") from error
    return content


def comment_in(text: str) -> str:
    """The comment that readable YAML text of one line ends with; empty where there is none.

    >>> comment_in("photographs #2"), comment_in("'photographs #2'")
    ('#2', '')
    """
    spans = [(token.start_mark.index, token.end_mark.index) for token in yaml.scan(text, Loader=_Loader)]
    # Tokens without a text of their own, such as the end, stand behind the comment.
    return text[max((end for begin, end in spans if begin < end), default=0) :].strip()


def _refuse_circles(value: Any, above: tuple[Any, ...] = ()) -> None:
    """`YAMLError` where an alias stands for what it lies in, as in `&a [*a]`."""
    if any(value is other for other in above):
        raise yaml.YAMLError("an alias stands for what it lies in")
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            _refuse_circles(inner, (*above, value))


def read_yaml(path: Path, hint: str = "") -> Any:
    """The content of a YAML file.

    Args:
        hint: what to do about a file that is not readable, as the end of the sentence.

    Raises:
        UserError: it is not there, not text in UTF-8, not YAML, or has a key twice (the sentence names both lines).
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not readable as YAML ({reason})" + (f"; {hint}" if hint else "")) from error
