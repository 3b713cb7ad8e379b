"""Patterns for error messages: what a message must name, not how it says so."""

import re


def mentions(*values: object) -> str:
    """A regular expression for messages that name all of `values` as whole words, in any order and wording.

    For `pytest.raises(match=...)` and `re.search`: `mentions("camera", 1, 6, 7)` finds "camera must be between 1 and 6,
    got 7".
    """
    return "".join(rf"(?=[\s\S]*{whole(str(value))})" for value in values)


def whole(text: str) -> str:
    """Of a text that begins or ends as a word, no more of that word may stand beside it."""
    before = r"(?<!\w)" if re.match(r"\w", text) else ""
    after = r"(?!\w)" if re.search(r"\w$", text) else ""
    return before + re.escape(text) + after
