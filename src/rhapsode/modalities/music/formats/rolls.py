"""Piano rolls of benchmarks: frames of equal length, each with the pitches that sound, in parts train, valid and test.

`.mat`: those of Boulanger-Lewandowski and others (JSB chorales, Nottingham, Piano-midi, MuseData): traindata, validdata
and testdata hold arrays of frames × 88 keys, the lowest pitch 21. How long a frame is they do not say; it is taken for
an eighth note, which is right for Nottingham and the usual choice for the chorales.
`.json`: {"train": [[[65, 60, 57, 53], ...], ...], "valid": ..., "test": ...} such as jsb-chorales-16th.json: for each
sixteenth the pitches that sound; -1 is none. Where all frames of a tune have the same number they are its voices, from
the highest, and each is a part.

Rolls do not tell where a note is struck again: frames in a row with a pitch are one note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import mapping, sequence, shown
from rhapsode.modalities.music.formats._matlab import MAGIC, Damaged, cells
from rhapsode.modalities.music.formats._sheet import TICKS, VELOCITY
from rhapsode.modalities.music.tune import NOTE, Part, Tune, ordered

PARTS = ("train", "valid", "test")
LOWEST = 21
PITCHES = range(-1, 128)
MARK = re.compile(rb'\s*\{\s*"(?:train|valid|test)"\s*:\s*\[\s*\[\s*\[')


def recognises(head: bytes) -> bool:
    return head.startswith(MAGIC) or MARK.match(head) is not None


def parts(source: Source) -> tuple[str, ...]:
    """Those that the file has."""
    return tuple(_tables(source))


def read(source: Source, refused: Refusals, part: str | None = None) -> Iterator[Tune]:
    """Tunes of one part, or of all in a row. Raises `UserError`."""
    frame = TICKS // 2 if source.head().startswith(MAGIC) else TICKS // 4
    for each, tunes in _tables(source).items():
        if part in (None, each):
            for number, table in enumerate(tunes, 1):
                name = f"{source.name}, {each} #{number}"
                found = _from_keys(table, name) if isinstance(table, np.ndarray) else _from_lists(table, name)
                if len(found):
                    yield _tune(found, len(table), frame, name)
                else:
                    refused.skip("no notes", name)


def _tables(source: Source) -> dict[str, list[Any]]:
    """The tunes of each part, as arrays [frames, 88] or lists of lists of pitches."""
    data = source.data()
    if not data.startswith(MAGIC):
        try:
            value = mapping(json.loads(data), source.name)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{source.name}: not JSON ({error}). If it was cut off, fetch it again.") from None
        return {each: sequence(value[each], f"{source.name}, {each}") for each in PARTS if each in value}
    try:
        value = cells(data, tuple(f"{each}data" for each in PARTS))
    except Damaged as error:
        raise UserError(f"{source.name}: a damaged MATLAB file ({error}). Fetch it again.") from None
    found = {each: value[f"{each}data"] for each in PARTS if f"{each}data" in value}
    if not found:
        raise UserError(
            f"{source.name}: a MATLAB file without traindata, validdata and testdata, which piano rolls have."
        )
    return found


def _from_keys(table: np.ndarray, name: str) -> np.ndarray:
    """Frames × keys → [N] of `NOTE` in frames."""
    if table.ndim != 2 or table.dtype.kind not in "biuf" or LOWEST + table.shape[1] > 128:
        raise UserError(f"{name}: expected an array of frames × 88 keys, found {table.shape} of {table.dtype}.")
    return _notes(table.T > 0, np.arange(table.shape[1]) + LOWEST, np.zeros(table.shape[1], int))


def _from_lists(frames: Any, name: str) -> np.ndarray:
    """Lists of pitches → [N] of `NOTE` in frames; a part for each place in the lists if they are equally long."""
    for number, frame in enumerate(sequence(frames, name), 1):
        for pitch in sequence(frame, f"{name}, frame {number}"):
            if type(pitch) not in (int, float) or pitch not in PITCHES:
                raise UserError(f"{name}, frame {number}: expected pitches of 0 … 127, or -1, found {shown(pitch)}.")
    counts = {len(frame) for frame in frames}
    voices = counts.pop() if len(counts) == 1 else 0
    rows = [(at, part, pitch) for at, frame in enumerate(frames) for part, pitch in enumerate(frame) if pitch >= 0]
    if not rows:
        return np.zeros(0, NOTE)
    times, places, pitches = np.array(rows).astype(np.int64).T
    lines, which = np.unique(np.stack([places * bool(voices), pitches]), axis=1, return_inverse=True)
    sounding = np.zeros((lines.shape[1], len(frames)), bool)
    sounding[which, times] = True
    return _notes(sounding, lines[1], lines[0])


def _notes(sounding: np.ndarray, pitches: np.ndarray, places: np.ndarray) -> np.ndarray:
    """[N] of `NOTE`, in frames, of lines [L, frames] that sound or do not, each of a pitch and a part."""
    edges = np.diff(np.pad(sounding.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    lines, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    found = np.empty(len(lines), NOTE)
    found["start"], found["length"], found["velocity"] = starts, stops - starts, VELOCITY
    found["pitch"], found["part"] = pitches[lines], places[lines]
    return found


def _tune(rows: np.ndarray, frames: int, frame: int, name: str) -> Tune:
    rows["start"] *= frame
    rows["length"] *= frame
    return Tune(ordered(rows), TICKS, frames * frame, tuple(Part() for _ in range(rows["part"].max() + 1)), name=name)


FORMAT = Format("piano rolls of benchmarks (.mat and .json)", recognises, read=read, parts=parts)
