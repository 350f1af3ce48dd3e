"""`rhapsode push`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.cli.export import sizes
from rhapsode.console.imports import unbroken
from rhapsode.console.options import Json, Licence, ModelName
from rhapsode.console.output import as_json, put, read, visible
from rhapsode.errors import UserError


def push(
    model: ModelName,
    repository: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="Where to, on the Hugging Face Hub; made if it is not there.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Only you can see it.")] = False,
    licence: Licence = "",
    token_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A file that holds your token [default: $HF_TOKEN, or your login with `hf`]."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be uploaded.")] = False,
    json: Json = False,
) -> None:
    """Upload a model to the Hugging Face Hub.

    It uploads what `rhapsode export --hub` writes, after it has named each file: the model, a card, and what belongs to
    the model. Others then take it as hf://USER/NAME, wherever a command wants a MODEL.

    What it reveals, and to everyone without --private: see rhapsode export --help."""
    with unbroken():
        from rhapsode.export._facts import revealed
        from rhapsode.export._target import Order, targets
        from rhapsode.files import hub
        from rhapsode.inference.model import Model

    place = hub.parsed(repository)
    if place.revision:
        raise UserError(f"{repository}: a model is uploaded to the newest revision. Leave @{place.revision} out.")
    token = None if token_file is None else _token(token_file)
    loaded = Model.load(model)
    name = place.repository.rpartition("/")[2]
    files = targets()[""].make(Order(loaded, name, licence or loaded.licence, place.name))
    who = "only you will see it" if private else "everyone will see it, unless it is there already and private"
    told = revealed(loaded)
    # Whatever --quiet says: nothing is uploaded that was not named before.
    typer.echo(f"{'would upload' if dry_run else 'uploading'} to {place.name} ({who}):", err=True)
    for line in (*(f"  {each}: {len(contents):,} bytes" for each, contents in files.items()), *told):
        typer.echo(visible(line), err=True)
    address = None if dry_run else hub.push(place, files, private, token)
    if json:
        put(as_json({"model": place.name, "address": address, "files": sizes(files), "reveals": told}))
    elif address:
        typer.echo(address)


def _token(name: str) -> str:
    """Raises `UserError`."""
    words = read(name).decode(errors="replace").split()
    if len(words) != 1:
        raise UserError(f"--token-file {name}: it holds {len(words)} words. It must hold the token, and nothing else.")
    return words[0]
