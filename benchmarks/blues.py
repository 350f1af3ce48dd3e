"""The blues: does a network remember where it is in a form? With chords alone, and with a melody above them.

    python benchmarks/music.py blues [--seeds 10] [--choruses 100] [--nets lstm,rnn,rnn-wide] [--picture blues.png]
    python benchmarks/music.py blues --melody [--sound folder] ...

After the first experiment of Eck & Schmidhuber ("A First Look at Music Composition using LSTM Recurrent Neural
Networks", IDSIA-07-02, 2002): steps are sets of 12 chord tones, 8 a bar and 96 a chorus. The form is that of
`music.bluesform`. One layer learns the form repeated, for the same number of updates whatever its cell; then
it plays alone, from nothing, 100 choruses, at temperature 0 (every tone more probable than not) and at 1 (drawn). A bar
is right if all its frames are just the chords that the form has there: who has lost the place has most bars wrong.

Beside the LSTM stand tanh networks: `rnn` as wide, `rnn-wide` with as many parameters. All is alike but the cell:
optimizers, rates, windows, updates. Weights are those that were best on a tune of 4 choruses, read from its beginning.

With `--melody`, the second experiment: the chords of a tune made by rule, and its melody in a register above. One layer
of cells reads and predicts the chords; a second one, as wide, reads its outputs and the whole step, and predicts the
melody; the first reads nothing of the melody (`Led`). Tunes are of 3 choruses each, all of which differ.
Beside the bars whose chords are right stands how the melody goes with them (`bluesform.fit`), of what is drawn at
temperature 1, and of the tunes learnt from. `--sound` leaves a chorus of the first seed, as WAV and as a picture.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference import trained
from rhapsode.inference.model import Model
from rhapsode.modalities.music.blues import arranged, chords_alone, corpus
from rhapsode.modalities.music.bluesform import CHORUS, GRID, bars_held, fit
from rhapsode.modalities.music.formats.own import dumps
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.write import save
from rhapsode.nn.network import Network
from rhapsode.report import Report
from rhapsode.training import trainer
from rhapsode.training.run import train

NETS = {"lstm": ("lstm", 48), "rnn": ("rnn", 48), "rnn-wide": ("rnn", 99)}
"""Cell and width; the last two have 3,516 and 12,288 parameters, the LSTM 12,300."""
TRAINED, CHECKED = 8, 4
"""Choruses in a tune that is learnt from, and in the one that chooses the weights: that must be one stream (its first
frame is the only one without a past), so it is shorter than 512 frames."""
COPIES = 10
TUNES, CHORUSES, HELD_OUT = 400, 3, 20
"""With a melody: tunes learnt from, choruses of each, and tunes that choose the weights."""
PLAN = {"batch_size": 16, "sequence_length": 96, "rate": 0.05, "decay": 0.0, "threads": 1, "most": 1}
CHORDS = 12
"""Of a step, so many of the lowest pitches are the chords'."""
TEMPERATURES = (0.0, 1.0)


class Led(Network):
    """A network of two layers. The first one reads and predicts the chords alone; the other reads all and predicts the
    melody. It is one with skip connections in which some weights are 0."""

    def _masked(self, weights: Mapping[str, Any], array: Callable[[np.ndarray], Any]) -> dict[str, Any]:
        reads = np.arange(weights["layer0.input"].shape[1]) < CHORDS
        led, own = (
            np.arange(n) < limit for n, limit in ((self.head.width, CHORDS), (self.features, self.config.width))
        )
        masks = {"layer0.input": reads, "output.weight": led[:, None] == own}
        return {**weights, **{name: weights[name] * array(np.float32(mask)) for name, mask in masks.items()}}

    def run(self, weights: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        import torch

        return super().run(self._masked(weights, torch.from_numpy), *rest, **more)

    def graph(self, weights: Mapping[str, np.ndarray]) -> bytes:
        return super().graph(self._masked(weights, np.asarray))


def blues(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    source, check = scratch / "form.tune.jsonl", scratch / "check.tune.jsonl"
    report: dict[str, Any] = {"updates": options.updates, "bars": 12 * options.choruses}
    if options.melody:
        tunes = list(corpus(TUNES + HELD_OUT, 0, CHORUSES))
        source.write_text("".join(f"{dumps(tune)}\n" for tune in tunes[HELD_OUT:]))
        check.write_text("".join(f"{dumps(tune)}\n" for tune in tunes[:HELD_OUT]))
        report["tunes"] = _melody(tunes)
    else:
        source.write_text(f"{dumps(chords_alone(TRAINED))}\n" * COPIES)
        check.write_text(f"{dumps(chords_alone(CHECKED))}\n")
    held: dict[tuple[str, float], list[np.ndarray]] = {}
    for name in options.nets.split(","):
        rows = report[name] = []
        for seed in range(options.first, options.first + options.seeds):
            row = one(name, seed, options, (source, check), scratch, held)
            rows.append(row)
            print(name, row, flush=True)
        for temperature in TEMPERATURES:
            whole = sum(bool(each.all()) for each in held[name, temperature])
            print(
                f"{name}: temperature {temperature:g}, all bars right with {whole} of {options.seeds} seeds", flush=True
            )
    if options.picture:
        picture(held, options.first, Path(options.picture))
    return report


def one(
    name: str,
    seed: int,
    options: argparse.Namespace,
    files: tuple[Path, Path],
    scratch: Path,
    held: dict[tuple[str, float], list[np.ndarray]],
) -> dict[str, Any]:
    """Train and play with one seed. Adds which bars are right to `held`."""
    cell, width = NETS[name]
    home = scratch / f"{name}-{seed}"
    two = {"layers": 2, "skip": True} if options.melody else {}
    for module in (trainer, trained):
        vars(module)["Network"] = Led if options.melody else Network
    result = train(
        files[:1],
        home,
        valid=files[1:],
        updates=options.updates,
        codec="pianoroll",
        codec_options={"grid": GRID, "holds": 0, "shift": 0, "echoes": 0},
        network={"head": "bernoulli", "cell": cell, "width": width, **two},
        dropout={"between": 0.0},
        plan={**PLAN, "seed": seed},
        precision="fp32",
        device="cpu",
        report=Report(),
    )
    model = Model.load(home)
    row: dict[str, Any] = {
        "seed": seed,
        "parameters": model.network.parameters,
        "seconds": round(result.seconds, 1),
        "nats": float(f"{result.valid_nats:.2g}"),
    }
    for temperature in TEMPERATURES:
        sampling = Sampling(temperature=temperature)
        tune: Tune = model.generate(length=96 * options.choruses, seed=seed, sampling=sampling)[0].record
        right = bars_held(tune)
        held.setdefault((name, temperature), []).append(right)
        row[f"right at {temperature:g}"] = int(right.sum())
        row[f"first wrong at {temperature:g}"] = None if right.all() else int(right.argmin()) + 1
        if options.melody and temperature == 1:
            row |= _melody([tune])
            if options.sound and seed == options.first:
                folder = Path(options.sound)
                folder.mkdir(parents=True, exist_ok=True)
                kept = tune.notes[tune.notes["start"] < CHORUS]
                kept["length"] = np.minimum(kept["length"], CHORUS - kept["start"])
                chorus = arranged(replace(tune, notes=kept, length=CHORUS), 0, f"A chorus, by {name}")
                for suffix in (".wav", ".png", ".mid"):
                    save(chorus, folder / f"{name}{suffix}")
    return row


def _melody(tunes: list[Tune]) -> dict[str, float]:
    """How melodies go with the form; see `bluesform.Fit`."""
    found = fit(tunes)
    return {
        "notes a chorus": round(found.notes / sum(tune.length for tune in tunes) * CHORUS, 1),
        "fitting": round(found.fitting, 4),
        "chord tones on strong beats": round(found.strong, 4),
        "second lines": round(found.repeated, 4),
    }


def picture(held: dict[tuple[str, float], list[np.ndarray]], first: int, path: Path) -> None:
    """Choruses down, bars across, of every net at temperature 1: a column of panels for each seed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    names = [name for name, temperature in held if temperature == 1]
    seeds = len(held[names[0], 1.0])
    figure = Figure(figsize=(1 + 1.0 * seeds, 0.6 + 2.2 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(names), seeds, squeeze=False, sharex=True, sharey=True)
    for name, row in zip(names, axes, strict=True):
        for seed, (panel, right) in enumerate(zip(row, held[name, 1.0], strict=True), first):
            panel.imshow(
                right.reshape(-1, 12), ListedColormap(["#d55e00", "#0072b2"]), aspect="auto", vmin=0, vmax=1,
                interpolation="nearest", extent=(0.5, 12.5, len(right) // 12 + 0.5, 0.5),
            )  # fmt: skip
            panel.set_title(f"seed {seed}", fontsize=8)
            panel.tick_params(labelsize=7)
        row[0].set_ylabel(f"{name}\nchorus", fontsize=9)
    figure.supxlabel("bar (blue: the form's chords, orange: others), drawn at temperature 1", fontsize=9)
    figure.savefig(path, dpi=120)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=10, help="blues: how many")
    parser.add_argument("--first", type=int, default=0, help="blues: the first seed")
    parser.add_argument("--choruses", type=int, default=100, help="blues: to play")
    parser.add_argument("--updates", type=int, default=2500, help="blues: of the weights")
    parser.add_argument("--nets", default=",".join(NETS), help=f"blues: of {', '.join(NETS)}")
    parser.add_argument("--melody", action="store_true", help="blues: with a melody, the second experiment")
    parser.add_argument("--sound", help="blues: a folder for a chorus with melody")
    parser.add_argument("--picture", help="where to draw; blues: which bars are right; compare: histograms")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        return blues(options, Path(scratch))
