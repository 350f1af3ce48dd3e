"""`rhapsode forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rhapsode.console.options import ARGUMENTS, OUTPUT, ModelName, Output, OutputOverwrite, SampleSeed, Temperature
from rhapsode.console.output import as_json, check_suffix, check_writable, put
from rhapsode.console.progress import Warnings, reporting, tell
from rhapsode.console.sampling import fresh_seed, load, sampled

if TYPE_CHECKING:
    from rhapsode.modalities.series.codecs.series import Series as Codec
    from rhapsode.modalities.series.series import Series

FORMATS = (".csv", ".json", ".png", ".svg")
FORECAST = "Forecast"
"""Heading of a panel in help."""


def forecast(
    model: ModelName,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="A table, from whose end its series go on; nothing for new series."),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", rich_help_panel=FORECAST, help="Values of each series [default: a season, or 12]."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, metavar="N", rich_help_panel=FORECAST, help="Number of samples: paths of each series.")
    ] = 200,
    quantiles: Annotated[
        str,
        typer.Option(metavar="LIST", rich_help_panel=FORECAST, help="Levels between 0 and 1; of a chart its bands."),
    ] = "0.1,0.5,0.9",
    paths: Annotated[
        bool, typer.Option("--paths", rich_help_panel=FORECAST, help="In the table the sample paths, not quantiles.")
    ] = False,
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", rich_help_panel=ARGUMENTS, help="Only this series; may be given several times."),
    ] = None,
    temperature: Temperature = 1.0,
    seed: SampleSeed = None,
    output: Output = "-",
    overwrite: OutputOverwrite = False,
    json: Annotated[
        bool, typer.Option("--json", rich_help_panel=OUTPUT, help="One JSON object, with quantiles and paths.")
    ] = False,
) -> None:
    """Say how the series of a table may go on.

    The model draws many sample paths from the table's end; their quantiles say how sure it is of each value. The file's
    suffix says what is written: .csv a table, .json all, .png or .svg a fan chart."""
    if output != "-":
        check_suffix(output, FORMATS)
        check_writable(output, source or "-", overwrite=overwrite)
    loaded = load(model, "series")
    from rhapsode.modalities.series import asked
    from rhapsode.modalities.series import forecast as forecasts

    levels = forecasts.levels(quantiles)
    codec = forecasts.codec_of(loaded)
    every = None if source is None else _read(source, codec)
    if every is not None:
        every = asked.chosen(every, codec, series or [], str(source), Warnings())
    sampling = sampled(temperature=temperature)
    with reporting() as report:
        seed = fresh_seed() if seed is None else seed
        found, ahead = asked.forecasts(loaded, every, horizon, samples, seed, sampling, report)
    if output != "-":
        for note in filter(None, [forecasts.write(Path(output), found, None if paths else levels)]):
            typer.echo(f"warning: {note}", err=True)
        tell(f"written  {output}: {len(found):,} series, {ahead:,} values each, {samples:,} sample paths")
    if json:
        put(as_json({"horizon": ahead, "seed": seed, "forecasts": forecasts.as_json(found, levels)}))
    elif output == "-":
        put(forecasts.as_csv(found, None if paths else levels))


def _read(source: str, codec: Codec) -> list[Series]:
    """The series of a table; what of it cannot be read is told."""
    from rhapsode.data.sources import open_sources
    from rhapsode.files.refusals import Refusals
    from rhapsode.modalities.series.read import read

    refused = Refusals()
    sources = open_sources([source], accepts=codec.recognises, wanted=codec.wanted)
    every = list(sources.each(lambda file: iter(read(file.path, file.name, refused))))
    for line in [*sources.damage, *refused.told(source)]:
        typer.echo(f"warning: {line}", err=True)
    return every
