"""Whether recordings sound as another language says their texts."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.modalities.speech import espeak
from rhapsode.modalities.speech._begin import rendering, spoken
from rhapsode.modalities.speech.dtw import likeness
from rhapsode.modalities.speech.mfcc import HIGH, highest, mfcc
from rhapsode.modalities.speech.utterance import Utterance

OTHERS = {
    "LATIN": ("en-us", "de", "fr", "es", "it", "nl", "pt-br", "pl", "sv", "fi", "tr"),
    "CYRILLIC": ("ru", "uk", "bg", "sr"),
    "ARABIC": ("ar", "fa", "ur"),
    "DEVANAGARI": ("hi", "mr", "ne"),
}
"""What texts in these scripts may be, as well."""
SAMPLE, FIRST = 10, 3
"""Recordings that are compared, and after how many those languages are left out that were never better."""
LETTERS = 12
"""What a text has at least, to tell one language from another."""
BETTER, MOST = 0.4, 0.8
"""Nats a frame by which another language is more like the recordings, and in which part of them."""


def doubt(utterances: Sequence[Utterance], language: str, cache: Cache, folder: str) -> str:
    """What a person should be told, if most recordings of a sample are more like what espeak-ng makes of their texts in
    another language; else "". Raises `UserError`."""
    language = espeak.named(language)
    sample = [one for one in utterances if _long(one.text)]
    sample = sorted(sample, key=lambda one: (len(one.text), one.name))[len(sample) // 4 :][:SAMPLE]
    if len(sample) < FIRST:
        return ""
    about = [language, OTHERS, [[one.name, one.text, _digest(one)] for one in sample]]
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    kept = cache.file(f"{folder}/{key[:32]}.tongue", lambda: json.dumps(_better(sample, language)).encode())
    found = json.loads(kept)
    if found is None:
        return ""
    other, wins, count = found
    return (
        f"The recordings sound more like {other} than like {language}: in {wins} of {count} that were compared. If "
        f"that is what is spoken, train with --language {other}."
    )


def _better(sample: Sequence[Utterance], language: str) -> tuple[str, int, int] | None:
    """The language that is more like them, in how many, of how many."""
    gains: dict[str, list[float]] = {each: [] for each in _others(sample[0].text, language)}
    for count, one in enumerate(sample, 1):
        gauge = _gauge(one)
        own = gauge(language)
        for other, its in gains.items():
            its.append(gauge(other) - own)
        if count == FIRST:
            gains = {other: its for other, its in gains.items() if max(its) > 0}
        if not gains:
            return None
    means = {other: float(np.mean(its)) for other, its in gains.items()}
    best = max(means, key=means.__getitem__)
    wins = sum(gain > 0 for gain in gains[best])
    return (best, wins, len(sample)) if means[best] > BETTER and wins >= MOST * len(sample) else None


def _gauge(utterance: Utterance) -> Callable[[str], float]:
    """How like the recording what a language makes of its text is, in nats a frame; minus infinity if it cannot."""
    sound = utterance.sound()
    high = min(HIGH, highest(sound.rate))
    frames = mfcc(sound, high)

    def gauge(language: str) -> float:
        try:
            said = espeak.speak(utterance.text, language)
        except UserError:
            return -np.inf
        row = spoken(said)
        made, times = rendering(said, row, lambda one: said)
        return -np.inf if made is None else likeness(row, frames, mfcc(made, high), times)

    return gauge


def _others(text: str, language: str) -> list[str]:
    """Languages that the text may be in, without accents of the same one."""
    script = next((unicodedata.name(each, "").split(" ")[0] for each in text if each.isalpha()), "")
    return [each for each in OTHERS.get(script, ()) if each.partition("-")[0] != language.partition("-")[0]]


def _long(text: str) -> bool:
    return sum(map(str.isalpha, text)) >= LETTERS


def _digest(utterance: Utterance) -> str:
    return hashlib.sha256(np.ascontiguousarray(utterance.sound().samples, "<f8").data).hexdigest()
