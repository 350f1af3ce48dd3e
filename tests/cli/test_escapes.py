"""Escapes on the command line, and options that would be taken and do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.cli import app, main
from rhapsode.console.commands import Command
from rhapsode.console.escapes import unescaped
from rhapsode.errors import UserError
from rhapsode.inference.reader import as_bytes


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (r"\n\n", b"\n\n"),
        (r"a\tb\r\\n", b"a\tb\r\\n"),
        (r"\x00\xff\xC3\xa9", b"\x00\xff\xc3\xa9"),
        (r"\u00e9\u2603", "é☃".encode()),
        ("\n ⁂ ", "\n ⁂ ".encode()),
        ("\udcff", b"\xff"),  # as the system hands on a byte that is not UTF-8
        ("", b""),
    ],
)
def test_escapes(text: str, data: bytes) -> None:
    assert as_bytes(unescaped(text, "--stop"), "stop") == data


@pytest.mark.parametrize("text", ["\\", r"\q", r"\x1", r"\xgg", r"\u12", r"\N", "a\\\n", r"\ud800", r"\uDFFF", r"\\\z"])
def test_what_is_no_escape(text: str) -> None:
    with pytest.raises(UserError, match=r"--stop: \\.*Escapes are \\n, \\t, \\r"):
        unescaped(text, "--stop")


@given(st.text(alphabet="\\nxu0aé\n\t"))
def test_a_text_with_its_backslashes_doubled_is_itself(text: str) -> None:
    assert unescaped(text.replace("\\", "\\\\"), "--stop") == text


def test_every_command_refuses_an_option_of_one_value_given_twice(capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    def commands(group: object, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
        found = {}
        for name, each in group.commands.items():  # type: ignore[attr-defined]
            deeper = commands(each, (*path, name)) if hasattr(each, "commands") else {(*path, name): each}
            found |= deeper
        return found

    every = commands(typer.main.get_command(app))
    assert len(every) > 12
    for path, command in every.items():
        assert isinstance(command, Command)
        for option in command.params:
            if option.param_type_name != "option" or option.is_flag or option.multiple:  # type: ignore[attr-defined]
                continue
            name = max(option.opts, key=len)
            assert main([*path, name, "1", name, "1"]) == 2
            assert f"{name} was given 2 times; it takes one value" in capsys.readouterr().err


def test_flags_may_be_repeated_and_lists_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "--json", "--json"]) == 0
    assert capsys.readouterr().out.startswith("{")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stop", "x"], "No such option: --stop"),
        (["--stop-after", "x"], "No such option: --stop-after"),
        (["--no-echo"], "No such option: --no-echo"),
        (["--margin", "9"], "--margin is for writing on pages"),
        (["--pitch", "9"], "--line-height is for writing on pages"),
        (["--align", "right"], "--align is for writing on pages"),
        (["--ruled"], "--ruled is for writing on pages"),
        (["--tries", "3", "--length", "9"], "--tries says"),
        (["--mode", "ink"], "--mode is for .png, .svg files"),
        (["--mode", "ink", "-o", "x.gcode"], "--mode is for .png, .svg files"),
        (["--animated", "--json"], "--animated is for .svg"),
        (["--x-height", "3"], "--x-height is for "),
        (["--x-height", "3", "-o", "x.jsonl"], "--x-height is for "),
        (["--json", "-o", "x.svg"], "leave -o out"),
        (["--attention", "x.jpg"], "--attention x.jpg"),
    ],
    ids=" ".join,
)
def test_pens_refuse_what_they_would_not_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["write", "demo:handwriting", "abc", "--seed", "1", *options]) == 2
    assert message in capsys.readouterr().err and not [*tmp_path.iterdir()]
