"""Reads a page as a strict browser would: every element closed in order, every attribute once, every id once."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input", "source"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> list["Element"]:
        """The elements of that name below this one, in order."""
        own = [self] if self.name == name else []
        return own + [found for child in self.children for found in child.all(name)]


class Page(HTMLParser):
    """`root` holds the elements; `AssertionError` where the page is not well formed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        assert text.startswith("<!doctype html>")
        self.text = text
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], f"not closed: {[element.name for element in self._open[1:]]}"
        ids = [e.attributes["id"] for e in self.elements() if "id" in e.attributes]
        assert len(ids) == len(set(ids)), f"an id twice: {ids}"

    def elements(self) -> list[Element]:
        found, waiting = [], [self.root]
        while waiting:
            found.append(waiting.pop())
            waiting += found[-1].children
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in <{tag}>"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].name == tag, f"</{tag}> closes <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data


def foreign_loads(page: Page) -> list[str]:
    """Whatever the page would fetch, run or frame: addresses that are neither inside the page nor data."""
    found = [e.name for e in page.elements() if e.name in ("script", "iframe", "object", "embed", "link", "base")]
    for element in page.elements():
        found += [name for name in element.attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            address = element.attributes.get(name, "#")
            if not address.startswith(("#", "data:image/")):
                found.append(address)
    styles = "".join(e.text for e in page.root.all("style"))
    styles += "".join(e.attributes.get("style", "") for e in page.elements())
    return found + re.findall(r"@import|url\([^)]*\)|expression\(", styles)
