"""What is asked of a model of series, and the answer: the same for the command `forecast` and the server."""

from __future__ import annotations

from collections.abc import Sequence

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.forecast import Forecast, codec_of, forecast
from rhapsode.modalities.series.series import Series
from rhapsode.report import Report

AHEAD = 12
"""Values that are forecast where there is no season."""
NAMED = 20
"""Series that are named in a message."""


def chosen(every: Sequence[Series], codec: Codec, names: Sequence[str], source: str, report: Report) -> list[Series]:
    """Those of a table's series that are named, all without names, and that the model can read; what is left out is
    told. Raises `UserError` if none is left."""
    known = [one.name for one in every]
    for name in names:
        if name not in known:
            told = ", ".join(map(repr, known[:NAMED])) + (" …" if len(known) > NAMED else "")
            raise UserError(f"--series: {name!r} is not in {source}. There are: {told}.")
    those = [one for one in every if not names or one.name in names]
    usable = [one for one in those if not codec.refusal(one)]
    for one in those:
        if (reason := codec.refusal(one)) and usable:
            report.warn(f"left out: {one.name}, a series {reason}.")
    return usable or those


def ahead_of(codec: Codec, horizon: int | None) -> int:
    """How many values are forecast: a season, where nothing else is said."""
    season = codec.frequency.season
    return horizon or (season if season > 1 else AHEAD)


def forecasts(
    model: Model,
    every: Sequence[Series] | None,
    horizon: int | None,
    samples: int,
    seed: int,
    sampling: Sampling,
    report: Report,
) -> tuple[list[Forecast], int]:
    """How each series may go on, and for how many values; without any, a new series. Raises `UserError`."""
    codec = codec_of(model)
    given = [codec.example] if every is None else every
    ahead, found = ahead_of(codec, horizon), list[Forecast]()
    for one in forecast(model, given, ahead, samples, seed=seed, sampling=sampling):
        found.append(one)
        report.stage("forecasting", len(found) / len(given))
    return found, ahead
