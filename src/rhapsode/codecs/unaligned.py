"""The codec `unaligned`: a step is a frame of sound, and nobody says which phone it is of.

Phones go with the whole utterance, as the characters of a line do with a pen's moves: a window finds its own way along
them (Graves 2013, section 5). So recordings need texts, but no times. A second flag is up in the last frames; where it
is first drawn, speech ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.codecs._records import Prepared, Records
from rhapsode.codecs.speech import VOICED, Speech
from rhapsode.errors import UserError, choice
from rhapsode.speech import espeak
from rhapsode.speech.audio import Unreadable
from rhapsode.speech.utterance import Phone, Utterance
from rhapsode.steps import Text

BETWEEN = "\t"
"""What stands between symbols: a speaker, where there are several, and phones."""
BLOCK = 0.03
"""Seconds over which loudness is taken."""
FAINT = 0.25
"""The share of the way from the faintest to the loudest, in decibels, below which there is silence."""
AFTER = 5
"""Frames at the end that say that it is over."""


class Unaligned(Speech):
    """Utterances ⇄ acoustic frames that a text of phones goes with."""

    name = "unaligned"
    summary = "a step is a frame of sound: speech whose phones need no times, attended by a window"
    framing = "stream"
    head = "gaussians"
    companion = ""
    rank = None
    flags = 2

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._speakers = self.features.speakers if len(self.features.speakers) > 1 else ()
        self.text: Text = Text(len(self._speakers) + len(self.features.symbols) + 1, self.own["pace"])

    @property
    def network(self) -> dict[str, Any]:
        window = {"condition": "window", "feedback": True, "components": 3}
        return {"head": self.head, "mixtures": 3, "layers": 2, "embedding": 0, "skip": True, **window}

    @property
    def given(self) -> int:
        return 0

    def guide(self, record: Utterance) -> Any:
        return None

    def outline(self) -> Any:
        return None

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Path, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        language = cls.checked(options)["language"]
        found = [one if one.times is not None or one.sound is None else _bounded(one, language) for one in records]
        return super().prepared(found, cache, report, **options)

    @classmethod
    def measured(cls, utterances: Records, options: dict[str, Any]) -> dict[str, Any]:
        """`pace`: symbols a frame."""
        own = super().measured(utterances, options)
        every = [(len(one) + 1, one.times[-1] - one.times[0]) for one in utterances() if one.times is not None]
        symbols, seconds = np.sum(every, axis=0).tolist()
        return {**own, "pace": symbols / (seconds / own["hop"] + len(every))}

    @classmethod
    def check(cls, own: dict[str, Any], size: int) -> None:
        pace = own.get("pace")
        if not isinstance(pace, float) or not 0 < pace < 100:
            raise ValueError(f"{pace!r} symbols a frame")
        super().check({key: value for key, value in own.items() if key != "pace"}, size)

    @classmethod
    def numbers(cls, utterance: Utterance, own: dict[str, Any]) -> np.ndarray:
        found = super().numbers(utterance, own)
        return np.column_stack([found, np.arange(len(found), 0, -1) <= AFTER])

    def encode(self, record: Utterance, whole: bool = True) -> np.ndarray:
        steps = super().encode(record, whole)
        steps[:, -1] *= whole
        return steps

    def ends(self, step: Any) -> bool:
        return bool(step[-1] > VOICED)

    may_end = ends

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Utterance | None = None
    ) -> Utterance:
        words, first = (text or "").split(BETWEEN), len(self._speakers[:1])
        found = outline or Utterance((), speaker="".join(words[:first]))
        return super().decode(steps, text, begun, replace(found, phones=tuple(map(Phone, words[first:])), times=None))

    def spelling(self, record: Utterance) -> str:
        """Its speaker, where there are several, and its phones that training had."""
        phones = (phone.symbol for phone in record.phones if phone.symbol in self.features.symbols)
        return BETWEEN.join([*([record.speaker] if self._speakers else []), *phones])

    def encode_text(self, text: str) -> np.ndarray:
        phones, found = text.split(BETWEEN), []
        if self._speakers:
            speaker = phones.pop(0)
            if speaker not in self._speakers:
                raise choice("speaker", speaker, self._speakers)
            found.append(self._speakers.index(speaker))
        known = {symbol: n for n, symbol in enumerate(self.features.symbols, len(self._speakers))}
        for phone in phones:
            if phone not in known:
                raise UserError(
                    f"text: {phone!r} is no phone that the model knows. It knows, with tabs between: "
                    f"{' '.join(known)}. For words, see `rhapsode.speaking`."
                )
            found.append(known[phone])
        return np.array([*found, self.text.end], np.int64)

    def decode_text(self, symbols: np.ndarray) -> str:
        names = [*self._speakers, *self.features.symbols]
        return BETWEEN.join(names[n] for n in symbols.tolist() if n < len(names))


def _bounded(utterance: Utterance, language: str) -> Utterance:
    """With phones, and with times of which only two are known: where sound begins and where it ends."""
    assert utterance.sound is not None
    try:
        sound = utterance.sound()
    except Unreadable:  # it will be left out
        return utterance
    phones = utterance.phones or espeak.phones(utterance.text, language)
    size = max(1, round(BLOCK * sound.rate))
    blocks = np.pad(sound.samples, (0, -len(sound.samples) % size)).reshape(-1, size)
    level = np.log(blocks.std(axis=1) + 1e-5)
    faint, loud = np.quantile(level, [0.02, 0.98])
    heard = np.flatnonzero(level >= faint + FAINT * (loud - faint))
    ends = (heard[[0, -1]] + [0, 1]) * size / sound.rate if len(heard) else [0.0, sound.seconds]
    begin, end = np.clip(ends, BLOCK, sound.seconds - BLOCK)  # a phone must take some time, a pause too
    between = np.linspace(begin, end, len(phones) - 1)
    return replace(utterance, phones=phones, times=np.concatenate([[0.0], between, [sound.seconds]]))
