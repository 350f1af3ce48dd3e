"""`rhapsode demo text`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.demos import Output, folder_for
from rhapsode.console.imports import unbroken
from rhapsode.console.output import visible
from rhapsode.console.progress import reporting, tell


def text(
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 3.0,
    output: Output = None,
) -> None:
    """Learn Python's manual, then write.

    The manual is the text that Python carries for help(). The model is compared with compressors and an n-gram."""
    folder = folder_for("text", output)
    with unbroken():
        from rhapsode.modalities.text.demo import demo as run

    with reporting() as report:
        result = run(folder, minutes, report)
    typer.echo(result.source)
    typer.echo("\nbits per character of text it has not seen (less is better)")
    width = max(len(name) for name, _ in result.table)
    for name, bits in result.table:
        typer.echo(f"  {name:<{width}}  {bits:6.3f}")
    for temperature, written in result.samples:
        typer.echo(f"\n--- temperature {temperature:g} ---\n{visible(written)}")
    tell(f"written  {result.written}")
    tell(f"model    {result.model}\npicture  {result.picture}")
    tell(f'next     rhapsode generate {result.model} "The "\n'
         f"         rhapsode train YOUR-TEXT.txt -o my-model --minutes 5")  # fmt: skip
