"""`rhapsode demo music`: learn blues that are made by rule, then play some, and say how well they hold the form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.demos.run import check_own, free, trained
from rhapsode.files.place import place
from rhapsode.inference.model import Model
from rhapsode.modalities.music import bluesform
from rhapsode.modalities.music.blues import arranged, corpus
from rhapsode.modalities.music.bluesform import GRID, Fit
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.formats.own import dumps
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.write import save
from rhapsode.report import Report
from rhapsode.training.log import PICTURE

TUNES = 1200
"""Of three choruses each."""
CHORUSES = 3
"""Of what is played."""
TEMPERATURE = 0.7
SUFFIXES = (".mid", ".wav", ".png", ".html")
PLAN = {"batch_size": 32, "sequence_length": 96}
"""A window is a chorus, so that what a chorus owes to its beginning shows."""


@dataclass(frozen=True)
class Held:
    """How well tunes hold the form: bars with the right chords, of so many; and their melodies."""

    right: int
    bars: int
    melody: Fit


@dataclass(frozen=True)
class MusicResult:
    """What the demo has to show. played, made: of what was drawn, and of the corpus; key: semitones from C."""

    model: Path
    picture: Path
    files: list[Path]
    tune: Tune
    key: int
    played: Held
    made: Held
    seed: int


def demo(folder: Path, minutes: float, report: Report, seed: int = 1) -> MusicResult:
    """Train in `folder`, or take what an earlier demo left there, and play. Raises `UserError`."""
    source, home = folder / "blues.tune.jsonl", folder / "model"
    check_own(folder, source.name)
    if not source.exists():
        report.stage("making blues", 0.0)
        place(source, "".join(f"{dumps(tune)}\n" for tune in corpus(TUNES, 0)).encode())
        report.stage("making blues", 1.0)
    # One key: of those that were to learn eleven, one in eight began between two of them, and was lost.
    options = {"grid": GRID, "shift": 0}
    trained(source, home, report, minutes=minutes, codec="pianoroll", codec_options=options, plan=PLAN)
    model = Model.load(home)
    sampling = Sampling(temperature=TEMPERATURE)
    codec = model.record_codec
    assert isinstance(codec, TuneCodec)
    drawn = model.generate(outline=codec.outline(12 * CHORUSES), seed=seed, sampling=sampling)[0].record
    key = bluesform.key_of(drawn)
    tune = arranged(drawn, key, f"Blues, played by an LSTM (seed {seed})")
    files = free(folder, *(f"blues{suffix}" for suffix in SUFFIXES))
    for file in files:
        save(tune, file)
    made = held(corpus(50, 0))
    return MusicResult(home, home / PICTURE, files, tune, key, held([drawn], key), made, seed)


def held(tunes: Iterable[Tune], key: int = 0) -> Held:
    """Of all tunes together."""
    tunes = list(tunes)
    right = np.concatenate([bluesform.bars_held(tune, key) for tune in tunes])
    return Held(int(right.sum()), len(right), bluesform.fit(tunes, key))
