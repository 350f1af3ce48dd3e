"""`rhapsode ink`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

import typer

from rhapsode.console.browser import open_page
from rhapsode.console.complete import models
from rhapsode.console.imports import needs_server, unbroken
from rhapsode.console.output import visible
from rhapsode.files.place import check

if TYPE_CHECKING:
    from rhapsode.modalities.ink.pad.hands import Desk

BASE = "demo:handwriting"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of the key: 32 that are not mistaken for one another. On a tablet it may have to be typed."""


def ink(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help="The file for the lines; an existing one is continued.")
    ],
    lines: Annotated[int, typer.Option(min=1, max=500, help="How many lines to write.")] = 40,
    alphabet: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Characters to cover [default: the base's English letters, digits, marks]."),
    ] = None,
    base: Annotated[
        str, typer.Option(metavar="MODEL", autocompletion=models, help="The model that learns your hand.")
    ] = BASE,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="MODEL", help="The folder of the new model [default: FILE].")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, max=1440, help="How long the model learns.")] = 5.0,
    sentence: Annotated[
        str, typer.Option("--try", metavar="TEXT", help="The text that it writes before and after [default: a fox].")
    ] = "",
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address of the page: 0.0.0.0 is all addresses of this machine, for a tablet in the same network.",
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of the page; 0 for any free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same lines.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace any model in that folder, not only that of an earlier lesson.")
    ] = False,
) -> None:
    """Record your own hand in a browser, and teach it to a model.

    Each line is saved as soon as it is written; Ctrl-C ends. With ten lines or more, the page has a button that
    fine-tunes a model of handwriting on them, here on your machine. Use it for your own hand: copying another person's
    needs their consent."""
    with unbroken():
        needs_server("ink")
        from rhapsode.modalities.ink.pad.hands import Desk, Hands
        from rhapsode.modalities.ink.pad.lines import RecordedLines
        from rhapsode.modalities.ink.pad.teacher import Teacher
        from rhapsode.serving.guard import LOCAL, QUERY, Rules
        from rhapsode.serving.run import Logged, listen
        from rhapsode.studio.app import Studio
        from rhapsode.studio.shelf import Shelf

    recorded = RecordedLines(file)
    check(str(file))
    if output is not None:
        check(output, folder=True)
    folder = file.with_suffix("") if output is None else Path(output)
    teacher = Teacher(file, base, folder, minutes, sentence, _tell, overwrite)
    desk = Desk.of(recorded, teacher, lines, alphabet, seed)
    name = _name(base, folder)
    key = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(5))
    rules = Rules((*LOCAL, host.lower()), (key.encode(),))
    page = f"#/teach/{quote(name, safe='')}"
    shelf = Shelf({} if name == base else {name: base}, folder)
    studio = Studio(shelf, rules, Logged(), only=[Hands(lambda _: desk).brought], begin=page)

    def ready(url: str) -> None:
        address = f"{url}/?{QUERY}={key}"
        typer.echo(address)
        _tell("That is the page on which you write. Ctrl-C ends; every saved line stays.")
        if (urlsplit(url).hostname or "") not in LOCAL:
            _tell(
                "Other devices in your network can open it at that address, for which all of it is needed: keep it to "
                "yourself. It is another one in each run. Nothing is encrypted on the way: use a network you trust."
            )
        if browser:
            open_page(address)

    listen(studio, host, port, ready)
    _summary(desk)


def _name(base: str, folder: Path) -> str:
    """What the page calls the base: not as the new model. Raises `UserError` if it is not there."""
    from rhapsode.files.checkpoint import SHIPPED_PREFIX, locate

    if base.startswith(SHIPPED_PREFIX):
        return base
    name = locate(base).resolve().parent.name
    return f"{name} (base)" if name == folder.resolve().name else name


def _tell(text: str) -> None:
    typer.echo(visible(text), err=True)


def _summary(desk: Desk) -> None:
    from rhapsode.modalities.ink.pad.hands import next_commands
    from rhapsode.modalities.ink.pad.prompts import ENOUGH, written

    saved, teacher = desk.lines.read(), desk.teacher
    counts = written(list(saved))
    covered = sum(char in counts for char in desk.alphabet)
    lines = f"{len(saved)} {'line' if len(saved) == 1 else 'lines'}"
    _tell(f"\n{lines} in {desk.lines.path}, {covered} of {len(desk.alphabet)} characters")
    rare = "".join(char for char in desk.alphabet if counts[char] < ENOUGH)
    if rare:
        _tell(f"fewer than {ENOUGH} times: {rare}")
    if teacher.taught:
        _tell(f"model {teacher.folder}\nnext  {teacher.command}")
    elif saved:
        _tell("next  " + "\n      ".join(next_commands(teacher)))
