"""How well a recogniser that never heard a voice understands it, in English, by pocketsphinx (`rhapsode[hear]`).

It is CMU Sphinx's small model of American English, with its own language model. Words are compared in small letters,
without marks but apostrophes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.error_rate import ErrorRate, character_error_rate
from rhapsode.modalities.speech.audio import resampled
from rhapsode.modalities.speech.utterance import Sound

RATE = 16_000
LOUDNESS = 0.08
"""Root of the mean square that every sound is brought to."""


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower().replace("\u2019", "'"))


def recogniser() -> Callable[[Sound], str]:
    """What understands a sound as words. Raises `UserError` if it is not installed."""
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise UserError("pocketsphinx is not installed. Install it: pip install 'rhapsode[hear]'") from None
    decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def transcript(sound: Sound) -> str:
        samples = resampled(sound, RATE).samples
        level = float(np.sqrt(np.mean(samples**2))) or 1.0
        samples = (samples * LOUDNESS / level).clip(-1, 1)
        decoder.start_utt()
        decoder.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        return str(found.hypstr) if found else ""

    return transcript


def error_rate(pairs: Iterable[tuple[str, str]]) -> ErrorRate:
    """Of (text, what was heard): errors a word, and the bootstrap's 95 % interval over sentences."""
    return character_error_rate((words(text), words(heard)) for text, heard in pairs)
