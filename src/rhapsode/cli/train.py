"""`rhapsode train`."""

from __future__ import annotations

import math
import os
import re
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode import registry
from rhapsode.console import complete
from rhapsode.console.brought import modality_of, options_of, refuse_others, training, with_options
from rhapsode.console.escapes import unescaped
from rhapsode.console.imports import unbroken
from rhapsode.console.options import (
    AllFiles,
    AsText,
    Device,
    Encoding,
    Epochs,
    Field,
    Flip,
    Further,
    Json,
    Minutes,
    Overwrite,
    Precision,
    Resume,
    Seed,
    Separator,
    TrustPaths,
    Updates,
)
from rhapsode.console.output import as_json, put
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError
from rhapsode.report import duration, nats

if TYPE_CHECKING:
    from rhapsode.cli._settings import Settings
    from rhapsode.training.run import Result

INDEXED = 16
CODECS = ", ".join(registry.names("codec"))
PANELS = {
    "Output": ("output", "resume", "overwrite", "base", "keep", "index", "json"),
    "How long": ("minutes", "epochs", "updates"),
    "Data": ("codec", "reset", "valid", "valid_fraction"),
    "Network": ("params", "layers", "width"),
    "Learning": ("batch_size", "window", "lr", "dropout", "seed", "config"),
    Further("More of data"): (
        "separator",
        "field",
        "encoding",
        "as_text",
        "all_files",
        "valid_by",
        "framing",
        "horizon",
        "flip",
        "trust_paths",
    ),
    Further("More of learning"): ("embedding", "device", "precision", "tensorboard"),
}
"""Heading of a panel in help → its options, in order."""
BUDGETS = {"minutes": "--minutes", "epochs": "--epochs", "updates": "--updates"}
SHORT = {"rate": "lr", "matrix_rate": "lr", "batch_size": "batch_size", "sequence_length": "window", "seed": "seed"}
"""Settings of a plan that have options of their own, which replace those of a file."""
SHAPE = ("layers", "width", "embedding")
"""The same of the network."""
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def _train(
    brought: dict[str, Any],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            autocompletion=complete.sources,
            help="Files, folders, globs, data:NAME, or - for stdin.",
        ),
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="MODEL", help="The folder to write.")] = ...,  # type: ignore[assignment]
    minutes: Minutes = None,
    epochs: Epochs = None,
    updates: Updates = None,
    codec: Annotated[str | None, typer.Option(metavar="NAME", help=f"{CODECS} [default: chars].")] = None,
    framing: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="stream, one-to-one, many-to-one or one-to-many [default: stream]."),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Sequence length: steps after which backpropagation through time (BPTT) is cut; or "
            "steps that are read (many-to-one) [default: by width].",
        ),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Steps that are predicted (one-to-many).")
    ] = None,
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
        float | None, typer.Option(metavar="X", help="Without --valid: hold out this part of the data [default: 0.1].")
    ] = None,
    valid_by: Annotated[
        str | None,
        typer.Option(
            metavar="tail|document",
            help="Hold out the end, or whole documents (with --reset line: lines) [default: what suits].",
        ),
    ] = None,
    separator: Separator = None,
    field: Field = None,
    encoding: Encoding = None,
    as_text: AsText = False,
    all_files: AllFiles = False,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.toml",
            autocompletion=complete.settings,
            help="Options as here, and tables [network], [dropout], [plan], [codec]; or the name of a recipe.",
        ),
    ] = None,
    params: Annotated[str | None, typer.Option(metavar="N", help="Size of the network, e.g. 500k or 4M.")] = None,
    layers: Annotated[int | None, typer.Option(metavar="N", help="Recurrent layers.")] = None,
    width: Annotated[int | None, typer.Option(metavar="N", help="Hidden size: outputs of each layer.")] = None,
    embedding: Annotated[
        int | None, typer.Option(metavar="N", help="Embedding size: numbers for each symbol; 0 for one-hot.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Batch size: rows, each of --window steps [default: by the data]."),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Peak learning rate; matrices, which Muon learns, have three times as much "
            "[default: 0.015; 0.003 with --from].",
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(min=0, max=0.99, metavar="RATE", help="Dropout rate of layers' outputs [default: by the epochs]."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", autocompletion=complete.models, help="Fine-tune this model."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="float", help="Keep the float32 weights beside the whole numbers, for fine-tuning (a larger file)."
        ),
    ] = None,
    index: Annotated[
        bool | None,
        typer.Option(
            "--index/--no-index",
            help="Keep the training index beside the model, so that copies are found: the text, or the melodies "
            f"[default: of texts up to {INDEXED} MB].",
        ),
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write MODEL/tensorboard, too (pip install 'rhapsode[tensorboard]').")
    ] = False,
    flip: Flip = None,
    trust_paths: TrustPaths = False,
    json: Json = False,
) -> None:
    """Train a model on text, handwriting, music, voices or numbers.

    What you do not set is chosen from the data and the time. More settings go into a file (--config): docs/settings.md
    or rhapsode recipe settings lists them."""
    from rhapsode.cli._settings import Settings, load

    begin(
        load(config) if config is not None else Settings(),
        output,
        params=params,
        layers=layers,
        width=width,
        embedding=embedding,
        sources=sources,
        minutes=minutes,
        epochs=epochs,
        updates=updates,
        codec=codec,
        framing=framing,
        window=window,
        horizon=horizon,
        reset=reset,
        batch_size=batch_size,
        lr=lr,
        dropout=dropout,
        valid=valid,
        valid_fraction=valid_fraction,
        valid_by=valid_by,
        separator=None if separator is None else unescaped(separator, "--document-separator"),
        field=field,
        encoding=encoding,
        as_text=as_text or None,
        all_files=all_files or None,
        flip=flip,
        base=base,
        keep=keep,
        index=index,
        resume=resume,
        overwrite=overwrite,
        seed=seed,
        device=device,
        precision=precision,
        tensorboard=tensorboard or None,
        trust_paths=trust_paths or None,
        json=json,
        **brought,
    )


train = with_options(_train, training, PANELS, further=True)


def begin(
    settings: Settings,
    output: str,
    *,
    resume: bool = False,
    overwrite: bool = False,
    json: bool = False,
    **given: Any,
) -> None:
    """Train by `settings`, which options replace that are given (neither None nor empty). Reports the end. Raises
    `UserError`."""
    sources, options = arguments(settings, resume=resume, **given)
    with unbroken():
        from rhapsode.training.run import train as run

    with reporting() as report:
        result = run(sources, output, resume=resume, overwrite=overwrite, report=report, **options)
    if os.environ.get("RANK", "0") != "0":  # of the processes of torchrun, the first one speaks
        return
    if json:
        put(as_json(_object(result)))
    _tell(result)
    if not result.finished:
        raise typer.Exit(130)


def arguments(settings: Settings, *, resume: bool = False, **given: Any) -> tuple[list[str], dict[str, Any]]:
    """The sources and the options that `rhapsode.train` is to be given, by `settings`, which options replace that are
    given (neither None nor empty). Raises `UserError`."""
    given = {name: value for name, value in given.items() if value not in (None, [])}
    named = [option for name, option in BUDGETS.items() if name in given]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)}: give one of them; each says how long to train.")
    # A resumed run has sources and a budget of its own, which the file's must not replace.
    replaced = {*(BUDGETS if named or resume else ()), *(["sources"] if resume else ())}
    chosen = {name: value for name, value in settings.options.items() if name not in replaced} | given
    dropout = chosen.pop("dropout", settings.dropout)
    from rhapsode.files import format1

    plan, _ = format1.renamed(settings.plan, format1.PLAN)
    plan = {name: value for name, value in plan.items() if SHORT.get(name) not in given}
    shape = {name: chosen.pop(name) for name in SHAPE if name in chosen}
    brought = {name: chosen.pop(name) for name in options_of(training) if name in chosen}
    params = chosen.pop("params", None)
    sources = chosen.pop("sources", [])
    if not sources and not resume:
        raise UserError("nothing to train on: name a SOURCE, e.g. rhapsode train book.txt -o model.")
    codec_options = dict(settings.codec)
    own = codec_options.pop("name", None)
    codec = chosen.pop("codec", own)
    codec_options = codec_options if own in (None, codec) else {}  # else they are another codec's

    if brought:
        codec_options |= _as_codec_options(brought, codec, sources, resume=resume, base="base" in chosen)

    return sources, {
        "codec": codec,
        "codec_options": codec_options,
        "network": settings.network | shape,
        "dropout": dropout,
        "plan": plan,
        "params": None if params is None else whole(str(params)),
        **chosen,
    }


def _tell(result: Result) -> None:
    from rhapsode.files.checkpoint import RESUME
    from rhapsode.training.learning import LEARNING
    from rhapsode.training.told import SAMPLES, TOLD

    folder = result.model_path
    name = shlex.quote(str(folder))
    best = "" if math.isnan(result.valid_nats) else f"; valid {nats(result.valid_nats)} per step"
    tell(f"{'trained' if result.finished else 'stopped'} after {duration(result.seconds)}{best}")
    tell(f"model    {folder}\npicture  {result.picture}\nlog      {folder / TOLD}; samples in {folder / SAMPLES}")
    if (folder / LEARNING).exists():
        tell(f"page     {folder / LEARNING}: how it learnt, look by look")
    for warning in result.warnings:
        typer.echo(f"warning  {warning}", err=True)
    if result.finished:
        longer = (folder / RESUME).stat().st_size / 1e6
        tell(f"longer   rhapsode train -o {name} --resume --minutes 5  ({RESUME}, {longer:,.1f} MB, is only for that)")
    else:
        tell(f"go on    rhapsode train -o {name} --resume")
    for figures in modality_of(result.codec).figures(result.quality) if result.quality else ():
        tell(f"quality  {figures}")
    if result.finished and result.usage:
        tell(f"next     rhapsode {modality_of(result.codec).verb} {name} {result.usage}")


def _object(result: Result) -> dict[str, Any]:
    """What a program may want to know of it."""
    from rhapsode.files.checkpoint import MODEL
    from rhapsode.inference.model import Model

    folder = result.model_path
    there = (folder / MODEL).exists()  # not after a run that was stopped before its first look at the validation data
    return {
        "model": str(folder),
        "picture": str(result.picture),
        "finished": result.finished,
        "updates": result.updates,
        "seconds": result.seconds,
        "valid_nats_per_step": None if math.isnan(result.valid_nats) else result.valid_nats,
        **({"quality": dict(result.quality)} if result.quality else {}),
        "parameters": Model.load(folder).network.parameters if there else None,
        "digest": Model.load(folder).digest if there else None,
        "bytes": {each.name: each.stat().st_size for each in sorted(folder.iterdir()) if each.suffix == ".safetensors"},
    }


def _as_codec_options(
    brought: dict[str, Any], codec: str | None, sources: list[str], *, resume: bool, base: bool
) -> dict[str, Any]:
    """The options of a modality, as options of the codec. Raises `UserError`, before the work begins."""
    from rhapsode.data.recognition import codec_for

    if resume or base:
        option, value = next(iter(brought.items()))
        raise UserError(
            f"--{option} {value}: {'a resumed run' if resume else 'fine-tuning'} keeps its own. Leave it out."
        )
    name = codec or codec_for(sources)
    modality = modality_of(name)
    refuse_others(brought, training, modality, f"these are trained with codec {name}")
    return modality.codec_options(brought, registry.get("codec", name))


def whole(text: str) -> int:
    """`4M` → 4000000. Raises `UserError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.strip().lower())
    number = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if number < 1:
        raise UserError(f"--params: {text!r} is not a number of parameters. Write 800000, 800k or 4M.")
    return number
