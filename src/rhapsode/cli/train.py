"""`rhapsode train`."""

from __future__ import annotations

import math
import os
import re
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode import registry
from rhapsode.cli._escapes import KNOWN, unescaped
from rhapsode.cli._imports import unbroken
from rhapsode.cli._progress import duration, nats, reporting
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.cli._settings import Settings

CODECS = ", ".join(registry.names("codec"))
BUDGETS = ("minutes", "epochs", "steps")
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
    valid_fraction: Annotated[
        float | None, typer.Option(help="Else on this fraction of the data [default: 0.1].")
    ] = None,
    valid_by: Annotated[
        str | None,
        typer.Option(
            metavar="tail|document",
            help="Which part: the end, or whole documents (or lines, with --reset line) [default: what suits].",
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(
            "--document-separator",
            metavar="TEXT",
            help=f"What stands between documents in a file. Escapes: {KNOWN}.",
        ),
    ] = None,
    field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Files are JSONL, and the text is in this field.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Voices: what is spoken, as espeak-ng calls it: en-gb, de, fr [default: en-us]."
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.toml",
            help="Options as here, and tables [network], [dropout], [plan], [codec]; or the name of a recipe.",
        ),
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
    from rhapsode.cli._settings import Settings, load

    shape = {"layers": layers, "width": width, "embedding": embedding}
    begin(
        load(config) if config else Settings(),
        output,
        shape={name: value for name, value in shape.items() if value is not None},
        params=None if params is None else whole(params),
        sources=sources,
        minutes=minutes,
        epochs=epochs,
        steps=steps,
        codec=codec,
        framing=framing,
        window=window,
        horizon=horizon,
        reset=reset,
        valid=valid,
        valid_fraction=valid_fraction,
        valid_by=valid_by,
        separator=None if separator is None else unescaped(separator, "--document-separator"),
        field=field,
        language=language,
        base=base,
        resume=resume,
        seed=seed,
        device=device,
        precision=precision,
        tensorboard=tensorboard,
    )


def begin(
    settings: Settings,
    output: str,
    *,
    shape: dict[str, int] | None = None,
    params: int | None = None,
    resume: bool = False,
    language: str | None = None,
    **given: Any,
) -> None:
    """Train by `settings`, but for what is given (None or empty: it is not); tell how it ended. Raises `UserError`."""
    given = {name: value for name, value in given.items() if value not in (None, [])}
    named = [f"--{name}" for name in BUDGETS if name in given]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)}: give one of them; each says how long to train.")
    # A resumed run has sources of its own, which the file's must not replace.
    replaced = {*(BUDGETS if named else ()), *(["sources"] if resume else ())}
    chosen = {name: value for name, value in settings.options.items() if name not in replaced} | given
    sources = chosen.pop("sources", [])
    if not sources and not resume:
        raise UserError("nothing to train on: name a SOURCE, e.g. rhapsode train book.txt -o model.")
    codec_options = dict(settings.codec)
    own = codec_options.pop("name", None)
    codec = chosen.pop("codec", own)
    codec_options = codec_options if own in (None, codec) else {}  # else they are another codec's

    with unbroken():
        from rhapsode.training.run import train as run

    if language is not None:
        _check_language(language, codec, sources, resume=resume, base="base" in chosen)
        codec_options["language"] = language

    with reporting() as report:
        result = run(
            sources,
            output,
            codec=codec,
            codec_options=codec_options,
            network=settings.network | (shape or {}),
            dropout=settings.dropout,
            plan=settings.plan,
            params=params,
            resume=resume,
            report=report,
            **chosen,
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
    if result.usage:
        typer.echo(f"next     rhapsode generate {name} {result.usage}", err=True)


def _check_language(language: str, codec: str | None, sources: list[str], *, resume: bool, base: bool) -> None:
    """Raises `UserError`, before the work begins."""
    from rhapsode.corpus import codec_for
    from rhapsode.speech import espeak

    if resume or base:
        raise UserError(
            f"--language {language}: {'a resumed run' if resume else 'fine-tuning'} keeps its own. Leave it out."
        )
    name = codec or codec_for(sources)
    if "language" not in registry.get("codec", name).options:
        raise UserError(f"--language is for voices; these are trained with codec {name}. Leave it out.")
    espeak.check(language)


def whole(text: str) -> int:
    """`4M` → 4000000. Raises `UserError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.strip().lower())
    number = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if number < 1:
        raise UserError(f"--params: {text!r} is not a number of parameters. Write 800000, 800k or 4M.")
    return number
