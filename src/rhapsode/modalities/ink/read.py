"""Files of pen strokes → drawings. What a file is, its content decides; the formats are in `ink.formats`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from rhapsode.errors import UserError, choice
from rhapsode.files.archive import Reader, is_zip, members, opened, records, some
from rhapsode.files.flip import flipped
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source, of_file, reading, tells
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats import (
    bigbank,
    iam,
    inkml,
    lists,
    omniglot,
    own,
    quickdraw,
    stroke3,
    svg,
    uji,
    unipen,
    xournal,
)

SUFFIXES = (
    ".json",
    ".jsonl",
    ".ndjson",
    ".npz",
    ".xml",
    ".inkml",
    ".svg",
    ".txt",
    ".unp",
    ".dat",
    ".xopp",
    ".xoj",
    ".zip",
)
"""Of files worth trying in a folder."""
KNOWN = (
    "Known are Rhapsode's own lines of JSON, stroke-3 .npz, IAM-OnDB, InkML, SVG, Xournal++, Quick, Draw!, "
    "UNIPEN, UJI, Omniglot, lists of drawings and of cursive words, and .zip archives of these"
)
NUMBERS = re.compile(
    rb"\[\s*+(?:-?[0-9][-+.0-9eE]*+[\s,]*+){2,}\]"
    rb'|"(?:[xytp]|d[xyt]|time|pressure)"\s*+:\s*+-?[0-9][-+.0-9eE]*+[\s,}]*+',
    re.IGNORECASE,
)
"""In JSON: a list of them, or a coordinate with its name."""
MOSTLY = 0.5
"""A file is one of numbers if so much of it is of these, at least."""


class _Format(Protocol):
    def recognises(self, head: bytes) -> bool: ...

    def read(self, source: Source, refused: Refusals) -> Iterator[Drawing]: ...


FORMATS: tuple[_Format, ...] = (own, quickdraw, lists, bigbank, iam, inkml, svg, xournal, omniglot, uji, unipen)


def recognised(path: Path) -> bool:
    """Whether it looks like a file of drawings, from its beginning; false for what cannot be read."""
    return tells(path, _recognises)


def _recognises(source: Source) -> bool:
    head = source.head()
    if not is_zip(head):
        return _format(head) is not None
    with opened(source) as archive:
        if stroke3.is_npz(archive):
            return stroke3.recognises(archive)
        return any(_format(member.head()) is not None for member in some(members(archive, "")))


def unfamiliar(path: Path) -> bool:
    """Whether it is JSON of little but numbers or coordinates, as drawings are; false for what cannot be read."""
    return tells(path, _numbers)


def _numbers(source: Source) -> bool:
    head = source.head().removeprefix(b"\xef\xbb\xbf")
    size = sum(len(match.group()) for match in NUMBERS.finditer(head))
    return head.lstrip().startswith((b"[", b"{")) and size > MOSTLY * len(head)


def parts(path: Path) -> tuple[str, ...]:
    """The parts that a file is divided into, of train, valid and test; () if it is not. Raises `UserError`."""
    source = of_file(path, str(path))
    with reading(source.name):
        if not is_zip(source.head()):
            return ()
        with opened(source) as archive:
            return stroke3.parts(archive) if stroke3.is_npz(archive) else ()


def read(
    path: Path, part: str | None = None, name: str | None = None, refused: Refusals | None = None
) -> Iterator[Drawing]:
    """The drawings of a file, one by one, in order; upside down if that is asked for (`rhapsode.files.flip`).

    part: one of `parts(path)`; None for all in a row.
    name: of the file, in messages and in the names of drawings; `path` by default.
    refused: counts members of an archive that cannot be read while others can, and what else is left out.
    Raises `UserError`, which says where in the file it stopped.
    """
    source = of_file(path, str(path) if name is None else name)
    if part is not None:
        allowed = parts(path)
        if not allowed:
            raise UserError(f"{source.name}: it has no parts such as {part!r}. Leave the part out to read all of it.")
        if part not in allowed:
            raise choice(f"{source.name}: part", part, allowed)
    counted = Refusals() if refused is None else refused
    with reading(source.name):
        head = source.head()
        if is_zip(head):
            with opened(source) as archive:
                if stroke3.is_npz(archive):
                    yield from _upright(stroke3.read(archive, source.name, part), source.name)
                else:
                    yield from records(archive, source.name, partial(_reader, counted), counted, f"{KNOWN}.")
            return
        found = _format(head)
        if found is None:
            kind = "empty" if not head else "not a file of drawings that Rhapsode knows"
            raise UserError(f"{source.name}: {kind}. {KNOWN}.")
        yield from _upright(found.read(source, counted), source.name)


def _reader(refused: Refusals, source: Source) -> Reader[Drawing] | None:
    found = _format(source.head())
    return None if found is None else lambda member: _upright(found.read(member, refused), member.name)


def _upright(drawings: Iterator[Drawing], name: str) -> Iterator[Drawing]:
    """Those of a file of this name, turned if that is asked for."""
    if not flipped(name):
        return drawings
    return (replace(each, points=each.points * [1.0, -1.0] + 0.0) for each in drawings)


def _format(head: bytes) -> _Format | None:
    return next((each for each in FORMATS if each.recognises(head)), None)
