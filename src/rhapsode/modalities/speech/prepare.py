"""Recordings with transcripts → utterances with phones, times and frames. What takes long is done once, and kept."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.files.place import sweep
from rhapsode.modalities.speech import espeak
from rhapsode.modalities.speech._pool import Pool, pool
from rhapsode.modalities.speech.acoustics import Acoustics
from rhapsode.modalities.speech.agreed import agreed
from rhapsode.modalities.speech.align import Aligned
from rhapsode.modalities.speech.audio import resampled
from rhapsode.modalities.speech.listen import RecordingFacts, fitting, listened, listing, notes, rate_for, without_use
from rhapsode.modalities.speech.read import KNOWN
from rhapsode.modalities.speech.speakers import chosen, parted, repeated, told_apart
from rhapsode.modalities.speech.speakers import told as speakers
from rhapsode.modalities.speech.suspects import BAD, suspects
from rhapsode.modalities.speech.timing import FOLDER, timed
from rhapsode.modalities.speech.tongue import doubt
from rhapsode.modalities.speech.utterance import PAUSE, Sound, Spoken, Timed, Utterance
from rhapsode.modalities.speech.vocoders import available, vocoder
from rhapsode.nn.engine import cores

VERSION = 2
"""Part of every key in the cache. Raise it when analysis changes."""
LANGUAGE = "en-us"
HOPS = (1, 50)
"""Milliseconds from frame to frame: the least and the most."""
FEW = 16
"""Recordings that are no work for several processes."""
EDGE = 0.1
"""Seconds of silence that are left before and after an utterance."""
NEEDED = "an hour of speech for a voice as clear as the recordings; of 5 minutes, a third of the words is understood"
NONE = f"there is no utterance to learn a voice from. It takes {NEEDED}: sentences with their texts. {KNOWN}."
UNLIKE = "not sounding like their texts"
LITTLE = 300
"""Seconds of speech, below which it is said what is `NEEDED`."""


@dataclass(frozen=True)
class Times:
    """When everything is said. recordings: what they are, of each utterance; aligned: of each, None for one that is
    `unfit`; left_out: why nothing can be learnt of some → their names, of those that are hardly of their texts the
    worst first; notes: what else a person should be told, a sentence each."""

    recordings: list[RecordingFacts]
    aligned: list[Aligned | None]
    left_out: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)


def prepared(
    utterances: Sequence[Utterance],
    cache: Cache,
    report: Callable[[str, float], None],
    *,
    language: str = LANGUAGE,
    speaker: str = "",
    hop: int = 5,
    lsp: int = 0,
    rate: int = 0,
    **others: object,
) -> tuple[list[Spoken | None], list[str], list[str]]:
    """Utterances with phones and times: those they have, or found by espeak-ng and alignment; and with their frames,
    which are read when asked for. Silence at the ends is cut. None for those of which nothing can be learnt, or that
    hardly are of their texts. Then which these are; and notes for a person, a sentence each.

    speaker: the only one that is wanted, or empty for all. rate: samples a second, 0 for `rate_for` these. Raises
    `UserError`.
    """
    if not utterances:
        raise UserError(NONE)
    told, left_out = list[str](), list[str]()
    every = told_apart(utterances)
    again = repeated(every)
    if any(again):
        names = [one.name for one, known in zip(every, again, strict=True) if known]
        left_out.append(f"Left out, {len(names):,} of {len(every):,}, listed a second time: {listing(names)}.")
    wanted = [not known for known in again]
    if speaker:
        own = chosen(every, speaker)
        left_out.append(f"Left out, {len(own) - sum(own):,} of {len(every):,}, of other speakers than {speaker}.")
        wanted = [one and by for one, by in zip(wanted, own, strict=True)]
    else:
        told += speakers([one for one, kept in zip(every, wanted, strict=True) if kept])
    places = [n for n, kept in enumerate(wanted) if kept]
    told += parted([every[n] for n in places])
    found: list[Spoken | None] = [None] * len(utterances)
    utterances, said_of_labels = agreed([every[n] for n in places])
    told += said_of_labels
    name = "lsp" if lsp else available()[0]
    sweep(cache.home / FOLDER)
    with pool(cores() if len(utterances) > FEW else 1) as processes:
        times = times_of(utterances, cache, language, processes, report)
        rate = rate or rate_for(times.recordings)
        told += [*times.notes, *notes(utterances, times.recordings, rate)]
        kept = [(n, one.utterance) for n, one in enumerate(times.aligned) if one is not None and one.fit >= BAD]
        analyses = [_Analysis(utterances[n], times.recordings[n].digest, hop / 1000, name, rate) for n, _ in kept]
        done = processes.map(partial(_kept, home=cache.home), analyses)
        for number, ((n, timed), analysis, said) in enumerate(zip(kept, analyses, done, strict=True), 1):
            for each in said:
                cache.say(each)
            frames, sound = partial(analysis.frames, cache), partial(_at, timed.sound, rate)
            found[places[n]] = _trimmed(timed.to(Spoken, acoustics=frames, sound=sound), hop / 1000)
            report("analysing speech", number / len(kept))
    seconds = sum(float(one.times[-1]) for one in found if one is not None)
    if seconds < LITTLE:
        told.append(f"There are {seconds / 60:.1f} minutes of speech. It takes {NEEDED}.")
    left_out += [
        f"Left out, {len(names):,} of {len(utterances):,}, {why}: {listing(names)}."
        + " See why: rhapsode inspect FOLDER" * (why == UNLIKE)
        for why, names in times.left_out.items()
    ]
    return found, left_out, told


def times_of(
    utterances: Sequence[Utterance],
    cache: Cache,
    language: str,
    processes: Pool,
    report: Callable[[str, float], None],
) -> Times:
    """Recordings heard, and laid beside their texts. Raises `UserError`, also where all would be left out."""
    if language != LANGUAGE or not all(isinstance(one, Timed) for one in utterances):
        espeak.check(language)
    heard = listened(utterances, processes, report)
    fit = [n for n, one in enumerate(heard) if not one.unfit]
    aligned: list[Aligned | None] = [None] * len(utterances)
    digests = [heard[n].digest for n in fit]
    for n, one in zip(fit, timed([utterances[n] for n in fit], digests, cache, language, report), strict=True):
        aligned[n] = one
    by_text = [None if isinstance(one, Timed) else its for one, its in zip(utterances, aligned, strict=True)]
    heard = fitting(heard, [None if its is None else its.utterance for its in by_text])
    aligned = [None if each.unfit else one for each, one in zip(heard, aligned, strict=True)]
    left_out = without_use(utterances, heard)
    if doubtful := suspects([one for one in aligned if one is not None]):
        left_out[UNLIKE] = [one.utterance.name for one in doubtful]
    if sum(map(len, left_out.values())) == len(utterances):
        each = "; ".join(f"{len(names):,} {why} ({listing(names)})" for why, names in left_out.items())
        raise UserError(f"none of the utterances can be used: {each}. {KNOWN}.")
    bare = [utterances[n] for n in fit if not isinstance(utterances[n], Timed) and not utterances[n].phones]
    told = [doubt(bare, language, cache, FOLDER), unsaid("\n".join(one.text for one in bare), language)]
    return Times(heard, aligned, left_out, list(filter(None, told)))


def unsaid(text: str, language: str) -> str:
    """What a person should be told of characters in the texts of recordings of which nothing is said; "" of none."""
    silent = espeak.silent(text, language) if text else {}
    each = ", ".join(f"{character!r} ({count:,})" for character, count in silent.items())
    return f"Nothing is said for these characters of the texts: {each}." if each else ""


@dataclass(frozen=True)
class _Analysis:
    """What a vocoder finds in the recording of an utterance, whose samples have this digest. hop: in seconds."""

    utterance: Utterance
    digest: str
    hop: float
    vocoder: str
    rate: int

    def frames(self, cache: Cache) -> Acoustics:
        """As they were kept; else found now. Raises `UserError`."""
        with np.load(io.BytesIO(self.kept(cache)), allow_pickle=False) as file:
            spectrum, aperiodicity, f0 = (file[key].astype(np.float64) for key in ("spectrum", "aperiodicity", "f0"))
            return Acoustics(spectrum, aperiodicity, f0, self.hop, int(file["rate"]), self.vocoder)

    def kept(self, cache: Cache) -> bytes:
        """The same as a file of arrays."""
        about = [VERSION, self.digest, self.hop, self.vocoder, self.rate]
        key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
        return cache.file(f"{FOLDER}/{key[:32]}.frames", self._found)

    def _found(self) -> bytes:
        try:
            found = vocoder(self.vocoder).analyse(_at(self.utterance.sound, self.rate), self.hop)
        except UserError as error:
            raise UserError(f"{self.utterance.name}: {error}") from None
        buffer = io.BytesIO()
        spectrum, aperiodicity, f0 = (
            part.astype(np.float32) for part in (found.spectrum, found.aperiodicity, found.f0)
        )
        np.savez(buffer, rate=found.rate, spectrum=spectrum, aperiodicity=aperiodicity, f0=f0)
        return buffer.getvalue()


def _kept(analysis: _Analysis, home: Path) -> list[str]:
    """Have it kept; what is to be said."""
    said: list[str] = []
    analysis.kept(Cache(home, said.append))
    return said


def _at(sound: Callable[[], Sound], rate: int) -> Sound:
    return resampled(sound(), rate)


def _trimmed(utterance: Spoken, hop: float) -> Spoken:
    """Without most of the silence at its ends; it begins at a frame."""
    times, sound, acoustics = utterance.times, utterance.sound, utterance.acoustics
    times = times.copy()
    if utterance.phones[0].symbol == PAUSE:
        times[0] = max(times[0], times[1] - EDGE)
    if utterance.phones[-1].symbol == PAUSE:
        times[-1] = min(times[-1], times[-2] + EDGE)
    first, last = round(times[0] / hop), round(times[-1] / hop)
    times[0], times[-1] = first * hop, last * hop

    def frames() -> Acoustics:
        return acoustics().map(lambda values: values[first : last + 1])

    def samples() -> Sound:
        whole = sound()
        return Sound(whole.samples[round(times[0] * whole.rate) : round(times[-1] * whole.rate)], whole.rate)

    return replace(utterance, times=times - times[0], sound=samples, acoustics=frames)
