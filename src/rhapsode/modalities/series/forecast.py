"""Forecasts: many ways in which a series may go on, drawn from its end, and what they say of each time to come."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.files.place import place
from rhapsode.inference.model import Model
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import said

QUANTILES = (0.1, 0.5, 0.9)
SAMPLES, FARTHEST = 200, 100_000
DIGITS = 6
"""Of forecasts in files: more would say nothing."""


@dataclass(frozen=True)
class Forecast:
    """paths: [S, H] float64, S ways in which `past` may go on for H values."""

    past: Series
    paths: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """[H], see `Frequency.times`."""
        return self.past.after(self.paths[0]).times

    @property
    def mean(self) -> np.ndarray:
        """[H]."""
        return np.asarray(self.paths.mean(axis=0))

    def quantiles(self, levels: Sequence[float]) -> np.ndarray:
        """[levels, H]."""
        return np.asarray(np.quantile(self.paths, levels, axis=0))


def forecast(
    model: Model,
    every: Iterable[Series],
    horizon: int,
    samples: int = SAMPLES,
    *,
    seed: int = 0,
    sampling: Sampling | None = None,
) -> Iterator[Forecast]:
    """The next `horizon` values of each series, drawn `samples` times; of a new series, where one is the codec's
    `example`. Raises `UserError` for a model of something else, and for series that it cannot read."""
    codec = codec_of(model)
    for what, value in (("horizon", horizon), ("samples", samples)):
        if not 1 <= value <= FARTHEST:
            raise UserError(f"{what}: {value:,} is not allowed. Allowed: 1 to {FARTHEST:,}.")
    for one in every:
        if one is codec.example:  # of a new series, no more than its beginning is known
            drawn = model.generate(length=horizon, samples=samples, seed=seed, sampling=sampling)
            yield Forecast(one, np.array([sample.record.values[len(one) :] for sample in drawn]))
            continue
        if reason := codec.refusal(one):
            raise UserError(
                f"{one.name or 'the series'}: a series {reason}: the model cannot forecast it. "
                "Train a model on this table."
            )
        drawn = model.generate(length=horizon, samples=samples, seed=seed, sampling=sampling, style=one, outline=one)
        yield Forecast(one, np.array([sample.record.values for sample in drawn]))


def codec_of(model: Model) -> Codec:
    """Raises `UserError` for a model of something else."""
    if not isinstance(model.codec, Codec):
        raise UserError(
            f"this model's codec is {model.codec.name}: it forecasts nothing. Train one on a table of numbers over "
            "time: rhapsode train table.csv -o model."
        )
    return model.codec


def levels(text: str) -> tuple[float, ...]:
    """`0.1,0.5,0.9` → numbers in order. Raises `UserError`."""
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or not 0 < found[0] <= found[-1] < 1:
        raise UserError(f"quantiles: {text!r} is not allowed. Allowed: numbers between 0 and 1, e.g. 0.1,0.5,0.9.")
    return tuple(found)


def as_csv(every: Sequence[Forecast], quantiles: Sequence[float] | None) -> bytes:
    """A table: of which series (if there are several), the time, the mean and the quantiles; None for all paths."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    named = len(every) > 1
    if quantiles is None:
        columns = [f"path {n + 1}" for n in range(len(every[0].paths))]
    else:
        columns = ["mean", *(f"q{level:g}" for level in quantiles)]
    rows.writerow([*["series"] * named, "time", *columns])
    for one in every:
        numbers = (one.paths if quantiles is None else np.concatenate([one.mean[None], one.quantiles(quantiles)])).T
        for time, row in zip(one.times, numbers.tolist(), strict=True):
            rows.writerow([*[one.past.name] * named, said(time), *(f"{number:.{DIGITS}g}" for number in row)])
    return file.getvalue().encode()


def as_json(every: Sequence[Forecast], quantiles: Sequence[float]) -> list[dict[str, Any]]:
    """An object a series: its name, times, mean, quantiles by name, and all sample paths."""
    found = []
    for one in every:
        rows = one.quantiles(quantiles)
        found.append(
            {
                "series": one.past.name,
                "frequency": one.past.frequency.name,
                "times": [said(time) for time in one.times],
                "mean": _rounded(one.mean),
                "quantiles": {f"{level:g}": _rounded(row) for level, row in zip(quantiles, rows, strict=True)},
                "samples": [_rounded(path) for path in one.paths],
            }
        )
    return found


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]


FORMATS = (".csv", ".json", ".png", ".svg")


def write(path: Path, every: Sequence[Forecast], quantiles: Sequence[float] | None = QUANTILES) -> str:
    """Write forecasts into a file, as its suffix says; quantiles: None for a table of all paths. What there is to be
    told of it, or nothing. Raises `UserError`."""
    from rhapsode.modalities.series import picture

    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{path}: a forecast is written as one of {' '.join(FORMATS)}. Name the file so.")
    if suffix in (".png", ".svg"):
        place(path, picture.chart(every, suffix[1:], quantiles or QUANTILES))
        if len(every) > picture.MOST:
            return f"{path} shows the first {picture.MOST} of {len(every):,} series; .csv and .json hold all."
        return ""
    if suffix == ".csv":
        place(path, as_csv(every, quantiles))
    else:
        place(path, (json.dumps(as_json(every, quantiles or QUANTILES)) + "\n").encode())
    return ""
