"""Models of pen strokes from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.read import read
from tests.conftest import MakeModel


def test_from_the_command_line(pens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "m")
    config = tmp_path / "small.toml"
    config.write_text("[network]\nwidth = 16\n[plan]\nbatch_size = 4\nsequence_length = 16\nthreads = 1\n")
    assert main(["train", str(pens), "-o", folder, "--updates", "30", "--config", str(config), "--device", "cpu"]) == 0
    assert f'next     rhapsode write {folder} "any words" -o words.svg' in capsys.readouterr().err
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.svg", "a.png", "a.gcode", "a.hpgl", "a.jsonl"):
        assert main(["write", folder, "bad", "--seed", "1", "--length", "20", "-o", str(out / name)]) == 0
        assert (out / name).stat().st_size > 30
    assert "<path" in (out / "a.svg").read_text()
    [drawing] = read(out / "a.jsonl")
    assert drawing.text == "bad" and 2 <= len(drawing) <= 21
    two = ["--samples", "2", "--seed", "1", "--animated"]
    assert main(["write", folder, "bad", *two, "-o", str(out / "b.svg")]) == 0
    assert "animation" in (out / "b-1.svg").read_text() and (out / "b-2.svg").exists()
    plotted = ["--seed", "1", "--lift", "servo", "--length", "9"]
    assert main(["write", folder, "bad\ncab\n", "-o", str(out / "d.gcode"), *plotted]) == 0
    assert "; bad\n; cab\n" in (out / "d.gcode").read_text() and "\nM3 S90\n" in (out / "d.gcode").read_text()
    capsys.readouterr()
    assert main(["write", folder, "b\u00e4d &\ncab&", "--seed", "1", "--length", "9", "--unknown", "nearest"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["text"] == "bad\ncab"
    assert "'\u00e4' is written 'a' once; '&' is left out 2 times" in told.err
    page = ["--page", "a6", "--ruled", "--attention", str(out / "at.png"), "--style", f"{pens}#3", "--bias", "1"]
    assert main(["write", folder, "bad cab", "-o", str(out / "p.svg"), *page]) == 0
    assert (out / "at.png").read_bytes()[:4] == b"\x89PNG" and (out / "p.svg").exists()
    (out / "q-2.svg").write_text("the second page of an earlier letter")
    there = {each.name: each.read_bytes() for each in out.iterdir()}
    capsys.readouterr()
    for name, more, taken in (
        ("a.jsonl", ["--samples", "2"], "a.jsonl"),  # one file for both
        ("b.svg", two, "b-1.svg"),
        ("new.svg", ["--attention", str(out / "at.png")], "at.png"),
        ("q.svg", ["--page", "a6"], "q-2.svg"),
    ):
        assert main(["write", folder, "bad", "-o", str(out / name), *more]) == 2
        assert f"{taken} is there already. Replace it with --overwrite" in capsys.readouterr().err
    assert {each.name: each.read_bytes() for each in out.iterdir()} == there
    assert main(["write", folder, "bad", "-o", str(out / "b.svg"), *two, "--overwrite"]) == 0
    assert (out / "b-1.svg").read_bytes() == there["b-1.svg"], "the same seed"
    assert main(["write", folder, "bad", "--json", "--length", "9", "--seed", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 1 <= len(found["samples"][0]["log_probs"]) <= 9
    assert main(["score", folder, str(pens), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    direct = list(Model.load(folder).score_records(read(pens)))
    assert scored["records"] == 120 and scored["nats"] == pytest.approx(sum(one.nats for one in direct))
    assert main(["score", folder, str(pens)]) == 0
    assert "densities" in capsys.readouterr().err
    assert main(["inspect", folder]) == 0
    assert "strokes" in capsys.readouterr().out
    assert main(["inspect", str(pens)]) == 0
    assert "120" in capsys.readouterr().out
    assert main(["inspect", str(pens), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["drawings"] == 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["write", "MODEL", "xyz", "-o", "x.svg"], "never seen"),
        (["write", "MODEL", "ab", "-o", "x.doc"], "must end in"),
        (["write", "MODEL", "ab", "-o", "x.png", "--animated", "--length", "5"], "--animated is for .svg"),
        (["write", "MODEL", "ab", "-o", "x.gcode", "--mode", "ink"], "--mode is for .png, .svg files"),
        (["write", "MODEL", "ab", "-o", "x.svg", "--lift", "z"], "--lift is for .gcode, .nc files"),
        (["write", "MODEL", "ab", "-o", "x.png", "--feed", "900"], "--feed is for .gcode, .nc, .hpgl, .plt files"),
        (["write", "MODEL", "ab", "-o", "x.jsonl", "--page", "a6", "--ruled"], "--ruled is for .gcode, .nc"),
        (["write", "MODEL", "ab", "--colour", "red"], "--colour is for .png, .svg files"),
        (["write", "MODEL", "ab", "-o", "x.svg", "--reflow"], "--reflow is for writing on pages"),
        (["write", "MODEL", "ab", "-o", "x.json", "--samples", "2"], "holds one drawing"),
        (["write", "MODEL", "ab", "-o", "x.json", "--page", "a6"], "holds one drawing"),
        (["write", "MODEL", "&", "-o", "x.svg", "--unknown", "skip"], "nothing of the text is left"),
        *(
            (["write", "MODEL", "ab", *options], f"{message}; before anything was drawn")
            for options, message in (
                (["-o", "x.svg", "--mode", "inc"], "Did you mean 'ink'"),
                (["-o", "x.png", "--nib", "0"], "a nib of 0 mm"),
                (["-o", "x.png", "--colour", "bluu"], "'bluu' is no colour"),
                (["-o", "x.png", "--dpi", "5000", "--page", "a3"], "pixels are more than"),
                (["-o", "x.svg", "--x-height", "0"], "--x-height 0"),
                (["-o", "x.svg", "--x-height", "4000"], "than 5,000 mm long"),
                (["-o", "x.gcode", "--lift", "crane"], "way to lift the pen"),
                (["-o", "x.gcode", "--up", "G0 X5"], "cannot lift or lower a pen"),
                (["-o", "x.gcode", "--feed", "-1", "--page", "a6"], "feed is -1 mm"),
                (["-o", "x.hpgl", "--pen", "0"], "there is no pen 0"),
            )
        ),
        (["write", "MODEL", "ab", "--page", "a9", "-o", "x.svg"], "page size"),
        (["write", "MODEL", "ab", "--page", "a4"], "--page writes"),
        (["write", "MODEL", "ab", "--style", "none.jsonl"], "no such file"),
        (["write", "MODEL", "ab", "--style", "PENS#500"], "no drawing '500'"),
        (["write", "MODEL", "ab", "--temperature", "0.5"], "No such option: --temperature"),
        (["write", "TEXT", "ab", "--page", "a4"], "is a model of text. Sample from it with: rhapsode generate"),
        (["score", "MODEL", "PENS", "--cold", "5"], "for models of text"),
        (["score", "MODEL", "BOOK"], "not a file of drawings"),
        (["demo", "opera"], "demo: 'opera' is not known"),
        (["demo", "text", "words"], "unexpected extra argument(s) (words)"),
    ],
)
def test_mistakes_at_the_command_line(
    tiny_model: MakeModel,
    pens: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text("Once upon a time.\n")
    places = {
        "MODEL": str(tiny_model(codec="strokes").path),
        "TEXT": str(tiny_model().path),
        "PENS": str(pens),
        "PENS#500": f"{pens}#500",
        "BOOK": "book.txt",
    }
    message, _, early = message.partition("; before anything")
    if early:
        monkeypatch.setattr(Model, "generate", lambda *_, **__: pytest.fail("it was drawn"))
    assert main([places.get(word, word) for word in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not list(tmp_path.glob("x.*"))
