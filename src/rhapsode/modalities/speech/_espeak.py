"""espeak-ng's C interface (speak_lib.h of 1.52) by ctypes: one voice at a time, rendered at once, with its events."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.errors import UserError

SYNCHRONOUS, OPTIONS = 2, 0x8003
"""espeak_Initialize: give samples to the callback; tell phonemes, in IPA; do not exit where data are missing."""
UTF8, MNEMONICS = 1, 0x100
"""espeak_Synth: how the text is coded; what stands in [[ ]] are names of phones."""
RATE, PITCH = 1, 3
WORD, END, PHONEME = 1, 5, 7


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _CEvent(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


class _CVoice(ctypes.Structure):
    """The head of it; `languages` is (a byte of priority, a string) again and again, and a zero."""

    _fields_ = [("name", ctypes.c_char_p), ("languages", ctypes.c_void_p), ("identifier", ctypes.c_char_p)]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_CEvent))


@dataclass(frozen=True)
class Event:
    """kind: `WORD` or `PHONEME` begins, or a clause is at its `END`; sample: where; symbol: IPA with its stress mark,
    of a phoneme, empty for silence; place: characters of the text before a word."""

    kind: int
    sample: int
    symbol: str
    place: int = 0


@dataclass(frozen=True)
class Said:
    """samples: [N] int16."""

    samples: np.ndarray
    rate: int
    events: tuple[Event, ...]


class EspeakLibrary:
    """The library, initialised. Not safe for several threads at once.

    voices: a name of a language → espeak-ng's identifier of its voice, of those whose dictionary is there.
    english: what the language is called in English, in small letters → its name in `voices`.
    variants: what may follow a name after a `+`.
    """

    def __init__(self) -> None:
        """Raises `UserError` if espeak-ng is not installed or cannot be loaded."""
        try:
            import espeakng_loader
        except ImportError:
            raise UserError(
                "espeak-ng, which turns text into phones, is not installed. Install it: pip install 'rhapsode[speech]'"
            ) from None
        data = Path(espeakng_loader.get_data_path())
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise UserError(
                f"espeak-ng cannot be loaded: {error}. Install it again: pip install --force-reinstall espeakng-loader"
            ) from None
        self._declare()
        self.rate: int = self._library.espeak_Initialize(SYNCHRONOUS, 0, str(data).encode(), OPTIONS)
        if self.rate <= 0:
            raise UserError(
                f"espeak-ng cannot read its data in {data}. "
                "Install it again: pip install --force-reinstall espeakng-loader"
            )
        self.voices, self.english = self._voices(data)
        self.variants = frozenset(each.name for each in (data / "voices" / "!v").iterdir())
        self._blocks: list[np.ndarray] = []
        self._events: list[Event] = []
        self._callback = _Callback(self._heard)  # kept, since the library calls it
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, identifier: str, speed: int, pitch: int, mnemonics: bool = False) -> Said:
        """A text rendered. identifier: a value of `voices`, perhaps with `+` and a variant; mnemonics: whether what
        stands in [[ ]] are phones, as espeak-ng calls them."""
        if self._library.espeak_SetVoiceByName(identifier.encode()):
            raise RuntimeError(f"espeak-ng refuses its voice {identifier}")
        self._library.espeak_SetParameter(RATE, speed, 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)
        self._blocks.clear()
        self._events.clear()
        data = text.replace("\0", " ").encode(errors="replace")
        # Size, position 0 counted in characters, no end, no identifier and no data of ours.
        flags = UTF8 | (MNEMONICS if mnemonics else 0)
        if self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, flags, None, None):
            raise RuntimeError("espeak-ng failed to render a text")
        samples = np.concatenate([np.empty(0, np.int16), *self._blocks])
        return Said(samples, self.rate, tuple(self._events))

    def _declare(self) -> None:
        library = self._library
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_CVoice))
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_Synth.argtypes = [
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        ]

    def _heard(self, samples: Any, count: int, events: Any) -> int:
        """The callback: keeps a block of samples and the events in it."""
        if samples and count:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        at = 0
        while (event := events[at]).type:
            if event.type in (WORD, END, PHONEME):
                # espeak-ng cuts what is longer than 8 bytes, perhaps inside a character.
                symbol = event.id.string.decode(errors="ignore") if event.type == PHONEME else ""
                self._events.append(Event(event.type, event.sample, symbol, max(event.text_position - 1, 0)))
            at += 1
        return 0

    def _voices(self, data: Path) -> tuple[dict[str, str], dict[str, str]]:
        found: dict[str, tuple[int, str]] = {}
        english: dict[str, str] = {}
        listed = self._library.espeak_ListVoices(None)
        at = 0
        while listed[at]:
            voice = listed[at].contents
            identifier = voice.identifier.decode()
            if _has_dictionary(data, identifier):
                languages = _languages(voice.languages)
                for priority, name in languages:
                    found[name] = min(found.get(name, (256, "")), (priority, identifier))
                called, (_, own) = voice.name.decode().lower().strip(), min(languages)
                for each in (called, called.partition(" (")[0]):  # of French (Belgium) and French (France) `fr`
                    english[each] = min(english.get(each, own), own, key=len)
            at += 1
        return {name: identifier for name, (_, identifier) in found.items()}, english


def _languages(address: int) -> list[tuple[int, str]]:
    """(priority, name) each; a lower one is a better match."""
    found = []
    while priority := ctypes.string_at(address, 1)[0]:
        name = ctypes.string_at(address + 1)
        found.append((priority, name.decode().lower()))
        address += len(name) + 2
    return found


def _has_dictionary(data: Path, identifier: str) -> bool:
    """Some wheels lack some: then espeak-ng would spell all words."""
    lines = [line.split() for line in (data / "lang" / identifier).read_text(encoding="utf-8").splitlines()]
    named = [line[1] for line in lines if len(line) > 1 and line[0] == "dictionary"]
    name = named[0] if named else Path(identifier).name.split("-")[0]
    return (data / f"{name}_dict").is_file()
