"""Files of music → tunes. What a file is, its content decides; the formats are in `music.formats`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from rhapsode.errors import UserError, choice
from rhapsode.files.archive import Reader, is_zip, members, opened, records, some
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source, of_file, reading, tells
from rhapsode.modalities.music.formats import abc, impro_visor, kern, midi, musicxml, own, rolls
from rhapsode.modalities.music.tune import Tune

SUFFIXES = (".mid", ".midi", ".abc", ".ls", ".musicxml", ".mxl", ".xml", ".krn", ".mat", ".json", ".jsonl", ".zip")
"""Of files worth trying in a folder."""
LONGEST = 50_000
"""Quarters of a tune, and bars; longer ones are damaged, or no tunes."""
KNOWN = (
    "Known are MIDI, ABC, Impro-Visor's lead sheets, MusicXML, Humdrum's kern, piano rolls of benchmarks (.mat and "
    ".json), Rhapsode's own lines of JSON, and .zip archives of these"
)


class _Format(Protocol):
    def recognises(self, head: bytes) -> bool: ...

    def read(self, source: Source, refused: Refusals) -> Iterator[Tune]: ...


FORMATS: tuple[_Format, ...] = (midi, own, rolls, musicxml, kern, impro_visor, abc)


def recognised(path: Path) -> bool:
    """Whether it looks like a file of tunes, from its beginning; false for what cannot be read."""
    return tells(path, _recognises)


def _recognises(source: Source) -> bool:
    if not is_zip(source.head()):
        return _format_of(source) is not None
    if musicxml.is_mxl(source):
        return True
    with opened(source) as archive:
        return any(_format_of(member) is not None for member in some(members(archive, "")))


def parts(path: Path) -> tuple[str, ...]:
    """The parts that a file is divided into, of train, valid and test; () if it is not. Raises `UserError`."""
    source = of_file(path, str(path))
    with reading(source.name):
        return rolls.parts(source) if rolls.recognises(source.head()) else ()


def read(
    path: Path, part: str | None = None, name: str | None = None, refused: Refusals | None = None
) -> Iterator[Tune]:
    """The tunes of a file, one by one, in order.

    part: one of `parts(path)`; None for all in a row.
    name: of the file, in messages and in the names of tunes; `path` by default.
    refused: counts what is skipped: tunes, and members of an archive, that cannot be read while others can.
    Raises `UserError` if nothing can be read, which says where in the file it stopped.
    """
    source = of_file(path, str(path) if name is None else name)
    refused = Refusals() if refused is None else refused
    if part is not None:
        allowed = parts(path)
        if not allowed:
            raise UserError(f"{source.name}: it has no parts such as {part!r}. Leave the part out to read all of it.")
        if part not in allowed:
            raise choice(f"{source.name}: part", part, allowed)
    with reading(source.name):
        head = source.head()
        if part is not None:
            yield from rolls.read(source, refused, part)
        elif is_zip(head) and not musicxml.is_mxl(source):
            with opened(source) as archive:
                found = records(archive, source.name, lambda each: _reader(each, refused), refused, f"{KNOWN}.")
                yield from _some(found, source.name, refused)
        else:
            format = _format_of(source)
            if format is None:
                kind = "empty" if not head else "not a file of tunes that Rhapsode knows"
                raise UserError(f"{source.name}: {kind}. {KNOWN}.")
            own_refusals = Refusals()
            try:
                yield from _some(format.read(source, own_refusals), source.name, own_refusals)
            finally:
                refused.add(own_refusals)


def _some(tunes: Iterator[Tune], name: str, refused: Refusals | None = None) -> Iterator[Tune]:
    """The tunes. Raises `UserError` if there is none, with the reasons."""
    empty = True
    for tune in tunes:
        if tune.length > LONGEST * tune.ticks or tune.bar_count > LONGEST:
            if refused is not None:
                refused.skip(f"longer than {LONGEST:,} quarters or bars", tune.name)
            continue
        empty = False
        yield tune
    if empty:
        reasons = " ".join(refused.lines() if refused else ()) or "There is none in it."
        raise UserError(f"{name}: no tune can be read from it. {reasons} Correct the file or leave it out.")


def _reader(source: Source, refused: Refusals) -> Reader[Tune] | None:
    found = _format_of(source)
    return None if found is None else lambda each: found.read(each, refused)


def _format_of(source: Source) -> _Format | None:
    head = source.head()
    if is_zip(head):
        return musicxml if musicxml.is_mxl(source) else None
    return _format(head)


def _format(head: bytes) -> _Format | None:
    return next((each for each in FORMATS if each.recognises(head)), None)
