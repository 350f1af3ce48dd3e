"""Tables and series for tests."""

from __future__ import annotations

import numpy as np

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
