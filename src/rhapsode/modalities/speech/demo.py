"""`rhapsode demo speech`: espeak-ng speaks the training corpus, a network learns it and says a text."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from rhapsode.demos.reference import language_reference
from rhapsode.demos.run import check_own, free, trained
from rhapsode.files.place import place
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import espeak, speaking
from rhapsode.modalities.speech.audio import resampled, written
from rhapsode.modalities.speech.codecs.speech import Speech
from rhapsode.modalities.speech.formats import own, textgrid
from rhapsode.modalities.speech.measures import Distance, compare, speech
from rhapsode.modalities.speech.picture import picture
from rhapsode.modalities.speech.read import read
from rhapsode.modalities.speech.utterance import Spoken, Timed, joined
from rhapsode.modalities.speech.vocoders import vocoder
from rhapsode.report import Report
from rhapsode.training.log import PICTURE

VOICE = "en-us"
SHORTEST, LONGEST = 20, 110
"""Characters of a sentence."""
RATE = 16_000
HOP = 10
"""Milliseconds: half as many frames as usual, for a short training."""
HELD_OUT = 10
"""Sentences that are compared with what espeak-ng itself makes of them."""


@dataclass(frozen=True)
class SpeechResult:
    """What the demo has to show. far: of sentences that it has not heard, with espeak-ng's own durations, from what
    espeak-ng makes of them. heard: seconds of the corpus; took: to speak."""

    model: Path
    picture: Path
    files: list[Path]
    spoken: Spoken
    far: Distance
    corpus_seconds: float
    took: float


def demo(folder: Path, minutes: float, text: str, report: Report) -> SpeechResult:
    """Train in `folder`, or take what an earlier demo left there, and say `text`. Raises `UserError`."""
    espeak.phones(text, VOICE)  # if it cannot be said, that is better known now
    corpus, home = folder / "corpus", folder / "voice"
    lines = corpus / "utterances.jsonl"
    check_own(folder, corpus.name)
    every = sentences()
    if not lines.exists():
        said = []
        for n, sentence in enumerate(every[HELD_OUT:]):
            report.stage("espeak-ng speaks the corpus", n / len(every))
            one, name = original(sentence), f"{n:03}.wav"
            written(one.sound(), corpus / name)
            said.append(own.dumps(one, name))
        report.stage("espeak-ng speaks the corpus", 1.0)
        place(lines, "".join(f"{line}\n" for line in said).encode())
    trained(corpus, home, report, minutes=minutes, codec="speech", codec_options={"language": VOICE, "hop": HOP})
    voice = Model.load(home)
    prosody = speaking.prosody_beside(voice)
    assert prosody is not None
    list(speaking.speak(voice, prosody, "Hello."))  # what the first call loads is not speaking
    begun = time.perf_counter()
    spoken = joined(list(speaking.speak(voice, prosody, text)))
    sound = spoken.sound()
    took = time.perf_counter() - begun
    files = free(folder, *(f"speech{suffix}" for suffix in (".wav", ".png", ".TextGrid")))
    written(sound, files[0])
    place(files[1], picture(spoken))
    place(files[2], textgrid.dumps(spoken).encode())
    heard = sum(float(one.times[-1]) for one in read(lines) if isinstance(one, Timed))
    return SpeechResult(home, home / PICTURE, files, spoken, compared(voice, prosody, every[:HELD_OUT]), heard, took)


def sentences() -> list[str]:
    """Of Python's language reference, those that are plain words."""
    text = re.sub(r"[ \t\n]+", " ", language_reference())
    found = re.findall(r"(?<=[.?!:] )[A-Z][a-z]*(?:,? [a-z']+)+[.?!](?=\s)", text)
    return [one for one in dict.fromkeys(found) if SHORTEST <= len(one) <= LONGEST]


def original(sentence: str) -> Timed:
    """As espeak-ng says it, at the corpus's rate."""
    said = espeak.speak(sentence, VOICE)
    sound = resampled(said.sound(), RATE)
    return replace(said, text=sentence, sound=lambda: sound)


def compared(voice: Model, prosody: Model, held_out: list[str]) -> Distance:
    """The voice with espeak-ng's durations beside espeak-ng, on sentences that it never heard."""
    codec = voice.codec
    assert isinstance(codec, Speech)
    ours, theirs = list[Spoken](), list[Spoken]()
    for sentence in held_out:
        one = original(sentence)
        frames = vocoder(codec.own["vocoder"]).analyse(one.sound(), HOP / 1000)
        theirs.append(codec.sounding(one, frames))
        ours.append(next(speaking.speak(voice, prosody, [theirs[-1]], speaking.Manner(liveliness=0))))
    mine, wanted = joined(ours).acoustics(), joined(theirs).acoustics()
    return compare(mine, wanted, speech(wanted))
