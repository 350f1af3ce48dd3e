"""`rhapsode demo music`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from rhapsode.console.demos import Output, folder_for
from rhapsode.console.imports import unbroken
from rhapsode.console.progress import reporting, tell

if TYPE_CHECKING:
    from rhapsode.modalities.music.demo import Held


def music(
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 3.0,
    output: Output = None,
    seed: Annotated[int, typer.Option(help="Of what is played: another makes another.")] = 1,
) -> None:
    """Learn synthetic blues, then play some.

    A program makes the blues by rule, so it can be measured how well the model keeps to their form."""
    folder = folder_for("music", output)
    with unbroken():
        from rhapsode.modalities.music.bluesform import form
        from rhapsode.modalities.music.demo import demo as run

    with reporting() as report:
        result = run(folder, minutes, report, seed)
    typer.echo(
        f"{result.played.bars // 12} choruses of a blues in {form(result.key)[0][:-1]}, {result.played.melody.notes} "
        f"notes of melody, {result.tune.seconds:.0f} seconds\n"
    )
    typer.echo("              bars with the   notes in scale  of those on    bars of 2nd lines")
    typer.echo("              form's chords   or chord        strong beats,  with the rhythm")
    typer.echo("                                              in the chord   of the 1st")
    typer.echo(_row("rhapsode", result.played))
    typer.echo(_row("the corpus", result.made))
    for file in result.files:
        tell(f"written   {file}" + (" (open it in a browser: it plays)" * (file.suffix == ".html")))
    tell(f"model     {result.model}\npicture   {result.picture}")
    there = f" -o {shlex.quote(output)}" if output else ""
    tell(f"next      rhapsode demo music --seed {result.seed + 1}{there}\n"
         f"          rhapsode train YOUR-TUNES/ -o my-model --minutes 5")  # fmt: skip


def _row(name: str, held: Held) -> str:
    parts = (held.melody.fitting, held.melody.strong, held.melody.repeated)
    return f"  {name:<12}{held.right:5} of{held.bars:5}" + "".join(f"{100 * part:13.0f} %" for part in parts)
