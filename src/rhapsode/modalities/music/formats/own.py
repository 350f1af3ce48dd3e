"""Rhapsode's own files of tunes: lines of JSON (`.tune.jsonl`).

Each line is an object, a tune:

    {"rhapsode": "tune/1", "ticks": 480, "length": 960, "notes": [[0, 480, 60, 80, 0], [480, 480, 62, 80, 0]]}

    rhapsode   "tune/1", the version. It marks a file of tunes, and must be in the first line.
    ticks      in a quarter note.
    length     ticks to the end of the tune.
    notes      each [start, length, pitch, velocity, part]: ticks, ticks, 0 ... 127 with middle C 60, 1 ... 127, and
               which of the parts, from 0. No two of one part and pitch sound at once.
    parts      each [name, program, drums], e.g. ["Flute", 73, false]; one part, a piano, if they are left out.
    metres     each [tick, beats, unit]: from then on bars have so many notes of one unit-th.
    keys       each [tick, sharps, mode]: -7 ... 7, less than 0 for flats; mode 0 major, 9 minor, in general the
               semitones from the signature's major key up to the final.
    tempos     each [tick, quarter notes a minute].
    chords     each [tick, symbol]; an empty symbol where there is none.
    title      of the tune.
    name       where it comes from.

From parts on all may be left out. What was read is what was written. Other fields are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.json import lines
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import LARGEST, sequence, shown
from rhapsode.modalities.music.formats._sheet import LONGEST, PARTS
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes, separate

SLOWEST = 1e-3
"""Quarter notes a minute, at least."""
VERSION = "tune/1"
MARK = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{[^\n]*"rhapsode"\s*:\s*"tune/')


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None


def dumps(tune: Tune) -> str:
    """The line of a tune, without its newline."""
    value: dict[str, Any] = {
        "rhapsode": VERSION,
        "title": tune.title,
        "name": tune.name,
        "ticks": tune.ticks,
        "length": tune.length,
        "parts": [[each.name, each.program, each.drums] for each in tune.parts],
        "metres": [[each.tick, each.beats, each.unit] for each in tune.metres],
        "keys": [[each.tick, each.sharps, each.mode] for each in tune.keys],
        "tempos": [[each.tick, each.quarters] for each in tune.tempos],
        "chords": [[each.tick, each.symbol] for each in tune.chords],
        "notes": tune.notes.tolist(),
    }
    return json.dumps(value)


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    for number, (where, value) in enumerate(lines(source), 1):
        version = value.get("rhapsode", VERSION)
        if version != VERSION:
            raise UserError(
                f"{where}: tunes of version {shown(version)}; this Rhapsode reads {VERSION!r}. Update Rhapsode."
            )
        for field in ("ticks", "length", "notes"):
            if field not in value:
                raise UserError(f"{where}: there is no field {field!r}. Fields: {shown(', '.join(value))}.")
        tune = Tune(
            _notes(value["notes"], where),
            _whole(value["ticks"], 1, LONGEST, f"{where}, ticks"),
            _whole(value["length"], 0, LONGEST, f"{where}, length"),
            tuple(Part(*row) for row in _rows(value, "parts", (_text, _program, _yes), where)) or (Part(),),
            tuple(Metre(*row) for row in _rows(value, "metres", (_tick, _beats, _unit), where, timed=True)),
            tuple(Key(*row) for row in _rows(value, "keys", (_tick, _sharps, _mode), where, timed=True)),
            tuple(Tempo(*row) for row in _rows(value, "tempos", (_tick, _pace), where, timed=True)),
            tuple(Chord(*row) for row in _rows(value, "chords", (_tick, _text), where, timed=True)),
            _text(value.get("title", ""), f"{where}, title"),
            _text(value.get("name", ""), f"{where}, name") or f"{source.name}#{number}",
        )
        if len(tune.parts) > PARTS:
            raise UserError(f"{where}: {len(tune.parts):,} parts; at most {PARTS:,} are read. Correct the line.")
        ends = tune.notes["start"].astype(np.int64) + tune.notes["length"]
        if len(tune) and (tune.notes["part"].max() >= len(tune.parts) or ends.max() > tune.length):
            raise UserError(
                f"{where}: a note is of a part that is not there, or ends after 'length'. There are {len(tune.parts)} "
                f"parts, counted from 0, and {tune.length} ticks. Correct the line."
            )
        yield tune


def _notes(value: Any, where: str) -> np.ndarray:
    rows = sequence(value, f"{where}, notes")
    limits = ((0, LONGEST), (1, LONGEST), (0, 127), (1, 127), (0, 32767))
    for number, row in enumerate(rows, 1):
        at = f"{where}, note {number}"
        if len(sequence(row, at)) != 5:
            raise UserError(f"{at}: expected [start, length, pitch, velocity, part], found {shown(row)}.")
        for each, (least, greatest) in zip(row, limits, strict=True):
            _whole(each, least, greatest, at)
    found = notes([tuple(row) for row in rows])
    apart = separate(found.copy())
    if not np.array_equal(apart, found):
        raise UserError(f"{where}: two notes of one part and pitch sound at once. Shorten the earlier one.")
    return found


def _rows(value: dict[str, Any], field: str, columns: tuple[Any, ...], where: str, timed: bool = False) -> list[Any]:
    """The values of a field, each checked by its column's function; sorted by tick if `timed`."""
    found = []
    for number, row in enumerate(sequence(value.get(field, []), f"{where}, {field}"), 1):
        at = f"{where}, {field} {number}"
        if len(sequence(row, at)) != len(columns):
            raise UserError(f"{at}: expected {len(columns)} values, found {shown(row)}.")
        found.append([check(each, at) for check, each in zip(columns, row, strict=True)])
    return sorted(found, key=lambda row: row[0]) if timed else found


def _whole(value: Any, least: int, greatest: int, where: str) -> int:
    if type(value) is not int or not least <= value <= greatest:
        raise UserError(f"{where}: expected whole numbers of {least} … {greatest}, found {shown(value)}.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{where}: expected text, found {shown(value)}.")
    return value


def _yes(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"{where}: expected true or false, found {shown(value)}.")
    return value


def _pace(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not SLOWEST <= value <= LARGEST:
        raise UserError(
            f"{where}: expected quarter notes a minute, of {SLOWEST:g} … {LARGEST:g}, found {shown(value)}."
        )
    return float(value)


def _tick(value: Any, where: str) -> int:
    return _whole(value, 0, LONGEST, where)


def _program(value: Any, where: str) -> int:
    return _whole(value, 0, 127, where)


def _beats(value: Any, where: str) -> int:
    return _whole(value, 1, 255, where)


def _unit(value: Any, where: str) -> int:
    return _whole(value, 1, 128, where)


def _sharps(value: Any, where: str) -> int:
    return _whole(value, -7, 7, where)


def _mode(value: Any, where: str) -> int:
    if value not in (0, 2, 4, 5, 7, 9, 11):
        raise UserError(f"{where}: a mode is one of 0, 2, 4, 5, 7, 9, 11 (the white keys), found {shown(value)}.")
    return _whole(value, 0, 11, where)


def _line(tune: Tune) -> str:
    return f"{dumps(tune)}\n"


FORMAT = Format("Rhapsode's own lines of JSON", recognises, read=read, writes={".jsonl": _line}, rank=-1)
