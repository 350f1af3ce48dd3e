"""Speech-like sounds with known times: each phone is noise and a tone of its own; a speaker shifts them."""

from __future__ import annotations

import numpy as np

from rhapsode.modalities.speech.utterance import PAUSE, Phone, Sound, Timed

PHONES = "abdegiklmnostu"
TEXTS = ["god taken", "mud tune", "a big sound", "bad melon", "nine goats", "simple", "dust as ink", "blank notes"]


def _tones(symbol: str) -> tuple[float, float]:
    at = PHONES.index(symbol)
    return 300 + 70 * (at * 5 % 14), 1100 + 150 * (at * 3 % 14)


def said(text: str) -> tuple[Phone, ...]:
    """The phones of a text of `PHONES`; a comma is a pause."""
    found = [Phone(PAUSE)]
    for word, letters in enumerate(text.split()):
        found += [Phone(letter, word=word) for letter in letters if letter in PHONES]
        if letters.endswith(","):
            found.append(Phone(PAUSE, word=word))
    return (*found, Phone(PAUSE, word=found[-1].word))


def spoken(
    text: str,
    seed: int,
    rate: int = 16000,
    shift: float = 1.0,
    pace: float = 1.0,
    edges: tuple[float, float] = (0.2, 0.2),
) -> Timed:
    """With times and sound. shift: of its tones; pace: how long phones are; edges: seconds of silence around it."""
    rng = np.random.default_rng(seed)
    phones = said(text)
    lengths = np.array([0.3 if each.symbol == PAUSE else pace * rng.uniform(0.06, 0.14) for each in phones])
    lengths[[0, -1]] = edges
    times = np.append(0, np.cumsum(lengths))
    counts = np.diff(np.rint(times * rate).astype(int))
    parts = []
    for phone, count in zip(phones, counts, strict=True):
        t = np.arange(count) / rate
        part = np.zeros(count)
        if phone.symbol != PAUSE:
            low, high = _tones(phone.symbol)
            part = np.sin(2 * np.pi * low * shift * t) + 0.5 * np.sin(2 * np.pi * high * shift * t)
        parts.append(0.2 * part)
    samples = np.concatenate(parts)
    samples += 0.002 * rng.standard_normal(len(samples))
    return Timed(phones, text, f"{seed}", times=times, sound=lambda: Sound(samples, rate))
