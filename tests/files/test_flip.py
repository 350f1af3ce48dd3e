"""Drawings of files with y the other way: turned where they are read, and only there."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rhapsode
from rhapsode.cli import main
from rhapsode.data.corpus import prepare
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.files.flip import flipped, flipping, flips, unused
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.read import read
from tests.conftest import MakeModel, written

UNIPEN = '.COORD X Y\n.SEGMENT DIGIT 0 ? "2"\n.PEN_DOWN\n1 5\n2 6\n'


def test_which_files_are_turned(tmp_path: Path) -> None:
    for name in ("up/a.dat", "down/a.dat", "down/b.dat"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(UNIPEN)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        made.write(tmp_path / "up/a.dat", "up/a.dat")
        made.write(tmp_path / "down/a.dat", "down/a.dat")
    names = ("up/a.dat", "down/a.dat", "down/b.dat", "all.zip")
    for patterns, expected in {
        (): "- - - --",
        ("*",): "+ + + ++",
        ("down/*.dat",): "- + + +-",
        ("b.dat", "up/*"): "+ - + -+",
        ("all.zip",): "- - - --",  # its members have names of their own
        ("all.zip/down/*",): "- - - +-",
    }.items():
        with flipping(patterns):
            found = ["".join("+-"[int(each.points[0, 1] < 0)] for each in read(tmp_path / name)) for name in names]
            assert flips() == list(patterns)
        assert " ".join(found) == expected, patterns
    assert flips() == [] and not flipped("a.dat")


def test_patterns_that_fit_nothing_are_told(tmp_path: Path) -> None:
    with flipping(["*.dat", "*.unp"]):
        assert flipped("x/a.dat") and not flipped("a.svg")
        assert unused().startswith("--flip '*.unp' fits no file")
    with flipping(["*"]):
        assert flipped("a") and unused() == ""
    with pytest.raises(UserError, match="an empty name"), flipping([""]):
        pass


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Drawings, and the same upside down."""
    words = written(["".join(np.random.default_rng(n).permutation([*"abcde"])[:4]) for n in range(60)])
    paths = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for path, sign in zip(paths, (1, -1), strict=True):
        turned = (replace(each, points=each.points * [1, sign]) for each in words)
        path.write_text("".join(f"{dumps(each)}\n" for each in turned))
    return paths


def test_training_sees_them_turned(files: tuple[Path, Path], tmp_path: Path) -> None:
    found = []
    for path, flip in ((files[0], []), (files[1], ["b.*"]), (files[1], [])):
        with flipping(flip):
            found.append(prepare([path], reset=ResetPolicy.parse("document"), cache=tmp_path / "cache"))
    one, same, other = (each.train.values for each in found)
    assert np.array_equal(one, same) and not np.array_equal(one, other), "nor does the cache mistake them"
    with flipping(["c.*"]):
        warnings = prepare([files[0]], reset=ResetPolicy.parse("document"), cache=tmp_path / "cache").warnings
    assert [each for each in warnings if "--flip 'c.*' fits no file" in each]
    (tmp_path / "c.txt").write_text("words " * 500)
    with pytest.raises(UserError, match="flip is for drawings"):
        rhapsode.train([tmp_path / "c.txt"], tmp_path / "c", updates=1, flip=["*"])


def test_from_the_command_line(
    files: tuple[Path, Path], tiny_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    model, scores = tiny_model(codec="strokes"), []
    for options in ([str(files[0])], [str(files[1]), "--flip", "*"], [str(files[1])]):
        main(["score", str(model.path), *options, "--json"])
        scores.append(json.loads(capsys.readouterr().out)["nats"])
    assert scores[0] == scores[1] != scores[2]
    main(["inspect", str(files[0]), "--flip", "c.jsonl"])
    assert "warning: --flip 'c.jsonl' fits no file" in capsys.readouterr().err
