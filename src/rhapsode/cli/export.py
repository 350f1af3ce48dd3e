"""`rhapsode export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhapsode.console.imports import unbroken
from rhapsode.console.options import Json, Licence, ModelName, Overwrite
from rhapsode.console.output import as_json, check_suffix, check_writable, put, write
from rhapsode.console.progress import tell
from rhapsode.files.place import check


def export(
    model: ModelName,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="What to write, such as model.onnx: the ending says what it will be.",
        ),
    ],
    licence: Licence = "",
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Hand a model to others.

    The ending of its name says what it will be: FILE.html is a page on which the model runs, for any browser;
    FILE.onnx is a graph for ONNX Runtime and other programs, in float32; FILE.c is a model of text in one file of C99,
    for small computers.

    What an export reveals: the settings, facts about the training (with the sources' names, without their folders), and
    what the codec keeps of the data, such as the vocabulary. The training data and the training index are never in it.
    But the weights of a model can repeat passages of what it was trained on."""
    with unbroken():
        from rhapsode.export._facts import revealed
        from rhapsode.export._target import Order, targets
        from rhapsode.inference.model import Model

    known = targets()
    target = known[check_suffix(output, [suffix for suffix in known if suffix])]
    check(output)
    loaded = Model.load(model)
    place = Path(output)
    source = str(loaded.path) if loaded.path else "-"
    check_writable(output, source, overwrite=overwrite)
    made = target.make(Order(loaded, place.name, licence))
    names = [str(place.parent / name) for name in made]
    for name in names:
        check_writable(name, source, overwrite=overwrite)
    for name, contents in zip(names, made.values(), strict=True):
        write(name, contents)
        tell(f"{name}: {len(contents):,} bytes")
    told = revealed(loaded)
    for line in told:
        tell(line)
    if json:
        sizes = [{"path": name, "bytes": len(each)} for name, each in zip(names, made.values(), strict=True)]
        put(as_json({"model": model, "digest": loaded.digest, "files": sizes, "reveals": told}))
