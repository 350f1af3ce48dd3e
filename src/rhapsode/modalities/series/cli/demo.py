"""`rhapsode demo series`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.demos import Output, folder_for
from rhapsode.console.imports import unbroken
from rhapsode.console.progress import reporting, tell


def series(
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 0.5,
    output: Output = None,
) -> None:
    """Learn synthetic sales of shops, then forecast a year of them.

    That year was held out, so it can be measured how good the forecast is."""
    folder = folder_for("series", output)
    with unbroken():
        from rhapsode.modalities.series.demo import demo as run
        from rhapsode.modalities.series.picture import preview

    with reporting() as report:
        result = run(folder, minutes, report)
    typer.echo(preview(result.shown))
    typer.echo("the year that was held back      scaled CRPS   of 80 % intervals held")
    for name, judged in (("rhapsode", result.model_score), ("as the year before", result.naive_score)):
        typer.echo(f"  {name:<28}{judged.loss:14.3f}{100 * judged.inside:20.0f} %")
    for file in result.files:
        tell(f"written   {file}")
    tell(f"model     {result.model}\npicture   {result.picture}")
    tell(f"next      rhapsode forecast {result.model} {result.table} --horizon 24 -o forecast.svg\n"
         f"          rhapsode train YOUR-TABLE.csv -o my-model --minutes 2")  # fmt: skip
