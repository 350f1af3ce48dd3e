"""Where tunes lie: drawn as high as training tunes of their key, moved where it is asked for, and files into range."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rhapsode
from rhapsode import registry
from rhapsode.cli import main
from rhapsode.data.codecs.stored import codec_from_json, codec_to_json
from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._repertoire import Repertoire
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.formats import own
from rhapsode.modalities.music.keys import distance, natural, shift
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.tune import NOTE, Chord, Key, Metre, Tune, notes, transposed
from rhapsode.modalities.music.wishes import moved
from tests.modalities.music.score import SCALE, Q, lead, quartet, untrained

CODECS = ("melody", "abc", "chorale", "performance", "pianoroll")
KEYED = CODECS[:3]
MODES = (0, 2, 4, 5, 7, 9, 11)
KEYS = [Key(0, sharps, mode) for sharps in range(-7, 8) for mode in MODES]


def made(name: str) -> Tune:
    return quartet(1) if name == "chorale" else lead(1)


def fitted(name: str, *tunes: Tune) -> TuneCodec:
    found: TuneCodec = registry.get("codec", name).fit(lambda: iter(tunes))
    return found


def silent(key: Key) -> Tune:
    return Tune(np.zeros(0, NOTE), Q, 12 * Q, metres=(Metre(0, 3, 4),), keys=(key,))


def whistled(sharps: int, mode: int = 0) -> Tune:
    """A tune on an instrument that has the same range in all keys: from the tonic within D to C# up to a seventh."""
    tonic = 62 + (7 * sharps + mode - 2) % 12
    tonic -= 12 * (tonic > 67)
    rows = [(Q * n, Q, tonic + step, 80, 0) for n, step in enumerate((0, 2, 4, 5, 7, 5, 4, 7, 11, 12, 7, 0))]
    return Tune(notes(rows), Q, 12 * Q, metres=(Metre(0, 3, 4),), keys=(Key(0, sharps, mode),))


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_nothing_is_moved_by_an_octave_where_there_are_no_notes(key: Key) -> None:
    assert distance(silent(key)) == shift(key) == (5 - 7 * key.sharps) % 12 - 5


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("seen", [(0,), (2, 1), (-3, 5), range(-5, 7)], ids=str)
def test_steps_are_placed_where_tunes_of_their_key_were(name: str, seen: Sequence[int]) -> None:
    """Whatever keys were seen in training: what a tune is encoded as, is decoded along an empty outline as the tune."""
    tune = moved(made(name), "C")
    codec = fitted(name, *(moved(tune, (7 * sharps + 5) % 12 - 5) for sharps in seen))
    assert codec_to_json(codec_from_json(codec_to_json(codec))) == codec_to_json(codec)
    for key in KEYS:
        octaves = [replace(moved(tune, 7 * key.sharps % 12 - 12 * n), keys=(key,)) for n in range(3)]
        taken = [each for each in octaves if not codec.refusal(each)]
        assert taken
        for mine in taken:
            outline = Outline(replace(mine, notes=mine.notes[:0], chords=()))
            found = codec.decode(codec.encode(mine), outline=outline)
            assert np.array_equal(found.notes["pitch"], mine.notes["pitch"]) and found.keys == (key,)


def test_a_key_that_was_not_seen_lies_near_one_that_was() -> None:
    in_g = [whistled(1)]
    assert shift(Key(0, 1)) == 5 and shift(Key(0, -1)) == -5 and shift(Key(0, -1), (5,)) == 7
    codec = fitted("melody", *in_g)
    known: Repertoire = codec.repertoire  # type: ignore[attr-defined]
    assert known.usual.shifts == (5,)
    found = codec.decode(codec.encode(in_g[0]), outline=Outline(silent(Key(0, -1))))
    assert np.array_equal(found.notes["pitch"], in_g[0].notes["pitch"] - 2)  # F, two semitones below G, not ten above


def test_a_model_is_told_where_its_key_lies() -> None:
    codec = fitted("melody", *(whistled(sharps) for sharps in (0, 1, 2)))
    place = codec.usual.place
    assert codec.usual.shifts == (-2, 0, 5)
    assert [float(place(silent(Key(0, sharps)))[0]) * 6 for sharps in (0, 1, 2, 3)] == pytest.approx([0, 5, -2, 5])
    before = codec_to_json(codec)
    del before["shifts"], before["bars"]
    old = codec_from_json(before)
    assert old.covariates == codec.covariates - 1 and codec_to_json(old) == before


@pytest.mark.parametrize("wrong", [{"shifts": [7]}, {"shifts": [1.5]}, {"shifts": 3}, {"bars": 0}, {"bars": True}])
def test_damaged_facts_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match="damaged"):
        codec_from_json({**codec_to_json(fitted("chorale", quartet(0))), **wrong})


@pytest.mark.parametrize("name", CODECS)
def test_what_is_drawn_is_taken_as_a_primer_and_scored(name: str, tmp_path: Path) -> None:
    model = untrained(fitted(name, *(transposed(made(name), by) for by in (-5, 0, 6))), tmp_path)
    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    for key in KEYS[::3] if codec.keyed else KEYS[:1]:
        outline = codec.outline(1)
        outline = replace(outline, tune=replace(outline.tune, keys=(key,)))
        [drawn] = model.generate(outline=outline, seed=1)
        if len(drawn.record):
            assert codec.refusal(drawn.record) == ""
            if name != "performance":
                codec.guide(Outline(drawn.record, bars=frozenset()))  # all of it can be kept


def piped(sharps: int, mode: int, seed: int) -> Tune:
    """Notes of a key on a pipe, which has the same dozen in all keys."""
    random = np.random.default_rng(seed)
    scale = [pitch for pitch in range(66, 80) if (pitch - 7 * sharps) % 12 in SCALE]
    rows = [(n * Q, Q, int(random.choice(scale)), 80, 0) for n in range(12)]
    return Tune(notes(rows), Q, 12 * Q, metres=(Metre(0, 3, 4),), keys=(Key(0, sharps, mode),))


@pytest.mark.slow
def test_a_trained_model_draws_each_key_as_high_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "tunes.jsonl"
    keys = [(sharps, mode) for sharps in range(-5, 7) for mode in (0, 9)]
    known = {key: [piped(*key, 100 * seed + key[0] + 9) for seed in range(10)] for key in keys}
    file.write_text("".join(own.dumps(tune) + "\n" for each in known.values() for tune in each))
    small = {
        "network": {"width": 32, "head": {"hidden": 16}},
        "plan": {"batch_size": 8, "sequence_length": 24, "threads": 1},
    }
    rhapsode.train([str(file)], tmp_path / "m", updates=320, codec="melody", **small)  # type: ignore[arg-type]
    model = rhapsode.load(tmp_path / "m")
    for sharps, mode in [*keys[::3], (-5, 2), (2, 7)]:
        drawn = model.generate(outline=Outline(silent(Key(0, sharps, mode))), samples=20, seed=1)
        heights = [np.median(np.concatenate([tune.notes["pitch"] for tune in each])) for each in
                   ([one.record for one in drawn], known[sharps, 9 * (mode == 9)])]  # fmt: skip
        assert abs(heights[0] - heights[1]) <= 2, (sharps, mode)
        assert not any(model.record_codec.refusal(one.record) for one in drawn)


@pytest.mark.parametrize("to", [Key(0, sharps, mode) for sharps, mode in ((-6, 0), (3, 9), (0, 2), (7, 0), (-3, 9))])
def test_tunes_are_moved_into_a_key(to: Key) -> None:
    from rhapsode.modalities.music.formats._abc_write import key_text

    text = key_text(to)
    tune = replace(whistled(1, to.mode), chords=(Chord(0, "G"), Chord(Q, "what")))
    found = moved(tune, text)
    assert found.keys == (to,)
    by = int(found.notes["pitch"][0] - tune.notes["pitch"][0])
    assert -5 <= by <= 6 and by % 12 == 7 * (to.sharps - 1) % 12
    if by:
        [chord] = found.chords  # what no one understands cannot be moved
        assert ("b" in chord.symbol) <= (to.sharps < 0)
    if to.mode:
        with pytest.raises(UserError, match="does not change its mode"):
            moved(replace(tune, keys=(Key(0, 1),)), text)


@pytest.mark.parametrize(("to", "tonic"), [("Ebm", "E♭"), ("F#m", "F♯"), ("ddor", "D"), ("bbm", "B♭")])
def test_the_tonic_that_is_proposed_can_be_said(to: str, tonic: str) -> None:
    with pytest.raises(UserError, match=f"such as {tonic}\\."):
        moved(lead(1), to)
    assert moved(lead(1), tonic).keys[0].tonic == moved(lead(1), tonic.replace("♭", "b")).keys[0].tonic


def test_a_tonic_alone_keeps_the_mode() -> None:
    minor = whistled(0, 9)
    assert moved(minor, "F").keys == (Key(0, -4, 9),)
    assert moved(minor, "Gb").keys == (Key(0, 3, 9),)  # G flat minor has nine flats: F sharp minor
    assert np.array_equal(moved(minor, -12).notes["pitch"], minor.notes["pitch"] - 12)


def test_files_are_read_in_the_octave_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "m"
    untrained(fitted("melody", *map(lead, range(6))), folder)
    file = tmp_path / "low.jsonl"
    file.write_text(own.dumps(transposed(lead(1), -24)) + "\n")
    base = ["compose", str(folder), "--seed", "1"]
    for options in (["--primer", str(file), "--bars", "6"], ["--fill", str(file), "--fill-bars", "2"]):
        out = tmp_path / f"{options[0][2:]}.jsonl"
        assert main([*base, *options, "-o", str(out)]) == 0
        assert "read 2 octaves higher, in the model's range" in capsys.readouterr().err
        [found] = TuneCodec.read(out)
        kept = found.notes[found.notes["start"] < 3 * Q]
        wanted = transposed(lead(1), -24).notes
        assert kept["pitch"].tolist() == wanted["pitch"][wanted["start"] < 3 * Q].tolist()
    for to, by in (("-3", -3), ("F", 3)):
        assert main([*base, *options, "--transpose", to, "-o", str(tmp_path / f"{to}.jsonl")]) == 0
        [other] = TuneCodec.read(tmp_path / f"{to}.jsonl")
        assert np.array_equal(other.notes["pitch"], found.notes["pitch"] + by)
    assert other.keys == (Key(0, -1),)
    for to, message in (("Fm", "--transpose: Fm: the tune is in"), ("61", "--transpose: 61 semitones")):
        assert main([*base, "--transpose", to]) == 2
        assert message in capsys.readouterr().err.replace("\n", " ")


def test_a_form_is_drawn_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "m"
    codec = fitted("melody", *(replace(lead(n), length=(3 + (n > 1)) * 3 * Q) for n in range(6)))
    assert codec.usual.bars == 4 and natural(lead(0), Q).length == 12 * Q
    untrained(codec, folder)
    primer = tmp_path / "p.jsonl"
    primer.write_text(own.dumps(lead(1)) + "\n")
    for options, bars in (([], 4), (["--chords", "D|G"], 2), (["--primer", str(primer)], 8), (["--bars", "3"], 3)):
        assert main(["compose", str(folder), "--seed", "1", *options, "-o", str(tmp_path / f"{bars}.jsonl")]) == 0
        [tune] = TuneCodec.read(tmp_path / f"{bars}.jsonl")
        assert tune.bar_count == bars
    others = fitted("melody", *(replace(lead(n), length=(4 + n) * 3 * Q) for n in range(6)))
    assert others.usual.bars is None and others.bars == 16
    capsys.readouterr()


def test_a_form_without_its_pickup_has_a_bar_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tunes = [replace(lead(n), length=9 * 3 * Q) for n in range(6)]
    untrained(fitted("melody", *tunes), tmp_path / "m")
    begun = {"full": lead(1), "late": replace(lead(1), notes=lead(1).notes[2:])}
    for name, tune in begun.items():
        (tmp_path / f"{name}.jsonl").write_text(own.dumps(tune) + "\n")
    primers = [(["--primer", str(tmp_path / f"{name}.jsonl")], 8 + (name == "late")) for name in begun]
    for options, bars in (([], 9), (["--loop", "--particles", "2"], 8), *primers):
        out = tmp_path / "a.jsonl"
        assert main(["compose", str(tmp_path / "m"), "--seed", "1", *options, "-o", str(out), "--overwrite"]) == 0
        [tune] = TuneCodec.read(out)
        assert tune.bar_count == bars, options
    capsys.readouterr()


def test_what_becomes_of_a_primer_in_another_key_or_metre_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    untrained(fitted("melody", *map(lead, range(6))), tmp_path / "m")
    (tmp_path / "p.jsonl").write_text(own.dumps(lead(1)) + "\n")
    base = ["compose", str(tmp_path / "m"), "--seed", "1", "--bars", "8", "--primer", str(tmp_path / "p.jsonl")]
    assert main([*base, "--key", "F"]) == main([*base, "--metre", "2/4"]) == 0
    told = capsys.readouterr().err
    assert "--key F: the primer is moved there, from " in told and "--metre 2/4: the primer, of 3/4, has other" in told
    assert main([*base, "--metre", "3/4"]) == 0
    assert "primer" not in capsys.readouterr().err


def test_tunes_that_a_model_cannot_read_are_left_out_of_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = tmp_path / "m", tmp_path / "tunes.jsonl"
    untrained(fitted("melody", *map(lead, range(6))), folder)
    file.write_text("".join(own.dumps(transposed(lead(n), 36 * (n == 1))) + "\n" for n in range(3)))
    assert main(["score", str(folder), str(file), "--json"]) == 0
    out, told = capsys.readouterr()
    assert (json.loads(out)["records"], json.loads(out)["left_out"]) == (2, 1)
    assert "1 skipped: a tune with notes beyond the range of the training data (lead 1)" in told
    file.write_text(own.dumps(transposed(lead(1), 36)) + "\n")
    assert main(["score", str(folder), str(file)]) == 2
    assert "nothing to score" in (told := capsys.readouterr().err.replace("\n", " ")) and "beyond the range" in told


def test_json_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = tmp_path / "m", tmp_path / "a.mid"
    untrained(fitted("melody", *map(lead, range(6))), folder)
    assert main(["compose", str(folder), "--seed", "1", "--json", "-o", str(file)]) == 0
    [sample] = json.loads(capsys.readouterr().out)["samples"]
    assert file.read_bytes()[:4] == b"MThd" and sample["nats"] == pytest.approx(-sum(sample["log_probs"]))


def test_the_key_of_a_tune_without_one_is_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "m", tmp_path / "a.jsonl"
    untrained(fitted("pianoroll", whistled(1)), folder)
    base = ["compose", str(folder), "--seed", "1", "--bars", "2"]
    assert main([*base, "--transpose", "D", "-o", str(out)]) == 0
    assert "--transpose D: moved from" in capsys.readouterr().err
    [tune] = TuneCodec.read(out)
    assert tune.keys[0].tonic == 2
    assert main([*base, "--transpose", "Q"]) == 2
