"""Reading XML that nobody has checked, without the features of XML that are dangerous."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from xml.parsers import expat

from rhapsode.errors import UserError
from rhapsode.files.source import Source
from rhapsode.files.values import PARTS

DEPTH = 200
DECLARED = 512
"""The most declarations in a document type. (The parser looks at all of them for each element.)"""
NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Node:
    """An element. `name` has no namespace prefix; `text` is the text directly inside it; `line` is where it begins. A
    node without a name is a text between elements, see `parse`."""

    name: str
    attributes: Mapping[str, str]
    line: int
    children: Sequence[Node] = ()
    text: str = ""

    def all(self, name: str) -> list[Node]:
        """The children of this name."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> Node | None:
        """The first child of this name; with `/` in the name, its child, and so on."""
        node: Node | None = self
        for each in name.split("/"):
            node = next((child for child in node.children if child.name == each), None) if node else None
        return node

    def text_of(self, name: str, default: str) -> str:
        """The text of `first(name)`."""
        node = self.first(name)
        return default if node is None else node.text

    def walk(self) -> Iterator[Node]:
        """This element and all below it, in the order of the file."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)


def root(head: bytes) -> str:
    """The name of the outermost element, without its prefix; "" if the bytes do not look like XML."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = head.decode(encoding, "replace").lstrip()
    for opening, closing in (("<?", "?>"), ("<!--", "-->"), ("<!", ">")) * 8:
        if text.startswith(opening):
            declared, _, rest = text.partition(closing)
            if opening == "<!" and "[" in declared:
                rest = text.partition("]")[2].partition(">")[2]
            text = rest.lstrip()
    if not text.startswith("<"):
        return ""
    name = text[1:200].replace(">", " ").replace("/", " ").split(maxsplit=1)
    return name[0].rpartition(":")[2] if name else ""


def parse(source: Source, mixed: bool = False) -> Node:
    """The outermost element. Raises `UserError` for what is not XML, for more than `PARTS`, and for declarations of
    entities, which can make a small file a huge one. What else a document type declares is passed over: no attribute
    gets a value by default.

    mixed: whether texts are children, too, in their order: nodes without name."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.specified_attributes = True
    top = Node("", NONE, 0)
    # The elements that are still open, with their children so far.
    open_nodes: list[tuple[Node, list[Node], list[str]]] = [(top, [], [])]
    names: dict[str, str] = {}
    parts = line = declarations = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal parts, line
        if (now := parser.CurrentLineNumber) != line:
            line = now
        parts += 1 + len(attributes)
        if parts > PARTS:
            raise UserError(
                f"{source.name}, line {line}: more than {PARTS:,} elements and attributes, the most that are read of "
                "one file. Cut it into several files."
            )
        if len(open_nodes) > DEPTH:
            raise UserError(f"{source.name}, line {line}: elements stand in one another more than {DEPTH} deep.")
        if name not in names:
            names[name] = name.rpartition(":")[2]
        node = Node(names[name], attributes or NONE, line)
        open_nodes[-1][1].append(node)
        open_nodes.append((node, [], []))

    def data(text: str) -> None:
        open_nodes[-1][2].append(text)
        if mixed and len(open_nodes) > 1:
            open_nodes[-1][1].append(Node("", NONE, parser.CurrentLineNumber, (), text))

    def end(name: str) -> None:
        node, children, pieces = open_nodes.pop()
        node.children, node.text = tuple(children), "".join(pieces)

    def entity(*declaration: object) -> None:
        raise UserError(
            f"{source.name}, line {parser.CurrentLineNumber}: declares entities of its own, which are not read from "
            "files that may come from anywhere. Save it without its <!DOCTYPE […]>."
        )

    def declared(*declaration: object) -> None:
        nonlocal declarations
        declarations += 1
        if declarations > DECLARED:
            raise UserError(
                f"{source.name}, line {parser.CurrentLineNumber}: its document type declares more than {DECLARED} "
                "attributes. Save it without its <!DOCTYPE […]>."
            )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.EntityDeclHandler = entity
    parser.AttlistDeclHandler = declared
    try:
        parser.Parse(source.data(), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UserError(f"{source.name}: not well-formed XML ({error}). If it was cut off, fetch it again.") from None
    return open_nodes[0][1][0]
