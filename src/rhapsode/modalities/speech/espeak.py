"""Text → phones, and a voice that speaks them, by espeak-ng (GPLv3, loaded when asked for: `rhapsode[speech]`).

The library has one voice at a time in a process: calls wait for each other, and each sets the voice. A process loads it
when it first needs it; a forked one initialises it anew.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections import Counter
from dataclasses import replace
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.modalities.speech import languages
from rhapsode.modalities.speech._espeak import PHONEME, WORD, EspeakLibrary, Event, Said
from rhapsode.modalities.speech.syllables import numbered
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Sound, Timed
from rhapsode.modalities.speech.written import composed, read

SPEEDS = (80, 450)
PITCHES = (0, 100)
"""What espeak-ng can do."""
USUAL = (175, 50)
"""Words a minute, and pitch."""
PAD = 0.1
"""Seconds of silence put before and after what espeak-ng renders, which begins and ends at once."""
SHORTEST = 0.03
"""Seconds of a pause; a shorter one is part of the consonant after it."""
LEAST = 0.01
"""Seconds of a phone; what espeak-ng gives less time shares that of the phone before."""
SPOKEN = ("Lu", "Ll", "Lt", "Lo", "Nd", "Nl", "No", "Sm", "Sc", "So", "Cc", "Co", "Cn", "Cs")
"""Categories of characters that mean something by themselves."""
QUIET = 2
"""Of 32,768: samples that are no larger are silence."""
STRESS = {"ˈ": 2, "ˌ": 1}
PRENASAL = ("ᵐ", "ⁿ", "ᵑ", "ᶮ", "ᶯ")
"""Marks that belong to the consonant after them; others belong to the phone before."""
GLOTTAL = "?"
"""What some voices call the glottal stop; no other phone is without a letter."""
OTHER_SCRIPTS = (
    "am ar as ba be bg bn bpy chr cmn cv el en-shaw fa grc gu hak he hi hy hyw ja ka kk kn ko kok ky mk ml mr my ne "
    "nog or pa piqd qya ru sd shn si sjn sr ta te th ti tt ug uk ur yue zh"
)
"""Languages of espeak-ng that are not, or not only, written in Latin letters."""
LATIN = ("LATIN", "FULLWIDTH LATIN", "MODIFIER", "FEMININE", "MASCULINE", "MICRO", "SUPERSCRIPT", "SUBSCRIPT", "SCRIPT")
"""How Unicode's names of such letters begin; and GREEK, since π has a name everywhere."""

_lock = threading.Lock()
_engine: EspeakLibrary | None = None


def speak(text: str, voice: str = "en-us", speed: int = USUAL[0], pitch: int = USUAL[1]) -> Timed:
    """What espeak-ng says for a text, rendered.

    voice: one of `voices()`, or as `named` takes it, perhaps with a variant: `en-us+f3`. speed: words a minute, 80 to
    450. pitch: 0 to 100.
    The utterance has phones, `times` and `sound` (22,050 Hz). It begins and ends with a pause; pauses side by side are
    one. A phone begins with the silence before it, such as a stop's closure. One that espeak-ng renders as the end of
    the vowel before (the l of `trail`) shares that vowel's time evenly. Words are those spoken: `1984` is two, `of the`
    is one. Phones are told as IPA; tones are not. The same text has the same phones each time, but espeak-ng's pitch
    flutters on from call to call: times differ by some samples. Raises `UserError`.
    """
    for what, value, (low, high) in (("speed", speed, SPEEDS), ("pitch", pitch, PITCHES)):
        if not low <= value <= high:
            raise UserError(f"{what}: {value} is out of range. Allowed: {low} to {high}.")
    with _lock:
        engine = _loaded()
        voice = _named(engine, voice)
        identifier = _identifier(engine, voice)
        plain = composed(text)
        _check(plain, voice)
        said = engine.say(read(plain, voice), identifier, speed, pitch)
    kept, times, samples = _between_pauses(said)
    if all(each.symbol == PAUSE for each in kept):
        raise UserError(f"voice {voice!r} says nothing for {_short(text)}. Give it words to say.")
    return Timed(numbered(kept), text=text, times=times / said.rate, sound=partial(_sound, samples, said.rate))


def phones(text: str, voice: str = "en-us") -> tuple[Phone, ...]:
    """The phones that `speak` gives: espeak-ng tells phones only as it renders them, which takes milliseconds."""
    return speak(text, voice).phones


def spelled(text: str, voice: str) -> tuple[list[Phone], list[int]]:
    """The phones of a text that espeak-ng is to read as it stands (see `written`), in which [[ ]] may hold phones as
    espeak-ng calls them; and of each, where in the text its word begins. Words are numbered from 1, the rest is not; a
    pause is of the word before it. Raises `UserError`."""
    with _lock:
        engine = _loaded()
        said = engine.say(text, _identifier(engine, _named(engine, voice)), *USUAL, mnemonics=True)
    found, _, _ = _between_pauses(said)
    begins = [each.place for each in said.events if each.kind == WORD]
    # espeak-ng's places may be those of the space before.
    begins = [at + len(text[at:]) - len(text[at:].lstrip()) for at in begins]
    words = np.maximum.accumulate([each.word for each in found]).tolist()
    phones = [replace(each, word=word) for each, word in zip(found, words, strict=True)]
    return phones, [begins[word - 1] if word else 0 for word in words]


def voices() -> list[str]:
    """Names of the languages and accents that there are, sorted. Raises `UserError` if espeak-ng is missing."""
    with _lock:
        return sorted(_loaded().voices)


def named(voice: str) -> str:
    """What espeak-ng calls a language or accent that may be called otherwise: `de` for `de-DE`, `de_AT`, `deu`,
    `German` and `Deutsch`. Raises `UserError` for one that is not known."""
    with _lock:
        return _named(_loaded(), voice)


def check(voice: str, text: str | None = None) -> None:
    """Raises `UserError` for a voice that is not there, a text that it cannot read, or if espeak-ng is missing."""
    voice = named(voice)
    if text is not None:
        _check(composed(text), voice)


def silent(text: str, voice: str) -> dict[str, int]:
    """Characters of a text that the voice leaves out, and how often each is there: letters, numbers and signs of which
    it says nothing, but no punctuation. Raises `UserError`."""
    text = composed(text)
    said = {each for each in text if each.isspace() or (each.isascii() and each.isalnum())}
    counts = Counter(each for each in text if each not in said and unicodedata.category(each) in SPOKEN)
    return {each: count for each, count in counts.items() if not _says(each, named(voice))}


@lru_cache(maxsize=4096)
def _says(character: str, voice: str) -> bool:
    with _lock:
        engine = _loaded()
        said = engine.say(character, _identifier(engine, voice), SPEEDS[1], USUAL[1])
    return any(event.symbol for event, _ in _marks(said))


def _loaded() -> EspeakLibrary:
    global _engine
    if _engine is None:
        _engine = EspeakLibrary()
    return _engine


def _forget() -> None:
    """In a forked process: another thread may have been using the library, or have held the lock."""
    global _engine, _lock
    _engine, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):  # where there are forks
    os.register_at_fork(after_in_child=_forget)


def _named(engine: EspeakLibrary, voice: str) -> str:
    name, plus, variant = voice.partition("+")
    found = languages.voice(name, engine.voices, engine.english)
    if plus and variant not in engine.variants:
        raise choice(f"variant of voice {found}", variant, engine.variants)
    return found + plus + variant


def _identifier(engine: EspeakLibrary, voice: str) -> str:
    """voice: as `_named` gives it."""
    name, plus, variant = voice.partition("+")
    return engine.voices[name] + plus + variant


def _check(text: str, voice: str) -> None:
    """Raises `UserError` for a text without letters and digits, and for letters that the voice would spell."""
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise UserError(f"{_short(text)} has bytes that are not UTF-8. Write the text anew in UTF-8.")
    if not any(each.isalnum() for each in text):
        raise UserError(f"there is nothing to say in {_short(text)}. Give a text with words.")
    if {voice.partition("+")[0], re.split(r"[-+]", voice)[0]} & set(OTHER_SCRIPTS.split()):
        return
    for word in re.findall(r"[^\W\d_]+", "".join(each if each.isalpha() else " " for each in text)):
        if not all(unicodedata.name(each, "").startswith((*LATIN, "GREEK")) for each in word):
            raise UserError(
                f"voice {voice!r} cannot read {_short(word)} in {_short(text)}. "
                "Take a voice of the text's language, such as ru or cmn, or write it in Latin letters."
            )


def _between_pauses(said: Said) -> tuple[list[Phone], np.ndarray, np.ndarray]:
    """The phones [P] between two pauses, when they begin and end [P + 1], in samples, and the samples."""
    found, begins = _phones(said)
    pad = np.zeros(round(PAD * said.rate), np.int16)
    samples = np.concatenate([pad, said.samples, pad])
    found = [Phone(PAUSE), *found, Phone(PAUSE)]
    begins = np.concatenate([[0], begins + len(pad), [len(samples) - len(pad)]])
    return *_apart(found, np.maximum.accumulate(begins), len(samples), round(LEAST * said.rate)), samples


def _sound(samples: np.ndarray, rate: int) -> Sound:
    return Sound(samples / 32768, rate)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _phones(said: Said) -> tuple[list[Phone], np.ndarray]:
    """Phones with stress (where its mark is) and word, and the samples [P] where they begin, perhaps at once."""
    marks = _marks(said)
    named = [False, *(bool(each.symbol) for each, _ in marks), False]
    ends = [*(each.sample for each, _ in marks[1:]), len(said.samples)]
    found: list[Phone] = []
    begins: list[int] = []
    for at, ((mark, word), end) in enumerate(zip(marks, ends, strict=True), 1):
        begin = mark.sample
        if not named[at] and named[at - 1] and named[at + 1] and not _pauses(said, begin, end):
            continue
        if named[at] and found and found[-1].symbol != PAUSE:
            begin = _silence(said.samples, begins[-1], begin)
        symbol = mark.symbol.lstrip("".join(STRESS))
        found.append(Phone(symbol or PAUSE, STRESS.get(mark.symbol[:1], 0), word=word))
        begins.append(begin)
    return found, np.array(begins, np.int64)


def _marks(said: Said) -> list[tuple[Event, int]]:
    """What is told of phones, and the number of each one's word, without the marks that stand for no sound.

    Those are switches of the language, `(en)`, perhaps cut short; tones, `1`; and what changes the phone beside it:
    `n`, `ʲ` is one phone, and so is `ᵐ`, `b`. An empty symbol is silence, and stays.
    """
    found: list[tuple[Event, int]] = []
    word, before = 0, None
    for each in said.events:
        word += each.kind == WORD
        if each.kind != PHONEME:
            continue
        symbol = each.symbol.lstrip("".join(STRESS))
        if symbol and symbol in PRENASAL:
            before = before or each
        elif symbol and all(unicodedata.category(one) in ("Lm", "Mn") for one in symbol):
            if found and found[-1][0].symbol:
                found[-1] = replace(found[-1][0], symbol=found[-1][0].symbol + symbol), found[-1][1]
        elif not each.symbol or (symbol[:1] != "(" and any(one.isalpha() or one == GLOTTAL for one in symbol)):
            if before is not None and symbol:
                marked = each.symbol[: len(each.symbol) - len(symbol)] + before.symbol + symbol
                each = replace(each, sample=before.sample, symbol=marked)
            before = None
            found.append((each, word))
    return found


def _pauses(said: Said, begin: int, end: int) -> bool:
    """Whether one nameless thing between two phones is a pause: not the glide between vowels, nor the moment before
    a consonant. (Pauses of clauses are two, and need not be silent: some voices have an echo.)"""
    return end - begin >= SHORTEST * said.rate and _silence(said.samples, begin, end) == begin


def _silence(samples: np.ndarray, begin: int, end: int) -> int:
    """Where the silence begins that lasts until `end`, after `begin`."""
    loud = np.flatnonzero(np.abs(samples[begin:end].astype(np.int32)) > QUIET)
    return begin + int(loud[-1]) + 1 if len(loud) else begin


def _apart(phones: list[Phone], begins: np.ndarray, end: int, least: int) -> tuple[list[Phone], np.ndarray]:
    """The phones [P] and where each begins and the last one ends [P + 1] float64, strictly increasing.

    begins: [P], in order, perhaps equal. Pauses side by side are made one. Phones that take fewer than `least` samples
    share evenly in the time of the phone before.
    """
    kept = [0] + [b for a, b in pairwise(range(len(phones))) if not phones[a].symbol == phones[b].symbol == PAUSE]
    lasting = np.diff(begins[kept], append=end) >= least
    places = np.arange(len(kept))
    times = np.interp(places, places[lasting], begins[kept][lasting])
    return [phones[at] for at in kept], np.append(times, end)
