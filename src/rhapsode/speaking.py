"""Speaking: a text is cut into sentences, and each becomes phones, how long and how high they are, frames and sound.

voice, prosody = Model.load("voice"), Model.load("voice/prosody")
for spoken in speak(voice, prosody, "Any text. And more."):
    spoken.sound()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rhapsode._writers import Sample
from rhapsode.checkpoint import MODEL
from rhapsode.codecs.prosody import Prosody
from rhapsode.codecs.speech import Speech
from rhapsode.errors import UserError, choice
from rhapsode.samplers import Sampling
from rhapsode.speech import espeak, melody
from rhapsode.speech.alphabets import IPA
from rhapsode.speech.arriving import arriving
from rhapsode.speech.sentences import sentences
from rhapsode.speech.utterance import PAUSE, Utterance

if TYPE_CHECKING:
    from rhapsode.model import Model

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
    if not voice.record_codec.companion:
        return None
    folder = voice.path.parent / voice.record_codec.companion
    if not (folder / MODEL).exists():
        raise UserError(
            f"{folder / MODEL} is missing: the voice has not learnt how long and how high phones are. Finish its "
            f"training: rhapsode train -o {voice.path.parent} --resume"
        )
    return type(voice).load(folder)


Told = Callable[[Utterance, dict[str, tuple[str, ...]]], None]
"""Hears what is said with other phones: the utterance as it was, and a symbol → those that are said for it."""


def outlined(
    codec: Speech,
    text: str | Iterable[str],
    speaker: str | None = None,
    told: Told = lambda utterance, changed: None,
) -> Iterator[Utterance]:
    """The sentences of a text as phones that the voice knows; of a text that comes piece by piece, each as soon as it
    is whole. Raises `UserError`."""
    speakers = codec.features.speakers
    if speaker is not None and speakers == ("",):
        raise UserError(f"speaker {speaker!r}: the voice has one speaker, who has no name. Leave it out.")
    if speaker is not None and speaker not in speakers:
        raise choice("speaker", speaker, speakers)
    language = espeak.named(codec.settings["language"])
    if isinstance(text, str):
        espeak.check(language, text)  # all of it, before the first sentence is heard
        found: Iterable[str] = sentences(text, language=language)
    else:
        found = arriving(text, language)
    for sentence in found:
        if not any(character.isalnum() for character in sentence):
            continue
        phones = espeak.phones(sentence, language)
        yield known(codec, Utterance(phones, text=sentence, speaker=speakers[0] if speaker is None else speaker), told)


def known(codec: Speech, utterance: Utterance, told: Told, alphabet: str = IPA) -> Utterance:
    """The utterance, whose phones are of an alphabet, with phones that the voice knows. Raises `UserError` if most of
    them are like none of these."""
    found, changed = codec.inventory.said(utterance, alphabet)
    lost = sum(not changed.get(phone.symbol, (phone.symbol,)) for phone in utterance.phones)
    if 2 * lost > sum(phone.symbol != PAUSE for phone in utterance.phones):
        raise UserError(
            f"the voice's phones ({' '.join(codec.features.symbols)[:80]}) are of no alphabet that is known (IPA, "
            "ARPABET, X-SAMPA), so it cannot say others. Give it labels with its own: --phones FILE."
        )
    if changed:
        told(utterance, changed)
    return found


def phrased(prosody: Model, utterance: Utterance, manner: Manner, seed: int = 0, row: int = 0) -> Utterance:
    """The utterance with times and melody by the model of prosody; what it has, it keeps."""
    if utterance.times is not None and utterance.melody is not None:
        return utterance
    sampling = Sampling(temperature=manner.temperature)
    found: Utterance = prosody.generate(outline=utterance, seed=seed, row=row, sampling=sampling)[0].record
    assert found.times is not None
    times = found.times / manner.speed if utterance.times is None else utterance.times
    return replace(utterance, times=times, melody=found.melody if utterance.melody is None else utterance.melody)


def voiced(
    voice: Model, utterance: Utterance, manner: Manner, seed: int = 0, row: int = 0, f0: np.ndarray | None = None
) -> tuple[Utterance, Sample]:
    """The utterance, which has times unless the voice finds its own, with frames and sound. f0: [N] Hz, 0 where
    unvoiced, instead of the model's; what is beyond the end is not heard, and what is missing there is unvoiced."""
    codec = voice.codec
    assert isinstance(codec, Speech)
    sampling = Sampling(temperature=manner.temperature) if "temperature" in voice.head.options else Sampling()
    spelled = codec.spelling(utterance) if voice.text else ""
    sample = voice.generate(spelled, outline=utterance, seed=seed, row=row, sampling=sampling)[0]
    found: Utterance = sample.record
    if found.times is None and sample.attention is not None:
        found = replace(found, times=_seen(sample.attention, len(found)) * codec.hop)
    if manner.liveliness:
        found = codec.livelier(found, manner.liveliness)
    assert found.acoustics is not None
    if f0 is not None or manner.pitch != 1:
        frames = found.acoustics()
        own = frames.f0 if f0 is None else np.concatenate([f0, np.zeros(len(frames))])[: len(frames)]
        frames = replace(frames, f0=own * manner.pitch)
        found = codec.sounding(found, frames)
        if found.times is not None:
            found = replace(found, melody=melody.melody(found.times, frames.f0, frames.hop))
    return found, sample


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
    f0: np.ndarray | None = None,
) -> Iterator[Utterance]:
    """Sentence by sentence, each with times, melody and sound. f0: as in `voiced`. Raises `UserError`."""
    codec, manner = voice.codec, manner or Manner()
    timed = prosody is not None and isinstance(prosody.codec, Prosody)
    if not isinstance(codec, Speech) or timed != bool(codec.companion):
        raise UserError("speaking needs a model of speech and one of prosody: rhapsode train RECORDINGS makes both.")
    given = outlined(codec, text, manner.speaker) if isinstance(text, str) else text
    for utterance in given:
        when = utterance if prosody is None else phrased(prosody, utterance, manner, seed, row)
        yield voiced(voice, when, manner, seed, row, f0)[0]
