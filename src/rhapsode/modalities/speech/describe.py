"""What is in a collection of recordings with texts, and what looks wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rhapsode.data.statistics import Statistics
from rhapsode.modalities.speech.listen import listing, with_faults
from rhapsode.modalities.speech.prepare import Times
from rhapsode.modalities.speech.suspects import BAD, Doubt, worst
from rhapsode.modalities.speech.utterance import PAUSE, Timed, Utterance

SHOWN = 10
"""Utterances that are listed, the oddest first."""


@dataclass(frozen=True)
class RecordingStatistics(Statistics):
    """Of a collection of utterances.

    seconds:  of recordings that are fit; per_utterance: the least, the mean and the greatest.
    speakers: by the number of their utterances; none if they have no names.
    rates:    samples a second by the number of these recordings.
    phones:   by their number, without pauses; labelled: how many utterances came with times.
    faults:   what is to be said of recordings → names; left_out: the same of those that training leaves out.
    notes:    what else is to be said, a sentence each.
    doubts:   the oddest utterances, the worst first.
    """

    utterances: int = 0
    labelled: int = 0
    seconds: float = 0.0
    per_utterance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    speakers: dict[str, int] = field(default_factory=dict)
    rates: dict[int, int] = field(default_factory=dict)
    phones: dict[str, int] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    def facts(self) -> Iterator[str]:
        low, mean, high = self.per_utterance
        yield f"utterances      {self.utterances:,}, {low:.1f} … {mean:.1f} … {high:.1f} seconds"
        yield f"speech          {self.seconds / 60:.1f} minutes"
        if self.speakers:
            yield f"speakers        {_counted(self.speakers)}"
        yield f"samples/second  {_counted(self.rates)}"
        if self.labelled:
            yield f"labelled        {self.labelled:,}"
        if self.phones:
            yield f"phones          {len(self.phones):,} kinds: {_counted(self.phones)}"
        for what, names in self.left_out.items():
            yield f"left out        {what}: {listing(names)}"

    @property
    def warnings(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*(f"{what}: {listing(names)}" for what, names in self.faults.items()), *self.notes)

    def lines(self) -> Iterator[str]:
        yield from super().lines()
        if self.doubts:
            yield f"the oddest utterances, with what is odd (suspect from {-BAD:.0f} on)"
        for doubt in self.doubts:
            yield f"{doubt.badness:7.1f}  {doubt.name}: {doubt.why}: {doubt.text!r}"

    def to_json(self) -> dict[str, Any]:
        """`badness` is null for a recording that is too short for its text."""
        found = super().to_json()
        for doubt in found["doubts"]:
            doubt["badness"] = doubt["badness"] if np.isfinite(doubt["badness"]) else None
        return found


def describe(utterances: Sequence[Utterance], times: Times) -> RecordingStatistics:
    """utterances: at least one; times: what `times_of` found of them."""
    fit = [one for one in times.recordings if not one.unfit]
    seconds = [one.seconds for one in fit]
    aligned = [one for one in times.aligned if one is not None]
    phones = Counter(phone.symbol for one in aligned for phone in one.utterance.phones if phone.symbol != PAUSE)
    speakers = Counter(utterance.speaker for utterance in utterances)
    return RecordingStatistics(
        utterances=len(utterances),
        labelled=sum(isinstance(utterance, Timed) for utterance in utterances),
        seconds=sum(seconds),
        per_utterance=(min(seconds), sum(seconds) / len(seconds), max(seconds)),
        speakers=dict(speakers.most_common()) if set(speakers) != {""} else {},
        rates=dict(Counter(one.rate for one in fit).most_common()),
        phones=dict(phones.most_common()),
        faults=with_faults(utterances, times.recordings),
        left_out=times.left_out,
        notes=tuple(times.notes),
        doubts=tuple(worst(aligned, SHOWN)),
    )


def _counted(counts: dict[Any, int]) -> str:
    return ", ".join(f"{name if name != '' else '(none)'} {count:,}" for name, count in counts.items())
