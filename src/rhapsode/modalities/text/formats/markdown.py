"""Markdown: its text without the signs that mark headings, emphasis and links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.text.formats._decoded import decoded
from rhapsode.modalities.text.formats._markup import text_of
from rhapsode.modalities.text.formats._paragraphs import joined

DEEP = "its parts stand in one another too deep"


def read(source: Source, refused: Refusals) -> Iterator[str]:
    from markdown_it import MarkdownIt

    try:
        tokens = MarkdownIt("commonmark").enable("table").parse(decoded(source.data()))
    except RecursionError:
        raise UserError(f"{source.name}: {DEEP}. Leave it out.") from None
    blocks: list[str] = []
    row: list[str] | None = None
    for token in tokens:
        if token.type in ("fence", "code_block"):
            blocks.append(token.content.rstrip("\n"))
        elif token.type == "html_block":
            blocks.append(text_of(token.content).strip("\n"))
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close":
            blocks.append("\t".join(row or ()))
            row = None
        elif token.type == "inline":
            (blocks if row is None else row).append("".join(map(_inline, token.children or ())))
    yield joined(blocks)


def _inline(token: Any) -> str:
    if token.type in ("text", "code_inline", "image"):
        return str(token.content)
    return "\n" if token.type in ("softbreak", "hardbreak") else ""


FORMAT = Format(
    title="Markdown",
    recognises=lambda head: b"\0" not in head,
    read=read,
    markup=True,
    suffixes=(".md", ".markdown", ".mdown"),
    rank=1,
)
