"""JSON of files: plain values, or a `ValueError` for whatever is wrong with them."""

import json
from typing import Any

_DEEPEST = 100  # no file of ours nests its values further than a few levels
_TOO_DEEP = f"its brackets are nested more than {_DEEPEST} deep"


def parse_json(text: str) -> Any:
    """The content of JSON text: plain Python values.

    Raises:
        ValueError: it is not JSON, it is nested more than 100 deep, or an object names a key twice.

    Example:
        >>> parse_json('{"seed": 1}')
        {'seed': 1}
    """
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    level, depth = [content], 0
    while level := [inner for value in level for inner in _inside(value)]:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(_TOO_DEEP)
    return content


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!r} is there twice")
        values[key] = value
    return values
