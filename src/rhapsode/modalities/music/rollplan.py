"""What is where in a piano roll: boxes, lines and words, in pixels from the upper left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music.drums import NAMES
from rhapsode.modalities.music.facts import NATURALS, facts, grid, pitch_name
from rhapsode.modalities.music.tune import Chord, Tune

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#666a73")
"""Of the parts, in turn: the first six are Okabe and Ito's, which colour-blind people tell apart."""
LEFT, RIGHT, TOP, BETWEEN = 40.0, 12.0, 10.0, 14.0
"""Margins; pitches are named in the left one."""
ROW = 1024.0
"""Breadth that a row is given, but for `QUARTER`."""
QUARTER = (6.0, 48.0)
"""Breadths of a quarter note, least and most."""
SCROLLED = 28.0
"""The least where a tune is all in one row."""
DRUM = 9.0
"""Height of a drum's lane."""
LETTER = 6.5
"""Breadth of a letter of a chord symbol, about."""


@dataclass(frozen=True)
class Box:
    """role: `note`, `more` (of a note that began in the row above), `black` or `swatch`; part: whose colour it has."""

    x: float
    y: float
    width: float
    height: float
    role: str
    part: int = 0
    opacity: float = 1.0
    marked: bool = False


@dataclass(frozen=True)
class RollLine:
    """role: `bar`, `beat`, `octave` or `edge`."""

    x1: float
    y1: float
    x2: float
    y2: float
    role: str


@dataclass(frozen=True)
class Word:
    """x, y: of its base line's beginning, or end if `right`.

    role: `title`, `fact`, `number`, `pitch`, `octave-name` or `chord`.
    """

    x: float
    y: float
    text: str
    role: str
    right: bool = False


@dataclass(eq=False)
class RollPlan:
    """A picture of piano rolls. scale: of a tune in one row, the breadth of a tick."""

    title: str
    width: float = 0.0
    height: float = TOP
    scale: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    lines: list[RollLine] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)


@dataclass(frozen=True)
class Lanes:
    """Where each pitch is. tops: of (drum, pitch), from the upper end of the row; height: of a lane; total: of all."""

    tops: dict[tuple[bool, int], float]
    height: float
    total: float


def plan(
    tunes: Sequence[Tune],
    marks: Sequence[np.ndarray | None] | None = None,
    *,
    bars: int | None = 8,
    marked: str = "marked",
    heading: bool = True,
) -> RollPlan:
    """The tunes one below the other.

    marks: for each tune [N] of bool, or None: notes that are drawn hollow; marked: what the legend calls them.
    bars: in a row; None: all in one. heading: whether title, facts and legend are there. Raises `UserError`.
    """
    if not tunes:
        raise UserError("there is no tune to draw.")
    if bars is not None and bars < 1:
        raise UserError(f"{bars} bars in a row: give 1 or more.")
    marks = [None] * len(tunes) if marks is None else marks
    for tune, mark in zip(tunes, marks, strict=True):
        if mark is not None and mark.shape != (len(tune),):
            raise UserError(f"{len(mark)} marks for {len(tune)} notes: give one bool for each.")
    out = RollPlan(", ".join(tune.title or tune.name or "A tune" for tune in tunes))
    for tune, mark in zip(tunes, marks, strict=True):
        if heading:
            _heading(out, tune, mark is not None and bool(mark.any()), marked)
        _rows(out, tune, np.zeros(len(tune), bool) if mark is None else mark, bars)
    return out


def _heading(out: RollPlan, tune: Tune, has_marks: bool, marked: str) -> None:
    title = tune.title or tune.name
    if title:
        out.words.append(Word(LEFT, out.height + 16, title, "title"))
        out.height += 24
    if known := facts(tune):
        out.words.append(Word(LEFT, out.height + 12, " · ".join(known), "fact"))
        out.height += 19
    entries = [(part.name or f"part {n + 1}", n, False) for n, part in enumerate(tune.parts)]
    entries = (entries if len(entries) > 1 else []) + ([(marked, 0, True)] if has_marks else [])
    x = LEFT
    for name, part, hollow in entries:
        out.boxes.append(Box(x, out.height + 4, 12, 8, "swatch", part, 1, hollow))
        out.words.append(Word(x + 17, out.height + 12, name, "fact"))
        x += 34 + LETTER * len(name)
        out.width = max(out.width, x)
    out.height += 19 if entries else 0


def _lanes(tune: Tune, high_lanes: bool) -> Lanes:
    """A lane for each pitch from the lowest to the highest, and below them one for each drum that there is."""
    drums = np.array([part.drums for part in tune.parts], bool)[tune.notes["part"]]
    pitched, struck = tune.notes["pitch"][~drums], np.unique(tune.notes["pitch"][drums])
    tops: dict[tuple[bool, int], float] = {}
    height, at = 8.0, 0.0
    if len(pitched) or not len(struck):
        low, high = (int(pitched.min()) - 1, int(pitched.max()) + 1) if len(pitched) else (60, 72)
        wanted = max(14 - (high - low + 1), 0)
        low, high = low - wanted // 2, high + (wanted + 1) // 2
        height = 8.0 if high - low < 40 else 6.0 if high - low < 64 else 5.0
        height += 2 * high_lanes
        for pitch in range(high, low - 1, -1):
            tops[False, pitch] = at
            at += height
        at += 8 if len(struck) else 0
    for pitch in struck[::-1].tolist():
        tops[True, pitch] = at
        at += max(height, DRUM)
    return Lanes(tops, height, at)


def _rows(out: RollPlan, tune: Tune, marks: np.ndarray, bars: int | None) -> None:
    starts, beats = grid(tune)
    edges = starts[:: bars or len(starts)].tolist()
    rows = list(zip([0, *edges[1:]], [*edges[1:], max(tune.length, int(starts[0]) + 1)], strict=True))
    longest = max(end - begin for begin, end in rows)
    least, most = QUARTER if bars else (SCROLLED, QUARTER[1])
    scale = float(np.clip(ROW / longest * tune.ticks, least, most)) / tune.ticks
    out.scale = scale
    lanes = _lanes(tune, high_lanes=bars is None)
    for begin, end in rows:
        out.height += (_chords(out, tune, begin, end, scale) if tune.chords else 0) + 14
        top, right = out.height, LEFT + (end - begin) * scale
        _ground(out, lanes, top, right)
        for ticks, role in ((beats, "beat"), (starts, "bar")):
            inside = ticks[(ticks >= begin) & (ticks < end)]
            out.lines += [
                RollLine(x, top, x, top + lanes.total, role) for x in (LEFT + (inside - begin) * scale).tolist()
            ]
        out.lines.append(RollLine(right, top, right, top + lanes.total, "bar"))
        first = int(np.searchsorted(starts, begin))
        for number, tick in enumerate(starts[(starts >= begin) & (starts < end)].tolist(), first + 1):
            out.words.append(Word(LEFT + (tick - begin) * scale + 1, top - 3, str(number), "number"))
        _notes(out, tune, marks, lanes, (begin, end), top, scale)
        out.width = max(out.width, right + RIGHT)
        out.height += lanes.total + BETWEEN


def _ground(out: RollPlan, lanes: Lanes, top: float, right: float) -> None:
    for (drum, pitch), y in lanes.tops.items():
        if drum:
            out.words.append(Word(LEFT - 4, top + y + DRUM - 2, NAMES.get(pitch, str(pitch)), "pitch", right=True))
            out.lines.append(RollLine(LEFT, top + y + DRUM, right, top + y + DRUM, "beat"))
            continue
        if pitch % 12 not in NATURALS:
            out.boxes.append(Box(LEFT, top + y, right - LEFT, lanes.height, "black"))
        if pitch % 12 == 0:
            out.lines.append(RollLine(LEFT, top + y + lanes.height, right, top + y + lanes.height, "octave"))
        if (name := pitch_name(pitch)) and (lanes.height >= 8 or pitch % 12 == 0):
            role = "octave-name" if pitch % 12 == 0 else "pitch"
            out.words.append(Word(LEFT - 4, top + y + lanes.height / 2 + 3, name, role, right=True))
    out.lines += [RollLine(LEFT, y, right, y, "edge") for y in (top, top + lanes.total)]


def _notes(
    out: RollPlan, tune: Tune, marks: np.ndarray, lanes: Lanes, row: tuple[int, int], top: float, scale: float
) -> None:
    begin, end = row
    starts, ends = tune.notes["start"], tune.notes["start"] + tune.notes["length"]
    for n in np.flatnonzero((starts < end) & (ends > begin)).tolist():
        note = tune.notes[n]
        part, drum = int(note["part"]), tune.parts[int(note["part"])].drums
        left, right = max(int(starts[n]), begin), min(int(ends[n]), end)
        # A little is left free, so that repeated notes are seen to be so.
        breadth = max((right - left) * scale - (0.8 if right == ends[n] else 0), 1.5)
        out.boxes.append(
            Box(
                LEFT + (left - begin) * scale,
                top + lanes.tops[drum, int(note["pitch"])] + 0.5,
                breadth,
                lanes.height - 1,
                "note" if left == starts[n] else "more",
                part,
                round(0.4 + 0.6 * min(max(int(note["velocity"]), 0), 127) / 127, 2),
                bool(marks[n]),
            )
        )


def _chords(out: RollPlan, tune: Tune, begin: int, end: int, scale: float) -> float:
    """Chord symbols above a row, in two lines where they are close; returns the height of these."""
    free = [0.0, 0.0]
    placed: list[tuple[float, int, str]] = []
    for chord in _within(tune, begin, end):
        x = LEFT + (max(chord.tick, begin) - begin) * scale
        level = 0 if x >= free[0] or x < free[1] else 1
        free[level] = x + LETTER * (len(chord.symbol) + 1)
        placed.append((x, level, chord.symbol))
    height = 14.0 * (1 + max((level for _, level, _ in placed), default=0))
    out.words += [Word(x, out.height + height - 3 - 14 * level, text, "chord") for x, level, text in placed]
    return height


def _within(tune: Tune, begin: int, end: int) -> list[Chord]:
    """The chords of a row, with the one that holds when it begins."""
    ends = [*(chord.tick for chord in tune.chords[1:]), end]
    found = zip(tune.chords, ends, strict=True)
    return [chord for chord, until in found if chord.symbol and chord.tick < end and until > begin]
