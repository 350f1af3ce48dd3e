"""Which elements of an SVG are lines that are seen: as much of its styles as decides that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rhapsode.files.xml import Node

PROPERTIES = ("display", "visibility", "fill", "stroke")
NOTHING = ("none", "transparent")


@dataclass(frozen=True, slots=True)
class Look:
    """What an element's own and inherited styles say of these; None where they say nothing."""

    visibility: str | None = None
    fill: str | None = None
    stroke: str | None = None

    @property
    def line(self) -> bool:
        """Whether a pen's line is seen. Without a word on fill and stroke, a path is meant as a line."""
        if self.visibility in ("hidden", "collapse"):
            return False
        return self.fill is None if self.stroke is None else self.stroke not in NOTHING

    @property
    def area(self) -> bool:
        """Whether only a filled area is seen."""
        return not self.line and self.visibility is None and self.fill not in (None, *NOTHING)


class Styles:
    """The style sheets of a document. Of a selector with several parts, only the last one is looked at."""

    def __init__(self, top: Node) -> None:
        self._rules: dict[str, dict[str, str]] = {}  # by name, `.class` or `#id`
        for node in top.walk():
            if node.name == "style":
                for selectors, properties in _rules(node.text):
                    for selector in selectors:
                        self._rules.setdefault(selector, {}).update(properties)

    def look(self, node: Node, outer: Look) -> Look | None:
        """How the element is seen inside of others that are seen so; None if it and all in it are not displayed."""
        own = node.attributes
        found = {name: own[name].strip() for name in PROPERTIES if name in own}
        if self._rules:
            classes = own.get("class", "").split()
            for selector in (node.name, *(f".{each}" for each in classes), f"#{own.get('id', '')}"):
                found.update(self._rules.get(selector, {}))
        if "style" in own:
            found.update(_declared(own["style"]))
        found = {name: value for name, value in found.items() if value != "inherit"}
        if found.get("display") == "none":
            return None
        if not found:
            return outer
        return Look(*(found.get(name, getattr(outer, name)) for name in PROPERTIES[1:]))


def _rules(sheet: str) -> Iterable[tuple[list[str], Mapping[str, str]]]:
    """(the last parts of its selectors, its `PROPERTIES`) of each rule."""
    first, *rest = sheet.split("/*")
    sheet = first + "".join(each.partition("*/")[2] for each in rest)
    for block in sheet.split("}"):
        before, _, body = block.rpartition("{")
        properties = _declared(body)
        if properties:
            selectors = before.rpartition("{")[2].split(",")
            yield [each.replace(">", " ").split()[-1] for each in selectors if each.strip(" \t\r\n>")], properties


def _declared(text: str) -> dict[str, str]:
    """`PROPERTIES` in `name: value; name: value`."""
    found = {}
    for each in text.split(";"):
        name, colon, value = each.partition(":")
        if colon and name.strip() in PROPERTIES:
            found[name.strip()] = value.removesuffix("!important").strip()
    return found
