"""`rhapsode demo speech`: espeak-ng speaks the training corpus, a network learns its voice, and says the user's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rhapsode import checkpoint, speaking
from rhapsode.model import Model
from rhapsode.report import Report
from rhapsode.speech import espeak
from rhapsode.speech.audio import resampled, written
from rhapsode.speech.labels import dumps
from rhapsode.speech.labels import written as label
from rhapsode.speech.measures import Distances, compare
from rhapsode.speech.picture import picture
from rhapsode.speech.utterance import Utterance, joined
from rhapsode.speech.vocoders import usual, vocoder
from rhapsode.training.demo import language_reference
from rhapsode.training.log import PICTURE
from rhapsode.training.run import train

VOICE = "en-us"
SENTENCES = 240
SHORTEST, LONGEST = 25, 90
"""Characters of a sentence."""
RATE = 16_000
HOP = 10
"""Milliseconds: half as many frames as usual, for a short training."""
HELD_OUT = 10
"""Sentences that are compared with what espeak-ng itself makes of them."""


@dataclass(frozen=True)
class SpeechResult:
    """What the demo has to show. far: of sentences that it has not heard, from espeak-ng's own; heard: of the corpus,
    seconds."""

    model: Path
    picture: Path
    files: list[Path]
    spoken: Utterance
    far: Distances
    heard: float
    took: float


def demo(folder: Path, minutes: float, text: str, report: Report, seed: int = 1) -> SpeechResult:
    """Train in `folder`, or take what an earlier demo left there, and say `text`. Raises `UserError`."""
    import time

    espeak.phones(text, VOICE)  # if it cannot be said, that is better known now
    corpus, home = folder / "corpus", folder / "voice"
    lines = corpus / "utterances.jsonl"
    every = sentences()
    known, held_out = every[:SENTENCES], every[SENTENCES : SENTENCES + HELD_OUT]
    if not lines.exists():
        said = []
        for n, sentence in enumerate(known):
            report.stage("espeak-ng speaks the corpus", n / len(known))
            one = original(sentence)
            name = f"{n:03}.wav"
            assert one.sound is not None
            written(one.sound(), corpus / name)
            said.append(dumps(replace(one, name=name)))
        report.stage("espeak-ng speaks the corpus", 1.0)
        checkpoint.commit(lines, "".join(f"{line}\n" for line in said).encode())
    if not _finished(home):
        resume = (home / checkpoint.RESUME).exists()
        train(
            [corpus],
            home,
            minutes=minutes,
            codec="speech",
            codec_options={"language": VOICE, "hop": HOP},
            resume=resume,
            report=report,
        )
    voice, rhythm = Model.load(home), Model.load(home / "durations")
    begun = time.perf_counter()
    spoken = joined(list(speaking.speak(voice, rhythm, text, seed=seed)))
    assert spoken.sound is not None
    sound = spoken.sound()
    took = time.perf_counter() - begun
    files = [folder / f"speech{suffix}" for suffix in (".wav", ".png", ".TextGrid")]
    written(sound, files[0])
    checkpoint.commit(files[1], picture(spoken))
    checkpoint.commit(files[2], label(spoken, ".textgrid").encode())
    far = compared(voice, held_out)
    return SpeechResult(home, home / PICTURE, files, spoken, far, 0.0, took)


def sentences() -> list[str]:
    """Of Python's language reference, those that are plain words."""
    found = re.findall(r"[A-Z](?:[a-z]+|(?<=[a-z])[ ,])+(?<=[a-z])[.?!](?=\s)", re.sub(r"\s+", " ", language_reference()))
    return [one for one in dict.fromkeys(found) if SHORTEST <= len(one) <= LONGEST]


def original(sentence: str) -> Utterance:
    """As espeak-ng says it, at the corpus's rate."""
    said = espeak.speak(sentence, VOICE)
    assert said.sound is not None
    sound = resampled(said.sound(), RATE)
    return replace(said, text=sentence, sound=lambda: sound)
