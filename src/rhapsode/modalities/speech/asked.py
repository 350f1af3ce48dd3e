"""What is asked of a voice, and the answer: the same for the command `speak` and the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import audio, speaking
from rhapsode.modalities.speech.alphabets import IPA, alphabet
from rhapsode.modalities.speech.codecs.speech import Speech
from rhapsode.modalities.speech.inventory import Changed
from rhapsode.modalities.speech.lexicon import Given, load
from rhapsode.modalities.speech.speaking import Manner, Reading, with_known_phones
from rhapsode.modalities.speech.utterance import Spoken, Timed, Utterance
from rhapsode.report import Report

LATEST, HIGHEST = 3600, 2000
"""Seconds and Hz of an F0."""
SILENCE = 'nothing to say: give a text, e.g. rhapsode speak MODEL "Any words." -o words.wav'
QUIET = 60
"""Seconds between sentences, at most."""
LEXICON = "lexicon.tsv"
"""In a voice's folder: how it says words."""


@dataclass(frozen=True)
class Speaking:
    """What is to be said, and how.

    text:     whole, or piece by piece as it comes; empty with `phones`.
    phones:   utterances to be said instead of a text, at their times if they have any.
    contours: with `phones`: of each of them lines of (seconds, Hz), 0 where unvoiced; None for the voice's own F0.
    words:    how these are said, besides those that the voice knows itself.
    name:     of the file with the phones, in messages.
    """

    manner: Manner
    text: str | Iterator[str] = ""
    phones: Sequence[Utterance] | None = None
    contours: Sequence[Sequence[tuple[float, float]] | None] = ()
    sentences: str = "auto"
    pause: float | None = None
    words: dict[str, Given] | None = None
    name: str = "--phones"


@dataclass(frozen=True)
class Beside:
    """What lies beside a voice: how long and how high it says phones, and how it says words."""

    prosody: Model | None
    words: dict[str, Given]


def beside(model: Model) -> Beside:
    """Raises `UserError`."""
    _codec(model)
    assert model.path is not None
    own = model.path.parent / LEXICON
    return Beside(speaking.prosody_beside(model), load(own) if own.is_file() else {})


def check(model: Model, order: Speaking, samples: int) -> None:
    """Raises `UserError` for what cannot be said."""
    codec, text, given = _codec(model), order.text, order.phones is not None
    if not codec.auxiliary and (given or order.manner.speed != 1):
        raise UserError(f"--phones and --speed: a model of {codec.name} finds its own times. Leave them out.")
    if order.contours and not given:
        raise UserError("--f0 needs --phones FILE, too: F0 is that of phones whose times are known.")
    if given and (not isinstance(text, str) or text.strip()):
        raise UserError("a text and --phones were given; one of them must go.")
    if order.pause is not None and not 0 <= order.pause <= QUIET:
        raise UserError(f"--pause {order.pause:g}: between sentences are 0 to {QUIET} seconds.")
    if samples > 1 and not order.manner.temperature:
        raise UserError("--samples: without a temperature they are all the same. Add, e.g., --temperature 0.5.")
    if isinstance(text, str) and not text.strip() and not given:
        raise UserError(SILENCE)


def said(model: Model, known: Beside, order: Speaking, seed: int, rows: int, report: Report) -> list[Iterator[Spoken]]:
    """Of each sample, its sentences, each as soon as it is made. report: is told once what the voice says otherwise."""
    codec = _codec(model)
    text = "".join(order.text) if rows > 1 else order.text
    reading = Reading(order.sentences, order.pause, known.words | (order.words or {}))
    contours = [None if one is None else _contour(one, codec.hop) for one in order.contours]
    told = _Told(report)

    def one(row: int) -> Iterator[Spoken]:
        if order.phones is not None:
            outlines = _labelled(order, codec, told)
        else:
            outlines = speaking.outlined(codec, text, order.manner.speaker, told, reading, told.note)
        return speaking.speak(model, known.prosody, outlines, order.manner, seed, row, contours)

    return [one(row) for row in range(rows)]


def streamed(sentences: Iterator[Spoken]) -> Iterator[bytes]:
    """A WAV file, of as many samples as will come: sentence by sentence."""
    first = next(sentences, None)
    if first is None:
        raise UserError(SILENCE)
    yield audio.header(first.sound().rate) + audio.pcm(first.sound())
    for one in sentences:
        yield audio.pcm(one.sound())


def entry(whole: Spoken) -> dict[str, Any]:
    """A sample as JSON."""
    spans = zip(whole.phones, whole.times[:-1].tolist(), whole.times[1:].tolist(), strict=True)
    return {
        "text": whole.text,
        "seconds": float(whole.times[-1]),
        "phones": [[phone.symbol, round(begin, 4), round(end, 4)] for phone, begin, end in spans],
    }


def contour_of(whole: Spoken) -> bytes:
    """A table of the F0 of each frame, 0 where unvoiced."""
    frames = whole.acoustics()
    rows = (f"{n * frames.hop:.4f},{f0:.2f}\n" for n, f0 in enumerate(frames.f0.tolist()))
    return ("seconds,hertz\n" + "".join(rows)).encode()


def _codec(model: Model) -> Speech:
    if not isinstance(model.codec, Speech):
        raise UserError(f"this is a model of {model.codec.name}, which is part of a voice: give the voice's folder.")
    return model.codec


class _Told:
    """Tells which phones the voice never heard, and what it says for them, once each."""

    def __init__(self, report: Report) -> None:
        self._known, self._report = set[str](), report

    def note(self, text: str) -> None:
        if text not in self._known:
            self._report.warn(text)
            self._known.add(text)

    def __call__(self, utterance: Utterance, changed: Changed) -> None:
        if new := [symbol for symbol in changed if symbol not in self._known]:
            each = ", ".join(f"{symbol} (says {' '.join(changed[symbol]) or 'nothing'})" for symbol in sorted(new))
            where = f", as in {utterance.text!r}" if utterance.text else ""
            self._report.warn(f"the voice has never heard {each}{where}")
            self._known.update(new)


def _labelled(order: Speaking, codec: Speech, told: _Told) -> Iterator[Utterance]:
    """The utterances that were given, with times if they have contours. Raises `UserError`."""
    given, contours, name = order.phones or (), order.contours, order.name
    if contours and len(given) != len(contours):
        raise UserError(f"{name}: it has {len(given)} utterances; with --f0 it must be one, whose F0 that is.")
    theirs = alphabet({phone.symbol for one in given for phone in one.phones})
    for one, contour in zip_longest(given, contours):
        found = replace(one, speaker=order.manner.speaker or one.speaker or codec.features.speakers[0])
        timed = isinstance(found, Timed)
        if contour is not None and not timed:
            raise UserError(f"{name}: its phones have no times, so --f0 means nothing. Write times, or leave it out.")
        if timed and order.manner.speed != 1:
            raise UserError(f"{name} and --speed were given; one of them must go: the file says when phones are said.")
        if found.speaker not in codec.features.speakers:
            raise choice(f"{name}: speaker", found.speaker, codec.features.speakers, "Or name one: --speaker NAME.")
        yield with_known_phones(codec, found, told, theirs or IPA)


def _contour(rows: Sequence[tuple[float, float]], hop: float) -> np.ndarray:
    """Hz at each frame: between the lines by straight lines, 0 where unvoiced."""
    times, hertz = np.array(sorted(rows)).T
    at = np.arange(round(times[-1] / hop) + 1) * hop
    after = times.searchsorted(at, side="right").clip(1, len(times) - 1)
    part = ((at - times[after - 1]) / np.maximum(times[after] - times[after - 1], 1e-9)).clip(0, 1)
    one, other = hertz[after - 1], hertz[after]
    between = np.where((one > 0) & (other > 0), one + part * (other - one), np.where(part < 0.5, one, other))
    return np.asarray(between)
