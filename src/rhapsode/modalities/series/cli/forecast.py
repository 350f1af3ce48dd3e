"""`rhapsode forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhapsode.console.imports import unbroken
from rhapsode.console.options import Overwrite
from rhapsode.console.output import as_json, check_suffix, check_writable, put
from rhapsode.console.progress import reporting, tell

FORMATS = (".csv", ".json", ".png", ".svg")


def forecast(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder or file.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A table, from whose end its series go on.")],
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Values to forecast of each series [default: a season, or 12].")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Ways to go on that are drawn.")] = 200,
    quantiles: Annotated[
        str, typer.Option(metavar="LIST", help="Levels, between 0 and 1; of a chart: the bands.")
    ] = "0.1,0.5,0.9",
    series: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one; may be given several times.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0, help="Below 1 narrower, above 1 wider than the model's own.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same forecast [default: 0].")] = None,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="A table (.csv), all (.json) or a chart (.png, .svg)."),
    ] = "-",
    overwrite: Overwrite = False,
    json: Annotated[
        bool, typer.Option("--json", help="On stdout one JSON object, with all paths, not a table.")
    ] = False,
) -> None:
    """Say how the series of a table may go on.

    The model draws many ways to go on from the table's end, and their quantiles say how sure it is of each value."""
    with unbroken():
        from rhapsode.data.sources import open_sources
        from rhapsode.errors import UserError
        from rhapsode.files.refusals import Refusals
        from rhapsode.inference.model import Model
        from rhapsode.modalities.series import forecast as forecasts
        from rhapsode.modalities.series.read import read
        from rhapsode.nn.samplers import Sampling

    if output != "-":
        check_suffix(output, FORMATS)
        check_writable(output, source, overwrite=overwrite)
    levels = forecasts.levels(quantiles)
    loaded = Model.load(model)
    codec = forecasts.codec_of(loaded)
    refused = Refusals()
    sources = open_sources([source], accepts=codec.recognises, wanted=codec.wanted)
    every = list(sources.each(lambda file: iter(read(file.path, file.name, refused))))
    for line in refused.told(source):
        typer.echo(f"warning: {line}", err=True)
    for name in series or ():
        if name not in {one.name for one in every}:
            known = ", ".join(repr(one.name) for one in every[:20]) + (" …" if len(every) > 20 else "")
            raise UserError(f"--series: {name!r} is not in {source}. There are: {known}.")
    chosen = [one for one in every if not series or one.name in series]
    usable = [one for one in chosen if not codec.refusal(one)]
    for one in chosen:
        if (reason := codec.refusal(one)) and usable:
            typer.echo(f"warning: left out: {one.name}, a series {reason}.", err=True)
    season = codec.frequency.season
    ahead = horizon or (season if season > 1 else 12)
    sampling = Sampling(temperature=temperature)
    found = list[forecasts.Forecast]()
    with reporting() as report:
        for drawn in forecasts.forecast(loaded, usable or chosen, ahead, samples, seed=seed or 0, sampling=sampling):
            found.append(drawn)
            report.stage("forecasting", len(found) / len(usable))
    if output != "-":
        for note in filter(None, [forecasts.write(Path(output), found, levels)]):
            typer.echo(f"warning: {note}", err=True)
        tell(f"written  {output}: {len(found):,} series, {ahead:,} values each, {samples:,} paths")
    if json:
        put(as_json({"horizon": ahead, "samples": samples, "series": forecasts.as_json(found, levels)}))
    elif output == "-":
        put(forecasts.as_csv(found, levels))
