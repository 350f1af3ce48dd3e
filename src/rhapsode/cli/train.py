"""`rhapsode train`."""

from __future__ import annotations

import math
import os
import re
import shlex
from typing import Annotated, Any

import typer

from rhapsode import registry
from rhapsode.cli._imports import unbroken
from rhapsode.cli._progress import duration, nats, reporting
from rhapsode.errors import UserError, choice

CODECS = ", ".join(registry.names("codec"))
TABLES = ("network", "dropout", "plan", "codec")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def train(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE...", help="Files, folders, globs, data:NAME, or - for stdin.")
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="MODEL", help="The folder to write.")] = ...,  # type: ignore[assignment]
    minutes: Annotated[float | None, typer.Option(help="Train for this long [default: 5].")] = None,
    epochs: Annotated[float | None, typer.Option(help="Train this many times over the data.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train for this many updates.")] = None,
    codec: Annotated[str | None, typer.Option(metavar="NAME", help=f"{CODECS} [default: chars].")] = None,
    framing: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="stream, one-to-one, many-to-one or one-to-many [default: stream]."),
    ] = None,
    window: Annotated[int | None, typer.Option(min=1, help="Steps trained through, or read (many-to-one).")] = None,
    horizon: Annotated[int | None, typer.Option(min=1, help="Steps predicted (one-to-many).")] = None,
    reset: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="Where the state begins anew: never, document, chapter, page, paragraph, line, every:N, regex:R "
            "[default: document].",
        ),
    ] = None,
    valid: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Validate on this; may be given several times.")
    ] = None,
    valid_fraction: Annotated[float, typer.Option(help="Else on this fraction of the data.")] = 0.1,
    valid_by: Annotated[str, typer.Option(metavar="tail|document", help="Which part that is.")] = "tail",
    separator: Annotated[
        str | None,
        typer.Option("--document-separator", metavar="TEXT", help="What stands between documents in a file."),
    ] = None,
    field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Files are JSONL, and the text is in this field.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE.toml", help="Tables [network], [dropout], [plan], [codec]."),
    ] = None,
    params: Annotated[str | None, typer.Option(metavar="N", help="Size of the network, e.g. 500k or 4M.")] = None,
    layers: Annotated[int | None, typer.Option(help="LSTM layers.")] = None,
    width: Annotated[int | None, typer.Option(help="Outputs per layer.")] = None,
    embedding: Annotated[int | None, typer.Option(help="Numbers per input symbol; 0 for one-hot.")] = None,
    base: Annotated[str | None, typer.Option("--from", metavar="MODEL", help="Fine-tune this model.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run, exactly.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same run.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, bf16 or fp32.")] = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write MODEL/tensorboard, too (pip install 'rhapsode[tensorboard]').")
    ] = False,
) -> None:
    """Train a model on your own text.

    What you do not set is chosen from the data and the time."""
    budgets = {"--minutes": minutes, "--epochs": epochs, "--steps": steps}
    given = [name for name, value in budgets.items() if value is not None]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)}: give one of them; each says how long to train.")
    if not sources and not resume:
        raise UserError("nothing to train on: name a SOURCE, e.g. rhapsode train book.txt -o model.")
    tables = read_config(config) if config else {name: {} for name in TABLES}
    shape = {"layers": layers, "width": width, "embedding": embedding}
    tables["network"] |= {name: value for name, value in shape.items() if value is not None}
    named = tables["codec"].pop("name", None)
    if named is not None and not isinstance(named, str):
        raise UserError(f"{config}: codec.name is {named!r}; it must be the name of a codec, in quotes.")
    size = None if params is None else whole(params)

    with unbroken():
        from rhapsode.training.run import train as run

    with reporting() as report:
        result = run(
            sources or [],
            output,
            minutes=minutes if given or resume else 5.0,
            epochs=epochs,
            steps=steps,
            codec=codec or named,
            codec_options=tables["codec"],
            framing=framing,
            window=window,
            horizon=horizon,
            reset=reset,
            valid=valid or None,
            valid_fraction=valid_fraction,
            valid_by=valid_by,
            separator=separator,
            field=field,
            network=tables["network"],
            dropout=tables["dropout"],
            plan=tables["plan"],
            params=size,
            base=base,
            resume=resume,
            seed=seed,
            device=device,
            precision=precision,
            tensorboard=tensorboard,
            report=report,
        )
    if os.environ.get("RANK", "0") != "0":  # of the processes of torchrun, the first one speaks
        return
    name = shlex.quote(str(result.model_path))
    best = "" if math.isnan(result.valid_nats) else f"; valid {nats(result.valid_nats)} per step"
    typer.echo(f"{'trained' if result.finished else 'stopped'} after {duration(result.seconds)}{best}", err=True)
    typer.echo(f"model    {result.model_path}\npicture  {result.picture}", err=True)
    if not result.finished:
        typer.echo(f"go on    rhapsode train -o {name} --resume", err=True)
        raise typer.Exit(130)
    typer.echo(f"next     rhapsode generate {name} --temperature 0.8", err=True)


def whole(text: str) -> int:
    """`4M` → 4000000. Raises `UserError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.strip().lower())
    number = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if number < 1:
        raise UserError(f"--params: {text!r} is not a number of parameters. Write 800000, 800k or 4M.")
    return number


def read_config(name: str) -> dict[str, dict[str, Any]]:
    """The tables of a TOML file, those that are not there empty. Raises `UserError`."""
    import tomllib

    from rhapsode.cli._files import read

    try:
        found = tomllib.loads(read(name).decode())
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: not UTF-8, at byte {error.start}. TOML must be.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{name}: not TOML: {error}.") from None
    for key, value in found.items():
        if key not in TABLES:
            raise choice(f"{name}: table", key, TABLES)
        if not isinstance(value, dict):
            raise UserError(f"{name}: {key} is {value!r}; it must be a table: [{key}], then a setting a line.")
    return {table: dict(found.get(table, {})) for table in TABLES}
