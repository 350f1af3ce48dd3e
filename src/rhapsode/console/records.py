"""What several commands do with records (drawings, tunes, utterances): find them, turn them, score them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rhapsode.console.output import as_json, put
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError
from rhapsode.files.flip import flipping, unused

if TYPE_CHECKING:
    from rhapsode.inference.model import Model


@contextmanager
def turned(flip: list[str] | None) -> Iterator[None]:
    """Files that `--flip` names are turned upside down while this is open; a warning for a name that fitted none."""
    with flipping(flip or ()):
        yield
        if doubt := unused():
            tell(f"warning: {doubt}")


def records(model: Model, name: str) -> Iterator[Any]:
    """The records of a file, for the model's codec. Raises `UserError`."""
    path = Path(name)
    if not path.is_file():
        raise UserError(f"cannot read {name}: no such file.")
    return model.record_codec.read(path)


def refuse_for_texts(model: Model, asked: Mapping[str, bool], advice: str = "") -> None:
    """Raises `UserError` for options, name → whether it was given, that only models of text have. advice: what else
    there is."""
    if others := [name for name, given in asked.items() if given]:
        raise UserError(
            f"{' and '.join(others)}: for models of text; the codec of this one is {model.codec.name}. Leave "
            f"{'it' if len(others) == 1 else 'them'} out.{advice}"
        )


def named(spec: str, model: Model) -> Any:
    """The record that `FILE`, `FILE#N`, counted from 1, or `FILE#its text` names. Raises `UserError`."""
    name, which = (spec, "1") if Path(spec).is_file() or "#" not in spec else spec.split("#", 1)
    if which.isdigit():
        found = list(islice(records(model, name), max(0, int(which) - 1), int(which)))
    else:
        found = list(islice((each for each in records(model, name) if model.record_codec.text_of(each) == which), 1))
    if not found:
        raise UserError(
            f"{name} has no {model.record_codec.record} {which!r}. Give its number, counted from 1, or its whole text."
        )
    return found[0]


def score_records(model: Model, names: list[str], per_record: bool, json: bool) -> None:
    """Nats of the sources' records; of densities, in normalised units and in the data's own."""
    from rhapsode.data.finder import reasons
    from rhapsode.data.sources import open_sources
    from rhapsode.files.refusals import Refusals

    codec, refused = model.record_codec, Refusals()
    entries, totals = [], {"nats": 0.0, "nats_raw": 0.0, "steps": 0, "records": 0, "chars": 0}
    with reporting() as report:
        sources = open_sources(names, accepts=codec.recognises, wanted=codec.wanted, report=report.stage)
        found = sources.each(
            lambda file: codec.placed(codec.read(file.path, None, file.name, refused), file.within),
            lambda done: report.stage("scoring", done),
        )
        for one in model.score_records(found, report=report, refused=refused):
            if per_record:
                entries.append({"record": one.name, "nats": one.nats, "nats_raw": one.raw, "steps": one.steps})
            totals["nats"] += one.nats
            totals["nats_raw"] += one.raw
            totals["steps"] += one.steps
            totals["records"] += 1
            totals["chars"] += one.chars
        if not totals["records"]:
            why = " ".join(refused.lines()) or f"there is no {codec.record}."
            raise UserError(f"nothing to score in {', '.join(names)}: {why} Give {codec.wanted}.")
        if sources.skipped:
            report.note(f"Files left out: {reasons(sources.skipped)}.")
        for told in refused.told("In files"):
            report.note(told)
        for told in sources.damage:
            report.warn(told)
    steps, count = max(1, totals["steps"]), max(1, totals["records"])
    numbers = {
        "nats_per_step": totals["nats"] / steps,
        "nats_per_record": totals["nats"] / count,
        "nats_per_step_raw": totals["nats_raw"] / steps,
        "nats_per_record_raw": totals["nats_raw"] / count,
        **totals,
        "left_out": refused.count,
    }
    density = codec.steps.density
    if not density:
        numbers = {key: value for key, value in numbers.items() if not key.endswith("raw")}
    if json:
        put(as_json({**numbers, **({"each": entries} if per_record else {})}))
        return
    if per_record:
        for entry in entries:
            typer.echo(f"{entry['nats']:.4f}\t{entry['steps']}\t{entry['record']}")
    for key, value in numbers.items():
        typer.echo(f"{key:<20} {value:.6f}" if isinstance(value, float) else f"{key:<20} {value}")
    if density:
        grid = getattr(codec.steps, "grid", (0, 0))
        noise = (
            f" with uniform noise of ±{grid[0] / 2:.4g}, ±{grid[1] / 2:.4g} for the data's grid (not of what was drawn)"
            if any(grid)
            else ""
        )
        tell(f"densities of normalised steps{noise}; raw: in the data's units")
