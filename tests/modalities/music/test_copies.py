"""What of a tune is copied from known ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.modalities.music.codecs.pianoroll import PianoRoll
from rhapsode.modalities.music.copies import Copied, MelodyIndex, Rate
from rhapsode.modalities.music.line import skyline
from rhapsode.modalities.music.tune import Metre, Part, Tune, notes, ordered, transposed
from rhapsode.training.folder import clear

Q = 12
"""Ticks in a quarter."""


def melody(number: int, count: int = 40) -> Tune:
    """Notes at random, of three lengths, a third of them with a rest of a quarter behind; bars of 2/4."""
    random = np.random.default_rng(number)
    lengths, rests = random.choice([3, 6, 12], count), random.choice([0, 0, 12], count)
    starts = np.cumsum(lengths + rests) - lengths - rests
    pitches = 60 + random.integers(-12, 13, count)
    rows = [(int(s), int(n), int(p), 80, 0) for s, n, p in zip(starts, lengths, pitches, strict=True)]
    end = int((lengths + rests).sum())
    return Tune(
        notes(rows), Q, end, metres=(Metre(0, 2, 4),), title=f"No. {number}", name=f"some/folder/a.abc#{number}"
    )


def cut(tune: Tune, first: int, stop: int) -> Tune:
    """Some of its notes, from the beginning."""
    found = tune.notes[first:stop].copy()
    found["start"] -= found["start"][0]
    return replace(tune, notes=found, length=int((found["start"] + found["length"]).max()), title="", name="")


def bar_of(tune: Tune, note: int) -> int:
    return int(tune.notes["start"][note]) // (2 * Q) + 1


@pytest.fixture(scope="module")
def known() -> MelodyIndex:
    return MelodyIndex.of([melody(n) for n in range(20)], [melody(100), cut(melody(3), 0, 30)])


@pytest.mark.parametrize("semitones", [0, 5, -7])
def test_a_copy_is_found_whole_in_any_key(known: MelodyIndex, semitones: int) -> None:
    for number in (0, 7, 19):
        tune = transposed(melody(number), semitones)
        assert known.longest(tune) == Copied(40, 40, 1.0, 1, f"a.abc#{number}", f"No. {number}", 1)


def test_a_part_is_found_where_it_is(known: MelodyIndex) -> None:
    part, other = transposed(cut(melody(7), 15, 31), 3).notes, melody(100).notes
    part["start"] += melody(100).length
    tune = replace(melody(100), notes=ordered(np.concatenate([other, part])), length=3000)
    found = known.longest(tune)
    assert found == Copied(16, 56, 16 / 56, bar_of(tune, 40), "a.abc#7", "No. 7", bar_of(melody(7), 15))


def test_what_is_other_breaks_the_run(known: MelodyIndex) -> None:
    longer, higher, later, shorter = (melody(7).notes.copy() for _ in range(4))
    longer["length"][30], longer["start"][31:] = longer["length"][30] + 6, longer["start"][31:] + 6
    higher["pitch"][30] += 1
    later["start"][31:] += 12
    for changed, length, share in ((longer, 30, 39 / 40), (higher, 30, 39 / 40), (later, 31, 1.0)):
        found = known.longest(replace(melody(7), notes=changed, length=3000))
        assert (found.notes, found.share) == (length, share)
    # But not that a note is played shorter, if the next one begins where it was to end.
    shorter["length"][:-1] -= shorter["start"][1:] == (shorter["start"] + shorter["length"])[:-1]
    assert known.longest(replace(melody(7), notes=shorter)).notes == 40


def test_runs_do_not_cross_tunes() -> None:
    first, second = melody(1), melody(2)
    rows = np.concatenate([first.notes, second.notes])
    rows["start"][40:] += first.length
    both = replace(first, notes=rows, length=first.length + second.length)
    assert MelodyIndex.of([first, second]).longest(both).notes == 40
    assert MelodyIndex.of([both]).longest(second).notes == 40


def test_next_to_nothing(known: MelodyIndex) -> None:
    nothing, single = cut(melody(0), 0, 1), cut(melody(0), 0, 1)
    nothing = replace(nothing, notes=nothing.notes[:0])
    assert known.longest(nothing) == Copied(0, 0, 0.0)
    assert known.longest(single) == Copied(0, 1, 0.0)
    little = MelodyIndex.of([nothing, single, cut(melody(0), 0, 2), nothing, cut(melody(1), 5, 9)])
    found = little.longest(melody(1))
    assert (found.notes, found.bar, found.known_bar) == (4, bar_of(melody(1), 5), 1)
    for empty in (MelodyIndex.of([]), MelodyIndex.of([single]), MelodyIndex.of([nothing, nothing])):
        assert empty.longest(melody(1)) == Copied(0, 40, 0.0) and empty.rate == Rate(0, (0, 0), (0.0, 0.0))


def test_the_melody_is_the_top_line() -> None:
    rows = [(0, 24, 72, 80, 0), (0, 48, 60, 80, 1), (12, 12, 64, 80, 1), (24, 12, 71, 80, 0), (36, 6, 59, 80, 0)]
    rows += [(48, 12, 50, 80, 0), (54, 12, 67, 80, 0), (12, 90, 99, 80, 2)]
    tune = Tune(notes(rows), Q, 102, (Part(), Part(), Part(drums=True)))
    # 64 is below 72, 59 below the held 60; 50 is cut by 67.
    wanted = [(0, 24, 72), (24, 12, 71), (48, 6, 50), (54, 12, 67)]
    assert [tuple(note)[:3] for note in skyline(tune).tolist()] == wanted
    above = replace(melody(7), parts=(Part(), Part()))
    below = melody(7).notes
    below["pitch"], below["part"] = below["pitch"] - 24, 1
    found = MelodyIndex.of([melody(7)]).longest(replace(above, notes=ordered(np.concatenate([above.notes, below]))))
    assert found.notes == 40


def test_the_rate_of_what_was_held_out(known: MelodyIndex) -> None:
    alone = known.longest(melody(100)).notes
    assert alone < 8 and known.rate == Rate(2, (alone, 30), (0.0, 1.0))


def test_kept_and_read_again(known: MelodyIndex, tmp_path: Path) -> None:
    path = tmp_path / checkpoint.INDEX
    checkpoint.save(path, known.info, known.arrays)
    info, mark, found = checkpoint.load_info(path)
    arrays = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in found.items()}, mark)
    again = MelodyIndex.restored(info, arrays, str(path))
    assert again.rate == known.rate and len(again) == 20
    assert again.longest(transposed(melody(7), 2)) == known.longest(melody(7))
    bad = {
        "sizes": known.arrays["sizes"] + 1,
        "pitch": known.arrays["pitch"] + np.uint8(128),
        "duration": known.arrays["duration"].astype(np.int64),
        "rest": -known.arrays["rest"],
        "bar": known.arrays["bar"][1:],
        "held_share": known.arrays["held_share"] * np.float32(np.nan),
    }
    for name, value in bad.items():
        with pytest.raises(UserError, match="a.file: it does not hold the tunes"):
            MelodyIndex.restored(known.info, known.arrays | {name: value}, "a.file")
    for wrong in ({"names": ["a"] * 20}, {"names": ["a"] * 20, "titles": [1] * 20}, {"names": [], "titles": []}):
        with pytest.raises(UserError, match="does not hold"):
            MelodyIndex.restored(wrong, known.arrays, "a.file")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that knows nothing, and knows what it will play for seed 1, row 0."""
    from rhapsode.config import FramingConfig, ModelConfig
    from rhapsode.inference.model import Model
    from rhapsode.nn.network import Network
    from tests.conftest import random_weights
    from tests.modalities.music.score import small

    codec = PianoRoll.fit(lambda: iter([melody(0)]), holds=0)
    network = small(codec)
    config = ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="document")
    folder = tmp_path / "m"
    checkpoint.save(
        folder / checkpoint.MODEL, config.model_dump(), random_weights(Network(network, codec.steps), 0, 1.0)
    )
    tune = Model.load(folder).generate(length=32, seed=1)[0].record
    known = MelodyIndex.of([replace(tune, name="first"), melody(0)], [melody(1)])
    checkpoint.save(folder / checkpoint.INDEX, known.info, known.arrays)
    return folder


def test_drawn_again_until_little_is_copied(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def drawn(*more: str) -> list[dict]:
        assert main(["compose", str(model), "--seed", "1", "--length", "32", "--json", *more]) == 0
        return json.loads(capsys.readouterr().out)["samples"]

    rows = drawn("--samples", "6")
    assert rows[0]["copied"]["name"] == "first" and rows[0]["copied"]["notes"] == rows[0]["copied"]["of"] > 8
    lengths = [one["copied"]["notes"] for one in rows]
    most = sorted(lengths)[2]
    good = [one for one, length in zip(rows, lengths, strict=True) if length <= most]
    assert 3 <= len(good) < 6
    for count in (1, 2, 3):
        assert drawn("--samples", str(count), "--max-copy", str(most)) == good[:count]
    assert drawn("--max-copy", str(lengths[0])) == rows[:1]
    assert main(["compose", str(model), "--seed", "1", "--length", "32", "--max-copy", "0"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "of 64 tunes drawn, 0 copy no more than 0 notes" in said
    least = int(said.split("--max-copy ")[2].split()[0])
    assert 0 < least <= min(lengths) and len(drawn("--max-copy", str(least))) == 1


def test_an_index_of_an_earlier_version(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index, old = model / checkpoint.INDEX, model / checkpoint.OLD_INDEX
    index.rename(old)
    assert main(["generate", str(model), "--length", "4", "--max-copy", "9"]) == 0
    capsys.readouterr()
    assert main(["inspect", str(old), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["tunes"], found["held_out"]) == ("training index", 2, 1)
    clear(model)
    assert not old.exists()


def test_a_damaged_file_beside_the_model(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = model / checkpoint.INDEX
    whole = path.read_bytes()
    for data in (b"", whole[:-4], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(data)
        assert main(["compose", str(model), "--length", "4", "--max-copy", "9"]) == 2
        assert "index.safetensors" in capsys.readouterr().err.replace("\n", "")
        assert main(["compose", str(model), "--length", "4"]) == 0  # nothing needs it
        assert "warning: " in capsys.readouterr().err


def test_all_passages_are_found(known: MelodyIndex) -> None:
    """Two copies with something of its own between them, and a lower voice that is no melody."""
    one, other, own = cut(melody(3), 5, 20), cut(melody(7), 0, 12), cut(melody(200), 0, 6)
    rows, at = [], 0
    for piece, up in ((one, 0), (own, 0), (other, 4)):
        for start, length, pitch, velocity, _ in piece.notes.tolist():
            rows.append((at + start, length, pitch + up, velocity, 0))
        at += piece.length + 12
    below = [(0, 6, 20, 80, 1), (13, 6, 20, 80, 1)]
    tune = Tune(notes(rows + below), Q, at, parts=(Part("a"), Part("b")))
    found = known.copies(tune)
    assert [(run.title, len(run.notes)) for run in found] == [("No. 3", 15), ("No. 7", 12)]
    assert [run.known_bar for run in found] == [bar_of(melody(3), 5), 1]
    melody_of = skyline(tune)
    for run, (first, last) in zip(found, ((0, 15), (21, 33)), strict=True):
        assert tune.notes[run.notes]["pitch"].tolist() == melody_of["pitch"][first:last].tolist()
    assert known.copies(tune, least=13) == found[:1]
    assert known.copies(cut(melody(3), 0, 7)) == [] and known.copies(replace(tune, notes=tune.notes[:0])) == []
