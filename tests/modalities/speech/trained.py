"""What the tests of a voice share: a corpus made by espeak-ng, and commands for a voice that was trained on it."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path

import numpy as np

from rhapsode.cli import main
from rhapsode.modalities.speech.formats import own

SENTENCES = [
    *("She had your dark suit.", "Do not ask me that.", "The boat was red and low.", "We saw ten ships go by."),
    *("A cat sat on the mat.", "He will come back soon.", "They sing a song at night.", "Look at the green tree."),
]

HELD_OUT = ["The boat sat by the green tree.", "They saw a suit at night."]

SMALL = """
steps = 24
[network]
width = 16
[network.encoder]
feedforward_width = 24
bidirectional_width = 12
[plan]
batch_size = 4
sequence_length = 200
threads = 1
[codec]
name = "speech"
hop = 10
"""


def recorded(folder: Path, sentences: list[str], speakers: tuple[str, ...] = ()) -> Path:
    """A folder of recordings and utterances.jsonl, with labels."""
    from rhapsode.modalities.speech.demo import original, written

    lines = []
    for n, sentence in enumerate(sentences):
        one = original(sentence)
        written(one.sound(), folder / f"{n}.wav")
        value = json.loads(own.dumps(one, f"{n}.wav"))
        lines.append(json.dumps({**value, "speaker": speakers[n % len(speakers)]} if speakers else value))
    (folder / "utterances.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def training(home: Path) -> list[str]:
    valid = str(home / "held" / "utterances.jsonl")
    config = ["--config", str(home / "small.toml"), "--device", "cpu"]
    return ["train", str(home / "corpus"), "--valid", valid, *config]


def say(home: Path, *options: str) -> int:
    return main(["speak", str(home / "voice"), *options, "--overwrite"])


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def contour(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",", skiprows=1)[:, 1]


def pairs(home: Path, folder: Path) -> Path:
    """The corpus as recordings, each with a text beside it."""
    folder.mkdir()
    for line in (home / "corpus" / "utterances.jsonl").read_text().splitlines():
        value = json.loads(line)
        shutil.copy(home / "corpus" / value["audio"], folder)
        (folder / value["audio"]).with_suffix(".txt").write_text(value["text"])
    return folder
