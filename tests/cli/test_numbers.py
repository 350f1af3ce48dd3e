"""Numbers that no one means, wherever a file, an option or a model has some: an error that names the place and exit
status 2, not a traceback; never work without end."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main, score, train
from rhapsode.cli._settings import parse
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.ink import read as ink
from rhapsode.modalities.music import read as music
from rhapsode.modalities.speech import labels
from rhapsode.modalities.text.cli import generate
from tests.conftest import MakeModel

DIGITS = "9" * 5000
"""More than Python makes a number of."""
HUGE = ("1e400", "-1e400", "1e999999999", "nan", "NaN", "Infinity", "-1", "0", DIGITS, f"{DIGITS}.5", "1_0", "0x10")
NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
SCORE = (
    "<score-partwise><part><measure><attributes><divisions>1</divisions><time><beats>3</beats><beat-type>4</beat-type>"
    f'</time></attributes><sound tempo="100"/>{NOTE}</measure></part></score-partwise>'
)
GRID = '"ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n1\n1\n0\n1\n"o"\n'
TUNE = json.dumps({"rhapsode": "tune/1", "ticks": 480, "length": 960, "notes": [[0, 480, 60, 80, 0]]})
NUMBERS: dict[str, tuple[str, str, list[str]]] = {
    "svg": ("a.svg", '<svg><path transform="scale(2)" d="M0 0L3 1"/></svg>', ["2)", "3 1"]),
    "own svg": ("a.svg", '<svg><g data-rhapsode-unit="2" data-rhapsode-thin="0:9"><circle r="5"/></g></svg>',
                ["2", "0:", "9", "5"]),
    "inkml": ("a.inkml", '<ink><traceFormat><channel name="X"/><channel name="Y"/><channel name="F" max="9"/>'
              "</traceFormat><trace>1 2 3</trace></ink>", ["9", "1 2", "3<"]),
    "unipen": ("a.unp", '.COORD X Y\n.PEN_DOWN\n7 8\n.SEGMENT WORD 0 OK "a"\n', ["7", "0 OK"]),
    "uji": ("a.txt", "WORD a b\n  NUMSTROKES 1\n  POINTS 2 # 3 4 5 6\n", ["1", "2 #", "3"]),
    "omniglot": ("a.txt", "START\n1,2,3\nBREAK\n", ["1", "3"]),
    "own drawings": ("a.jsonl", '{"rhapsode": "ink/1", "strokes": [[[3, 4]]], "seconds": [[7]], "unit": 2, '
                     '"thin": [[0, 1]]}', ["3", "7", "2,", "0, 1", "1]]}"]),
    "quick draw": ("a.ndjson", '{"word": "a", "drawing": [[[3], [4], [5]]]}', ["3", "5"]),
    "lists": ("a.json", "[[[[3, 4], [5, 6], [7, 8], [9, 1]]]]", ["3", "1]"]),
    "xournal": ("a.xoj", '<xournal><page><layer><stroke width="1 2 7">3 4 5 6</stroke></layer></page></xournal>',
                ["3 4", "6<"]),
    "abc": ("a.abc", 'X:1\nM:3/4\nL:1/8\nQ:1/4=100\n%%MIDI program 7\nK:C\n|:"C9"c5 (3:2:6def [1 g:|\n',
            ["3/", "8\n", "100", "7\n", "9", "5 ", "6", "1 g"]),
    "musicxml": ("a.musicxml", SCORE, ["1</divisions", "3</beats", "4</beat-type", "100", "4</octave", "1</duration"]),
    "kern": ("a.krn", "**kern\n*M3/4\n*MM90\n5%7c\n*-\n", ["3/", "4\n*MM", "90", "5%", "7c"]),
    "lead sheet": ("a.ls", "(meter 3 4) (key -2) (tempo 90.0)(part (type melody))\nc5/7 C9 |",
                   ["3 4", "-2", "90.0", "5/", "7 C", "9 |"]),
    "own tunes": ("a.jsonl", TUNE.replace("}", ', "tempos": [[0, 97]], "metres": [[0, 3, 4]]}'),
                  ["960", "60, 80", "97", "3, 4"]),
    "rolls": ("a.json", '{"train": [[[60, 72]]]}', ["60"]),
    "textgrid": ("a.TextGrid", GRID, ['0\n1\n"o"', "1\n<exists>", "1\n0\n1\n"]),
    "labels": ("a.lab", "5 6000000 a\n", ["5", "6000000"]),
    "own utterances": ("a.jsonl", '{"phones": [["a", 0, 0.5, {"stress": 2, "f0": 99}]]}', ["0, ", "0.5", "2,", "99"]),
}  # fmt: skip
"""A file of each kind, and what stands where a number can be put in place of the first characters."""


def read(path: Path, kind: str) -> None:
    if kind in ("textgrid", "labels", "own utterances"):
        labels.read(path)
    else:
        reads: Callable[[Path], Iterator[Any]] = music.read if kind in MUSIC else ink.read
        list(reads(path))


MUSIC = ("abc", "musicxml", "kern", "lead sheet", "own tunes", "rolls")


@pytest.mark.parametrize("kind", NUMBERS)
def test_in_files(kind: str, tmp_path: Path) -> None:
    name, text, places = NUMBERS[kind]
    path = tmp_path / name
    path.write_text(text)
    read(path, kind)
    outcomes = set()
    for place in places:
        assert text.count(place) == 1, f"where is {place!r}?"
        digits = place[: len(place) - len(place.lstrip("-0123456789."))]
        for number in HUGE:
            path.write_text(text.replace(place, number + place[len(digits) :]))
            try:
                read(path, kind)
                outcomes.add("read")
            except UserError as error:
                assert str(error).startswith(str(path)) and len(str(error)) < 1000
                outcomes.add("refused")
    assert "refused" in outcomes


@pytest.mark.parametrize("number", HUGE)
def test_in_settings(number: str) -> None:
    for line in (f"minutes = {number}", f"window = {number}", f"[network]\nwidth = {number}"):
        try:
            parse(line.encode(), "mine.toml")
        except UserError as error:
            assert str(error).startswith("mine.toml: ") and len(str(error)) < 1000
    with pytest.raises(UserError, match="N must be a whole number"):
        ResetPolicy.parse(f"every:{number if number != '1_0' else DIGITS}")


def numeric(command: Callable[..., Any]) -> Iterator[str]:
    """The options of a command that take numbers."""
    for name, hint in typing.get_type_hints(command, include_extras=True).items():
        kind, *about = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
        if {int, float} & {kind, *typing.get_args(kind)}:
            declared = [each for one in about for each in getattr(one, "param_decls", None) or ()]
            yield next((each for each in declared if each.startswith("--")), f"--{name.replace('_', '-')}")


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "1e400", "1e308", "1e-320", DIGITS, "3e38"])
def test_in_options(number: str, tiny_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(tiny_model().path)
    (tmp_path / "a.txt").write_text("some text, and more\n" * 20)
    commands: list[tuple[Callable[..., Any], list[str]]] = [
        (generate.generate, ["generate", model, "--seed", "1", "--length", "3"]),
        (score.score, ["score", model, str(tmp_path / "a.txt")]),
    ]
    seen = 0
    for command, arguments in commands:
        for option in numeric(command):
            seen += 1
            assert main([*arguments, option, number]) in (0, 2), f"{option} {number}: {capsys.readouterr().err}"
    assert seen >= 10 and "--temperature" in numeric(generate.generate)
    for option in numeric(train.train):  # refused before anything is trained, or else it would train for ever
        if option in ("--valid-fraction", "--window", "--horizon") or number in ("nan", "-1", DIGITS):
            found = main(
                ["train", str(tmp_path / "a.txt"), "-o", str(tmp_path / "m"), "--updates", "1", option, number]
            )
            assert found in (0, 2), f"{option} {number}: {capsys.readouterr().err}"


@pytest.mark.parametrize("worst", [3e38, -3e38, 1e20])
@pytest.mark.parametrize("codec", ["chars", "strokes"])
def test_in_weights(codec: str, worst: float, tiny_model: MakeModel, tmp_path: Path) -> None:
    """Finite and absurd: one clear message, whatever is asked for."""
    model = tiny_model(codec)
    weights = {name: np.full_like(value, worst) for name, value in model.weights.items()}
    checkpoint.save(tmp_path / checkpoint.MODEL, model.config.model_dump(), weights)
    absurd = Model.load(tmp_path)
    uses: list[Callable[[], Any]] = [lambda: absurd.generate("ab" if absurd.text else "", length=20, seed=0)]
    if codec == "chars":
        uses += [lambda: absurd.score(b"some text"), lambda: absurd.compress(b"some text"), lambda: absurd.state("a")]
    outcomes = []
    for use in uses:
        try:
            use()
            outcomes.append("done")
        except UserError as error:
            assert "not finite" in str(error)
            outcomes.append("refused")
    assert abs(worst) < 1e30 or "refused" in outcomes
