"""`rhapsode export`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from rhapsode.console.imports import unbroken
from rhapsode.console.options import Json, Licence, ModelName, Overwrite
from rhapsode.console.output import as_json, check_writable, put, write
from rhapsode.console.progress import tell
from rhapsode.errors import UserError
from rhapsode.files.place import check


def export(
    model: ModelName,
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="FILE", help="What to write, such as model.onnx: the ending says what it will be."
        ),
    ],
    hub: Annotated[
        bool, typer.Option("--hub", help="Write a folder for the Hugging Face Hub: the model and its card.")
    ] = False,
    licence: Licence = "",
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Hand a model to others.

    The ending of its name says what it will be: FILE.html is a page on which the model runs, for any browser; FILE.onnx
    a graph for ONNX Runtime and other programs, in float32; FILE.c a model of text in one file of C99, for small
    computers. With --hub, it is a folder for the Hugging Face Hub; `rhapsode push` uploads it.

    What an export reveals: the settings, facts about the training (with the sources' names, without their folders), and
    what the codec keeps of the data, such as the vocabulary. The training data and the training index are never in it.
    But the weights of a model can repeat passages of what it was trained on."""
    with unbroken():
        from rhapsode.export._facts import revealed
        from rhapsode.export._target import Order, targets
        from rhapsode.inference.model import Model

    known = targets()
    suffixes = sorted(suffix for suffix in known if suffix)
    if not hub and Path(output).suffix.lower() not in suffixes:
        raise UserError(
            f"-o {output}: what should it be? Its name must end in {', '.join(suffixes)}; or name a folder, with --hub."
        )
    target = known["" if hub else Path(output).suffix.lower()]
    check(output, folder=hub)
    place = Path(output)
    if hub:
        _refuse_run(place)
    loaded = Model.load(model)
    source = str(loaded.path) if loaded.path else "-"
    if not hub:
        check_writable(output, source, overwrite=overwrite)
    name = os.path.basename(os.path.abspath(output))  # that of a folder may be `.`
    made = target.make(Order(loaded, name, licence or loaded.licence))
    files = {str((place if hub else place.parent) / name): contents for name, contents in made.items()}
    for name in files:
        check_writable(name, source, overwrite=overwrite)
    for name, contents in files.items():
        write(name, contents)
        tell(f"{name}: {len(contents):,} bytes")
    told = revealed(loaded)
    for line in told:
        tell(line)
    if json:
        put(as_json({"model": model, "digest": loaded.digest, "files": sizes(files), "reveals": told}))


def _refuse_run(folder: Path) -> None:
    """Raises `UserError` if there is more in a folder than should be given away."""
    from rhapsode.files import checkpoint

    for name in (checkpoint.RESUME, checkpoint.INDEX, checkpoint.OLD_INDEX):
        if (folder / name).exists():
            raise UserError(f"{folder} holds {name}, which is not to be given away. Choose another folder with -o.")


def sizes(files: Mapping[str, bytes]) -> list[dict[str, str | int]]:
    """The files, for programs."""
    return [{"path": name, "bytes": len(contents)} for name, contents in files.items()]
