"""`rhapsode demo series`: sales of shops are made by rule, a network learns them and forecasts a year held back."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhapsode.demos.run import check_own, free, trained
from rhapsode.files.place import place
from rhapsode.inference.model import Model
from rhapsode.modalities.series import picture
from rhapsode.modalities.series.forecast import Forecast, as_csv, forecast
from rhapsode.modalities.series.frequency import Frequency
from rhapsode.modalities.series.measures import LEVELS, Judged, judged
from rhapsode.modalities.series.read import read
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import said
from rhapsode.report import Report
from rhapsode.training.log import PICTURE

SHOPS, MONTHS, YEAR = 24, 132, 12
SAMPLES = 100
SHOWN = 4
"""Shops in the chart."""


@dataclass(frozen=True)
class SeriesResult:
    """What the demo has to show. table: that it learnt from; shown: a shop and its forecast's middle."""

    model: Path
    picture: Path
    table: Path
    files: list[Path]
    shown: Series
    model_score: Judged
    naive_score: Judged


def demo(folder: Path, minutes: float, report: Report) -> SeriesResult:
    """Train in `folder`, or take what an earlier demo left there, and forecast. Raises `UserError`."""
    table, home = folder / "sales.csv", folder / "model"
    check_own(folder, table.name)
    every = shops()
    if not table.exists():
        place(table, as_table([one.upto(MONTHS - YEAR) for one in every]))
    trained(table, home, report, minutes=minutes, codec="series")
    model = Model.load(home)
    found = list[Forecast]()
    for one in forecast(model, read(table), YEAR, SAMPLES):
        found.append(one)
        report.stage("forecasting", len(found) / SHOPS)
    came = [one.values[-YEAR:] for one in every]
    files = free(folder, "forecast.csv", "forecast.png")
    place(files[0], as_csv(found, (0.1, 0.5, 0.9)))
    place(files[1], picture.chart(found[:SHOWN], "png", truth=came[:SHOWN]))
    ours = [one.quantiles(LEVELS) for one in found]
    naive = [_naive(one.past.values) for one in found]
    first = found[0]
    middle = np.concatenate([first.past.values, first.quantiles((0.5,))[0]])
    shown = Series(first.past.name, middle, first.past.start, first.past.frequency)
    scores = [
        _mean([judged(q, c, f.past.values, YEAR) for q, c, f in zip(each, came, found, strict=True)])
        for each in (ours, naive)
    ]
    return SeriesResult(home, home / PICTURE, table, files, shown, *scores)


def shops() -> list[Series]:
    """Sales by month: each shop has its size, growth and seasons, which several share; and some months are missing."""
    rng = np.random.default_rng(17)
    month = np.arange(MONTHS)
    seasons = [np.exp(0.35 * _smooth(rng, YEAR)) for _ in range(4)]
    every = []
    for n in range(SHOPS):
        size, growth = np.exp(rng.normal(5, 1)), rng.normal(0.06, 0.05)
        level = size * np.exp(growth * month / YEAR + 0.02 * rng.standard_normal(MONTHS).cumsum())
        mean = level * seasons[n % len(seasons)][month % YEAR]
        values = rng.poisson(mean * rng.gamma(50, 1 / 50, MONTHS)).astype(np.float64)
        values[rng.random(MONTHS) < 0.01] = np.nan
        values[[0, MONTHS - YEAR - 1, MONTHS - 1]] = np.nan_to_num(values[[0, MONTHS - YEAR - 1, MONTHS - 1]], nan=size)
        start = np.datetime64("2010-01-01", "s")
        every.append(Series(f"shop {n + 1}", np.rint(values), start, Frequency("month", 1.0, YEAR)))
    return every


def as_table(every: list[Series]) -> bytes:
    """Rows of month, shop and sales."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["month", "shop", "sales"])
    for one in every:
        for time, value in zip(one.times, one.values.tolist(), strict=True):
            rows.writerow([said(time)[:7], one.name, "" if value != value else f"{value:.0f}"])
    return file.getvalue().encode()


def _smooth(rng: np.random.Generator, length: int) -> np.ndarray:
    """A cycle of so many values, of standard deviation 1."""
    turn = 2 * np.pi * np.arange(length) / length
    waves = [rng.normal() * np.sin(k * turn) / k + rng.normal() * np.cos(k * turn) / k for k in (1, 2, 3)]
    found = np.sum(waves, axis=0)
    return np.asarray(found / found.std())


def _naive(past: np.ndarray) -> np.ndarray:
    """[LEVELS, 12]: the year before, give or take what it was off by."""
    off = past[YEAR:] - past[:-YEAR]
    spread = np.nanquantile(off - np.nanmean(off), LEVELS)
    last = np.where(np.isnan(past[-YEAR:]), np.nanmean(past[-YEAR:]), past[-YEAR:])
    return np.asarray(last + spread[:, None])


def _mean(every: list[Judged]) -> Judged:
    return Judged(*np.mean(every, axis=0).tolist())
