"""`rhapsode data`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.cli._commands import Commands
from rhapsode.cli._files import as_json, put
from rhapsode.cli._progress import reporting

app = Commands(no_args_is_help=True, help="Standard corpora: list them, get them. Train on one with data:NAME.")
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """What there is."""
    from rhapsode.datasets import list_datasets

    sets = list_datasets()
    if json:
        keys = ("name", "about", "licence", "split", "size")
        put(as_json({"datasets": [{key: getattr(one, key) for key in keys} for one in sets]}))
        return
    width = max(len(one.name) for one in sets)
    for one in sets:
        typer.echo(f"{one.name:<{width}}  {one.size / 1e6:8.1f} MB  {one.about}")


@app.command("get")
def get(name: Annotated[str, typer.Argument(metavar="NAME", help="As listed.")], json: Json = False) -> None:
    """Download a corpus, check it, and print where its files are."""
    from rhapsode.datasets import get as fetch

    with reporting() as report:
        found = fetch(name, report=report.stage, say=report.note)
    if json:
        put(as_json({"name": name, "paths": {key: str(path) for key, path in found.paths.items()}}))
        return
    for path in found.paths.values():
        typer.echo(str(path))
