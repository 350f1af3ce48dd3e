"""Reading handwriting: a small network that says which text a drawing shows.

It verifies what a model writes, and measures how legible that is. The pen's path is cut into frames of equal length;
layers of two LSTMs each, one for each direction (Graves et al. 2009), give every frame a distribution over the
characters and a blank. A text's probability is that of all the ways to spread it over the frames: connectionist
temporal classification (CTC; Graves et al. 2006). `ink.recogniser_training` trains it.

Dots and bars are read with the letters that they stand over, whenever they were drawn. Where one is missing, or stands
where none belongs, the symbol `FAULT` is read: a text alone would be guessed from the rest of the word.

    recogniser = Recogniser.load("models/reader.safetensors")
    print(recogniser.read(drawings))

Needs no torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from rhapsode.arithmetic import doubles
from rhapsode.config import Config, EncoderConfig, NetworkConfig, Width, make
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.modalities.ink import delayed
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.metrics import check
from rhapsode.nn.engine import INPUT, Graph, OnnxEngine
from rhapsode.nn.network import Network
from rhapsode.nn.operations import part
from rhapsode.steps.symbols import Symbols

PARTS = 3
"""Moves in a frame."""
STEP = 0.7
"""The path in a frame, in standard deviations of the ink's height. Joined-up writing has about 12 such a character."""
STEEP = 25.0
"""Times a line's variance in height that its variance in width must be for half of its slope to be taken out."""
FLATTEST = 1e-4
"""The least such deviation, in widths or heights of the whole drawing: dots in a row have none."""
FAR = 8.0
"""Numbers in frames are at most so large: between words, the pen may go any distance."""
LONGEST = 20_000
"""Frames of strokes in a drawing; one that has more is cut less finely."""
FEATURES = 2 * PARTS + 2
UP = FEATURES - 1
"""Which feature says that the pen is up (1) or down (0), or that the frame is only padding (-1)."""
BATCH = 1 << 14
"""Frames read at once."""
FORMER = re.compile(r"^encoder\.bidirectional(\d+)")
"""What files of format 1 call otherwise."""
FAULT = "\ufffd"
"""What is read where a dot or bar is missing or too many."""

FILE = "recogniser.safetensors"
"""Its place in the folder of the model whose writing it reads."""


class RecogniserConfig(Config):
    """All of a recogniser but its weights. Its file carries it as JSON."""

    format: Literal[2] = 2
    kind: Literal["recogniser"] = "recogniser"
    alphabet: str = Field(min_length=1, max_length=100_000)
    """The characters it reads; the symbol after the last one is the blank."""
    layers: int = Field(default=2, ge=1, le=16)
    width: Width = 128
    """H, outputs per layer and direction."""
    marks: bool = False
    """It reads dots and bars with their letters, and `FAULT` where they are wrong: the symbol after the blank."""
    doubt: float | None = None
    """Nats a character that the texts of 19 in 20 validation drawings stay below; None if there were none."""
    facts: dict[str, Any] = {}
    """For people: how it was trained, and how well it did."""

    @field_validator("alphabet")
    @classmethod
    def _distinct(cls, alphabet: str) -> str:
        if len(set(alphabet)) != len(alphabet):
            raise ValueError("a character stands there twice")
        return alphabet

    @property
    def blank(self) -> int:
        """The symbol for `no new character here`."""
        return len(self.alphabet)

    @property
    def symbols(self) -> int:
        """How many there are, with the blank and, perhaps, the fault."""
        return len(self.alphabet) + 1 + self.marks

    def network(self) -> Network:
        """What computes unnormalised log-probabilities [T, B, symbols] of frames, which are its covariates."""
        shape = NetworkConfig(
            layers=0, autoregressive=False, width=self.width, encoder=EncoderConfig(bidirectional=self.layers)
        )
        return Network(shape, Symbols(self.symbols), covariates=FEATURES)


class Recogniser:
    """What a recogniser's file holds, and what it can do. Make one with `Recogniser.load`. Immutable."""

    def __init__(self, config: RecogniserConfig, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.weights = weights
        self.network = config.network()

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Recogniser:
        """The recogniser in a file. Raises `UserError` for anything else."""
        file = Path(path)
        info, digest, _ = checkpoint.load_info(file)
        if info.get("kind") != "recogniser":
            raise UserError(f"{file} holds no recogniser. Make one: rhapsode recognise SOURCE -o MODEL.")
        old = info.get("format") == 1  # in which weights had other names
        config = make(RecogniserConfig, info | {"format": 2} if old else info, f"{file}: its configuration")
        shapes = config.network().shapes
        stored = {name: FORMER.sub(r"layer\1", name) if old else name for name in shapes}
        found = checkpoint.load_tensors(file, {stored[name]: shape for name, shape in shapes.items()}, digest)
        weights = {name: found[stored[name]] for name in shapes}
        for name, value in weights.items():
            if value.dtype != np.float32 or not np.isfinite(value).all():
                raise UserError(f"{file}: weight {name!r} is not made of finite float32 numbers. Train again.")
        return Recogniser(config, weights)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file that `load` reads. Raises `UserError` when the disk will not take it."""
        checkpoint.save(Path(path), self.config.model_dump(), self.weights)

    @cached_property
    def engine(self) -> OnnxEngine:
        return OnnxEngine(self._graph())

    def read(self, drawings: Sequence[Drawing]) -> list[str]:
        """What each drawing shows: the likeliest symbol of each frame, without repetitions and blanks; `FAULT` where
        a dot or bar is wrong.

        Nothing is read in an empty drawing. Raises `UserError` for coordinates that are not numbers.
        """
        texts, shown = [""] * len(drawings), f"{self.config.alphabet}-{FAULT}"
        for n, parameters in self._frames_read(drawings):
            best = parameters.argmax(axis=1)
            new = (best != self.config.blank) & (np.diff(best, prepend=-1) != 0)
            texts[n] = "".join(shown[symbol] for symbol in best[new])
        return texts

    def nats(self, drawings: Sequence[Drawing], texts: Sequence[str]) -> np.ndarray:
        """-log of the probability that each drawing shows the text beside it, [N] float64; infinite where there is
        too little ink for all characters.

        Raises `UserError` for characters that are not in the alphabet, and for coordinates that are not numbers.
        """
        if len(texts) != len(drawings):
            raise ValueError(f"{len(drawings)} drawings, {len(texts)} texts")
        symbols = [self._symbols(text) for text in texts]
        found = np.array([np.inf if text else 0.0 for text in texts])
        for n, parameters in self._frames_read(drawings):
            found[n] = _ctc(doubles.log_softmax(parameters.astype(np.float64)), symbols[n], self.config.blank)
        return found

    def _symbols(self, text: str) -> np.ndarray:
        unknown = sorted(set(text) - set(self.config.alphabet))
        if unknown:
            raise UserError(
                f"{text!r}: the recogniser has never seen {', '.join(map(repr, unknown))}. "
                f"It reads {self.config.alphabet!r}."
            )
        return np.array([self.config.alphabet.index(c) for c in text], np.int64)

    def _frames_read(self, drawings: Sequence[Drawing]) -> Iterator[tuple[int, np.ndarray]]:
        """The number of each drawing that has ink, and the network's output for its frames, [T, symbols]."""
        cut = [frames(drawing, marks=self.config.marks) for drawing in drawings]
        order = sorted((n for n in range(len(cut)) if len(cut[n])), key=lambda n: len(cut[n]))
        while order:
            rows = max(1, BATCH // len(cut[order[-1]]))
            batch, order = order[-rows:], order[:-rows]
            parameters, _ = self.engine.run(padded([cut[n] for n in batch]), ())
            for row, n in enumerate(batch):
                yield n, parameters[: len(cut[n]), row]

    def _graph(self) -> bytes:
        """An ONNX graph: frames [T, B, FEATURES] → unnormalised log-probabilities [T, B, symbols]."""
        graph, weights = Graph((FEATURES,), whole=False), self.weights
        up = graph.add("Gather", INPUT, graph.constant(np.array(UP)), axis=2)[0]
        real = graph.add("GreaterOrEqual", up, graph.constant(np.array(0, np.float32)))[0]
        counted = graph.add("Cast", real, to=7)[0]  # ONNX's number for int64
        graph.row_lengths = graph.add("ReduceSum", counted, graph.constant([0]), keepdims=0)[0]
        encoder = self.network.encoder
        assert encoder is not None
        x = encoder.forward(graph, part(weights, "encoder"), INPUT)
        return graph.finish(*self.network.forward(graph, weights, [x]))


def frames(drawing: Drawing, size: float = 1.0, marks: bool = False) -> np.ndarray:
    """A drawing as the network reads it, [T, FEATURES] float32: the same wherever it stands, whatever its units, and
    however many points the pen reported.

    Each stroke is cut into frames in which the pen goes (nearly) equally far; the way to the next stroke is one frame.
    A frame is `PARTS` moves x, y, in units of their usual length; how far its middle is below the line's, in
    standard deviations of the ink's height; and whether the pen is up.

    size: as if the writing were so much larger than measured. marks: with delayed strokes where their letters are.
    Raises `UserError` for coordinates that are not numbers.
    """
    return framed(drawing, size, marks)[0]


def framed(drawing: Drawing, size: float = 1.0, marks: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """As `frames`, and in which frame each of the drawing's points is, [N] int64."""
    check(drawing)
    if not len(drawing):
        return np.empty((0, FEATURES), np.float32), np.empty(0, np.int64)
    points = drawing.points - drawing.points[0]
    points = points / (float(np.ptp(points, axis=0).max()) or 1.0)
    order, ends = np.arange(len(points)), drawing.ends.copy()
    if marks:
        order, ends = delayed.whole_strokes(points, ends)
        points = points[order]
    ends[-1] = True
    begins = np.concatenate([[0], np.flatnonzero(ends[:-1]) + 1])
    stroke = np.cumsum(np.append(0, ends[:-1]))
    moves = np.diff(points, axis=0, append=points[-1:])
    far = np.where(ends, 0.0, np.hypot(moves[:, 0], moves[:, 1]))
    lengths = np.add.reduceat(far, begins)
    points[:, 1], sd = _levelled(points, moves, far)
    extents = np.maximum.reduceat(points, begins) - np.minimum.reduceat(points, begins)
    scale = max(sd, float(extents.max()) / 100, FLATTEST) / size  # a dash has next to no height
    step = max(STEP * scale, float(lengths.sum()) / LONGEST)
    counts = np.maximum(1, np.rint(lengths / step))
    first = np.append(0, np.cumsum(counts + 1))[:-1]  # where each stroke begins, in frames
    done = np.cumsum(far) - far
    done = (done - done[begins][stroke]) / np.where(lengths > 0, lengths, 1.0)[stroke]
    place = first[stroke] + counts[stroke] * np.clip(done, 0, 1)
    frame = np.empty(len(drawing), np.int64)
    frame[order] = place  # rounded down
    # The last point of a stroke stands twice, so that a dot lasts for a frame, too.
    twice = np.repeat(np.arange(len(points)), 1 + ends)
    place = place[twice]
    place[np.flatnonzero(ends) + np.arange(1, len(begins) + 1)] = first + counts
    total = int(first[-1] + counts[-1])
    grid = np.arange(total * PARTS + 1) / PARTS
    path = np.stack([np.interp(grid, place, axis) for axis in points[twice].T], axis=1)
    found = np.zeros((total, FEATURES), np.float32)
    found[:, : 2 * PARTS] = (np.diff(path, axis=0) * (PARTS / step)).reshape(total, 2 * PARTS)
    found[:, UP - 1] = (path[:-1:PARTS, 1] + path[PARTS::PARTS, 1]) / 2 / scale
    found[first[1:].astype(np.int64) - 1, UP] = 1
    return np.clip(found, -FAR, FAR), frame


def _levelled(points: np.ndarray, moves: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, float]:
    """Heights [N] of points about the line that the ink lies along, and their standard deviation.

    moves [N, 2] are those from each point, and `far` [N] tells their lengths: ink counts by its length.
    """
    weights = far / far.sum() if far.any() else np.full(len(far), 1 / len(far))
    middles = points + moves / 2
    mean = weights @ middles
    x, y = (middles - mean).T
    across, down = moves.T
    # Those of ink spread evenly along the moves, however many there are of them.
    xx, xy, yy = (
        weights @ (a * b + c * d / 12)
        for a, b, c, d in ((x, x, across, across), (x, y, across, down), (y, y, down, down))
    )
    # A few letters say little of the slope: what they happen to be says more.
    slope = float(xy / (xx + STEEP * yy)) if xx + yy > 0 else 0.0
    heights = points[:, 1] - mean[1] - slope * (points[:, 0] - mean[0])
    return heights, max(0.0, float(yy - 2 * slope * xy + slope**2 * xx)) ** 0.5


def padded(cut: Sequence[np.ndarray]) -> np.ndarray:
    """Frames [T, FEATURES] of some drawings as one batch [longest T, B, FEATURES] float32."""
    batch = np.zeros((max(map(len, cut)), len(cut), FEATURES), np.float32)
    batch[:, :, UP] = -1
    for row, own in enumerate(cut):
        batch[: len(own), row] = own
    return batch


def _ctc(log_p: np.ndarray, symbols: np.ndarray, blank: int) -> float:
    """-log of the probability of `symbols` [U], from log-probabilities [T, symbols] of frames (forward algorithm)."""
    states = np.full(2 * len(symbols) + 1, blank)
    states[1::2] = symbols
    skips = np.zeros(len(states), bool)  # a blank may be left out, but not between equal characters
    skips[2:] = (states[2:] != blank) & (states[2:] != states[:-2])
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = log_p[0, states[:2]]
    for now in log_p[1:]:
        reached = alpha.copy()
        reached[1:] = np.logaddexp(reached[1:], alpha[:-1])
        reached[2:] = np.where(skips[2:], np.logaddexp(reached[2:], alpha[:-2]), reached[2:])
        alpha = reached + now[states]
    return -float(np.logaddexp.reduce(alpha[-2:]))
