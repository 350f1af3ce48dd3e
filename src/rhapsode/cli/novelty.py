"""`rhapsode novelty`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.brought import modality_of
from rhapsode.console.escapes import unescaped
from rhapsode.console.imports import unbroken
from rhapsode.console.options import AllFiles, AsText, Encoding, Field, ModelName, Separator, TextSources
from rhapsode.console.output import as_json, put
from rhapsode.errors import UserError


def novelty(
    model: ModelName,
    sources: TextSources,
    separator: Separator = None,
    field: Field = None,
    encoding: Encoding = None,
    as_text: AsText = False,
    all_files: AllFiles = False,
    per_document: Annotated[bool, typer.Option("--per-document", help="Print a table of the documents.")] = False,
    color: Annotated[
        bool,
        typer.Option(
            "--color", help="Print the text coloured by the length of copied spans (see also NO_COLOR, FORCE_COLOR)."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what a text copies from a model's training data.

    Tunes, too: of these, notes in a row are counted, as by rhapsode inspect --against.

    A span is characters in a row that stand in the training text exactly: case and white space count. Each figure
    stands beside that of held-out text of equal length, for people repeat what others wrote, too. The training index
    must lie beside the model, see rhapsode train --index."""
    if color and json:
        raise UserError("--color and --json do not go together; one of them must go.")
    with unbroken():
        from rhapsode.data.codecs.records import RecordCodec
        from rhapsode.inference.model import Model

    loaded = Model.load(model)
    if isinstance(loaded.codec, RecordCodec):
        from rhapsode.console.records import refuse_for_texts

        for_texts = {
            "--document-separator": separator is not None,
            "--field": field is not None,
            "--encoding": encoding is not None,
            "--as-text": as_text,
            "--all-files": all_files,
            "--per-document": per_document,
            "--color": color,
        }
        refuse_for_texts(loaded, for_texts)
    reading = {
        "separator": None if separator is None else unescaped(separator, "--document-separator"),
        "field": field,
        "encoding": encoding,
        "as_text": as_text,
        "all_files": all_files,
    }
    asked = {"reading": reading, "per_document": per_document, "color": color}
    found = modality_of(loaded.codec.name).novelty(loaded, sources, asked)
    put(as_json(found.about) if json else "".join(f"{line}\n" for line in found.lines).encode())
