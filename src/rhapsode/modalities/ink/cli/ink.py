"""`rhapsode ink`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rhapsode.console.browser import open_page
from rhapsode.console.complete import models
from rhapsode.console.imports import unbroken
from rhapsode.console.output import visible
from rhapsode.errors import UserError
from rhapsode.files.place import check

if TYPE_CHECKING:
    from rhapsode.modalities.ink.pad.server import Server

BASE = "demo:handwriting"


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
        str | None,
        typer.Option(
            metavar="MODEL", autocompletion=models, help=f"The model that learns your hand [default: {BASE}]."
        ),
    ] = None,
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
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")] = False,
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
        from rhapsode.modalities.ink.pad.lines import RecordedLines
        from rhapsode.modalities.ink.pad.prompts import ALPHABET, characters, prompts
        from rhapsode.modalities.ink.pad.server import Server
        from rhapsode.modalities.ink.pad.teacher import Teacher

    recorded, hint = RecordedLines(file), ""
    check(str(file))
    if output is not None:
        check(output, folder=True)
    try:
        folder = file.with_suffix("") if output is None else Path(output)
        teacher: Teacher | None = Teacher(file, base or BASE, folder, minutes, sentence, _tell, overwrite)
    except UserError:
        if base is not None or sentence or output is not None:
            raise
        teacher, hint = None, "To have a model learn your hand on this page, give one that writes: --base MODEL."
        _tell(hint)
    known = teacher.alphabet if teacher else ALPHABET
    usual = "".join(each for each in ALPHABET if each in known) or known
    wanted = characters(usual if alphabet is None else alphabet)
    with Server(recorded, prompts(lines, wanted, seed), wanted, port, teacher, hint, host) as server:
        typer.echo(server.url)
        _tell("That is the page on which you write. Ctrl-C ends; every saved line stays.")
        if not server.private:
            _tell(
                "Other devices in your network can open it at that address, for which all of it is needed: keep it to "
                "yourself. It is another one in each run. Nothing is encrypted on the way: use a network you trust."
            )
        if not no_browser:
            open_page(server.url)
        try:
            with suppress(KeyboardInterrupt):
                server.serve_forever()
        finally:
            server.lines.close()
            if teacher:
                teacher.close()
        _summary(server)


def _tell(text: str) -> None:
    typer.echo(visible(text), err=True)


def _summary(server: Server) -> None:
    from rhapsode.modalities.ink.pad.prompts import ENOUGH, written
    from rhapsode.modalities.ink.pad.server import next_commands

    saved = server.lines.read()
    counts = written(list(saved))
    covered = sum(char in counts for char in server.alphabet)
    lines = f"{len(saved)} {'line' if len(saved) == 1 else 'lines'}"
    _tell(f"\n{lines} in {server.lines.path}, {covered} of {len(server.alphabet)} characters")
    rare = "".join(char for char in server.alphabet if counts[char] < ENOUGH)
    if rare:
        _tell(f"fewer than {ENOUGH} times: {rare}")
    if server.teacher and server.teacher.taught:
        _tell(f"model {server.teacher.folder}\nnext  {server.teacher.command}")
    elif saved:
        _tell("next  " + "\n      ".join(next_commands(server.lines.path, server.teacher)))
