"""What is found when recordings are heard for the first time: what they are, which are of no use, what is wrong with
the others, at which rate to take them all."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rhapsode.modalities.speech import _begin, acoustics
from rhapsode.modalities.speech._pool import Pool
from rhapsode.modalities.speech.faults import faults, misfits, spoken, unfit
from rhapsode.modalities.speech.utterance import PAUSE, NoSound, Timed, Utterance

USUAL = (22050, 24000)
"""Samples a second to which faster recordings are brought: all that speech needs, at half the work."""
NAMED = 8
"""Names that are listed in a note, the first ones."""
SOME_LONGER = 0.1
"""Seconds by which labels may go on beyond their recording."""


@dataclass(frozen=True)
class RecordingFacts:
    """Of a recording. unfit: why it teaches nothing, empty if it does. Then: digest, of its samples and their rate;
    rate and seconds; spoken: seconds in which it is loud; faults: what else is to be said of it."""

    unfit: str = ""
    digest: str = ""
    rate: int = 0
    seconds: float = 0.0
    spoken: float = 0.0
    faults: tuple[str, ...] = ()


def listened(
    utterances: Sequence[Utterance], processes: Pool, report: Callable[[str, float], None]
) -> list[RecordingFacts]:
    """Of each, in order. Raises `UserError` for what is not installed."""
    found = []
    for one in processes.map(_heard, utterances):
        found.append(one)
        report("listening", len(found) / len(utterances))
    return found


def rate_for(facts: Sequence[RecordingFacts]) -> int:
    """Samples a second at which to take them all: the commonest rate, or one of `USUAL` if that is above. facts: at
    least one that is fit."""
    counts = Counter(one.rate for one in facts if not one.unfit)
    rate = max(counts, key=lambda each: (counts[each], each))
    if rate <= max(USUAL):
        return rate
    return next((usual for usual in USUAL if rate % usual == 0), max(USUAL))


def notes(utterances: Sequence[Utterance], facts: Sequence[RecordingFacts], rate: int) -> list[str]:
    """What a person should be told of the recordings: how much there is, at which rate it is taken, what is wrong."""
    found = []
    rates = Counter(one.rate for one in facts if not one.unfit)
    if set(rates) != {rate}:
        had = ", ".join(f"{each:,} ({count:,})" for each, count in sorted(rates.items()))
        lower = f" Those with fewer have nothing above {min(rates) / 2000:g} kHz." if min(rates) < rate else ""
        found.append(f"Samples a second: {had}; all are taken at {rate:,}.{lower}")
    worst = list(with_faults(utterances, facts).items())
    for fault, names in worst[:NAMED]:
        found.append(f"Recordings {fault}: {listing(names)}.")
    if len(worst) > NAMED:
        count = len({name for _, names in worst[NAMED:] for name in names})
        found.append(f"{count:,} more recordings have faults: rhapsode inspect FOLDER lists them.")
    return found


def with_faults(utterances: Sequence[Utterance], facts: Sequence[RecordingFacts]) -> dict[str, list[str]]:
    """What is to be said of recordings, the most frequent first → names of those of which it is."""
    found = _names((fault, one.name) for one, each in zip(utterances, facts, strict=True) for fault in each.faults)
    return dict(sorted(found.items(), key=lambda each: -len(each[1])))


def without_use(utterances: Sequence[Utterance], facts: Sequence[RecordingFacts]) -> dict[str, list[str]]:
    """Why recordings teach nothing → names of those that do not."""
    return _names((each.unfit, one.name) for one, each in zip(utterances, facts, strict=True) if each.unfit)


def fitting(facts: Sequence[RecordingFacts], utterances: Sequence[Utterance | None]) -> list[RecordingFacts]:
    """The same, of which those are `unfit`, too, whose texts cannot be what is said. utterances: with their phones,
    None for those that are not to be judged."""
    judged = [n for n, one in enumerate(utterances) if one is not None]
    phones = np.array([sum(phone.symbol != PAUSE for phone in one.phones) for one in utterances if one is not None])
    whys = misfits(phones, np.array([facts[n].spoken for n in judged]))
    found = list(facts)
    for n, why in zip(judged, whys, strict=True):
        found[n] = replace(found[n], unfit=why)
    return found


def _names(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for what, name in pairs:
        found.setdefault(what, []).append(name)
    return found


def listing(names: Sequence[str]) -> str:
    """`a, b and 7 more`."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _heard(utterance: Utterance) -> RecordingFacts:
    try:
        sound = utterance.sound()
    except NoSound as error:
        return RecordingFacts(error.why)
    timed = isinstance(utterance, Timed)  # others have yet to be aligned
    if why := unfit(sound, acoustics.LONGEST if timed else _begin.LONGEST):
        return RecordingFacts(why)
    if isinstance(utterance, Timed) and utterance.times[-1] > sound.seconds + SOME_LONGER:
        return RecordingFacts("shorter than their labels")
    digest = hashlib.sha256(np.ascontiguousarray(sound.samples, "<f8").data)
    digest.update(str(sound.rate).encode())
    return RecordingFacts("", digest.hexdigest(), sound.rate, sound.seconds, spoken(sound), faults(sound))
