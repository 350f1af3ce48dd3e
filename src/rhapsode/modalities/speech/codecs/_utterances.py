"""What the codecs of utterances share: their files, what is known of them before they are heard, and their scale."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Lack, Prepared, RecordCodec, Records
from rhapsode.data.guide import Ahead
from rhapsode.errors import UserError
from rhapsode.files import signature
from rhapsode.files.cache import Cache
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.speech import melody
from rhapsode.modalities.speech import read as files
from rhapsode.modalities.speech.acoustics import RATES
from rhapsode.modalities.speech.audio import SUFFIXES
from rhapsode.modalities.speech.features import Features
from rhapsode.modalities.speech.formats.own import dumps, timed_of
from rhapsode.modalities.speech.inventory import Inventory
from rhapsode.modalities.speech.metadata import among_recordings
from rhapsode.modalities.speech.prepare import HOPS, LANGUAGE, NEEDED, NONE, prepared
from rhapsode.modalities.speech.utterance import Spoken, Timed, Utterance, unrecorded
from rhapsode.steps.frames import Frames

SHORTEST = 1.0
"""Seconds of the utterance that is taken for an example, at least."""


class UtteranceCodec(RecordCodec):
    """Utterances ⇄ steps. Subclasses are one file each in this package.

    Steps are numbers, kept as (number - mean) / sd, and flags.
    """

    record = "utterance"
    keeps = "its phones, the speakers' names, measures of the voice, and of one utterance the text, phones and melody"
    framing = "whole"
    head = "regression"
    prepares = True
    needed = NEEDED
    wanted = f"recordings with texts. {files.KNOWN}"
    options = {"language": LANGUAGE, "speaker": "", "hop": 5, "lsp": 0, "rate": 0}
    limits = {"hop": HOPS, "lsp": (0, 1), "rate": (0, RATES[1])}
    meanings = {
        "language": "What is spoken, as espeak-ng calls it.",
        "speaker": "Of several speakers, the only one to be learnt; nothing for all.",
        "hop": "Milliseconds from frame to frame.",
        "lsp": "1 for the vocoder in numpy, even where WORLD is installed.",
        "rate": "Samples a second; 0 for what suits the recordings.",
    }
    flags = 0

    def __init__(
        self,
        settings: dict[str, Any],
        features: Features,
        scale: tuple[np.ndarray, np.ndarray],
        example: Timed,
        own: dict[str, Any],
    ) -> None:
        """scale: mean and sd of each number; example: one of the training data's, with times; own: see `measured`."""
        self._settings, self.features, self.example, self.own = settings, features, example, own
        self.mean, self.sd = scale

    @classmethod
    @abstractmethod
    def numbers(cls, utterance: Any, own: dict[str, Any]) -> np.ndarray:
        """The numbers of all its steps [N, n], not normalised, then the flags [N, flags]."""

    @classmethod
    def measured(cls, utterances: Records, options: dict[str, Any]) -> dict[str, Any]:
        """What else of the training data must be known, as JSON values."""
        return {}

    @classmethod
    @abstractmethod
    def check(cls, own: dict[str, Any], size: int) -> None:
        """Raises `ValueError` or `TypeError` unless `own` is as `measured`, and a step has `size` numbers."""

    @cached_property
    def steps(self) -> Frames:
        return Frames(len(self.mean), self.flags, float(doubles.total(doubles.log(self.sd))))

    @property
    def network(self) -> dict[str, Any]:
        encoder = {"feedforward": 2, "bidirectional": 2}
        return {"head": self.head, "layers": 0, "autoregressive": False, "embedding": 0, "encoder": encoder}

    recognises = staticmethod(files.recognised)

    @classmethod
    def lacking(cls, path: Path) -> Lack | None:
        if among_recordings(path):
            return Lack("list{s} of recordings", f"{path.name} is not a list that can be read")
        if path.suffix.lower() in SUFFIXES:
            return Lack("recording{s} without texts", "recordings without texts")
        sound = signature.of(path)
        if sound is None or sound.sort != "recording":
            return None
        return Lack(sound.noun, f"recordings ({sound.name}) must be called so, with one of {' '.join(SUFFIXES)}")

    @classmethod
    def read(
        cls, path: Path, part: str | None = None, name: str | None = None, refused: Refusals | None = None
    ) -> Iterator[Utterance]:
        return files.read(path, name, refused)

    @classmethod
    def placed(cls, records: Iterator[Utterance], root: Path | None) -> Iterator[Utterance]:
        return (replace(record, root=root) for record in records)

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Cache, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        return Prepared(*prepared(records, cache, report, **cls.checked(options)))

    @property
    def settings(self) -> dict[str, Any]:
        return self._settings

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Self:
        settings = cls.checked(options)
        symbols, speakers = set[str](), set[str]()
        example: Spoken | None = None
        if next(records(), None) is None:
            raise UserError(NONE)
        own = cls.measured(records, settings)
        count, total, squares = 0, np.zeros(0), np.zeros(0)
        for utterance in records():
            symbols.update(phone.symbol for phone in utterance.phones)
            speakers.add(utterance.speaker)
            numbers = cls.numbers(utterance, own)
            if not count:
                total, squares = np.zeros(numbers.shape[1]), np.zeros(numbers.shape[1])
            count += len(numbers)
            total += numbers.sum(axis=0)
            squares += (numbers**2).sum(axis=0)
            if example is None or SHORTEST <= utterance.seconds < example.seconds:
                example = utterance
        if example is None or count < 2:  # one step has no spread
            raise UserError(NONE)
        size = len(total) - cls.flags
        mean = (total / count)[:size]
        sd = np.sqrt(np.maximum((squares / count)[:size] - mean**2, 1e-8))
        bare = example.to(Timed, sound=unrecorded, melody=melody.of(example))
        return cls(settings, Features(sorted(symbols), sorted(speakers)), (mean, sd), bare, own)

    @cached_property
    def inventory(self) -> Inventory:
        """The phones that it knows, with which others are said."""
        return Inventory(self.features.symbols)

    def unheard(self, record: Utterance) -> list[str]:
        """Symbols of its phones that the training data had not, sorted."""
        return sorted({phone.symbol for phone in record.phones}.difference(self.features.symbols))

    def refusal(self, record: Utterance) -> str:
        if 2 * len(self.unheard(record)) > len({phone.symbol for phone in record.phones}):
            return "with phones most of which the model does not know"
        if record.speaker not in self.features.speakers:
            return "of a speaker whom the model does not know"
        return ""

    def encode(self, record: Any, whole: bool = True) -> np.ndarray:
        numbers = self.numbers(record, self.own)
        size = len(self.mean)
        return np.concatenate([(numbers[:, :size] - self.mean) / self.sd, numbers[:, size:]], axis=1).astype(np.float32)

    @abstractmethod
    def guide(self, record: Any) -> Ahead: ...

    def outline(self) -> Timed:
        return self.example

    @classmethod
    def text_of(cls, record: Utterance) -> str | None:
        return record.text or None  # labels alone have none

    def dump(self, record: Utterance) -> bytes:
        return (dumps(record) + "\n").encode()

    def to_json(self) -> dict[str, Any]:
        return {
            "settings": self._settings,
            "symbols": list(self.features.symbols),
            "speakers": list(self.features.speakers),
            "mean": self.mean.tolist(),
            "sd": self.sd.tolist(),
            "example": json.loads(dumps(self.example)),
            "own": self.own,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        names = ("settings", "symbols", "speakers", "mean", "sd", "example", "own")
        settings, symbols, speakers, mean, sd, example, own = fields(cls, data, *names)
        for what in (symbols, speakers):
            if not isinstance(what, list) or not what or not all(isinstance(one, str) for one in what):
                raise damaged(cls, f"expected names, found {str(what)[:80]}")
        try:
            scale = np.array(mean, np.float64), np.array(sd, np.float64)
            if scale[0].ndim != 1 or scale[0].shape != scale[1].shape or not (scale[1] > 0).all():
                raise ValueError("mean and sd do not fit")
            if not np.isfinite(scale).all() or not isinstance(own, dict) or not isinstance(settings, dict):
                raise ValueError("the scale is not finite")
            cls.check(own, len(scale[0]))
            spoken = timed_of(example, "the example")
            if not len(spoken):
                raise ValueError("the example has no phones with times")
            return cls(cls.checked(settings), Features(symbols, speakers), scale, spoken, own)
        except (TypeError, ValueError, KeyError, AttributeError, UserError) as error:
            raise damaged(cls, str(error)) from None
