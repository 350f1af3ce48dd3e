"""`rhapsode demo handwriting`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.demos import Output, folder_for
from rhapsode.console.imports import unbroken
from rhapsode.console.progress import reporting, tell

WORDS = "The quick brown fox jumps over the lazy dog, 1234567890 times."


def handwriting(
    words: Annotated[
        str, typer.Argument(metavar="[WORDS]", help="What to write [default: a pangram].", show_default=False)
    ] = WORDS,
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 10.0,
    output: Output = None,
) -> None:
    """Learn a synthetic hand, then write words.

    A program makes the hand, and another reads what the model writes and says what it cannot read."""
    folder = folder_for("handwriting", output)
    with unbroken():
        from rhapsode.modalities.ink.demo import demo as run
        from rhapsode.modalities.ink.picture import preview

    with reporting() as report:
        result = run(folder, minutes, words or WORDS, report)
    for sheet in result.written.layout.sheets:
        for line in sheet.lines:
            typer.echo(f"{line.drawing.text}\n{preview(line.drawing)}")
    for piece, verdict in zip(result.written.pieces, result.verdicts, strict=True):
        read = "read back without an error" if verdict.read == piece.text else f"read back as {verdict.read!r}"
        tell(f"{piece.text!r} was {read}")
    for file in result.files:
        tell(f"written   {file} (open it in a browser: it writes itself)")
    tell(f"attention {result.attention}\nmodel     {result.model}\npicture   {result.picture}")
    tell(f'next      rhapsode write {result.model} "any words" -o words.svg --bias 1\n'
         f"          rhapsode ink my-hand.jsonl")  # fmt: skip
