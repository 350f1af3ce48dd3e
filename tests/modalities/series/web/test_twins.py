"""What the page computes around the network is what the command computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.data.guide import along
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.frequency import Frequency
from rhapsode.modalities.series.read import read
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import patterns, said
from tests.node import run

WEB = "modalities/series/web"
FREQUENCIES = (
    (Frequency("month", 1.0, 12), "2019-01-31"),
    (Frequency("month", 3.0, 4), "1949-10-01"),
    (Frequency("second", 3600.0, 24), "2024-02-28T22:00:00"),
    (Frequency("second", 900.0, 96), "1969-12-31T23:45:00"),
    (Frequency("second", 86400.0, 7), "2024-02-27"),
    (Frequency("second", 604800.0, 52), "2021-01-03"),
    (Frequency("weekday", 1.0, 5), "2024-03-01T12:00:00"),
    (Frequency("number", 0.5, 6), 2.5),
    (Frequency("number", 1.0, 30), 0.0),
)


def series(frequency: Frequency, start: Any, counts: bool, length: int = 40, gaps: bool = True) -> Series:
    rng = np.random.default_rng(length)
    values = 100 + 10 * np.sin(np.arange(length)) + rng.standard_normal(length)
    values = np.rint(values) if counts else values
    values[3 : 3 + 2 * gaps] = np.nan
    return Series("one", values, start if isinstance(start, float) else np.datetime64(start, "s"), frequency)


@pytest.mark.parametrize("counts", [False, True])
def test_steps_and_covariates(counts: bool) -> None:
    data, wanted = [], []
    for frequency, start in FREQUENCIES:
        record = series(frequency, start, counts)
        codec = Codec.fit(lambda record=record: iter([record]), values="counts" if counts else "real")
        codec = Codec(codec.settings, codec.steps, frequency, codec.example)
        steps = codec.encode(record)
        guide = codec.guide(record)
        rows = along(guide, steps).tolist()
        values = [codec.steps.value(step) + codec.origin(record) for step in steps]
        wanted.append((steps.tolist(), rows, [*codec.steps.next(steps)], values, list(map(said, record.times))))
        begin = record.start if isinstance(start, float) else record.start.astype(np.int64).item()
        told = [None if value != value else value for value in record.values.tolist()]
        data.append({"codec": codec.to_json(), "start": begin, "values": told})
    body = """
        const { Series } = await use("series.js");
        return data.map(({ codec: json, start, values: told }) => {
          const codec = new Series(json);
          const values = told.map((value) => value ?? NaN);
          const { guide, steps, origin } = codec.begin({ start, values });
          const rows = steps.map((step) => {
            const row = guide.covariates();
            guide.read(step);
            return row;
          });
          const { level, scale } = codec.kind.after(steps.at(-1));
          const times = values.map((_, place) => codec.frequency.said(codec.frequency.time(start, place)));
          const said = steps.map((step) => codec.kind.value(step) + origin);
          return [steps.map((step) => [...step]), rows, [level, scale], said, times];
        });
    """
    for found, expected in zip(run(WEB, body, data), wanted, strict=True):
        found[3] = [np.nan if value is None else value for value in found[3]]
        assert found[0] == expected[0] and found[2] == expected[2] and found[4] == expected[4]
        assert found[1] == expected[1]
        assert np.array_equal(found[3], expected[3], equal_nan=True)


def table(head: str, rows: Callable[[int], str], count: int) -> str:
    return f"{head}\n" + "".join(f"{rows(n)}\n" for n in range(count))


TABLES = {
    "month": table("date,sales,costs", lambda n: f"{2020 + n // 12}-{n % 12 + 1:02},{100 + n % 7},{n * 1.5}", 30),
    "day": table("day;wert", lambda n: f"{n + 1}.3.2024;" + ("?" if n == 28 else f"1.000,{n}"), 30),
    "keys": table("shop\tweek\tn", lambda n: f"{('a b', 'c')[n // 12]}\t2023-W{n % 12 + 10}\t{n * n}", 24),
    "hours": table('"time","x"', lambda n: f'"Mar {n // 24 + 1}, 2024 {n % 24:02}:00","{n % 5}.5"' * (n != 7), 60),
    "number": table("0", lambda n: f"{n % 9}", 30),
    "quarter": table("period,v", lambda n: f"{2000 + n // 4} Q{n % 4 + 1},{n}", 24),
}


def test_tables(tmp_path: Path) -> None:
    data, wanted = [], []
    for name, text in TABLES.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(text)
        every = read(path)
        frequency = every[0].frequency
        numbered = frequency.unit == "number"
        data.append({"text": text, "frequency": frequency.to_json()})
        wanted.append([(one.name, one.start if numbered else said(one.start), one.values) for one in every])
    body = """
        const [{ read }, { Frequency }] = [await use("table.js"), await use("frequency.js")];
        return data.tables.map(({ text, frequency: json }) => {
          const frequency = new Frequency(json);
          const { series } = read(text, frequency, data.forms);
          const begin = (start) => (frequency.unit === "number" ? start : frequency.said(start));
          return series.map(({ name, start, values }) => [name, begin(start), values]);
        });
    """
    for found, expected in zip(run(WEB, body, {"tables": data, "forms": patterns()}), wanted, strict=True):
        assert [name for name, *_ in found] == [name for name, *_ in expected]
        for (_, start, values), (_, begun, known) in zip(found, expected, strict=True):
            assert start == begun
            assert np.array_equal([np.nan if value is None else value for value in values], known, equal_nan=True)
