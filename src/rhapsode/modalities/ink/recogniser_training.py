"""Training a recogniser of handwriting, in minutes.

Bidirectional layers of LSTMs, learnt in the loop in which all models are learnt. Every epoch shows each drawing a
little differently, so that what another hand or a model writes is judged by its letters.

A part of them is shown with a fault: a dot or bar is removed, moved or added (`ink.faults`). Where it is, is
known in frames, so the network learns to say so there; it learns to read such drawings nonetheless, the fault being as
good as a blank. So it does not take a word for right because it can be guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rhapsode.config import Dropout, make
from rhapsode.errors import UserError
from rhapsode.files.place import check
from rhapsode.inference.error_rate import character_error_rate
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.faults import KINDS, Faults
from rhapsode.modalities.ink.recogniser import UP, Recogniser, RecogniserConfig, framed, padded
from rhapsode.nn.network import Network
from rhapsode.report import Report
from rhapsode.training.auto import precision_for
from rhapsode.training.distributed import Group
from rhapsode.training.loop import Loop
from rhapsode.training.memory import kept
from rhapsode.training.plan import Budget, Plan

WIDTH = 128
"""Outputs of a layer in each direction, where nothing else is said."""
ROWS = 32
MATRIX_RATE, RATE = 0.03, 6e-3
"""Peak rates of Muon and of AdamW."""
FINE = 0.4
"""Part of these rates for a recogniser that goes on from another one."""
WARMUP = 50
"""Updates over which the rates rise."""
DROPOUT = 0.25
"""Of what goes between layers and to the output: one mask for all frames of a drawing (Gal & Ghahramani 2016)."""
EVALUATIONS = 8
"""How often a run reads the validation drawings."""
GIVE_UP = 20
"""Updates in a row without finite gradients after which a run stops."""
SLANT, TURN, STRETCH, SIZE = 0.15, 0.04, 0.1, 0.1
"""Standard deviations of how each drawing is varied: lean, turn (radians), logarithms of width and of size."""
WOBBLE, SHIFT, JITTER = 0.08, 0.05, 0.02
"""The same for waves, strokes and points that are moved, each axis, in standard deviations of the points' height."""
FAULTY = 0.5
"""Part of the drawings that is shown with a fault."""
NEAR = 5
"""Frames to either side of a fault in which it may be noticed."""


class Shown(NamedTuple):
    """A drawing as training shows it. frames: [T, FEATURES]; text: what it is to be read as; faults: frames near which
    a dot or bar is wrong."""

    frames: np.ndarray
    text: str
    faults: list[int]


def train_recogniser(
    drawings: Iterable[Drawing],
    output: Path,
    *,
    minutes: float,
    seed: int = 0,
    valid: Iterable[Drawing] | None = None,
    report: Report | None = None,
    layers: int = 2,
    width: int = WIDTH,
    base: Recogniser | None = None,
    overwrite: bool = False,
) -> Recogniser:
    """Learn to read drawings, those with texts, for so many minutes, and write the recogniser to the file `output`.

    With `base`, go on from what that one has learnt, at lower rates: its layers, width and characters stay.

    With `valid`, the weights that made the fewest errors on those are kept, and `facts` tell their rate, and what part
    of faults is noticed; that choice flatters both, so measure on other drawings. A recogniser that is there is
    replaced with `overwrite` only.
    Raises `UserError` if there is nothing to learn from or to validate with, and if training loses its numbers.
    """
    if not overwrite:
        check_free(output)
    report = report or Report()
    check(str(output))
    known = _with_text(drawings, "training", report)
    held = None if valid is None else _with_text(valid, "validation", report)
    alphabet = "".join(sorted({c for drawing in known for c in drawing.text or ""}))
    faults = Faults(known)
    marks = bool(faults.shapes)
    if base:
        alphabet = "".join(sorted({*alphabet, *base.config.alphabet}))
        layers, width, marks = base.config.layers, base.config.width, marks or base.config.marks
    config = RecogniserConfig(alphabet=alphabet, layers=layers, width=width, marks=marks)
    best = Recogniser(config, {})
    lowest, doubt = math.inf, None

    def looked(weights: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        nonlocal best, lowest, doubt
        wrong = 0.0
        if held:
            found, doubt, wrong = _validated(Recogniser(config, weights), held, faults)
            facts |= found
        if wrong <= lowest:
            lowest = wrong
            best = Recogniser(config.model_copy(update={"facts": facts, "doubt": doubt}), weights)
            best.save(output)

    threads = torch.get_num_threads()
    try:
        with kept():
            finished = _Run(config, known, faults, base, minutes, seed, report, looked).run()
    finally:
        torch.set_num_threads(threads)
    if not finished:
        raise KeyboardInterrupt
    return best


def check_free(output: Path) -> None:
    """Raises `UserError` if there is a recogniser already."""
    if output.exists():
        raise UserError(f"{output} is there already, and has learnt to read. Replace it with --overwrite.")


def _validated(reader: Recogniser, held: list[Drawing], faults: Faults) -> tuple[dict[str, Any], float | None, float]:
    """Character error rate, and the part of faults that is noticed; nats a character that the texts of 19 in 20
    drawings stay below; and what is to be small: errors, those of the first kind and faults that were not noticed, a
    character."""
    texts = [drawing.text or "" for drawing in held]
    rate = character_error_rate(zip(texts, reader.read(held), strict=True))
    known = [n for n, text in enumerate(texts) if set(text) <= set(reader.config.alphabet)]
    nats = reader.nats([held[n] for n in known], [texts[n] for n in known]) / [len(texts[n]) for n in known]
    doubt = float(np.quantile(nats, 0.95)) if known else math.inf
    facts: dict[str, Any] = {"valid_cer": rate.rate}
    errors = rate.edits
    if reader.config.marks:
        noticed = [one for kind in KINDS for one in notices(reader, held, faults, kind)]
        facts["valid_noticed"] = float(np.mean(noticed)) if noticed else None
        errors += noticed.count(False)
    return facts, doubt if math.isfinite(doubt) else None, errors / rate.characters


def notices(reader: Recogniser, drawings: Sequence[Drawing], faults: Faults, kind: str, seed: int = 0) -> list[bool]:
    """Of each drawing in which a fault of this kind can be made: whether it then is not read as its text."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    made = [found.drawing for drawing in drawings if (found := faults.make(drawing, kind, rng))]
    return [read != drawing.text for read, drawing in zip(reader.read(made), made, strict=True)]


def _with_text(drawings: Iterable[Drawing], what: str, report: Report) -> list[Drawing]:
    given = list(drawings)
    known = [drawing for drawing in given if len(drawing) and drawing.text]
    if not known:
        raise UserError(f"{what}: none of {len(given)} drawings has ink and a text. Give some that say what they show.")
    if len(known) < len(given):
        report.note(f"{what}: {len(given) - len(known)} of {len(given)} drawings without ink or text are left out")
    return known


class _Run(Loop):
    """One run. looked: is told of each look, with the weights, how much is done, and facts."""

    looks = EVALUATIONS

    def __init__(
        self,
        config: RecogniserConfig,
        drawings: list[Drawing],
        faults: Faults,
        base: Recogniser | None,
        minutes: float,
        seed: int,
        report: Report,
        looked: Callable[[dict[str, np.ndarray], dict[str, Any]], None],
    ) -> None:
        device, network = torch.device("cpu"), config.network()
        fine = FINE if base else 1.0
        plan = {
            "network": network.config,
            "dropout": Dropout(between=DROPOUT, output=DROPOUT, locked=True),
            "batch_size": ROWS,
            "matrix_rate": fine * MATRIX_RATE,
            "rate": fine * RATE,
            "warmup": WARMUP,
            "precision": precision_for("auto", device),
            "threads": torch.get_num_threads(),
            "budget": make(Budget, {"minutes": minutes}, "training a recogniser"),
            "seed": seed,
        }
        super().__init__(make(Plan, plan, "training a recogniser"), network, device, report, Group())
        if base:
            self.adopt(grown(config, self.arrays(), base))
        self.config, self._looked, self._lost = config, looked, 0
        self._batches = _batches(drawings, faults, np.random.default_rng(seed))

    def _loss(self) -> Tensor:
        shown = next(self._batches)
        with self._autocast():
            x = torch.from_numpy(padded([one.frames for one in shown]))
            parameters = run(self.network, self.weights, x, self.plan.dropout)
        return _nats_per_character(self.config, parameters, shown)

    def _sound(self, norm: Tensor) -> bool:
        self._lost = 0 if math.isfinite(float(norm)) else self._lost + 1
        if self._lost == GIVE_UP:
            raise UserError(f"training a recogniser lost its numbers at update {self.updates}. Try another seed.")
        return not self._lost

    def _look(self, train: float) -> None:
        facts = {"updates": self.updates, "seconds": round(self.seconds, 1), "train": train}
        self._looked(self.arrays(), facts)
        self.report.progress(self.done, **facts)


def _nats_per_character(config: RecogniserConfig, parameters: Tensor, shown: list[Shown]) -> Tensor:
    """-log of the texts' probability, and of that of the faults, over the texts' characters. Texts for which there is
    too little ink count nothing."""
    symbols = {c: n for n, c in enumerate(config.alphabet)}
    log_p = parameters.float().log_softmax(-1)
    nats = log_p.new_zeros(())
    if config.marks:
        nats = _nats_of_faults(log_p[..., -1], torch.logsumexp(log_p[..., :-1], -1), shown)
        # To the text, a fault is as good as a blank.
        log_p = torch.cat([log_p[..., : config.blank], log_p[..., config.blank :].logsumexp(-1, keepdim=True)], -1)
    nats = nats + functional.ctc_loss(
        log_p,
        torch.tensor([symbols[c] for one in shown for c in one.text]),
        torch.tensor([len(one.frames) for one in shown]),
        torch.tensor([len(one.text) for one in shown]),
        config.blank,
        reduction="sum",
        zero_infinity=True,
    )
    return nats / sum(len(one.text) for one in shown)


def _nats_of_faults(there: Tensor, none: Tensor, shown: list[Shown]) -> Tensor:
    """-log of the probability that each fault is noticed in a frame near it, and none in all other frames.

    there, none: log-probabilities [T, B] that there is a fault in a frame, and that there is none.
    """
    sound = torch.zeros(there.shape, dtype=torch.bool)
    nats = there.new_zeros(())
    for row, one in enumerate(shown):
        sound[: len(one.frames), row] = True
        for frame in one.faults:
            near = slice(max(0, frame - NEAR), min(frame + NEAR + 1, len(one.frames)))
            sound[near, row] = False
            missed = none[near, row].sum().clamp(max=-1e-6)
            nats = nats - torch.log(-torch.expm1(missed))
    return nats - none[sound].sum()


def _batches(drawings: list[Drawing], faults: Faults, rng: np.random.Generator) -> Iterator[list[Shown]]:
    """About equally long drawings; in every epoch, all of them, each varied anew."""
    lengths = np.array([len(drawing.text or "") for drawing in drawings])
    while True:
        order = np.argsort(lengths * rng.uniform(0.8, 1.25, len(drawings)))
        for begin in rng.permutation(range(0, len(order), ROWS)):
            yield [_shown(drawings[n], faults, rng) for n in order[begin : begin + ROWS]]


def _shown(drawing: Drawing, faults: Faults, rng: np.random.Generator) -> Shown:
    places: tuple[int, ...] = ()
    if faults.shapes and rng.random() < FAULTY:
        found = faults.make(drawing, KINDS[rng.integers(len(KINDS))], rng)
        drawing, places = found or (drawing, places)
    marks = bool(faults.shapes)
    cut, frame = framed(varied(drawing, rng), math.exp(SIZE * rng.standard_normal()), marks)
    return Shown(cut, drawing.text or "", frame[list(places)].tolist())


def varied(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """The same writing by a slightly different hand."""
    lean, turn, wide = rng.standard_normal(3) * (SLANT, TURN, STRETCH)
    cos, sin, stretch = math.cos(turn), math.sin(turn), math.exp(wide)
    points = drawing.points @ np.array([[stretch, 0], [-lean, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    unit = float(points[:, 1].std())
    if unit > 0:
        waves = rng.uniform(0.5, 2.0, 2), rng.uniform(0, 2 * math.pi, 2)
        points += WOBBLE * unit * np.sin(points[:, :1] / unit * waves[0] + waves[1])
        stroke = np.cumsum(np.append(0, drawing.ends[:-1]))
        points += SHIFT * unit * rng.standard_normal((int(stroke[-1]) + 1, 2))[stroke]
        points += JITTER * unit * rng.standard_normal(points.shape)
    return Drawing(points, drawing.ends, drawing.text, drawing.name)


def grown(config: RecogniserConfig, weights: Mapping[str, np.ndarray], base: Recogniser) -> dict[str, np.ndarray]:
    """Weights for `config`: those of `base`, where it has them; for characters new to it, these ones."""
    own, known = _names(config), _names(base.config)
    found = {name: weight.copy() for name, weight in weights.items()}
    for name, weight in base.weights.items():
        if name.startswith("output"):
            found[name][[own.index(each) for each in known]] = weight
        else:
            found[name] = weight
    return found


def _names(config: RecogniserConfig) -> list[str]:
    """Of the symbols, in their order."""
    return [*config.alphabet, "blank", *["fault"] * config.marks]


def run(network: Network, weights: Mapping[str, Tensor], x: Tensor, dropout: Dropout | None = None) -> Tensor:
    """Frames [T, B, FEATURES], padded at their ends → unnormalised log-probabilities [T, B, symbols]: what
    `Recogniser` computes, but for what stands at the padding.

    Padding is made of reset steps. Backwards it comes first, and leaves the state at zero.
    """
    return network.run(weights, x, (), x[:, :, UP] < 0, dropout, covariates=x)[0]
