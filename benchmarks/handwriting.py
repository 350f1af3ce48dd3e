"""Handwriting: likelihood, legibility and speed on real pens' data.

    RHAPSODE_DATA=folder python benchmarks/handwriting.py cursive [--minutes 20] [--lines 300] [--picture FILE.png]
    RHAPSODE_DATA=folder python benchmarks/handwriting.py drawings [--minutes 5] [--picture FILE.png]

`cursive` is for handwriting/bigbank_3500.json.zip in that folder: 3,500 short words of one writer, split by distinct
string (300 to test, 300 to validate, the rest to train, by SHA-256 of the string). Every third point and the ends of
strokes are kept, offsets are normalised by the training part, and uniform noise of ±0.0025 stands for the grid that the
data lies on: nats are of that density, in normalised units, with the texts given. Legibility is the character error
rate of a recogniser (BiLSTM, CTC) that learnt the same training strokes with seed 2; verified writing was chosen, best
of 8, by another one, with seed 1, and by an audit of the window. A line that did not come to its end counts as all
errors. Beside it stands how much the writing varies, for neat writing is easily read.

`drawings` is for handwriting/omniglot.npz (its own splits): nats a point on the test part, beside a Gaussian random
walk whose pen is lifted, and whose drawings end, at the mean rates, and one layer of the same number of parameters.

One object of JSON at the end; minutes are of training, everything with defaults.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.files.checkpoint import MODEL
from rhapsode.inference.error_rate import character_error_rate
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.metrics import metrics
from rhapsode.modalities.ink.read import read
from rhapsode.modalities.ink.recogniser import Recogniser
from rhapsode.modalities.ink.recogniser_training import train_recogniser
from rhapsode.modalities.ink.verified import TRIES, draw
from rhapsode.report import Report
from rhapsode.training.run import train

TEST, VALID = 300, 300
BIASES = (0.0, 0.5, 1.0)


class Notes(Report):
    """What was chosen and how training goes, a line each."""

    def note(self, text: str) -> None:
        print(text, flush=True)

    warn = note

    def progress(self, done: float, **values: Any) -> None:
        if "valid" in values or "valid_cer" in values:
            shown = {k: round(v, 4) for k, v in values.items() if k in ("seconds", "train", "valid", "valid_cer")}
            print(f"{done:.2f}", shown, flush=True)


def folder() -> Path:
    root = os.environ.get("RHAPSODE_DATA")
    if not root:
        raise SystemExit("set RHAPSODE_DATA to the folder that has handwriting/")
    return Path(root) / "handwriting"


def split(drawings: Iterable[Drawing]) -> dict[str, list[Drawing]]:
    """By distinct string, in the order of their hashes."""
    groups: dict[str, list[Drawing]] = {}
    for drawing in drawings:
        groups.setdefault(drawing.text or "", []).append(drawing)
    parts: dict[str, list[Drawing]] = {"test": [], "valid": [], "train": []}
    for text in sorted(groups, key=lambda text: hashlib.sha256(text.encode()).digest()):
        full = len(parts["test"]) >= TEST, len(parts["valid"]) >= VALID
        parts["train" if all(full) else "valid" if full[0] else "test"] += groups[text]
    return parts


def write(path: Path, drawings: Iterable[Drawing]) -> Path:
    path.write_text("".join(f"{dumps(drawing)}\n" for drawing in drawings))
    return path


def nats_per_point(model: Model, drawings: Iterable[Drawing]) -> tuple[float, float, int]:
    """Nats a point, nats a line, and points."""
    scores = list(model.score_records(drawings))
    nats, steps = sum(s.nats for s in scores), sum(s.steps for s in scores)
    return nats / steps, nats / len(scores), steps


def spread(drawings: Iterable[Drawing]) -> dict[str, float]:
    """Standard deviations over lines: of slant, of log x-height, and of log distance between points."""
    slants, sizes, speeds = [], [], []
    for drawing in drawings:
        if len(drawing) < 5:
            continue
        found = metrics(drawing)
        moved = np.linalg.norm(np.diff(drawing.points, axis=0), axis=1)[~drawing.ends[:-1]]
        slants.append(found.slant)
        sizes.append(math.log(found.x_height))
        speeds.append(math.log(moved.mean()))
    return {"slant": float(np.std(slants)), "log_size": float(np.std(sizes)), "log_speed": float(np.std(speeds))}


def cursive(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    parts = split(read(folder() / "bigbank_3500.json.zip"))
    files = {name: write(scratch / f"{name}.jsonl", drawings) for name, drawings in parts.items()}
    home = options.keep or scratch / "model"
    if not (home / MODEL).exists():
        train([files["train"]], home, valid=[files["valid"]], minutes=options.minutes, report=Notes())
    model = Model.load(home)
    facts = model.config.facts
    readers = []
    for seed in (1, 2):
        path = home / f"recogniser-{seed}.safetensors"
        if not path.exists():
            drawings, held = parts["train"], parts["valid"]
            train_recogniser(drawings, path, minutes=options.reading, seed=seed, valid=held, report=Notes())
        readers.append(Recogniser.load(path))
    chooser, scorer = readers
    tests = parts["test"][: options.lines]
    texts = [drawing.text or "" for drawing in tests]

    def legible(drawings: list[Drawing | None]) -> dict[str, Any]:
        shown = scorer.read([drawing for drawing in drawings if drawing is not None])
        found = iter(shown)
        rate = character_error_rate(
            (text, None if drawing is None else next(found)) for text, drawing in zip(texts, drawings, strict=True)
        )
        return {"cer": round(rate.rate, 4), "interval": [round(rate.low, 4), round(rate.high, 4)]}

    point, line, points = nats_per_point(model, parts["test"])
    report: dict[str, Any] = {
        "minutes": round(facts["seconds"] / 60, 1),
        "parameters": model.network.parameters,
        "width": model.config.network.width,
        "updates": facts["updates"],
        "training_points_per_second": round(
            facts["updates"] * facts["plan"]["batch_size"] * facts["plan"]["sequence_length"] / facts["seconds"]
        ),
        "test_nats_per_point": round(point, 4),
        "test_nats_per_line": round(line, 2),
        "test_points": points,
        "real": {**legible(list(tests)), **spread(tests)},
    }
    print(json.dumps(report), flush=True)
    for bias in BIASES:
        for verified in (False, True):
            begun, drawn, failed, steps = time.perf_counter(), [], 0, 0
            for n, text in enumerate(texts):
                if verified:
                    sample, verdict = draw(model, text, chooser, sampling=Sampling(bias=bias), number=n)
                    ended = sample.stopped == "stop" and verdict.read != ""
                else:
                    sample = model.generate(text, sampling=Sampling(bias=bias), seed=0, row=n)[0]
                    ended = sample.stopped == "stop"
                failed += not ended
                steps += len(sample.steps)
                drawn.append(sample.record if ended else None)
            seconds = time.perf_counter() - begun
            entry = {
                "bias": bias,
                "best_of": TRIES if verified else 1,
                **legible(drawn),
                "failures": round(failed / len(texts), 4),
                "seconds_per_line": round(seconds / len(texts), 3),
                "points_per_second": round(steps / seconds),
                **spread(drawing for drawing in drawn if drawing is not None),
            }
            entry["cer_over_real"] = round(entry["cer"] / max(report["real"]["cer"], 1e-9), 2)
            print(json.dumps(entry), flush=True)
            report.setdefault("generated", []).append(entry)
            if options.picture and bias == 0.5 and not verified:
                picture(options.picture, tests[:12], drawn[:12])
    return report


def drawings(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    source = folder() / "omniglot.npz"
    report: dict[str, Any] = {"minutes": options.minutes}
    test = list(read(source, "test"))
    shown: list[Drawing | None] = []
    for layers in (2, 1):
        home = scratch / f"{layers}"
        network = {"layers": layers, **({"skip": False} if layers == 1 else {})}
        train([source], home, minutes=options.minutes, network=network, report=Notes())
        model = Model.load(home)
        point, each, points = nats_per_point(model, test)
        report[f"{layers} layers"] = {
            "parameters": model.network.parameters,
            "test_nats_per_point": round(point, 4),
            "test_nats_per_drawing": round(each, 2),
            "test_points": points,
        }
        if layers == 2:
            sampled = model.generate(samples=12, seed=0, sampling=Sampling(bias=0.3))
            shown = [sample.record for sample in sampled]
            codec = model.record_codec
    # The walk: one Gaussian for all steps of the training part, in the same units and with the same noise.
    moves = codec.steps
    train_steps = np.concatenate([codec.encode(d) for d in read(source, "train") if not codec.refusal(d)])
    pen = np.bincount(train_steps[:, 2].astype(int), minlength=3) / len(train_steps)
    variance = np.cov(train_steps[:, :2].T) + np.diag(
        [(g / s) ** 2 / 12 for g, s in zip(moves.grid, moves.sd, strict=True)]
    )
    mean, inverse, logdet = train_steps[:, :2].mean(axis=0), np.linalg.inv(variance), np.linalg.slogdet(variance)[1]
    steps = np.concatenate([codec.encode(d) for d in test if not codec.refusal(d)])
    n = np.arange(len(steps))
    steps = moves.augmented(steps, n, np.zeros_like(n), np.full_like(n, -1))
    away = steps[:, :2] - mean
    walk = 0.5 * (np.einsum("ni,ij,nj->n", away, inverse, away) + logdet) + math.log(2 * math.pi)
    walk -= np.log(pen)[steps[:, 2].astype(int)]
    report["random walk"] = {"test_nats_per_point": round(float(walk.mean()), 4)}
    if options.picture:
        picture(options.picture, test[:12], shown)
    return report


def picture(path: Path, real: list[Drawing], drawn: list[Drawing | None]) -> None:
    """Real ones above, drawn ones below."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(4, 6, figsize=(13, 6), layout="constrained")
    for axes, one in zip(grid.flat, [*real, *drawn], strict=True):
        for stroke in one.strokes() if one is not None else ():
            axes.plot(stroke[:, 0], stroke[:, 1], "k.-" if len(stroke) == 1 else "k-", linewidth=1, markersize=2)
        axes.set_title(one.text or "" if one is not None else "", fontsize=8)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        axes.axis("off")
    figure.suptitle("real (two rows above), drawn (two rows below)", fontsize=9)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["cursive", "drawings"])
    parser.add_argument("--minutes", type=float, help="of training (default: 20; drawings 5)")
    parser.add_argument("--reading", type=float, default=3.0, help="minutes for each recogniser")
    parser.add_argument("--lines", type=int, default=TEST, help="test lines that are written")
    parser.add_argument("--keep", type=Path, help="folder for the model; one that is there is taken")
    parser.add_argument("--picture", type=Path, help="real and drawn ones side by side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.what == "cursive":
            options.minutes = options.minutes or 20.0
            found = cursive(options, Path(scratch))
        else:
            options.minutes = options.minutes or 5.0
            found = drawings(options, Path(scratch))
    found["processors"] = os.cpu_count()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
