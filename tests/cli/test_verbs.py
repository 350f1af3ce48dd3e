"""The commands that sample from a model: one for each modality, with help of its own; and what they were called."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from rhapsode import registry
from rhapsode.cli import app, main
from rhapsode.console.brought import every
from rhapsode.console.commands import given
from rhapsode.console.options import Further
from rhapsode.files import checkpoint
from tests.conftest import MakeModel

VERBS = {
    modality.verb: next(name for name in registry.names("codec") if registry.modality_of(name) == modality.name)
    for modality in every()
}
"""Of each modality, with a codec of its models."""
MOST = 24
"""Options that a help may have, besides --quiet and those for help itself."""
COMMON = {"quiet", "help_all", "help"}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers of models, each called as the verb that is for it."""
    monkeypatch.chdir(tmp_path)
    for verb, codec in [*VERBS.items(), ("unknown", "weather")]:
        Path(verb).mkdir()
        checkpoint.save(Path(verb) / checkpoint.MODEL, {"codec": {"name": codec}}, {})


def command(verb: str) -> Any:
    group: Any = typer.main.get_command(app)
    return group.commands[verb]


def understood(*arguments: str) -> tuple[str, dict[str, Any]]:
    """The command that is run, and the options that it was given."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("rhapsode", list(arguments))
    with context:
        verb, found, rest = group.resolve_command(context, list(arguments))
        inner = found.make_context(verb, rest, parent=context)
        return verb, {name: value for name, value in inner.params.items() if given(inner, name)}


def options(verb: str) -> list[Any]:
    return [each for each in command(verb).params if each.param_type_name == "option" and each.name not in COMMON]


def helped(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


# --- one verb for each modality ---


def test_each_modality_has_its_verb() -> None:
    assert {"generate", "write", "compose", "speak"} <= {*VERBS}
    for modality in every():
        assert modality.verb in modality.commands()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("other", VERBS)
def test_a_model_of_another_modality(models: None, verb: str, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    if verb in (other, "generate"):
        assert understood(verb, other) == (other, {"model": other})
        return
    assert main([verb, other, "-o", "x"]) == 2
    noun = next(modality.noun for modality in every() if modality.verb == other)
    assert f"{other} is a model of {noun}. The command is: rhapsode {other} {other} -o x" in capsys.readouterr().err


def test_options_of_no_verb_do_not_hide_that_it_is_the_wrong_one(
    models: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compose", "write", "words", "--page", "a4"]) == 2
    assert "The command is: rhapsode write write words --page a4" in capsys.readouterr().err
    assert main(["write", "compose", "--bars", "4", "--bias", "1"]) == 2
    assert "No such option: --bars" in capsys.readouterr().err
    assert main(["write", "compose", "--bias", "1"]) == 2
    assert "Sample from it with: rhapsode compose compose" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_a_codec_that_no_modality_has(models: None, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "unknown"]) == 2
    assert "codec: 'weather' is not known" in capsys.readouterr().err


# --- what they were called ---


@pytest.mark.parametrize(
    ("line", "verb", "expected"),
    [
        ('write "words" -o words.svg --page a4 --pitch 8', "write", {"page": "a4", "line_height": 8.0}),
        ("write words -o w.gcode --lift=servo --up 30 --pause=0.2 --feed 900", "write", {"dwell": 0.2, "up": "30"}),
        ("write --prompt-file letter.txt -o l.svg --bias 1 --animated", "write", {"text_file": "letter.txt"}),
        ("compose -o tune.mid --bars 16", "compose", {"bars": 16, "output": "tune.mid"}),
        ("compose -o tune.html --bars 32 --tempo 96", "compose", {"tempo": 96.0}),
        ("compose -o more.mid --fill tune.abc --fill-bars 5-8", "compose", {"fill_bars": "5-8"}),
        ("compose -o loop.wav --loop --bars 8 --temperature 0.9", "compose", {"loop": True, "temperature": 0.9}),
        ('speak "text" -o x.wav --pitch 2 --pause 0.5', "speak", {"pitch": 2.0, "pause": 0.5, "text": "text"}),
        ("speak - --also a.png --also b.csv", "speak", {"also": ["a.png", "b.csv"], "text": "-"}),
        ('generate "It was" --length 800 --temperature 0.8', "generate", {"prompt": "It was", "length": 800}),
    ],
)
def test_old_spellings(models: None, line: str, verb: str, expected: dict[str, Any]) -> None:
    found, values = understood("generate", *shlex.split(line))
    assert found == verb
    assert values == values | expected | {"model": verb}


def test_old_spellings_say_the_new_one_once(models: None, capsys: pytest.CaptureFixture[str]) -> None:
    understood("generate", "--pitch", "8", "write", "a b", "--page=a4")
    new = "rhapsode write --line-height 8 write 'a b' --page=a4"
    assert capsys.readouterr().err == f"note: for models of handwriting, the command is: {new}\n"
    understood("write", "write", "a", "--pitch=8")
    assert capsys.readouterr().err == "note: --pitch is called --line-height now\n"
    understood("train", "a.txt", "-o", "m", "--steps", "3")
    assert capsys.readouterr().err == "note: --steps is called --updates now\n"
    understood("generate", "write", "a", "--quiet")
    understood("write", "write", "a", "--line-height", "8")
    understood("generate", "generate", "a", "--stop", "--pitch")  # it is what --stop is given
    understood("generate", "generate", "--", "--pitch")
    assert capsys.readouterr().err == ""


def test_old_spellings_write_the_same(
    tiny_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(tiny_model(codec="strokes").path)
    more = ["--seed", "1", "--tries", "1", "--page", "a6"]
    for verb, option in (("generate", "--pitch"), ("write", "--line-height")):
        assert main([verb, model, "ab cd", "-o", str(tmp_path / f"{verb}.svg"), *more, option, "9"]) == 0
    assert (tmp_path / "generate.svg").read_bytes() == (tmp_path / "write.svg").read_bytes()
    assert capsys.readouterr().err.count("the command is") == 1


# --- help ---


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_short_and_all_of_it_is_there(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = options(verb)
    short = [each for each in known if not isinstance(each.rich_help_panel, Further)]
    assert len(short) <= MOST
    first = helped(capsys, verb, "--help")
    everything = first if short == known else helped(capsys, verb, "--help-all")
    for each in known:
        name = max(each.opts, key=len)
        assert f"\n  {each.opts[0]}" in everything
        assert (f"\n  {each.opts[0]}" in first.split("\nMore options")[0]) == (each in short)
        assert name in first
        assert each.rich_help_panel, f"{name} is in no panel"


def test_no_option_has_two_meanings() -> None:
    """The first words of its help are the same, whatever the command."""
    meanings: dict[str, set[str]] = {}
    for verb in VERBS:
        for each in options(verb):
            meanings.setdefault(max(each.opts, key=len), set()).add(re.split("[.,:;[]", each.help)[0].strip())
    assert {name: said for name, said in meanings.items() if len(said) > 1 and name != "--no-echo"} == {}


def test_all_commands_on_one_screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = helped(capsys, "--help").splitlines()
    assert len(lines) <= 40 and not any(line.endswith("...") for line in lines[1:])
    for heading in ("Train:", "Use a model:", "Look at data and models:"):
        assert heading in lines


def test_alone_it_shows_a_tour(capsys: pytest.CaptureFixture[str]) -> None:
    lines = helped(capsys).splitlines()
    assert len(lines) <= 8 and sum(line.startswith("    rhapsode ") for line in lines) == 3
    assert all(verb in "\n".join(lines) for verb in VERBS) and "rhapsode --help" in lines[-1]


def test_functions_have_the_parameters_that_options_need() -> None:
    """A renamed option's new name must be there, or the old spelling would be lost silently."""
    for verb in VERBS:
        names = {name for each in command(verb).params for name in each.opts}
        function = inspect.unwrap(command(verb).callback)
        assert set(getattr(function, "renamed", {}).values()) <= names


# --- completion ---


def completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str) -> list[str]:
    """What bash is told to offer; it takes colons for words of their own."""
    words = (line.removesuffix(":") + " :" if line.endswith(":") else line.replace(":", " : ")).split(" ")
    monkeypatch.setenv("_RHAPSODE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert main([]) == 0
    return capsys.readouterr().out.split()


def test_completion(models: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def offered(line: str) -> list[str]:
        return completed(monkeypatch, capsys, line)

    Path("models/deep/book").mkdir(parents=True)
    (Path("models/deep/book") / checkpoint.MODEL).touch()
    Path("data.txt").touch()
    assert offered("rhapsode comp") == ["compose", "compress"]
    assert offered("rhapsode compose mo") == ["models/deep/book"]
    assert {"write", "demo:handwriting"} <= {*offered("rhapsode write ")}
    assert offered("rhapsode write demo:") == offered("rhapsode write demo:hand") == ["handwriting"]
    assert offered("rhapsode write x --line") == ["--line-height"]
    assert "tinyshakespeare" in offered("rhapsode train data:")
    assert offered("rhapsode train data:tinys") == ["tinyshakespeare"]
    assert {"data.txt", "data:tinyshakespeare"} <= {*offered("rhapsode score write da")}
    assert offered("rhapsode recipe show zar") == ["zaremba-2014-medium"]
    assert offered("rhapsode data get tinys") == ["tinyshakespeare"]
