"""Training a recogniser of handwriting, in minutes.

Two layers of LSTMs in both directions, learnt as all LSTMs here are: matrices by Muon, the rest by AdamW, at rates
that fall to zero when time is up. Every epoch shows each drawing a little differently, so that what another hand or a
model writes is judged by its letters.

A part of them is shown with a fault: a dot or bar is removed, moved or added (`ink.faults`). Where it is, is
known in frames, so the network learns to say so there; it learns to read such drawings nonetheless, the fault being as
good as a blank. So it does not take a word for right because it can be guessed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rhapsode.errors import UserError
from rhapsode.files.place import check
from rhapsode.inference.error_rate import character_error_rate
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.faults import KINDS, Faults
from rhapsode.modalities.ink.recogniser import DIRECTIONS, UP, Recogniser, RecogniserConfig, framed, padded
from rhapsode.report import Report
from rhapsode.training.auto import precision_for
from rhapsode.training.memory import kept
from rhapsode.training.optimizers import BETAS, Muon
from rhapsode.training.pace import Pace

WIDTH = 128
"""Outputs of a layer in each direction, where nothing else is said."""
ROWS = 32
MATRIX_RATE, RATE, DECAY = 0.03, 6e-3, 0.01
"""Peak rates of Muon and of AdamW, and decay of matrices, relative to the rate."""
FINE = 0.4
"""Part of these rates for a recogniser that goes on from another one."""
WARMUP = 50
"""Updates over which the rates rise."""
CLIP = 1.0
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
    threads = torch.get_num_threads()
    try:
        with kept():
            for weights, done, facts in _run(config, known, faults, base, minutes, seed, report):
                wrong = 0.0
                if held:
                    found, doubt, wrong = _validated(Recogniser(config, weights), held, faults)
                    facts |= found
                if wrong <= lowest:
                    lowest = wrong
                    best = Recogniser(config.model_copy(update={"facts": facts, "doubt": doubt}), weights)
                    best.save(output)
                report.progress(done, **facts)
    finally:
        torch.set_num_threads(threads)
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


def _run(
    config: RecogniserConfig,
    drawings: list[Drawing],
    faults: Faults,
    base: Recogniser | None,
    minutes: float,
    seed: int,
    report: Report,
) -> Iterator[tuple[dict[str, np.ndarray], float, dict[str, Any]]]:
    """Train; at each look up from it, the weights, how much is done, and facts. Only training counts as time."""
    device = torch.device("cpu")
    mixed = precision_for("auto", device) == "bf16"
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    weights = initialise(config, torch.Generator().manual_seed(seed), base)
    rates = [rate * (FINE if base else 1) for rate in (MATRIX_RATE, RATE)]
    matrices = [w for name, w in weights.items() if name.startswith("layer") and w.dim() == 2]
    others = [w for name, w in weights.items() if not (name.startswith("layer") and w.dim() == 2)]
    optimizers = [
        Muon(matrices, rates[0], DECAY, 4, torch.bfloat16 if mixed else torch.float32),
        torch.optim.AdamW(others, lr=rates[1], betas=BETAS, weight_decay=0.0, fused=True),
    ]
    batches = _batches(drawings, faults, rng)
    pace = Pace(torch.get_num_threads())
    step, seconds, lost, told = 0, 0.0, 0, 0.0
    losses: list[float] = []
    while seconds < 60 * minutes:
        mark = math.floor(seconds / (60 * minutes) * EVALUATIONS)
        tick = time.perf_counter()
        shown = next(batches)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            parameters = run(config, weights, torch.from_numpy(padded([one.frames for one in shown])), DROPOUT)
        loss = _nats_per_character(config, parameters, shown)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(list(weights.values()), CLIP, foreach=True)
        lost = 0 if math.isfinite(float(norm)) else lost + 1
        if lost == GIVE_UP:
            raise UserError(f"training a recogniser lost its numbers at update {step}. Try another seed.")
        factor = min(1.0, (step + 1) / WARMUP) * max(0.0, 1 - seconds / (60 * minutes))
        for optimizer, peak in zip(optimizers, rates, strict=True):
            optimizer.param_groups[0]["lr"] = peak * factor
            if not lost:
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        losses.append(float(loss.detach()))
        took = time.perf_counter() - tick
        seconds += took
        torch.set_num_threads(pace.heard(took))
        done = min(1.0, seconds / (60 * minutes))
        facts = {"step": step, "seconds": round(seconds, 1), "train": float(np.mean(losses[-100:]))}
        if math.floor(done * EVALUATIONS) > mark or done >= 1:
            yield {name: w.detach().numpy().copy() for name, w in weights.items()}, done, facts
        elif time.perf_counter() - told > 0.5:
            told = time.perf_counter()
            report.progress(done, **facts)


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


def initialise(
    config: RecogniserConfig, generator: torch.Generator, base: Recogniser | None = None
) -> dict[str, Tensor]:
    """Fresh float32 weights, with gradients; those of `base`, where it has them: not for characters new to it."""
    weights = {name: torch.zeros(shape) for name, shape in config.shapes.items()}
    for n, cell in enumerate(config.cells):
        for direction in DIRECTIONS:
            cell.initialise(_part(weights, f"layer{n}.{direction}"), generator)
    weights["output.weight"].normal_(std=0.5 * (2 * config.width) ** -0.5, generator=generator)
    if base:
        own, known = _names(config), _names(base.config)
        for name, weight in base.weights.items():
            if name.startswith("layer"):
                weights[name] = torch.tensor(weight)
            else:
                weights[name][[own.index(each) for each in known]] = torch.tensor(weight)
    return {name: w.requires_grad_() for name, w in weights.items()}


def _names(config: RecogniserConfig) -> list[str]:
    """Of the symbols, in their order."""
    return [*config.alphabet, "blank", *["fault"] * config.marks]


def run(config: RecogniserConfig, weights: Mapping[str, Tensor], x: Tensor, dropout: float = 0.0) -> Tensor:
    """Frames [T, B, FEATURES], padded at their ends → unnormalised log-probabilities [T, B, symbols]: what
    `Recogniser` computes, but for what stands at the padding."""
    padding = (x[:, :, UP] < 0).flip(0)
    zero = x.new_zeros(x.shape[1], config.width)
    for n, cell in enumerate(config.cells):
        forward, backward = (_part(weights, f"layer{n}.{direction}") for direction in DIRECTIONS)
        there, _ = cell.run(forward, x, (zero, zero), None)
        # Backwards, padding comes first; as a reset step, it leaves the state at zero.
        back, _ = cell.run(backward, x.flip(0), (zero, zero), padding)
        x = torch.cat([there, back.flip(0)], dim=-1)
        if dropout:
            x = x * (torch.rand(1, *x.shape[1:]) >= dropout).to(x.dtype).div(1 - dropout)
    return functional.linear(x, weights["output.weight"], weights["output.bias"])


def _part(weights: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    prefix = f"{part}."
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
