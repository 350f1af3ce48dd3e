"""`rhapsode demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.cli._files import visible
from rhapsode.cli._imports import unbroken
from rhapsode.cli._progress import reporting


def demo(
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 3.0,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FOLDER", help="Where to work [default: in the cache].")
    ] = None,
) -> None:
    """Train on text found on every machine, then write."""
    from pathlib import Path

    with unbroken():
        from rhapsode.datasets import cache_folder
        from rhapsode.training.demo import demo as run

    folder = Path(output) if output else cache_folder() / "demo"
    with reporting() as report:
        result = run(folder, minutes, report)
    typer.echo(result.source)
    typer.echo("\nbits per character of text it has not seen (less is better)")
    width = max(len(name) for name, _ in result.table)
    for name, bits in result.table:
        typer.echo(f"  {name:<{width}}  {bits:6.3f}")
    for temperature, text in result.samples:
        typer.echo(f"\n--- temperature {temperature:g} ---\n{visible(text)}")
    for note in result.notes:
        typer.echo(note, err=True)
    typer.echo(f"model    {result.model}\npicture  {result.picture}", err=True)
    typer.echo(f'next     rhapsode generate {result.model} "The "\n'
               f"         rhapsode train YOUR-TEXT.txt -o my-model --minutes 5", err=True)  # fmt: skip
