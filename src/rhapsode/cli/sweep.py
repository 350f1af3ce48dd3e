"""`rhapsode sweep`."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console import complete
from rhapsode.console.imports import unbroken
from rhapsode.console.options import Device, Json, Overwrite
from rhapsode.console.output import as_json, put
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError
from rhapsode.files.place import check

if TYPE_CHECKING:
    from rhapsode.report import Report
    from rhapsode.training.sweep import Sweep, Trial

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def sweep(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", autocompletion=complete.sources, help="As for train."),
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FOLDER", help="The folder to write.")] = ...,  # type: ignore[assignment]
    tried: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            metavar="NAME=V,V...",
            help="A setting and its values: width=128,256 or network.cell=lstm,gru; with --random also lr=0.001..0.01. "
            "May be given several times.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Train each choice with so many seeds.")] = 1,
    random: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Try N choices at random, instead of all of them.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(metavar="N", help="Train each for this long [default: 5].")] = None,
    epochs: Annotated[
        float | None, typer.Option(metavar="N", help="Train each for this many passes over the data.")
    ] = None,
    updates: Annotated[
        int | None, typer.Option(metavar="N", help="Train each for this many updates of the weights.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.toml", autocompletion=complete.settings, help="All other settings, as for train; or a recipe."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, metavar="N", help="The first seed; --random draws by it, too [default: 0]."),
    ] = None,
    device: Device = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the sweep was stopped.")] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Compare settings: some trainings of each.

    One table, one picture, with 95 % intervals.

    Settings are options of train (width, layers, lr, dropout, batch_size, window …) or those of docs/settings.md with
    their table (network.residual, dropout.output, plan.decay, codec.size). Minutes are equal for all, and disturbed by
    whatever else the machine does; --updates are exact."""
    from rhapsode.cli._settings import Settings, load
    from rhapsode.training.sweep import PICTURE, RUNS, SPEC, TABLE, Sweep, trials

    check(output, folder=True)
    folder, budget = Path(output), {"minutes": minutes, "epochs": epochs, "updates": updates}
    with unbroken():
        from rhapsode.training.folder import LOCK, claimed

    if resume:
        kept = (sources, tried, config, random, seed, device, *budget.values())
        if overwrite or seeds > 1 or any(one is not None for one in kept):
            raise UserError("--resume goes on with what the sweep began with: give -o FOLDER only.")
    else:
        if (folder / SPEC).exists() and not overwrite:
            name = shlex.quote(output)
            raise UserError(
                f"{output} has a sweep already. Go on with it: rhapsode sweep -o {name} --resume; or --overwrite."
            )
        others = folder.exists() and any(one.name != LOCK for one in folder.iterdir())
        if others and not (folder / SPEC).exists():
            raise UserError(f"{output} is a folder with other files. Name a new one.")
        choices = dict(map(_choice, tried or []))
        if len(choices) < len(tried or []):
            raise UserError("--try: one setting was given twice. Give all its values at once: width=128,256.")
        _check_once(choices, {**budget, "device": device, "sources": sources or None})
        begin = seed or 0
        asked = {
            "sources": sources or [],
            "settings": (load(config) if config is not None else Settings()).model_dump(
                mode="json", exclude_unset=True
            ),
            "budget": budget,
            "device": device,
        }
        begun = Sweep(folder, trials(choices, range(begin, begin + seeds), random, begin), asked)
        for trial in begun.trials:
            _arguments(begun, trial)  # a setting that cannot be is told before the first training
    with claimed(folder, leads=True):
        if resume:
            found = Sweep.open(folder)
        else:
            found = begun
            found.clear()
            found.save()
        try:
            finished = _run(found)
        except UserError:
            if not resume and not found.begun:  # nothing is worth keeping
                found.clear()
            raise
    if json:
        put(as_json(_object(found, finished)))
    elif found.rows:
        _print(found)
    name = shlex.quote(output)
    if not finished:
        tell(f"go on    rhapsode sweep -o {name} --resume")
        raise typer.Exit(130)
    tell(f"table    {folder / TABLE}\npicture  {folder / PICTURE}\nmodels   {folder / RUNS}")


def _run(found: Sweep) -> bool:
    from rhapsode.training.sweep import Muted

    with unbroken():
        from rhapsode.training.run import train

    with reporting() as report:

        def one(trial: Trial, folder: Path, going_on: bool) -> bool:
            muted: Report = Muted(report)
            if going_on:
                return train([], folder, resume=True, report=muted, device=found.asked["device"] or "auto").finished
            sources, options = _arguments(found, trial)
            return train(sources, folder, report=muted, overwrite=True, **options).finished

        return found.run(one, report.note)


def _arguments(found: Sweep, trial: Trial) -> tuple[list[str], dict[str, Any]]:
    """What `train` is given for a trial. Raises `UserError` for settings that cannot be."""
    from rhapsode.cli._settings import changed
    from rhapsode.cli.train import arguments

    asked = found.asked
    settings = changed(asked["settings"], trial.settings)
    given = {**asked["budget"], "sources": asked["sources"], "device": asked["device"], "seed": trial.seed}
    return arguments(settings, **given)


def _check_once(tried: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raises `UserError` for settings that an option gives, too, which would count in the place of what is tried."""
    from rhapsode.cli.train import BUDGETS

    if "seed" in tried:
        raise UserError("--try seed: a seed is no choice. --seeds N trains each choice with N of them, from --seed on.")
    options = [name for name, value in given.items() if value is not None]
    for name in tried:
        for option in options:
            if name == option or {name, option} <= BUDGETS.keys():
                shown = "SOURCE" if option == "sources" else f"--{option}"
                raise UserError(f"--try {name}, and {shown}, were given; one of them would not count. Leave one out.")


def _choice(text: str) -> tuple[str, Any]:
    """`width=128,256` → the name and its values. Raises `UserError`."""
    from rhapsode.training.sweep import Range

    name, equals, rest = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", name) or not rest:
        raise UserError(f"--try {text}: write NAME=VALUE,VALUE… such as width=128,256, or NAME=LOW..HIGH.")
    if match := re.fullmatch(rf"({NUMBER})\.\.({NUMBER})", rest):
        low, high = (_value(match[n]) for n in (1, 2))
        if not low < high:
            raise UserError(f"--try {text}: a range goes from the lower number to the higher one.")
        return name, Range(low, high)
    values = [_value(part) for part in rest.split(",")]
    if len({repr(one) for one in values}) < len(values):
        raise UserError(f"--try {text}: a value was given twice. (For several trainings of each: --seeds N.)")
    return name, values


def _value(text: str) -> Any:
    """A value as in TOML; a text needs no quotes."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def _print(found: Sweep) -> None:
    from rhapsode.training.sweep import table

    lines = [line.split("\t") for line in table(found.rows, found.unit).splitlines()]
    widths = [max(len(line[n]) for line in lines if n < len(line)) for n in range(len(lines[0]))]
    for line in lines:
        print("  ".join(part.ljust(width) for part, width in zip(line, widths, strict=False)).rstrip(), file=sys.stdout)
    sys.stdout.flush()


def _object(found: Sweep, finished: bool) -> dict[str, Any]:
    import math

    rows = [
        {
            "settings": dict(row.settings),
            "values": list(row.values),
            "mean": row.mean if row.values else None,
            "half": None if math.isnan(row.half) else row.half,
            "parameters": row.parameters,
            "seconds": row.seconds,
            "failed": list(row.failed),
        }
        for row in found.rows
    ]
    return {"finished": finished, "unit": found.unit, "rows": rows}
