"""Spoken digits: the smallest case of generative speech. Is what a voice says understood, and is it that speaker's?

    RHAPSODE_DATA=folder python benchmarks/digits.py [--takes 20] [--updates 300] [--seeds 3] [--sound FOLDER]

The data is speech/fsdd in that folder: ten digits said by six speakers, fifty takes each, 8 kHz
(github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0). Takes 0 to 4 are for testing, as its authors say, the
next two for validation, `--takes` after those to train on. Phones are espeak-ng's of the digit's name, their times are
found from the training takes (`speech.align`).

Three networks learn. Frames and prosody, with the speaker as context: `regression`, the codec's own, and `generative`,
which reads the frame before and gives a mixture of Gaussians. Frames alone, from recordings and texts: `unaligned`, the
codec of that name, which reads and gives the same, and whose window finds its way along the phones. Each then says each
digit in each speaker's voice, with durations and melody of its own; the two that draw frames do so at several
temperatures, above 0 once a seed.

A recogniser, which hears sound and not frames, is trained on the recordings of the same takes alone and tells digit and
speaker. Beside what is drawn stand test takes, as recorded and as the vocoder makes them from their frames. `of real`:
the rate beside that of recorded test takes.

One object of JSON at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from music import Notes
from torch import nn

from rhapsode.files.cache import Cache, cache_folder
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import audio, speaking
from rhapsode.modalities.speech.formats import own
from rhapsode.modalities.speech.mfcc import deltas, mfcc
from rhapsode.modalities.speech.prepare import prepared
from rhapsode.modalities.speech.utterance import Sound, Spoken, Utterance
from rhapsode.modalities.speech.vocoders import vocoder
from rhapsode.steps.frames import HIDDEN
from rhapsode.training.run import train

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST, VALID = 5, 2
"""Takes of each digit by each speaker."""
NETWORKS: dict[str, dict[str, Any]] = {
    "regression": {},
    "generative": {"layers": 1, "autoregressive": True, "head": {"name": "gaussians", "mixtures": 3}},
    "unaligned": {},
}
SHORTER = 2
"""How many updates `unaligned` makes in the place of one: it learns from half as many frames at each."""
DROPOUT = {"between": 0.1}
"""And `HIDDEN` of the frame before, where it is read."""
TEMPERATURES = (0.0, 0.5, 1.0)
HOP = 10
"""Milliseconds."""
PASSES, ROWS = 12, 32
"""Of the recogniser: times over the training takes, and takes that it learns from at once."""

Hears = Callable[[Sound], tuple[str, str]]
"""A sound → the digit and the speaker."""


def takes(folder: Path, numbers: range) -> list[Utterance]:
    found = []
    for path in sorted(folder.glob("*.flac")):
        digit, speaker, take = path.stem.split("_")
        if int(take) in numbers:
            sound = partial(audio.read, path)
            found.append(Utterance((), text=WORDS[int(digit)], name=path.stem, speaker=speaker, sound=sound))
    return found


class Ear(nn.Module):
    """Frames [B, T, D] and how many there are of each [B] → what it takes them for, [B, digits + speakers]."""

    def __init__(self, mean: torch.Tensor, sd: torch.Tensor, outputs: int) -> None:
        super().__init__()
        self.mean, self.sd = mean, sd
        self.layers = nn.GRU(len(mean), 64, batch_first=True, bidirectional=True)
        self.last = nn.Linear(128, outputs)

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            (frames - self.mean) / self.sd, lengths, batch_first=True, enforce_sorted=False
        )
        heard, _ = nn.utils.rnn.pad_packed_sequence(self.layers(packed)[0], batch_first=True)
        mean: torch.Tensor = self.last(heard.sum(1) / lengths[:, None])
        return mean


def heard(sound: Sound) -> torch.Tensor:
    """[T, D], 10 ms each; how loud all of it is makes no difference."""
    frames = mfcc(sound)[::2]
    frames[:, 0] -= frames[:, 0].max()
    return torch.from_numpy(deltas(frames))


def recogniser(utterances: Sequence[Utterance], seed: int = 0) -> Hears:
    """Learns from the sounds of these."""
    torch.manual_seed(seed)
    speakers = sorted({one.speaker for one in utterances})
    frames = [heard(sound_of(one)) for one in utterances]
    every = torch.cat(frames)
    ear = Ear(every.mean(0), every.std(0), len(WORDS) + len(speakers))
    digits = torch.tensor([WORDS.index(one.text) for one in utterances])
    voices = torch.tensor([speakers.index(one.speaker) for one in utterances])
    updates = PASSES * (len(frames) // ROWS)
    optimizer = torch.optim.Adam(ear.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, updates)
    for _ in range(updates):
        chosen = torch.randint(len(frames), (ROWS,))
        batch = nn.utils.rnn.pad_sequence([frames[n] for n in chosen.tolist()], batch_first=True)
        out = ear(batch, torch.tensor([len(frames[n]) for n in chosen.tolist()]))
        loss = nn.functional.cross_entropy(out[:, : len(WORDS)], digits[chosen])
        loss = loss + nn.functional.cross_entropy(out[:, len(WORDS) :], voices[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    @torch.inference_mode()
    def hears(sound: Sound) -> tuple[str, str]:
        each = heard(sound)
        out = ear(each[None], torch.tensor([len(each)]))[0]
        return WORDS[int(out[: len(WORDS)].argmax())], speakers[int(out[len(WORDS) :].argmax())]

    return hears


def sound_of(one: Utterance) -> Sound:
    return one.sound()


def copied(one: Spoken) -> Sound:
    """Out of its frames."""
    frames = one.acoustics()
    return vocoder(frames.vocoder).synthesise(frames)


def rates(hears: Hears, utterances: Iterable[Spoken], sound: Callable[[Spoken], Sound]) -> dict[str, float]:
    """Of digits and of speakers, those that were recognised; and where it went wrong."""
    right = np.array(
        [
            [found == wanted for found, wanted in zip(hears(sound(one)), (one.text, one.speaker), strict=True)]
            for one in utterances
        ]
    )
    return {"digits": float(right[:, 0].mean()), "speakers": float(right[:, 1].mean()), "count": len(right)}


def renderings(home: Path, temperature: float, seeds: int) -> Iterable[Spoken]:
    """Each digit in each voice, once a seed."""
    voice = Model.load(home)
    prosody = speaking.prosody_beside(voice)
    for speaker in voice.codec.features.speakers:  # type: ignore[attr-defined]
        for word in WORDS:
            for seed in range(seeds if temperature else 1):
                manner = speaking.Manner(temperature=temperature, speaker=speaker, liveliness=0)
                yield from speaking.speak(voice, prosody, word, manner, seed=seed)


def listed(utterances: Sequence[Utterance], path: Path) -> Path:
    """With their sounds as they are without the silence around."""
    for one in utterances:
        audio.written(sound_of(one), path.with_name(f"{one.name}.wav"))
    path.write_text("".join(f"{own.dumps(one, f'{one.name}.wav')}\n" for one in utterances), "utf-8")
    return path


def digits(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    folder = Path(os.environ["RHAPSODE_DATA"]).resolve() / "speech" / "fsdd"
    begun, notes = time.perf_counter(), Notes()
    ends = (TEST, TEST + VALID, TEST + VALID + options.takes)
    found_or_not, left_out, said = prepared(takes(folder, range(ends[2])), Cache(cache_folder()), notes.stage, hop=HOP)
    print(*left_out, *said, sep="\n", flush=True)
    every = [one for one in found_or_not if one is not None]
    parts: dict[str, list[Spoken]] = {"test": [], "valid": [], "train": []}
    for one in every:
        take = int(one.name.rsplit("_", 1)[1])
        parts["test" if take < ends[0] else "valid" if take < ends[1] else "train"].append(one)
    report: dict[str, Any] = {"takes": {name: len(part) for name, part in parts.items()}}
    report["seconds"] = {"frames and times": time.perf_counter() - begun}
    begun = time.perf_counter()
    hears = recogniser(parts["train"])
    report["seconds"]["recogniser"] = time.perf_counter() - begun
    found = {
        "recorded": rates(hears, parts["test"], sound_of),
        "copied": rates(hears, parts["test"], copied),
    }
    for name, network in NETWORKS.items():
        home, alone = scratch / name, name == "unaligned"
        reads = alone or "autoregressive" in network
        train_on, valid = (
            listed([one.to(Utterance, phones=()) if alone else one for one in parts[part]], scratch / f"{part}.jsonl")
            for part in ("train", "valid")
        )
        result = train(
            [train_on],
            home,
            valid=[valid],
            updates=options.updates * (SHORTER if alone else 1),
            codec="unaligned" if alone else "speech",
            codec_options={"hop": HOP},
            network={"width": 64, **network},
            dropout={**DROPOUT, "input": HIDDEN * reads},
            plan={"threads": 1, "most": 1, "batch_size": 16 if alone else 8},
            window=128 if alone else 512,
            device="cpu",
            report=notes,
        )
        report["seconds"][name] = result.seconds
        report[name] = {"parameters": Model.load(home).network.parameters, "valid_nats": result.valid_nats}
        for temperature in TEMPERATURES if reads else TEMPERATURES[:1]:
            key = f"{name}, temperature {temperature:g}"
            spoken = list(renderings(home, temperature, options.seeds))
            found[key] = rates(hears, spoken, sound_of)
            if options.sound:
                for n, one in enumerate(spoken):
                    path = Path(options.sound) / key.replace(", temperature ", "-")
                    audio.written(sound_of(one), path / f"{one.text}-{one.speaker}-{n}.wav")
    for name, row in found.items():
        row["digits_of_real"] = row["digits"] / found["recorded"]["digits"]
        row["speakers_of_real"] = row["speakers"] / found["recorded"]["speakers"]
        print(
            f"{name:32} digits {100 * row['digits']:5.1f} % ({100 * row['digits_of_real']:5.1f} % of real), "
            f"speakers {100 * row['speakers']:5.1f} % ({100 * row['speakers_of_real']:5.1f} %), of {row['count']}",
            flush=True,
        )
    return {**report, "recognised": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=20, help="of each digit by each speaker, to train on (1 to 43)")
    parser.add_argument("--updates", type=int, default=300, help="of the weights")
    parser.add_argument("--seeds", type=int, default=3, help="renderings of each digit by each speaker, above 0")
    parser.add_argument("--sound", help="a folder for what is said, as WAV")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(digits(options, Path(scratch))))


if __name__ == "__main__":
    main()
