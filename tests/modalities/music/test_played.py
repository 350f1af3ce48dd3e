"""How a tune is to be played: tempo, instruments, loudness; for models of all codecs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode import registry
from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.modalities.music import instruments, wishes
from rhapsode.modalities.music.read import read
from rhapsode.modalities.music.tune import Tempo
from tests.modalities.music.bands import DRUMS, band
from tests.modalities.music.score import lead, quartet, untrained

MADE = {"melody": lead, "abc": lead, "chorale": quartet, "pianoroll": quartet, "performance": lead}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("piano", [0]),
        ("Violin", [40]),
        ("violin, cello,33", [40, 42, 33]),
        ("electric bass finger", [33]),
        ("strings", [48]),
        ("flute", [73]),
        ("drums,bass", [-1, 33]),
        ("127", [127]),
    ],
)
def test_names_of_instruments(text: str, found: list[int]) -> None:
    assert instruments.programs(text) == found


@pytest.mark.parametrize("text", ["128", "-1", "viloin", "", "violin,", "1.5", "9" * 30, "café"])
def test_what_is_no_instrument_is_said_with_what_is(text: str) -> None:
    with pytest.raises(UserError, match="program.*127"):
        instruments.programs(text)


def test_all_names_are_those_of_their_numbers() -> None:
    assert len({*instruments.NAMES}) == 128
    assert [instruments.programs(name) for name in instruments.NAMES] == [[n] for n in range(128)]


@pytest.mark.parametrize("text", ["0", "128", "loud", "", "-3", "mfp", "64.5"])
def test_loudness_is_a_mark_or_a_velocity(text: str) -> None:
    with pytest.raises(UserError, match="ppp, pp, p, mp, mf, f, ff, fff, or a velocity of 1 to 127"):
        instruments.loudness(text)


def test_a_louder_tune_has_its_accents() -> None:
    tune = band()
    before, after = tune.notes["velocity"].astype(int), wishes.as_loud(tune, 100).notes["velocity"].astype(int)
    assert abs(after.mean() - 100) < 3 and ((after - before)[after < 127] == (after - before)[0]).all()
    assert after.max() == 127 and set(wishes.as_loud(tune, 1).notes["velocity"].tolist()) >= {1}


def test_instruments_are_for_all_parts_or_for_each_but_not_for_drums() -> None:
    tune = band()
    assert [part.program for part in wishes.played_by(tune, [52]).parts] == [52, 52, 52, 0, 52]
    each = wishes.played_by(tune, [1, 2, 3, 4])
    assert [(part.program, part.drums) for part in each.parts] == [
        (1, False),
        (2, False),
        (3, False),
        (0, True),
        (4, False),
    ]
    assert each.parts[3] == DRUMS
    with pytest.raises(UserError, match="3 instruments for 4 parts. Give one for all, or 4"):
        wishes.played_by(tune, [1, 2, 3])
    with pytest.raises(UserError, match="drums cannot play"):
        wishes.played_by(tune, [-1])


@pytest.mark.parametrize("name", MADE)
def test_every_model_is_told_tempo_instruments_and_loudness(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codec = registry.get("codec", name).fit(lambda: iter([MADE[name](n) for n in range(3)]))
    model = str(untrained(codec, tmp_path).path)
    asked = ["--bars", "4", "--seed", "1", "--tempo", "77"]
    programs = "40,40,41,42" if name == "chorale" else "cello"
    for suffix in ("mid", "abc", "musicxml", "tune.jsonl"):
        path = tmp_path / f"x.{suffix}"
        loudness = [] if suffix in ("abc", "musicxml") else ["--loudness", "pp"]
        main(["compose", model, "-o", str(path), *asked, *loudness, "--program", programs])
        [tune] = read(path)
        assert tune.tempos == (Tempo(0, 77.0),), suffix
        wanted = [40, 40, 41, 42] if name == "chorale" else [42]
        if len(tune) and suffix in ("mid", "tune.jsonl") and name != "melody":
            assert {part.program for part in tune.parts} <= {*wanted, 0}
        if suffix == "tune.jsonl":
            assert [part.program for part in tune.parts] == wanted
            assert not len(tune) or abs(float(tune.notes["velocity"].mean()) - 33) <= 2
    capsys.readouterr()
    assert main(["compose", model, "-o", str(tmp_path / "y.mid"), *asked, "--program", "1,2,3"]) == 2
    assert "3 instruments for" in capsys.readouterr().err and not (tmp_path / "y.mid").exists()


def test_loudness_is_not_for_notation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    untrained(registry.get("codec", "melody").fit(lambda: map(lead, range(6))), tmp_path)
    for name, status in (("a.abc", 2), ("a.musicxml", 2), ("a.mid", 0)):
        file = tmp_path / name
        assert main(["compose", str(tmp_path), "--bars", "2", "--loudness", "pp", "-o", str(file)]) == status
        assert file.exists() == (status == 0)
    assert "--loudness: it is not written into notation" in capsys.readouterr().err.replace("\n", " ")
