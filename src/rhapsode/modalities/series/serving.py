"""`/api/forecast`: `rhapsode forecast` over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.inference.model import Model
from rhapsode.modalities.series import table as tables
from rhapsode.modalities.series.asked import ahead_of, chosen, forecasts
from rhapsode.modalities.series.forecast import as_csv, as_json, codec_of
from rhapsode.modalities.series.read import of_table
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import said
from rhapsode.report import Report
from rhapsode.serving.endpoint import Endpoint, Given, Sampled

CHARACTERS = 2 << 20
"""The most characters of a table."""
ROWS, COLUMNS, SERIES = 50_000, 1000, 1000
SAMPLES, FARTHEST = 1000, 5000
VALUES = 1_000_000
"""The most values that are drawn for a request."""

PICTURES = {"png": "image/png", "svg": "image/svg+xml"}
"""Fan charts: format → its type."""

Cell = Annotated[str, Field(max_length=1000)] | float | None
Name = Annotated[str, Field(max_length=200)]


class Forecast(Sampled):
    """`POST /api/forecast`. Fields are options of `rhapsode forecast`, with their defaults.

    table: a table as CSV, or name of a column → its cells; nothing for a new series. n: sample paths of each series.
    paths: of CSV: these in the place of quantiles. known: so many of the last values of each series go with its
    forecast in JSON, too, for who draws it.
    """

    n: Annotated[int, Field(ge=1, le=SAMPLES)] = 200
    table: (
        Annotated[str, Field(max_length=CHARACTERS)]
        | Annotated[dict[Name, Annotated[list[Cell], Field(max_length=ROWS)]], Field(min_length=1, max_length=COLUMNS)]
        | None
    ) = None
    format: Literal["json", "csv", "png", "svg"] = "json"
    horizon: Annotated[int, Field(ge=1, le=FARTHEST)] | None = None
    quantiles: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1, max_length=100)] = Field(
        default_factory=lambda: [0.1, 0.5, 0.9]
    )
    paths: bool = False
    known: Annotated[int, Field(ge=0, le=FARTHEST)] = 0
    series: Annotated[list[Name], Field(max_length=SERIES)] = Field(default_factory=list)
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    sampled = ("temperature",)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.stream:
            raise ValueError("stream: a forecast is given as a whole; leave it out.")
        if isinstance(self.table, dict) and len({len(cells) for cells in self.table.values()}) > 1:
            raise ValueError("table: its columns have not the same number of cells.")
        return self

    def every(self, report: Report) -> list[Series] | None:
        """The table's series; what of it cannot be read is told. Raises `UserError`."""
        if self.table is None:
            return None
        text = self.table if isinstance(self.table, str) else _as_text(self.table)
        refused = Refusals()
        found = of_table(tables.parse(text, "table"), refused)
        for line in refused.told("table"):
            report.warn(line)
        return found


def _as_text(columns: dict[str, list[Cell]]) -> str:
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        rows.writerow("" if cell is None else cell if isinstance(cell, str) else repr(cell) for cell in row)
    return file.getvalue()


def answer(model: Model, beside: None, asked: Forecast, report: Report) -> Given:
    """See `Endpoint`."""
    codec, seed, levels = codec_of(model), asked.chosen, sorted(set(asked.quantiles))
    every = asked.every(report)
    if every is not None:
        every = chosen(every, codec, asked.series, "the table", report)
    count = (1 if every is None else len(every)) * asked.n * ahead_of(codec, asked.horizon)
    if count > VALUES:
        raise UserError(f"{count:,} values would be drawn; {VALUES:,} are the most: fewer series, n or horizon.")
    found, ahead = forecasts(model, every, asked.horizon, asked.n, seed, Sampling(**asked.how), report)
    if asked.format in PICTURES:
        from rhapsode.modalities.series import picture  # matplotlib, which takes as long to import as a model

        if len(found) > picture.MOST:
            report.warn(f"The picture shows the first {picture.MOST} of {len(found):,} series; csv and json hold all.")
        content = picture.chart(found, asked.format, levels)
        return Given(seed, content=content, media=PICTURES[asked.format], name=f"forecast.{asked.format}")
    if asked.format == "csv":
        content = as_csv(found, None if asked.paths else levels)
        return Given(seed, content=content, media="text/csv", name="forecast.csv")
    told = as_json(found, levels)
    if asked.known:
        told = [{**one, "known": _known(of.past, asked.known)} for one, of in zip(told, found, strict=True)]
    return Given(seed, {"horizon": ahead, "forecasts": told})


def _known(series: Series, count: int) -> dict[str, Any]:
    """The last values of a series and their times; None where one is missing."""
    values = [None if value != value else value for value in series.values[-count:].tolist()]
    return {"times": [said(time) for time in series.times[-count:]], "values": values}


def about(model: Model) -> Mapping[str, Any]:
    """frequency: of the series that it can forecast; shortest: how many values these have at least; counts: whether
    they are whole numbers; horizon: how many values come where nothing else is said."""
    codec = codec_of(model)
    how = {"frequency": codec.frequency.name, "shortest": codec.known + 1, "counts": codec.counts}
    return {**how, "horizon": ahead_of(codec, None), "formats": ["json", "csv", *PICTURES]}


ENDPOINT = Endpoint(
    "/api/forecast",
    "Say how series may go on.",
    Forecast,
    answer,
    ("text/csv", *PICTURES.values()),
    about=about,
    example=lambda model: {"n": 100},
)
