"""Aligning: how near the phone times are that `speech.align` finds to those that are known to be right.

    python benchmarks/alignment.py [--sentences 150]

What is aligned are renderings by espeak-ng, whose times are exact, of sentences of Python's language reference: each in
a voice, at a speed and with noise other than those of the rendering from which alignment begins (en-us, 175 words a
minute). That is easier than a human voice: phones are always those of the text, and formants lie where the synthesiser
puts them.

Errors are those of boundaries within an utterance. `dtw`: after dynamic time warping alone; `hmm`: after all rounds.

One object of JSON at the end.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.modalities.speech import espeak
from rhapsode.modalities.speech.align import align
from rhapsode.modalities.speech.demo import sentences
from rhapsode.modalities.speech.utterance import PAUSE, Sound, Timed, Utterance

KINDS: dict[str, tuple[str, int, int, float]] = {
    "another voice": ("en-us+f3", 175, 60, 0.0),
    "a deep one, slower": ("en-us+m3", 130, 30, 0.0),
    "whispered": ("en-us+whisper", 175, 50, 0.0),
    "another voice, faster, 20 dB of noise": ("en-us+f2", 220, 60, 0.1),
}
"""Voice, words a minute, pitch, and noise over the sound's own level."""
WITHIN = (0.01, 0.02, 0.05)


def spoken(text: str, kind: tuple[str, int, int, float], seed: int) -> Timed:
    voice, speed, pitch, noise = kind
    found = espeak.speak(text, voice, speed, pitch)
    sound = found.sound()
    level = noise * float(np.sqrt(np.mean(sound.samples**2)))
    samples = sound.samples + level * np.random.default_rng(seed).standard_normal(len(sound.samples))
    noisy = Sound(samples / max(1.0, float(np.abs(samples).max())), sound.rate)
    return replace(found, sound=lambda: noisy)


def errors(found: list[Timed], truth: list[Timed]) -> np.ndarray:
    """Seconds, of the boundaries between phones that are no pauses: where pauses are, is found, too."""
    each = []
    for one, true in zip(found, truth, strict=True):
        ours, theirs = begins(one), begins(true)
        assert len(ours) == len(theirs)
        each.append(np.abs(ours - theirs))
    return np.concatenate(each)


def begins(utterance: Timed) -> np.ndarray:
    spoken = [phone.symbol != PAUSE for phone in utterance.phones]
    return utterance.times[:-1][spoken]


def measured(kind: tuple[str, int, int, float], texts: list[str]) -> dict[str, Any]:
    truth = [spoken(text, kind, seed) for seed, text in enumerate(texts)]
    given = [one.to(Utterance) for one in truth]
    row: dict[str, Any] = {}
    for name, rounds in {"dtw": 0, "hmm": None}.items():
        begun = time.perf_counter()
        options = {} if rounds is None else {"rounds": rounds}
        found = align(given, rendered=lambda one: espeak.speak(one.text), **options)
        far = errors([one.utterance for one in found], truth)
        row[name] = {f"within_{1000 * limit:g}_ms": float(np.mean(far <= limit)) for limit in WITHIN}
        row[name] |= {"median_ms": 1000 * float(np.median(far)), "seconds": time.perf_counter() - begun}
    return {**row, "boundaries": len(far)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=150)
    options = parser.parse_args()
    texts = sentences()[: options.sentences]
    found = {}
    for name, kind in KINDS.items():
        found[name] = measured(kind, texts)
        for step in ("dtw", "hmm"):
            print(f"{name:40} {step}", {key: round(value, 3) for key, value in found[name][step].items()}, flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
