"""The codec `unaligned`: a step is a frame of sound, and nobody says which phone it is of.

Phones go with the whole utterance, as the characters of a line do with a pen's moves: a window finds its own way along
them (Graves 2013, section 5). So recordings need texts, but no times. A second flag is up in the last frames; where it
is first drawn, speech ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rhapsode.data.codecs.records import Prepared, Records
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.modalities.speech.codecs.speech import VOICED, Speech
from rhapsode.modalities.speech.timing import spelled
from rhapsode.modalities.speech.utterance import PAUSE, NoSound, Phone, Spoken, Timed, Utterance
from rhapsode.steps.text import Text

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
    auxiliary = ""
    rank = None
    flags = 2

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._speakers = self.features.speakers if len(self.features.speakers) > 1 else ()
        self.text: Text = Text(len(self._speakers) + len(self.features.symbols) + 1, self.own["pace"])

    @property
    def network(self) -> dict[str, Any]:
        return {
            "head": {"name": self.head, "mixtures": 3},
            "layers": 2,
            "embedding": 0,
            "skip": True,
            "attention": {"name": "window", "feedback": True, "components": 3},
        }

    @property
    def covariates(self) -> int:
        return 0

    def guide(self, record: Utterance) -> Any:
        return Guide()

    def training_index(self) -> None:
        return None  # its times are its own, and cannot be compared frame by frame

    def outline(self) -> Any:
        return None

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Cache, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        language = cls.checked(options)["language"]
        found = [one if isinstance(one, Timed) else _bounded(one, language) for one in records]
        return super().prepared(found, cache, report, **options)

    @classmethod
    def measured(cls, utterances: Records, options: dict[str, Any]) -> dict[str, Any]:
        """`pace`: symbols a frame."""
        own = super().measured(utterances, options)
        every = [(len(one) + 1, one.seconds) for one in utterances()]
        symbols, seconds = np.sum(every, axis=0).tolist()
        return {**own, "pace": symbols / (seconds / own["hop"] + len(every))}

    @classmethod
    def check(cls, own: dict[str, Any], size: int) -> None:
        pace = own.get("pace")
        if not isinstance(pace, float) or not 0 < pace < 100:
            raise ValueError(f"{pace!r} symbols a frame")
        super().check({key: value for key, value in own.items() if key != "pace"}, size)

    @classmethod
    def numbers(cls, utterance: Spoken, own: dict[str, Any]) -> np.ndarray:
        found = super().numbers(utterance, own)
        return np.column_stack([found, np.arange(len(found), 0, -1) <= AFTER])

    def encode(self, record: Spoken, whole: bool = True) -> np.ndarray:
        steps = super().encode(record, whole)
        steps[:, -1] *= whole
        return steps

    def ends(self, step: Any) -> bool:
        return bool(step[-1] > VOICED)

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Utterance | None = None
    ) -> Spoken:
        """Times are not known: phones share the time evenly. `speaking.voiced` finds them by the attention."""
        speaker, phones = self._parts(text or "")
        found = outline or Utterance((), speaker="".join(speaker))
        said = tuple(map(Phone, phones or [PAUSE]))
        times = np.linspace(0, len(steps) * self.hop, len(said) + 1)
        timed = found.to(Timed, phones=said, times=times, melody=None)
        return super().decode(steps, text, begun, timed)

    def _parts(self, text: str) -> tuple[list[str], list[str]]:
        """The speaker, where there are several, and the phones."""
        names, first = text.split(BETWEEN), len(self._speakers[:1])
        return names[:first], names[first:]

    def spelling(self, record: Utterance) -> str:
        """Its speaker, where there are several, and its phones that training had."""
        phones = (phone.symbol for phone in record.phones if phone.symbol in self.features.symbols)
        return BETWEEN.join([*([record.speaker] if self._speakers else []), *phones])

    def encode_text(self, text: str) -> np.ndarray:
        speaker, phones = self._parts(text)
        known = {symbol: n for n, symbol in enumerate(self.features.symbols, len(self._speakers))}
        if unknown := [*{*speaker} - {*self._speakers}, *{*phones} - {*known}]:
            who = f"a speaker ({', '.join(self._speakers)}) and " if self._speakers else ""
            raise UserError(
                f"text: {', '.join(map(repr, sorted(unknown)))} is unknown. Give, with tabs between, {who}phones "
                f"({' '.join(known)}). For words, see `speech.speaking`."
            )
        return np.array([*map(self._speakers.index, speaker), *(known[one] for one in phones), self.text.end], np.int64)

    def decode_text(self, symbols: np.ndarray) -> str:
        names = [*self._speakers, *self.features.symbols]
        return BETWEEN.join(names[n] for n in symbols.tolist() if n < len(names))


def _bounded(utterance: Utterance, language: str) -> Utterance:
    """With phones, and with times of which two mean something: where sound begins and where it ends."""
    try:
        sound = utterance.sound()
    except NoSound:
        return utterance
    if sound.seconds <= 3 * BLOCK:  # of this, too, nothing can be learnt, which is told later
        return utterance
    found = spelled(utterance, language)
    size = round(BLOCK * sound.rate)
    blocks = np.pad(sound.samples, (0, -len(sound.samples) % size)).reshape(-1, size)
    level = np.log(blocks.std(axis=1) + 1e-5)
    faint, loud = np.quantile(level, [0.02, 0.98])
    heard = np.flatnonzero(level >= faint + FAINT * (loud - faint))
    ends = (heard[[0, -1]] + [0, 1]) * BLOCK if len(heard) else [0.0, sound.seconds]
    # A phone must take some time, a pause too.
    begin, end = np.clip(ends, [BLOCK, 2 * BLOCK], [sound.seconds - 2 * BLOCK, sound.seconds - BLOCK])
    between = np.linspace(begin, end, len(found) - 1)
    return found.to(Timed, times=np.concatenate([[0.0], between, [sound.seconds]]))
