"""`rhapsode ink`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rhapsode.cli._files import visible
from rhapsode.cli._imports import unbroken

if TYPE_CHECKING:
    from rhapsode.inkpad.server import Server


def ink(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Where the lines go; one that is there goes on.")],
    lines: Annotated[int, typer.Option(min=1, max=500, help="How many to write.")] = 40,
    alphabet: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Characters to cover [default: English letters, digits, marks].")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 for any that is free.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same lines.")] = 0,
) -> None:
    """Record your own hand, on a page in your browser.

    Each line is saved as soon as it is written; Ctrl-C ends. Then fine-tune a model of handwriting on them. Use it
    for your own hand: copying another person's needs their consent."""
    with unbroken():
        from rhapsode.inkpad.lines import Lines
        from rhapsode.inkpad.prompts import ALPHABET, characters, english, prompts
        from rhapsode.inkpad.server import Server

    wanted = ALPHABET if alphabet is None else characters(alphabet)
    with Server(Lines(file), prompts(lines, wanted, seed, english()), wanted, port) as server:
        typer.echo(server.url)
        typer.echo("That is the page on which you write. Ctrl-C ends; every saved line stays.", err=True)
        if not no_browser:
            _open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.lines.close()
        _summary(server)


def _open(url: str) -> None:
    """In a thread: some browsers return only when they are closed."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _summary(server: Server) -> None:
    from rhapsode.inkpad.prompts import ENOUGH, written
    from rhapsode.inkpad.server import next_commands

    saved = server.lines.read()
    counts = written(list(saved))
    covered = sum(char in counts for char in server.alphabet)
    path = visible(str(server.lines.path))
    lines = f"{len(saved)} {'line' if len(saved) == 1 else 'lines'}"
    typer.echo(f"\n{lines} in {path}, {covered} of {len(server.alphabet)} characters", err=True)
    rare = "".join(char for char in server.alphabet if counts[char] < ENOUGH)
    if rare:
        typer.echo(f"fewer than {ENOUGH} times: {visible(rare)}", err=True)
    if saved:
        typer.echo("next  " + visible("\n      ".join(next_commands(server.lines.path))), err=True)
