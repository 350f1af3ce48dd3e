"""The codec `series`: a step is a value of a series of numbers over time (DeepAR, Salinas et al. 2017)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Lack, Prepared, RecordCodec, Records
from rhapsode.errors import UserError, choice
from rhapsode.files.cache import Cache
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.series import guide as guides
from rhapsode.modalities.series import read
from rhapsode.modalities.series.frequency import Frequency
from rhapsode.modalities.series.guide import SeriesGuide
from rhapsode.modalities.series.picture import preview
from rhapsode.modalities.series.series import Series as Record
from rhapsode.modalities.series.times import said
from rhapsode.modalities.series.values import MOST, SMALLEST, Counts, Frame, Reals, Values

KINDS = {"": "by the data", "counts": "counts", "real": "real numbers"}
HEADS = ("student", "negative_binomial")
"""Of real numbers, and of counts."""
TAIL = 0.1
"""Part of each series of a single table that is held out: its end."""
TOLD = 5
"""Tables that are told one by one."""


class Series(RecordCodec):
    """Series ⇄ values. All of a model have one frequency; each column of a table is a series of its own."""

    name = "series"
    summary = "a step is a value: tables of numbers over time, to be forecast"
    keeps = "the first values of one series, with its name and date, and measures of all"
    unit = "value"
    record = "series"
    rank = 9
    prepares = True
    head = "student"
    usage = "TABLE.csv -o forecast.svg"
    needed = "some hundreds of a season each to learn anything"
    wanted = "tables (CSV, TSV, Parquet) of numbers over time"
    options = {"values": "", "season": 0}
    limits = {"season": (0, 100_000)}
    meanings = {
        "values": "What values are: counts, or real (numbers); nothing for what the data says.",
        "season": "Rows after which a season comes again; 0 for what the calendar says.",
    }

    def __init__(self, settings: dict[str, Any], kind: Values, frequency: Frequency, example: Record) -> None:
        """example: the beginning of one of the training data's series, all of it known."""
        self._settings, self._kind, self.frequency, self.example = settings, kind, frequency, example
        self.lags, self.known = guides.lags(frequency), guides.known(frequency)

    recognises = staticmethod(read.recognised)

    @classmethod
    def lacking(cls, path: Path) -> Lack | None:
        why = read.flaw(path)
        return Lack("table{s} without series", why) if why else None

    @classmethod
    def plural(cls) -> str:
        return "series"

    @property
    def steps(self) -> Values:
        return self._kind

    @property
    def network(self) -> dict[str, Any]:
        return {"head": HEADS[self.counts], "layers": 2, "embedding": 0}

    @property
    def counts(self) -> bool:
        """Whether values are counts."""
        return isinstance(self._kind, Counts)

    @cached_property
    def covariates(self) -> int:
        return SeriesGuide.width(self.frequency, self.lags)

    @classmethod
    def parts(cls, path: Path) -> tuple[str, ...]:
        return ("train", "valid")

    @classmethod
    def read(
        cls, path: Path, part: str | None = None, name: str | None = None, refused: Refusals | None = None
    ) -> Iterator[Record]:
        """A table is divided by time: its series' ends are for validation."""
        for one in read.read(path, name, refused if part != "valid" else None):
            cut = len(one) - max(1, round(TAIL * len(one)))
            if part is None or cut <= guides.known(one.frequency):
                if part != "valid":
                    yield one
            elif part == "train":
                yield _whole(one.upto(cut))
            else:
                yield replace(one, first=cut)

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Cache, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        settings = cls.checked(options)
        tables = list(dict.fromkeys(one.about for one in records if one.about))
        notes = tables[:TOLD]
        if len(tables) > TOLD:
            notes.append(f"And {len(tables) - TOLD:,} tables more.")
        if records:
            found = Frequencies(records, settings)
            counts = _counts(records, settings["values"])
            notes.append(
                ("values are whole numbers from 0 on: taken as counts" if counts else "values are real numbers")
                + (" (asked for)" if settings["values"] else "")
                + f", head {HEADS[counts]}; {found.said}; of each series the first "
                f"{guides.known(found.chosen)} values say how large it is and are not predicted."
            )
        return Prepared(records, [], notes)

    @property
    def settings(self) -> dict[str, Any]:
        return self._settings

    @classmethod
    def checked(cls, given: dict[str, Any]) -> dict[str, Any]:
        found = super().checked(given)
        if found["values"] not in KINDS:
            raise choice("codec series: values", found["values"], [kind for kind in KINDS if kind])
        return found

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Self:
        settings = cls.checked(options)
        every = list(records())
        if not every:
            raise UserError("no series to learn. Give tables of numbers over time.")
        frequency = Frequencies(every, settings).chosen
        counts = _counts(every, settings["values"])
        known = guides.known(frequency)
        long = [one for one in every if _same(one.frequency, frequency) and len(one) > known]
        if not long:
            raise UserError(
                f"all series are too short: {max(map(len, every))} values, and {known + 1} or more are needed, of "
                f"which the first {known} are not predicted. Give longer ones."
            )
        kind = _kind(counts, known, 1.0)
        begins = [kind.first(one.values[:known] - kind.origin(one.values[:known])).scale for one in long]
        middle = int(np.argsort(begins)[len(begins) // 2])
        example = replace(long[middle].upto(known), frequency=frequency, first=0, about="")
        return cls(settings, _kind(counts, known, begins[middle]), frequency, example)

    def refitted(self, records: Records) -> Self:
        return self  # the same numbers mean the same

    def refusal(self, record: Record) -> str:
        if not _same(record.frequency, self.frequency):
            return f"of {record.frequency.name} values, while the model's are {self.frequency.name}"
        if len(record) <= self.known:
            return f"of {self.known} values or fewer, as many as a series begins with"
        if self.counts and not _whole_numbers(record.values):
            return f"of numbers that are no counts up to {MOST:,}, as the model's are"
        if not self.counts and self.begun(record).scale <= SMALLEST:
            return f"that differ by less than {SMALLEST:g} at their beginning"
        return ""

    def begun(self, record: Record) -> Frame:
        """The frame of the first value that is predicted."""
        return self._kind.first(record.values[: self.known] - self.origin(record))

    def origin(self, record: Record) -> float:
        """What a series' values are measured from."""
        return self._kind.origin(record.values[: self.known])

    def first(self, record: Record) -> int:
        """The place of the first value that is predicted."""
        return max(record.first, self.known)

    def _every(self, record: Record) -> np.ndarray:
        """[N - C, 4]: steps from the first that can be on."""
        values = record.values[self.known :] - self.origin(record)
        steps = list(self._kind.encoded(values, self.begun(record)))
        return np.array(steps, np.float32).reshape(-1, *self._kind.shape)

    def encode(self, record: Record, whole: bool = True) -> np.ndarray:
        return self._every(record)[self.first(record) - self.known :]

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Record | None = None
    ) -> Record:
        before = outline or self.example
        values = np.array([self._kind.value(step) for step in np.asarray(steps)]) + self.origin(before)
        if begun:
            return before.after(values)
        known = before.upto(self.first(before))
        return replace(known, values=np.concatenate([known.values, values]))

    def ends(self, step: Any) -> bool:
        return False

    def may_end(self, step: Any) -> bool:
        return False

    def guide(self, record: Record) -> SeriesGuide:
        known = replace(record.upto(self.known), values=record.values[: self.known] - self.origin(record))
        guide = SeriesGuide(self._kind, self.frequency, self.lags, known, self.begun(record))
        for step in self._every(record.upto(self.first(record))):
            guide.read(step)
        return guide

    def outline(self) -> Record:
        return self.example

    @classmethod
    def text_of(cls, record: Record) -> None:
        return None

    @property
    def alphabet(self) -> str:
        return ""

    def dump(self, record: Record) -> bytes:
        """A table of one series; numbers are written so that the same ones are read."""
        file = io.StringIO()
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow((["time"] if record.dated else []) + [record.name or "value"])
        for time, value in zip(record.times, record.values.tolist(), strict=True):
            shown = "" if value != value else f"{value:.0f}" if self.counts else repr(value)
            rows.writerow(([said(time)] if record.dated else []) + [shown])
        return file.getvalue().encode()

    def show(self, record: Record) -> str:
        return preview(record)

    def to_json(self) -> dict[str, Any]:
        example = self.example
        start = example.start if isinstance(example.start, float) else said(example.start)
        return {
            "settings": self._settings,
            "frequency": self.frequency.to_json(),
            "counts": self.counts,
            "scale": self._kind.scale,
            "example": {
                "name": example.name,
                "start": start,
                "dated": example.dated,
                "values": [None if value != value else value for value in example.values.tolist()],
            },
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        settings, frequency, counts, scale, example = fields(
            cls, data, "settings", "frequency", "counts", "scale", "example"
        )
        try:
            every = Frequency.from_json(frequency)
            if type(counts) is not bool or not isinstance(scale, float) or not 0 < scale < np.inf:
                raise ValueError(f"counts {counts!r}, scale {scale!r}")
            values = np.array([np.nan if one is None else one for one in example["values"]], np.float64)
            start = example["start"]
            start = start if every.unit == "number" else np.datetime64(start, "s")
            if len(values) != guides.known(every) or np.isnan(values).all() or np.isinf(values).any():
                raise ValueError("the example is not as long as a series' beginning")
            if every.unit == "number" and not isinstance(start, float):
                raise ValueError(f"the example begins at {start!r}")
            begun = Record(str(example["name"]), values, start, every, dated=bool(example["dated"]))
            return cls(cls.checked(settings), _kind(counts, guides.known(every), scale), every, begun)
        except (TypeError, ValueError, KeyError, AttributeError, UserError) as error:
            raise damaged(cls, str(error)) from None


class Frequencies:
    """The frequency that most of some series have; `said`: that, and how many series have others."""

    def __init__(self, every: Sequence[Record], settings: dict[str, Any]) -> None:
        found = Counter(one.frequency for one in every).most_common(1)[0][0]
        season, why = settings["season"] or found.season, "asked for" if settings["season"] else "by the calendar"
        if season == 1:
            season = guides.season([one for one in every if one.frequency == found and not one.first])
            why = "found in the data"
        self.chosen = replace(found, season=season)
        seasons = f"a season every {season} ({why})" if season > 1 else "no season"
        others = sum(one.frequency != found for one in every)
        self.said = f"{found.name}, {seasons}" + (f"; {others:,} series of other frequencies" if others else "")


def _kind(counts: bool, known: int, scale: float) -> Values:
    return (Counts if counts else Reals)(2 / (known + 1), scale)


def _same(one: Frequency, other: Frequency) -> bool:
    return (one.unit, one.every) == (other.unit, other.every)


def _whole_numbers(values: np.ndarray) -> bool:
    """Whether they are counts."""
    there = values[~np.isnan(values)]
    return bool((there >= 0).all() and (there <= MOST).all() and (there == np.rint(there)).all())


def _counts(every: Sequence[Record], asked: str) -> bool:
    return asked == "counts" or (not asked and all(_whole_numbers(one.values) for one in every))


def _whole(one: Record) -> Record:
    """Without missing values at its end."""
    there = np.flatnonzero(~np.isnan(one.values))
    return one.upto(int(there[-1]) + 1)
