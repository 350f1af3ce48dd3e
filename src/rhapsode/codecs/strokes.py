"""The codec `strokes`: a step is a move of the pen.

A drawing of N points is N - 1 steps: the offset from each point to the next one, and whether the pen is lifted there,
and for good at the last.
Where the drawing begins is not kept. Offsets are normalised by the training data's mean and standard deviation, so
any importer's units will do, and drawings come out in the units that went in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.codecs._codec import damaged, fields
from rhapsode.codecs._records import Lack, RecordCodec, Records
from rhapsode.errors import UserError
from rhapsode.ink import read as files
from rhapsode.ink.drawing import Drawing
from rhapsode.ink.grid import pitch
from rhapsode.ink.metrics import metrics
from rhapsode.steps import Moves, Text

PER_CHARACTER = 19
"""Points a character that are enough to write it well. Pens report more, and each costs a step."""
SAMPLED = 200_000
"""Offsets looked at to find a grid."""
ALPHABET_LIMIT = 100_000
MEASURED = 200
"""Drawings that a hand's size is measured on."""


FAR, LONGEST = 100.0, 1000.0
"""What a step is cut to, each axis: in medians when its standard deviation is measured, then in those. Pens lose
contact, and one such error would outweigh all else."""


@dataclass(frozen=True)
class Hand:
    """How the training data is written: in its units, the height of an x and the width of a character; and how many
    characters nine in ten texts have at most, which is what the model writes well at a time."""

    x_height: float
    advance: float
    longest: int


class Strokes(RecordCodec):
    """Drawings ⇄ moves of a pen."""

    name = "strokes"
    summary = "a step is a move of the pen: handwriting and drawings"
    head = "mixture"
    unit = "point"
    record = "drawing"
    options = {"every": 0, "scale": 10}
    limits = {"every": (0, 1000), "scale": (0, 90)}
    meanings = {
        "every": "Keep each n-th point and those where the pen is lifted; 0 chooses n by the points of a character.",
        "scale": "Training presents each drawing up to this much larger or smaller, per cent.",
    }

    def __init__(self, moves: Moves, every: int, alphabet: str, pace: float, hand: Hand | None) -> None:
        self._moves, self.every, self._alphabet, self._pace, self.hand = moves, every, alphabet, pace, hand
        self.text = Text(len(alphabet) + 1, pace) if alphabet else None

    @property
    def steps(self) -> Moves:
        return self._moves

    @property
    def network(self) -> dict[str, Any]:
        window = {"condition": "window", "feedback": True} if self.text else {}
        return {"head": self.head, "embedding": 0, "layers": 2, "skip": True, **window}

    @property
    def alphabet(self) -> str:
        return self._alphabet

    wanted = f"files of drawings. {files.KNOWN}"
    recognises = staticmethod(files.recognised)
    parts = staticmethod(files.parts)
    read = staticmethod(files.read)

    @classmethod
    def lacking(cls, path: Path) -> Lack | None:
        if files.unfamiliar(path):
            return Lack("file{s} of numbers in JSON", "numbers in JSON, in no form that is known")
        return None

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Strokes:
        chosen = cls.checked(options)
        characters: Counter[str] = Counter()
        drawings = texts = 0
        for drawing in records():
            drawings += 1
            texts += bool(drawing.text)
            characters.update(drawing.text or "")
        # A corpus with texts may lack some; a corpus where most are missing is one of drawings.
        alphabet = "".join(sorted(characters)) if texts > drawings / 2 else ""
        return cls._measured(records, alphabet, chosen["every"], chosen["scale"] / 100, None)

    def refitted(self, records: Records) -> Strokes:
        every = 0 if self.text else self.every  # without characters, nothing tells how dense the points should be
        return self._measured(records, self.alphabet, every, self._moves.scale, self._pace or None)

    @classmethod
    def _measured(cls, records: Records, alphabet: str, every: int, scale: float, pace: float | None) -> Strokes:
        """The codec for these records. every: 0 to choose it, so that a character has `pace` characters a point, or
        the usual number. pace: that of the model to be fine-tuned."""

        def usable() -> Iterator[Drawing]:
            for drawing in records():
                if len(drawing) >= 2 and (not alphabet or drawing.text):
                    yield drawing

        if alphabet and not every:
            written = [(len(drawing), len(drawing.text or "")) for drawing in usable() if not drawing.thin]
            points, total = map(sum, zip(*written, strict=True)) if written else (0, 0)
            every = max(1, round(points / max(1, total) * pace if pace else points / max(1, total) / PER_CHARACTER))
        every = every or 1
        count, total, sums, squares = 0, 0, np.zeros(2), np.zeros(2)
        seen: list[np.ndarray] = []
        room = SAMPLED
        for drawing in usable():
            seen.append(_offsets(drawing, every)[0][:room])
            room -= len(seen[-1])
            if not room:
                break
        sampled = np.concatenate([np.zeros((0, 2)), *seen])
        limit = FAR * float(np.median(np.abs(sampled).max(axis=1, initial=0))) if len(sampled) else 0.0
        sizes: list[tuple[float, float]] = []
        lengths: Counter[int] = Counter()
        for drawing in usable():
            offsets, _ = _offsets(drawing, every)
            if limit:
                offsets = offsets.clip(-limit, limit)
            count += len(offsets)
            total += len(drawing.text or "")
            lengths[len(drawing.text or "")] += 1
            sums += offsets.sum(axis=0)
            squares += (offsets**2).sum(axis=0)
            if alphabet and drawing.text and len(sizes) < MEASURED:
                with suppress(UserError):  # nothing but dashes
                    sizes.append((metrics(drawing).x_height, float(np.ptp(drawing.points[:, 0])) / len(drawing.text)))
        if count < 2:
            raise UserError(
                "the drawings have no two points between them: there is nothing to learn a pen's moves from."
            )
        mean = sums / count
        sd = np.sqrt(np.maximum(squares / count - mean**2, 0))
        if not (np.isfinite(sd).all() and (sd > 0).all()):
            raise UserError(
                f"the pen does not move along one of the axes (sd of x and y offsets: {sd[0]:g}, {sd[1]:g})."
            )
        grid = [pitch(axis) for axis in sampled.T]
        hand = None
        if sizes:
            longest = int(np.quantile(list(lengths.elements()), 0.9))
            height, advance = np.median(sizes, axis=0).tolist()
            hand = Hand(height, advance, longest)
        moves = Moves(_pair(mean), _pair(sd), _pair(grid), scale)
        return cls(moves, every, alphabet, total / count if alphabet else 0.0, hand)

    def refusal(self, record: Drawing) -> str:
        if len(record) < 2:
            return "with fewer than two points"
        if self.text is not None:
            if not record.text:
                return "without text"
            if not set(record.text) <= set(self.alphabet):
                return "with characters that the model does not know"
        return ""

    def encode(self, record: Drawing, whole: bool = True) -> np.ndarray:
        if len(record) < 2:
            raise UserError(f"{record.name or 'drawing'}: it has {len(record)} points; at least 2 are needed.")
        offsets, lifted = _offsets(record, self.every)
        steps = np.empty((len(offsets), 3), np.float32)
        steps[:, :2] = np.clip((offsets - self._moves.mean) / self._moves.sd, -LONGEST, LONGEST)
        steps[:, 2] = lifted
        steps[-1, 2] = 2 if whole else 1
        return steps

    def decode(self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: None = None) -> Drawing:
        offsets = np.asarray(steps[:, :2], np.float64) * self._moves.sd + self._moves.mean
        points = np.concatenate([np.zeros((1, 2)), offsets.cumsum(axis=0)])
        ends = np.concatenate([[False], np.asarray(steps[:, 2]) > 0.5])
        first = int(begun)  # then the pen was up, and the first step brings it to the first point
        return Drawing(points[first:], ends[first:], text, thin=True)

    def drawn(self, record: Drawing) -> bool:
        return record.thin

    def ends(self, step: np.ndarray) -> bool:
        return bool(step[2] > 1.5)

    def may_end(self, step: np.ndarray) -> bool:
        return bool(step[2] > 0.5)

    def dump(self, record: Drawing) -> bytes:
        from rhapsode.ink.formats.own import dumps

        return (dumps(record) + "\n").encode()

    def show(self, record: Drawing) -> str:
        from rhapsode.ink.picture import preview

        return preview(record)

    @classmethod
    def text_of(cls, record: Drawing) -> str | None:
        return record.text

    def to_json(self) -> dict[str, Any]:
        moves = self._moves
        return {
            "mean": list(moves.mean),
            "sd": list(moves.sd),
            "grid": list(moves.grid),
            "scale": moves.scale,
            "every": self.every,
            "alphabet": self._alphabet,
            "pace": self._pace,
            "hand": list(astuple(self.hand)) if self.hand else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Strokes:
        *pairs, scale, every, alphabet, pace, hand = fields(
            cls, data, "mean", "sd", "grid", "scale", "every", "alphabet", "pace", "hand"
        )
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2 or not all(map(_number, pair)):
                raise damaged(cls, f"expected two numbers, found {str(pair)[:80]}")
        mean, sd, grid = map(_pair, pairs)
        if min(sd) <= 0 or min(grid) < 0:
            raise damaged(cls, f"sd {sd} and grid {grid} must be positive")
        if not isinstance(every, int) or isinstance(every, bool) or not 1 <= every <= 1000:
            raise damaged(cls, f"every is {every!r}")
        if not _number(scale) or not 0 <= scale < 1 or not _number(pace) or not 0 <= pace < 1e6:
            raise damaged(cls, f"scale is {scale!r}, pace is {pace!r}")
        if not isinstance(alphabet, str) or len(set(alphabet)) != len(alphabet) or len(alphabet) > ALPHABET_LIMIT:
            raise damaged(cls, "the alphabet is not a string of different characters")
        if alphabet and not pace:
            raise damaged(cls, "there is an alphabet but no pace")
        known = None
        if hand is not None:
            if not isinstance(hand, list) or len(hand) != 3 or not all(map(_number, hand)) or min(hand) <= 0:
                raise damaged(cls, f"a hand is {str(hand)[:80]}")
            known = Hand(float(hand[0]), float(hand[1]), int(hand[2]))
        return cls(Moves(mean, sd, grid, scale), every, alphabet, pace, known)


def _offsets(drawing: Drawing, every: int) -> tuple[np.ndarray, np.ndarray]:
    """From each kept point to the next one [n, 2], and whether the pen is lifted there [n] bool."""
    points, ends = drawing.points, drawing.ends
    if every > 1 and not drawing.thin:
        begins = np.flatnonzero(np.concatenate([[True], ends[:-1]]))
        lengths = np.diff(begins, append=len(points))
        into = np.arange(len(points)) - np.repeat(begins, lengths)
        kept = (into % every == 0) | ends
        points, ends = points[kept], ends[kept]
    offsets, lifted = np.diff(points, axis=0), ends[1:]
    if ends[0]:  # a dot: it takes a step to say that the pen was lifted
        offsets, lifted = np.concatenate([np.zeros((1, 2)), offsets]), ends
    return offsets, lifted


def _pair(values: Any) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
