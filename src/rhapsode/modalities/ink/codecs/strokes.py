"""The codec `strokes`: a step is a move of the pen.

A drawing of N points is N - 1 steps: the offset from each point to the next one, and whether the pen is lifted there,
and for good at the last.
Where the drawing begins is not kept. Offsets are normalised by the training data's mean and standard deviation, so
any importer's units will do, and drawings come out in the units that went in.

Where a hand adds its dots and bars when the word is written, they are learnt with their letters, and come out after the
stroke that they stand over (`ink.delayed`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Lack, RecordCodec, Records
from rhapsode.errors import UserError
from rhapsode.modalities.ink import delayed
from rhapsode.modalities.ink import read as files
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.grid import pitch
from rhapsode.modalities.ink.metrics import metrics
from rhapsode.modalities.ink.moves import Moves
from rhapsode.steps.text import Text

PER_CHARACTER = 19
"""Points a character that are enough to write it well. Pens report more, and each costs a step."""
SAMPLED = 200_000
"""Offsets looked at to find a grid."""
ALPHABET_LIMIT = 100_000
WATCHED = 1000
"""Drawings that are looked at to see when a hand adds dots and bars."""
COMMON = 20
"""How often a character must come for a model that is fine-tuned to learn it anew."""
MEASURED = 200
"""Drawings that a hand's size is measured on."""


FAR, LONGEST = 100.0, 1000.0
"""What a step is cut to, each axis: in medians when its standard deviation is measured, then in those. Pens lose
contact, and one such error would outweigh all else."""


@dataclass(frozen=True)
class HandSize:
    """How the training data is written: in its units, the height of an x and the width of a character; and how many
    characters nine in ten texts have at most, which is what the model writes well at a time."""

    x_height: float
    advance: float
    longest: int


class Strokes(RecordCodec):
    """Drawings ⇄ moves of a pen."""

    name = "strokes"
    summary = "a step is a move of the pen: handwriting and drawings"
    keeps = "its alphabet, and measures of its strokes"
    beside = ("recogniser.safetensors",)
    head = "mixture"
    unit = "point"
    flips = True
    record = "drawing"
    options = {"every": 0, "scale": 10, "delayed": 4}
    limits = {"every": (0, 1000), "scale": (0, 90), "delayed": (0, 1000)}
    meanings = {
        "every": "Keep each n-th point and those where the pen is lifted; 0 chooses n by the points of a character.",
        "scale": "Training presents each drawing up to this much larger or smaller, per cent.",
        "delayed": "Dots and bars that are added after a word are learnt with their letters where there are so many "
        "to a hundred characters; 0: always.",
    }

    def __init__(self, moves: Moves, every: int, alphabet: str, pace: float, hand: HandSize | None) -> None:
        self._moves, self.every, self._alphabet, self._pace, self.hand = moves, every, alphabet, pace, hand
        self.text = Text(len(alphabet) + 1, pace) if alphabet else None
        self.usage = '"any words" -o words.svg' if alphabet else "-o drawing.svg"

    @property
    def steps(self) -> Moves:
        return self._moves

    @property
    def network(self) -> dict[str, Any]:
        window = {"attention": {"name": "window", "feedback": True}} if self.text else {}
        return {"head": self.head, "embedding": 0, "layers": 2, "skip": True, **window}

    @property
    def alphabet(self) -> str:
        return self._alphabet

    wanted = f"files of drawings. {files.FORMATS.known}"
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
        added = added_later(records) if alphabet else -1.0
        moves = Moves((0.0, 0.0), (1.0, 1.0), scale=chosen["scale"] / 100, returns=added >= chosen["delayed"] / 100)
        return cls._measured(records, alphabet, chosen["every"], moves, None)

    def refitted(self, records: Records) -> Strokes:
        if not self.text:  # without characters, nothing tells how dense the points should be
            return self._measured(records, "", self.every, self._moves, None)
        counts = Counter(character for drawing in records() for character in drawing.text or "")
        new = sorted(c for c, count in counts.items() if count >= COMMON and c not in self.alphabet)
        returns = self._moves.returns or added_later(records) >= self.options["delayed"] / 100
        moves = replace(self._moves, returns=returns)
        return self._measured(records, self.alphabet + "".join(new), 0, moves, self._pace)

    @classmethod
    def _measured(cls, records: Records, alphabet: str, every: int, like: Moves, pace: float | None) -> Strokes:
        """The codec for these records. every: 0 to choose it, so that a character has `pace` characters a point, or
        the usual number. like: what steps are to be but for their measures. pace: that of the model to be fine-tuned.
        """

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
            seen.append(_offsets(drawing, every, like.returns)[0][:room])
            room -= len(seen[-1])
            if not room:
                break
        sampled = np.concatenate([np.zeros((0, 2)), *seen])
        limit = FAR * float(np.median(np.abs(sampled).max(axis=1, initial=0))) if len(sampled) else 0.0
        sizes: list[tuple[float, float]] = []
        lengths: Counter[int] = Counter()
        for drawing in usable():
            offsets, _ = _offsets(drawing, every, like.returns)
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
            hand = HandSize(height, advance, longest)
        moves = replace(like, mean=_pair(mean), sd=_pair(sd), grid=_pair(grid))
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
        offsets, pen = _offsets(record, self.every, self._moves.returns)
        steps = np.empty((len(offsets), 3), np.float32)
        steps[:, :2] = np.clip((offsets - self._moves.mean) / self._moves.sd, -LONGEST, LONGEST)
        steps[:, 2] = pen
        steps[-1, 2] = 2 if whole else 1
        return steps

    def beginning(self, record: Drawing) -> np.ndarray:
        """After a last stroke that was never ended, the pen is still down: that stroke goes on."""
        ends = record.ends.copy()
        ends[-1:] = True  # so that its last point is kept
        found = self.encode(replace(record, ends=ends), whole=False)
        if not record.ends[-1]:
            found[-1, 2] = 0
        return found

    def decode(self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: None = None) -> Drawing:
        offsets = np.asarray(steps[:, :2], np.float64) * self._moves.sd + self._moves.mean
        points = np.concatenate([np.zeros((1, 2)), offsets.cumsum(axis=0)])
        pen = np.concatenate([[0], np.rint(steps[:, 2]).astype(np.int64)])
        first = int(begun)  # then the pen was up, and the first step brings it to the first point
        points, pen = points[first:], pen[first:]
        if self._moves.returns:
            points, ends, order = delayed.apart(points, pen)
            return Drawing(points, ends, text, thin=True, order=order)
        return Drawing(points, pen != 0, text, thin=True)

    def drawn(self, record: Drawing) -> bool:
        return record.thin

    def ends(self, step: np.ndarray) -> bool:
        return bool(step[2] > 1.5)

    def may_end(self, step: np.ndarray) -> bool:
        return bool(step[2] > 0.5)

    def dump(self, record: Drawing) -> bytes:
        from rhapsode.modalities.ink.formats.own import dumps

        return (dumps(record) + "\n").encode()

    def show(self, record: Drawing) -> str:
        from rhapsode.modalities.ink.picture import preview

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
            **({"returns": True} if moves.returns else {}),  # models made before there were any have no such field
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Strokes:
        if isinstance(data, dict):
            data = {"returns": False, **data}
        *pairs, scale, every, alphabet, pace, hand, returns = fields(
            cls, data, "mean", "sd", "grid", "scale", "every", "alphabet", "pace", "hand", "returns"
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
        if not isinstance(returns, bool):
            raise damaged(cls, f"returns is {returns!r}")
        known = None
        if hand is not None:
            if not isinstance(hand, list) or len(hand) != 3 or not all(map(_number, hand)) or min(hand) <= 0:
                raise damaged(cls, f"a hand is {str(hand)[:80]}")
            known = HandSize(float(hand[0]), float(hand[1]), int(hand[2]))
        return cls(Moves(mean, sd, grid, scale, returns), every, alphabet, pace, known)


def added_later(records: Records) -> float:
    """Dots and bars that come after their word, a character of the first drawings with words: of single characters,
    such as kanji, all strokes are parts of the same one."""
    known = (drawing for drawing in records() if len(drawing) and len(drawing.text or "") > 1)
    counted = [(len(delayed.marks(one.points, one.ends)), len(one.text or "")) for one in islice(known, WATCHED)]
    return sum(count for count, _ in counted) / max(1, sum(length for _, length in counted))


def _offsets(drawing: Drawing, every: int, returns: bool) -> tuple[np.ndarray, np.ndarray]:
    """From each kept point to the next one [n, 2], and what the pen does there [n], as steps say it."""
    points, ends = drawing.points, drawing.ends
    if every > 1 and not drawing.thin:
        begins = np.flatnonzero(np.concatenate([[True], ends[:-1]]))
        lengths = np.diff(begins, append=len(points))
        into = np.arange(len(points)) - np.repeat(begins, lengths)
        kept = (into % every == 0) | ends
        points, ends = points[kept], ends[kept]
    pen = ends.astype(np.int64)
    if returns:
        if drawing.order is not None:
            order, pen = drawing.order, delayed.again(ends, drawing.order)
        else:
            order, pen = delayed.together(points, ends)
        points = points[order]
    offsets = delayed.offsets(points, pen)
    if pen[0] != delayed.DOWN:  # a dot: it takes a step to say that the pen was lifted
        return np.concatenate([np.zeros((1, 2)), offsets]), pen
    return offsets, pen[1:]


def _pair(values: Any) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
