"""Tunes for several instruments: their tokens, what is drawn of them, and which codec they get."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.data.corpus import prepare
from rhapsode.data.guide import along
from rhapsode.data.recognition import codec_for
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.music.codecs.melody import Melody
from rhapsode.modalities.music.codecs.remi import Remi
from rhapsode.modalities.music.formats import midi
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.read import read
from rhapsode.modalities.music.tune import Metre, Part, Tempo, Tune, notes, ordered, pitched
from rhapsode.training.run import train
from tests.modalities.music.bands import BARS, DRUMS, Q, band, beat
from tests.modalities.music.score import lead, quartet, untrained

DOCUMENT = ResetPolicy.parse("document")


def fitted(tunes: list[Tune], **options: Any) -> Remi:
    return Remi.fit(lambda: iter(tunes), **options)


def played(tune: Tune) -> list[tuple[float, float, int, str]]:
    """Begin and length of each note in quarters, its pitch and instrument."""
    names = ["drums" if part.drums else str(part.program) for part in tune.parts]
    rows = tune.notes[["start", "length", "pitch", "part"]].tolist()
    return sorted(
        {(start / tune.ticks, length / tune.ticks, pitch, names[part]) for start, length, pitch, part in rows}
    )


@pytest.fixture(scope="module")
def codec() -> Remi:
    return fitted([band(n) for n in range(6)])


@pytest.fixture(scope="module")
def drummer(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return untrained(fitted([beat(n) for n in range(6)]), tmp_path_factory.mktemp("drummer"))


@pytest.fixture(scope="module")
def model(codec: Remi, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return untrained(codec, tmp_path_factory.mktemp("band"))


def test_nothing_is_lost_but_fine_loudness(codec: Remi) -> None:
    assert codec.grid == 4 and codec.programs == [-1, 33, 40, 73]
    for tune in (band(n) for n in range(6)):
        again = codec.decode(codec.encode(tune), outline=Outline(tune))
        assert played(again) == played(tune) and again.length * Q == tune.length * codec.grid
        assert [(m.tick * 6, m.beats, m.unit) for m in again.metres] == [(m.tick, m.beats, m.unit) for m in tune.metres]
        assert [(each.tick * 6, each.quarters) for each in again.tempos] == [(0, 120.0), (8 * Q, 90.0)]
        assert again.keys[0].sharps == -2
        loud = {(n["start"] * 6, n["pitch"]): n["velocity"] for n in again.notes}
        assert all(abs(int(loud[n["start"], n["pitch"]]) - int(n["velocity"])) <= 2 for n in tune.notes)


def test_the_tokens_are_those_that_miditok_allows(codec: Remi) -> None:
    steps = codec.encode(band(1))
    words = [codec.vocabulary.names[n] for n in steps.tolist()]
    assert words[:4] == ["Bar_None", "TimeSig_4/4", "Position_0", "Tempo_120.0"] and words[-1] == "EOS_None"
    graph = codec.scheme.tokenizer.tokens_types_graph
    kinds = [word.split("_")[0] for word in words]
    assert all(after in graph[before] for before, after in zip(kinds, kinds[1:], strict=False))


@pytest.mark.parametrize(("parts", "grid"), [((4,), 4), ((4, 3), 12), ((3,), 6), ((8,), 8), ((7,), 24)])
def test_the_grid_is_that_of_the_notes(parts: tuple[int, ...], grid: int) -> None:
    ticks = 336
    rows = [(n * ticks // part, 24, 36 + part, 80, 0) for part in parts for n in range(4 * part)]
    tune = Tune(notes(rows), ticks, 4 * ticks, (DRUMS,))
    codec = fitted([tune])
    assert codec.grid == grid
    moved = codec.decode(codec.encode(tune))
    away = np.abs(moved.notes["start"] / codec.grid - np.sort(tune.notes["start"]) / ticks)
    assert away.max() <= 0.5 / codec.grid


@pytest.mark.parametrize("metre", [(6, 8), (2, 2), (12, 8), (7, 16), (5, 4)])
def test_metres(metre: tuple[int, int]) -> None:
    tune = replace(beat(), metres=(Metre(0, *metre),))
    for others in ([], [beat()]):
        codec = fitted([tune, *others])
        again = codec.decode(codec.encode(tune))
        assert played(again) == played(tune) and again.metres == (Metre(0, *metre),)
        assert again.bar_count == tune.bar_count  # the last one is whole
        assert codec.decode(np.zeros(0)).metres == (codec.usual.metre,)


def test_a_metre_that_changes_within_a_bar_changes_at_the_next(codec: Remi) -> None:
    tune = band()
    late = replace(tune, metres=(Metre(0, 4, 4), Metre(5 * Q, 3, 4)))
    again = codec.decode(codec.encode(late))
    assert [each.tick for each in again.metres] == [0, 32]
    assert len(again) == len(codec.decode(codec.encode(tune)))


def test_what_is_said_behind_the_end_makes_no_bars(codec: Remi) -> None:
    tune = band()
    later = replace(
        tune,
        tempos=(*tune.tempos, Tempo(tune.length + 9 * Q, 50.0)),
        metres=(*tune.metres, Metre(tune.length + 9 * Q, 4, 4)),
    )
    assert codec.encode(later).tolist() == codec.encode(tune).tolist()


def test_tempos_that_no_one_means_are_the_nearest() -> None:
    tunes = [replace(band(), tempos=(Tempo(0, 1e-3), Tempo(4 * Q, 1e9), Tempo(8 * Q, 90.0))), beat()]
    codec = fitted(tunes)
    assert codec.scheme.tempos == (1, 1000, 1000)
    assert [each.quarters for each in codec.decode(codec.encode(tunes[0])).tempos] == [1.0, 1000.0, 90.0]


def test_doubled_notes_of_an_instrument_are_one_and_counted(codec: Remi) -> None:
    tune = band()
    doubled = replace(tune, parts=(*tune.parts[:2], Part("violin", 73), *tune.parts[3:]))
    more = tune.notes.copy()
    more["pitch"][more["part"] == 2] += 24
    doubled = replace(doubled, notes=ordered(more))
    lost = codec.lost(doubled)
    assert sum(lost.values()) == len(doubled) - len(codec.decode(codec.encode(doubled))) > 0
    assert codec.lost(tune) == {}


def test_what_the_training_data_does_not_have_is_refused(codec: Remi) -> None:
    tune = band()
    sax = replace(tune, parts=(Part("sax", 65), *tune.parts[1:]))
    assert codec.refusal(sax) == "with instruments that the training data does not have"
    assert "metre" in codec.refusal(replace(tune, metres=(Metre(0, 5, 4),)))
    other = tune.notes.copy()
    other["pitch"][other["part"] == 3] = 81
    assert codec.refusal(replace(tune, notes=other)).startswith("with drums beyond")


def test_lengths_levels_and_tempos_that_are_new_are_the_nearest() -> None:
    codec = fitted([beat(n) for n in range(3)])
    other = beat().notes.copy()
    other["length"], other["velocity"] = 5 * Q // 4, 3
    tune = replace(beat(), notes=other, tempos=(Tempo(0, 300.0),))
    again = codec.decode(codec.encode(tune))
    assert codec.refusal(tune) == "" and set(again.notes["length"].tolist()) == {1}
    assert again.notes["velocity"].max() <= 55


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_drawn_is_well_formed(model: Model, seed: int) -> None:
    outline = model.record_codec.outline(2)
    one, same = (model.generate(outline=outline, seed=seed)[0] for _ in range(2))
    assert one.steps.tolist() == same.steps.tolist() and one.stopped
    tune = one.record
    assert tune.bar_count == 2 and tune.length == 2 * 4 * 4
    assert (tune.notes["start"] + tune.notes["length"]).max() <= tune.length
    guide = model.record_codec.guide(outline)
    assert len(along(guide, one.steps)) == len(one.steps)
    codec: Remi = model.record_codec  # type: ignore[assignment]
    kinds = [codec.vocabulary.names[n].split("_")[0] for n in one.steps.tolist()]
    graph = codec.scheme.tokenizer.tokens_types_graph
    assert all(after in graph[before] for before, after in zip(kinds, kinds[1:], strict=False))
    assert len(tune) == kinds.count("Program") > 0  # no note twice


def test_instruments_key_and_tempo_are_heeded(model: Model) -> None:
    outline = model.record_codec.outline(2)
    asked = replace(outline, programs=frozenset({40, -1}), tempo=91.0, in_key=True)
    tune = model.generate(outline=asked, seed=0)[0].record
    assert len(tune) and {(part.program, part.drums) for part in tune.parts} <= {(40, False), (0, True)}
    assert [each.quarters for each in tune.tempos] == [90.0]  # the nearest that the model knows
    assert set((pitched(tune)["pitch"] % 12).tolist()) <= {10, 0, 2, 3, 5, 7, 9}  # B flat major, as most tunes
    with pytest.raises(UserError, match="does not know the instruments 65 Alto Sax; it knows Drums, 33 Electric Bass"):
        model.record_codec.guide(replace(outline, programs=frozenset({65, 40})))
    with pytest.raises(UserError, match="none can be kept"):
        model.record_codec.guide(replace(outline, parts=frozenset({0})))


def test_bars_that_are_kept_are_kept(drummer: Model) -> None:
    tune = beat(7)
    drawn = drummer.generate(outline=Outline(tune, frozenset({1, 2})), seed=1)[0].record
    bar = 16
    kept, wanted = (
        {
            (n["start"] * 4 // each.ticks, n["pitch"])
            for n in each.notes
            if n["start"] * 4 // each.ticks // bar in (0, 3)
        }
        for each in (drawn, tune)
    )
    assert kept == wanted and drawn.bar_count == BARS
    inside = drawn.notes[drawn.notes["start"] // bar == 1]
    assert len(inside) and drawn.length == BARS * bar


def test_a_primer_is_gone_on_from(drummer: Model) -> None:
    outline = drummer.record_codec.outline(3)
    before = drummer.record_codec.encode(beat(7, 2), whole=False)
    one = drummer.generate(style=beat(7, 2), outline=outline, seed=1)[0]
    whole = drummer.record_codec.decode(np.concatenate([before, one.steps]))
    assert whole.bar_count == 3 and whole.parts == (Part("Drums", 0, True),)


@pytest.mark.parametrize("seed", range(3))
def test_of_a_loop_the_first_bar_comes_again(model: Model, seed: int) -> None:
    outline = replace(model.record_codec.outline(2), loop=True)
    one = model.generate(outline=outline, particles=2, seed=seed)[0]
    words = [model.record_codec.vocabulary.names[n] for n in one.steps.tolist()]  # type: ignore[attr-defined]
    bars = [n for n, word in enumerate(words) if word == "Bar_None"]
    assert len(bars) == 3 and words[bars[2] : -1] == words[: bars[1]]
    tune = one.record
    assert tune.bar_count == 2 and tune.length == 2 * 16 and all(each.tick < tune.length for each in tune.tempos)
    assert (tune.notes["start"] + tune.notes["length"]).max(initial=0) <= tune.length


# --- which codec, and files ---


def written(folder: Path, tunes: list[Tune]) -> Path:
    folder.mkdir()
    for number, tune in enumerate(tunes):
        (folder / f"{number}.mid").write_bytes(midi.dumps(tune))
    return folder


def test_which_codec_tunes_get(tmp_path: Path) -> None:
    violins = [replace(quartet(n), parts=tuple(Part("", p) for p in (40, 40, 41, 42))) for n in range(3)]
    two = [replace(lead(n), chords=(), parts=(Part("", 73),)) for n in range(3)]
    for name, tunes, codec in (
        ("drums", [beat(n) for n in range(3)], "remi"),
        ("band", [band(n) for n in range(3)], "remi"),
        ("violins", violins, "chorale"),
        ("flute", two, "melody"),
        ("mixed", [*two, beat()], "melody"),
    ):
        assert codec_for([str(written(tmp_path / name, tunes))]) == codec, name


def test_drums_are_on_their_channel(drummer: Model, tmp_path: Path) -> None:
    path = tmp_path / "x.mid"
    main(
        [
            "compose",
            str(drummer.path),
            "-o",
            str(path),
            "--bars",
            "1",
            "--seed",
            "1",
            "--tempo",
            "133",
            "--loudness",
            "p",
        ]
    )
    [tune] = read(path)
    assert tune.parts == (Part("Drums", 0, True),) and [each.quarters for each in tune.tempos] == [133.0]
    assert path.read_bytes().count(b"\x99") and abs(float(tune.notes["velocity"].mean()) - 49) <= 2


def test_drums_alone_have_no_key(drummer: Model, capsys: pytest.CaptureFixture[str]) -> None:
    for option in (["--key", "G"], ["--in-key"], ["--transpose", "2"]):
        assert main(["compose", str(drummer.path), "--bars", "1", *option]) == 2
        assert f"{option[0]}: the model plays drums alone" in capsys.readouterr().err.replace("\n", " ")


def test_without_miditok_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "miditok", None)
    with pytest.raises(UserError, match=r"pip install 'rhapsode\[midi\]'.*--codec pianoroll"):
        fitted([beat()])


def test_tokens_that_this_version_of_miditok_does_not_have(codec: Remi) -> None:
    made = codec.to_json()
    names = [name.replace("Velocity_99", "Velocity_98") for name in made["tokens"]]
    other = Remi.from_json({**made, "tokens": names})
    loud = names.index("Velocity_98")
    with pytest.raises(UserError, match=r"MidiTok 3\.\S+ does not know Velocity_98: .* pip install"):
        other.decode(np.array([loud]))


def test_miditok_is_loaded_without_torch() -> None:
    code = "import sys; from rhapsode.modalities.music.codecs._remi_tokens import _miditok as load; load(); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drums_do_not_become_melody_and_are_counted(tmp_path: Path) -> None:
    tunes = [band(n) for n in range(20)]
    drums = [len(tune) - len(pitched(tune)) for tune in tunes]
    codec = Melody.fit(lambda: iter(tunes))
    assert codec.lost(tunes[0]) == {"notes of drums": drums[0]} and codec.lost(lead()) == {}
    found = codec.decode(codec.encode(tunes[0]), outline=Outline(tunes[0]))
    assert {*found.notes["pitch"].tolist()} <= {*pitched(tunes[0])["pitch"].tolist()}
    folder, how = written(tmp_path / "band", tunes), {"valid_fraction": 0.3, "cache": tmp_path / "cache"}
    told = prepare([folder], codec="melody", reset=DOCUMENT, **how).notes  # type: ignore[arg-type]
    assert f"Left out of the tunes, which codec melody does not know: {sum(drums):,} notes of drums." in told
    assert not any("drums" in note for note in prepare([folder], reset=DOCUMENT, **how).notes)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["primer", "fill"])
def test_drums_that_are_left_out_of_a_given_tune_are_said(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tunes = [band(n) for n in range(3)]
    (tmp_path / "band.mid").write_bytes(midi.dumps(tunes[0]))
    untrained(Melody.fit(lambda: iter(tunes)), tmp_path)
    more = ["--fill-bars", "2", "--particles", "1"] if option == "fill" else ["--bars", "9"]
    assert main(["compose", str(tmp_path), f"--{option}", str(tmp_path / "band.mid"), "--seed", "1", *more]) == 0
    drums = len(tunes[0]) - len(pitched(tunes[0]))
    assert f"--{option} {tmp_path / 'band.mid'}: {drums:,} notes of drums are left out" in capsys.readouterr().err


@pytest.mark.slow
def test_a_trained_drummer_keeps_the_back_beat(tmp_path: Path) -> None:
    folder = written(tmp_path / "beats", [beat(n) for n in range(60)])
    train([folder], tmp_path / "model", updates=300, network={"width": 96}, seed=0)
    model = Model.load(tmp_path / "model")
    kept = []
    for one in model.generate(outline=model.record_codec.outline(8), samples=5, seed=0):
        tune = one.record
        assert tune.bar_count == 8 and all(part.drums for part in tune.parts)
        snares = tune.notes["start"][tune.notes["pitch"] == 38]
        kept += [sorted(snares[snares // 16 == bar].tolist()) == [16 * bar + 4, 16 * bar + 12] for bar in range(8)]
    assert np.mean(kept) > 0.9
