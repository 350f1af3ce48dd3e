"""How well a recogniser that never heard a voice understands it: word error rate by pocketsphinx.

It is CMU Sphinx's small model of American English, with its own language model (`pip install pocketsphinx`, 5.1.1).
Words are compared in small letters, without marks but apostrophes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from rhapsode.speech.audio import resampled
from rhapsode.speech.utterance import Sound

RATE = 16_000
LOUDNESS = 0.08
"""Root of the mean square that every sound is brought to."""
RESAMPLES = 2000


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower().replace("\u2019", "'"))


def distance(a: list[str], b: list[str]) -> int:
    """Insertions, deletions and substitutions of words that make `b` of `a`, at the least."""
    before = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (one != other)))
        before = row
    return before[-1]


def recogniser() -> Callable[[Sound], str]:
    """What understands a sound as words."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def heard(sound: Sound) -> str:
        samples = resampled(sound, RATE).samples
        level = float(np.sqrt(np.mean(samples**2))) or 1.0
        samples = (samples * LOUDNESS / level).clip(-1, 1)
        decoder.start_utt()
        decoder.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        return str(found.hypstr) if found else ""

    return heard


def error_rate(pairs: Iterable[tuple[str, str]]) -> tuple[float, float, float]:
    """Of (text, what was heard): errors a word, and the bootstrap's 95 % interval over sentences."""
    counts = np.array([[distance(words(text), words(heard)), len(words(text))] for text, heard in pairs])
    rng = np.random.default_rng(0)
    again = counts[rng.integers(0, len(counts), (RESAMPLES, len(counts)))].sum(axis=1)
    low, high = np.quantile(again[:, 0] / again[:, 1], [0.025, 0.975]).tolist()
    return float(counts[:, 0].sum() / counts[:, 1].sum()), low, high
