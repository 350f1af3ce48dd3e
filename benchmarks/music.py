"""Music: likelihood on the collections of piano rolls that the literature uses; experiments; what a model draws.

    python benchmarks/music.py blues [--melody]                  # see benchmarks/blues.py
    python benchmarks/music.py franklin                          # see benchmarks/franklin.py
    python benchmarks/music.py bands                             # see benchmarks/bands.py
    python benchmarks/music.py compare --model MODEL --data FILES # see benchmarks/beside.py
    python benchmarks/music.py loops --model MODEL, keys --model MODEL --data FILES # see benchmarks/loops.py
    RHAPSODE_DATA=folder python benchmarks/music.py rolls [--sets jsb,nottingham] [--heads bernoulli,nade] [--minutes 4]

For music/JSB_Chorales.mat, Nottingham.mat, MuseData.mat and Piano_midi.mat in that folder (Boulanger-Lewandowski,
Bengio & Vincent 2012; their own splits). A frame is the set of notes, of 88, that sound; notes that are struck again
are not told from held ones. Nats a frame: the mean over all frames of all test tunes, each tune from its beginning,
the first frame counted; nothing is padded, and the weights are those that were best on the validation tunes. Training
presents tunes in other keys (`shift` semitones to either side); test tunes are as they are. Pitches that never occur
in training can, by that, have a probability; a test tune beyond even those would be named, and count as left out.
(Not Nottingham: there validation chose no shift. Its chords lie in one octave whatever the key, which a shift breaks.)
With each frame are given earlier ones, at distances at which many training tunes are much like themselves, if there are
such distances (`music.codecs.pianoroll.distances`); `--echoes 0` leaves them out.

`bernoulli` and `nade` are different tasks: the first cannot know which notes of a frame go together. They are not to
be ranked against one another. Beside them stand: each note by its own frequency in the training tunes; and each note
by its frequency given whether it sounded in the frame before.

One object of JSON at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import bands
import beside
import blues
import franklin
import loops
import numpy as np

from rhapsode.inference.model import Model
from rhapsode.modalities.music.codecs.pianoroll import PianoRoll
from rhapsode.report import Report
from rhapsode.training.run import train

FILES = {"jsb": "JSB_Chorales", "nottingham": "Nottingham", "musedata": "MuseData", "piano-midi": "Piano_midi"}
SHIFTS = {"jsb": 5, "nottingham": 0, "musedata": 5, "piano-midi": 5}
GRID = 2
"""Frames in a quarter, as the reader takes the collections to have."""


class Notes(Report):
    """What was chosen and how training goes, a line each."""

    def note(self, text: str) -> None:
        print(text, flush=True)

    warn = note

    def progress(self, done: float, **values: Any) -> None:
        if "valid" in values:
            print(
                f"{done:.2f}",
                {k: round(v, 4) for k, v in values.items() if k in ("seconds", "train", "valid")},
                flush=True,
            )


def baselines(codec: PianoRoll, path: Path) -> dict[str, float]:
    """Nats a frame of the test part: each note by its frequency, and by that given the frame before."""
    rolls = {
        part: [codec.encode(tune) for tune in codec.read(path, part) if not codec.refusal(tune)]
        for part in ("train", "test")
    }
    ones = np.zeros((2, codec.steps.size))
    total = np.zeros((2, codec.steps.size))
    for roll in rolls["train"]:
        before = np.pad(roll, ((1, 0), (0, 0)))[:-1]
        for was in (0, 1):
            ones[was] += ((before == was) & (roll == 1)).sum(axis=0)
            total[was] += (before == was).sum(axis=0)
    alone = (ones.sum(axis=0) + 0.5) / (total.sum(axis=0) + 1)
    given = (ones + 0.5) / (total + 1)
    nats, frames = np.zeros(2), 0
    for roll in rolls["test"]:
        before = np.pad(roll, ((1, 0), (0, 0)))[:-1]
        follows = np.where(before == 1, given[1], given[0])
        for n, p in enumerate((np.broadcast_to(alone, roll.shape), follows)):
            nats[n] -= np.log(np.where(roll == 1, p, 1 - p)).sum()
        frames += len(roll)
    return {"each note's frequency": round(nats[0] / frames, 3), "given the frame before": round(nats[1] / frames, 3)}


def rolls(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    root = os.environ.get("RHAPSODE_DATA")
    if not root:
        raise SystemExit("set RHAPSODE_DATA to the folder that has music/")
    report: dict[str, Any] = {"minutes": options.minutes}
    for name in options.sets.split(","):
        path = Path(root) / "music" / f"{FILES[name]}.mat"
        report[name] = {}
        for head in options.heads.split(","):
            home = scratch / f"{name}-{head}"
            train(
                [path],
                home,
                codec="pianoroll",
                codec_options={
                    "grid": GRID,
                    "holds": 0,
                    "shift": SHIFTS[name] if options.shift is None else options.shift,
                    "echoes": options.echoes,
                },
                network={"head": head},
                minutes=options.minutes,
                report=Notes(),
            )
            model = Model.load(home)
            codec: PianoRoll = model.record_codec  # type: ignore[assignment]
            if "baselines" not in report[name]:
                report[name]["baselines"] = baselines(codec, path)
            tunes = list(codec.read(path, "test"))
            scores = list(model.score_records(tune for tune in tunes if not codec.refusal(tune)))
            nats, frames = np.array([one.nats for one in scores]), np.array([one.steps for one in scores])
            again = np.random.default_rng(0).integers(len(scores), size=(2000, len(scores)))
            spread = np.quantile(nats[again].sum(axis=1) / frames[again].sum(axis=1), [0.025, 0.975])
            report[name][head] = {
                "test": round(float(nats.sum() / frames.sum()), 3),
                "interval": [round(float(end), 3) for end in spread],
                "mean_of_tunes": round(float((nats / frames).mean()), 3),
                "tunes": len(scores),
                "left_out": len(tunes) - len(scores),
                "frames": int(frames.sum()),
                "parameters": model.network.parameters,
                "echoes": list(codec.lookback),
            }
            print(name, head, json.dumps(report[name][head]), flush=True)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rolls", "blues", "franklin", "bands", "compare", "loops", "keys"])
    parser.add_argument("--sets", default=",".join(FILES), help=f"of {', '.join(FILES)}")
    parser.add_argument("--heads", default="bernoulli,nade", help="of bernoulli, nade")
    parser.add_argument("--minutes", type=float, default=4.0, help="of training, each")
    parser.add_argument("--echoes", type=int, default=12, help="earlier frames that are given with each; see the codec")
    parser.add_argument("--shift", type=int, help="semitones that training moves tunes by [default: 5; nottingham: 0]")
    blues.add_options(parser)
    franklin.add_options(parser)
    beside.add_options(parser)
    options = parser.parse_args()
    others = {
        "blues": blues.run,
        "franklin": franklin.run,
        "bands": bands.run,
        "compare": beside.run,
        "loops": loops.run,
        "keys": loops.keys,
    }
    if options.what in others:
        print(json.dumps(others[options.what](options), indent=1))
        return
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(rolls(options, Path(scratch)), indent=1))


if __name__ == "__main__":
    main()
