"""Speaking: a text is cut into sentences, and each becomes phones, how long and how high they are, frames and sound.

voice, prosody = Model.load("voice"), Model.load("voice/prosody")
for spoken in speak(voice, prosody, "Any text. And more."):
    spoken.sound()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError, choice
from rhapsode.files.checkpoint import MODEL
from rhapsode.inference.builders import Sample
from rhapsode.modalities.speech import espeak, melody, ssml
from rhapsode.modalities.speech.alphabets import IPA
from rhapsode.modalities.speech.codecs.prosody import LEAST, Prosody
from rhapsode.modalities.speech.codecs.speech import Speech
from rhapsode.modalities.speech.inventory import Changed
from rhapsode.modalities.speech.lexicon import Given
from rhapsode.modalities.speech.script import INLINE, NOT_KNOWN, Reciter, Script, without_marks
from rhapsode.modalities.speech.sentences import sentences, stream
from rhapsode.modalities.speech.utterance import PAUSE, Delivery, Spoken, Timed, Utterance

if TYPE_CHECKING:
    from rhapsode.inference.model import Model

LIVELINESS = 0.6
"""How far the spectrum is moved to the training data's own variance, where a model gives means."""


@dataclass(frozen=True)
class Manner:
    """How to speak. speed: 2 is twice as fast; pitch: 2 is an octave higher; temperature: of rhythm and melody, and of
    frames, if the model draws them; liveliness: 0 for the spectrum as the model has it, 1 for one as varied as the
    training data's; speaker: of those that the model knows."""

    speed: float = 1.0
    pitch: float = 1.0
    temperature: float = 0.0
    liveliness: float = LIVELINESS
    speaker: str | None = None


def prosody_beside(voice: Model) -> Model | None:
    """The model of prosody that belongs to a voice, if one does. Raises `UserError`."""
    assert voice.path is not None
    if not voice.record_codec.auxiliary:
        return None
    folder = voice.path.parent / voice.record_codec.auxiliary
    if not (folder / MODEL).exists():
        raise UserError(
            f"{folder / MODEL} is missing: the voice has not learnt how long and how high phones are. Finish its "
            f"training: rhapsode train -o {voice.path.parent} --resume"
        )
    return type(voice).load(folder)


Told = Callable[[Utterance, Changed], None]
"""Hears what is said with other phones: the utterance as it is meant, and a symbol → those that are said for it."""


@dataclass(frozen=True)
class Reading:
    """How a text is read. by: one of `sentences.WAYS`; pause: seconds between sentences, None for as the voice has
    them; words: how these, in small letters, are said."""

    by: str = "auto"
    pause: float | None = None
    words: Mapping[str, Given] = field(default_factory=dict)


def outlined(
    codec: Speech,
    text: str | Iterable[str],
    speaker: str | None = None,
    told: Told = lambda utterance, changed: None,
    reading: Reading | None = None,
    note: Callable[[str], None] = lambda note: None,
) -> Iterator[Utterance]:
    """The sentences of a text, or of SSML, as phones that the voice knows; of a text that comes piece by piece, each as
    soon as it is whole. note: hears what is left out of it. Raises `UserError`."""
    speakers, reading = codec.features.speakers, reading or Reading()
    if speaker is not None and speakers == ("",):
        raise UserError(f"speaker {speaker!r}: the voice has one speaker, who has no name. Leave it out.")
    if speaker is not None and speaker not in speakers:
        raise choice("speaker", speaker, speakers)
    language = espeak.named(codec.settings["language"])
    pieces, script = _scripted(text, note)
    if isinstance(pieces, str):
        espeak.check(language, without_marks(pieces))  # all of it, before the first sentence is heard
        cut = iter(sentences(pieces, language=language, by=reading.by))
    else:
        cut = stream(pieces, language=language, by=reading.by)
    reciter = Reciter(language, codec.inventory, script, reading.words, reading.pause)
    lost = set[str]()
    for sentence in cut:
        plain = without_marks(sentence)
        if silent := {
            each: n for each, n in espeak.silent(INLINE.sub("", plain), language).items() if each not in lost
        }:
            lost.update(silent)
            each = ", ".join(f"{_shown(character)} ({count:,})" for character, count in silent.items())
            note(f"nothing is said for {each}, as in {plain!r}")
        if found := reciter.said(sentence):
            utterance, changed = found
            if changed:
                told(utterance, changed)
            yield replace(utterance, speaker=speakers[0] if speaker is None else speaker)


def _shown(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


def _scripted(text: str | Iterable[str], note: Callable[[str], None]) -> tuple[str | Iterable[str], Script]:
    """The text with marks for what is SSML in it, and their script. Private characters in a text are no marks."""
    if not isinstance(text, str):
        begun, rest = "", iter(text)
        for piece in rest:
            begun += piece
            if begun.strip():
                break
        if not begun.lstrip().startswith("<"):
            return map(without_marks, chain([begun], rest)), Script()
        text = begun + "".join(rest)
    if not ssml.is_ssml(text):
        return without_marks(text), Script()
    marked, script, notes = ssml.loads(without_marks(text))
    for each in notes:
        note(f"SSML: {each}")
    return marked, script


def with_known_phones(codec: Speech, utterance: Utterance, told: Told, alphabet: str = IPA) -> Utterance:
    """The utterance, whose phones are of an alphabet, with phones that the voice knows. Raises `UserError` if most of
    them are like none of these."""
    found, changed = codec.inventory.said(utterance, alphabet)
    lost = sum(not changed.get(phone.symbol, (phone.symbol,)) for phone in utterance.phones)
    if 2 * lost > sum(phone.symbol != PAUSE for phone in utterance.phones):
        raise UserError(NOT_KNOWN.format(" ".join(codec.features.symbols)[:80]))
    if changed:
        told(utterance, changed)
    return found


def phrased(prosody: Model, utterance: Utterance, manner: Manner, seed: int = 0, row: int = 0) -> Timed:
    """The utterance with times and melody by the model of prosody; what it has, it keeps."""
    if isinstance(utterance, Timed) and utterance.melody is not None:
        return utterance
    sampling = Sampling(temperature=manner.temperature)
    found: Timed = prosody.generate(outline=utterance, seed=seed, row=row, sampling=sampling)[0].record
    times = utterance.times if isinstance(utterance, Timed) else found.times / manner.speed
    if utterance.delivery is not None:
        lasting = np.diff(times) / utterance.delivery.speed
        given = np.isfinite(utterance.delivery.seconds)
        lasting[given] = np.maximum(utterance.delivery.seconds[given], LEAST)
        times = np.concatenate([[0.0], lasting.cumsum()])
    return utterance.to(Timed, times=times, melody=found.melody)


def voiced(
    voice: Model, utterance: Utterance, manner: Manner, seed: int = 0, row: int = 0, f0: np.ndarray | None = None
) -> tuple[Spoken, Sample]:
    """The utterance, which has times unless the voice finds its own, with frames and sound. f0: [N] Hz, 0 where
    unvoiced, instead of the model's; what is beyond the end is not heard, and what is missing there is unvoiced."""
    codec = voice.codec
    assert isinstance(codec, Speech)
    sampling = Sampling(temperature=manner.temperature) if "temperature" in voice.head.options else Sampling()
    spelled = codec.spelling(utterance) if voice.text else ""
    sample = voice.generate(spelled, outline=utterance, seed=seed, row=row, sampling=sampling)[0]
    found: Spoken = sample.record
    if isinstance(utterance, Timed):
        found = replace(found, given=utterance.melody)
    if voice.text:
        found = replace(found, times=_seen(sample.attention, len(found)) * codec.hop)
    if manner.liveliness:
        found = codec.livelier(found, manner.liveliness)
    lift = _lift(found, utterance.delivery)
    if f0 is not None or manner.pitch != 1 or lift is not None:
        frames = found.acoustics()
        own = frames.f0 if f0 is None else np.concatenate([f0, np.zeros(len(frames))])[: len(frames)]
        frames = replace(frames, f0=own * manner.pitch * (1.0 if lift is None else lift))
        found = codec.sounding(found, frames)
        found = replace(found, melody=melody.melody(found.times, frames.f0, frames.hop))
    return found, sample


def _lift(utterance: Spoken, delivery: Delivery | None) -> np.ndarray | None:
    """[N]: how many times as high each frame is to be, if anything is asked for."""
    if delivery is None or (delivery.pitch == 1).all():
        return None
    frames = utterance.acoustics()
    at = utterance.times[0] + np.arange(len(frames)) * frames.hop
    return np.asarray(delivery.pitch[(utterance.times.searchsorted(at, side="right") - 1).clip(0, len(utterance) - 1)])


def _seen(attention: np.ndarray, count: int) -> np.ndarray:
    """[count + 1], in frames: when the window [N, U] comes to each phone, the last symbols but one; and N. Phones that
    it comes to at once, or never, share the time."""
    last = np.maximum.accumulate(attention[:, -1 - count : -1].argmax(axis=1))
    begins = last.searchsorted(np.arange(count))
    moments, at = np.unique(begins[begins < len(attention)], return_index=True)
    return np.asarray(np.interp(np.arange(count + 1), [*at, count], [*moments, len(attention)]))


def speak(
    voice: Model,
    prosody: Model | None,
    text: str | Iterable[Utterance],
    manner: Manner | None = None,
    seed: int = 0,
    row: int = 0,
    f0: Sequence[np.ndarray | None] = (),
) -> Iterator[Spoken]:
    """Sentence by sentence, each with times, melody and sound. f0: as in `voiced`, of each of the first utterances.
    Raises `UserError`."""
    codec, manner = voice.codec, manner or Manner()
    timed = prosody is not None and isinstance(prosody.codec, Prosody)
    if not isinstance(codec, Speech) or timed != bool(codec.auxiliary):
        raise UserError("speaking needs a model of speech and one of prosody: rhapsode train RECORDINGS makes both.")
    given = outlined(codec, text, manner.speaker) if isinstance(text, str) else text
    for number, utterance in enumerate(given):
        if prosody is None and utterance.delivery is not None:
            raise UserError(f"a model of {codec.name} finds its own times: no pauses, rates and pitches can be given.")
        when = utterance if prosody is None else phrased(prosody, utterance, manner, seed, row)
        yield voiced(voice, when, manner, seed, row, f0[number] if number < len(f0) else None)[0]
