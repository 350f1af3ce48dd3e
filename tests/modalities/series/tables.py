"""Tables and series for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rhapsode import train
from rhapsode.modalities.series.frequency import Frequency
from rhapsode.modalities.series.series import Series

MONTHLY = Frequency("month", 1.0, 12)


def made(
    count: int = 60, seed: int = 0, frequency: Frequency = MONTHLY, name: str = "a", counts: bool = False
) -> Series:
    """A series with a season, a trend and noise."""
    rng = np.random.default_rng(seed)
    n = np.arange(count)
    values = 50 + 0.3 * n + 8 * np.sin(2 * np.pi * n / max(frequency.season, 2)) + rng.standard_normal(count)
    start = 0.0 if frequency.unit == "number" else np.datetime64("2000-01-01", "s")
    return Series(name, np.rint(values) if counts else values, start, frequency)


def table(*every: Series) -> str:
    """In the long form: month, name, value."""
    rows = ["month,name,value"]
    for one in every:
        rows += [
            f"{str(time)[:7]},{one.name},{'' if value != value else repr(value)}"
            for time, value in zip(one.times, one.values.tolist(), strict=True)
        ]
    return "\n".join(rows) + "\n"


def folder_of_sales(folder: Path) -> str:
    """A folder with `table.csv`, of three series, and a small model of them, `sales`. Returns the table."""
    text = table(*(made(60, seed, name=f"s{seed}") for seed in range(3)))
    (folder / "table.csv").write_text(text)
    small = {"network": {"layers": 1, "width": 8}, "plan": {"batch_size": 2, "sequence_length": 8, "threads": 1}}
    train([folder / "table.csv"], folder / "sales", updates=3, **small)  # type: ignore[arg-type]
    return text


SEEDS = (
    table(made(30), made(20, 1, name="b")),
    "date;time;x\n" + "".join(f"{day:02}.03.2021;{day};{day},5\n" for day in range(1, 29)),
    "year,quarter,gdp,cpi\n" + "".join(f"{1990 + n // 4}.0,{n % 4 + 1}.0,{n * n},\n" for n in range(40)),
    "timestamp,load\n" + "".join(f"{1700000000 + 900 * n},{n % 96}\n" for n in range(200)),
    "\n".join(str(n * n % 17) for n in range(60)),
    "when,what\n" + "".join(f'Jan {n} 2020,"1,{n:03}"\n' for n in range(1, 31)),
    "w,a,b\n" + "".join(f"2024-W{n:02},{n},{-n}\n" for n in range(1, 50)),
)
"""Tables to be damaged."""
