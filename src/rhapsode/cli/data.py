"""`rhapsode data`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rhapsode.console import complete
from rhapsode.console.commands import Commands
from rhapsode.console.options import Json, Overwrite
from rhapsode.console.output import as_json, check_writable, put, visible, write
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError

app = Commands(no_args_is_help=True, help="Standard corpora: list them, get them. Train on one with data:NAME.")


@app.command("list")
def list_(json: Json = False) -> None:
    """What there is."""
    from rhapsode.data.datasets import list_datasets

    sets = list_datasets()
    if json:
        keys = ("name", "about", "licence", "split", "size")
        put(as_json({"datasets": [{key: getattr(one, key) for key in keys} for one in sets]}))
        return
    width = max(len(one.name) for one in sets)
    for one in sets:
        typer.echo(f"{one.name:<{width}}  {one.size / 1e6:8.1f} MB  {one.about}")


@app.command("get")
def get(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[/PART]",
            autocompletion=complete.corpora,
            help="A name of the list; perhaps /train, /valid or /test.",
        ),
    ],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write a part to this file, not to stdout.")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Download a corpus, check it, and print where its files are; or write a part of it, as the literature cuts it."""
    from rhapsode.data.datasets import get as fetch

    name, slash, part = name.removeprefix("data:").partition("/")
    if output is not None and not slash:
        raise UserError(f"-o writes one part of a corpus: name it, e.g. {name}/valid.")
    if output is not None:
        check_writable(output, overwrite=overwrite)
    elif slash and json:
        raise UserError("--json tells where a part was written: add -o FILE, or leave --json out.")
    with reporting() as report:
        found = fetch(name, report=report.stage, say=report.note)
        data = b"".join(map(_cut, found.part(part))) if slash else b""
    if not slash:
        paths = {key: str(path) for key, path in found.paths.items()}
        if json:
            put(as_json({"name": name, "paths": paths}))
        else:
            typer.echo("\n".join(paths.values()))
    elif output is None:
        put(visible(data.decode("utf-8", "replace")).encode() if sys.stdout.isatty() else data)
    else:
        write(output, data)
        if json:
            put(as_json({"name": name, "part": part, "path": output, "bytes": len(data)}))
        else:
            tell(f"{output}: {len(data):,} bytes; split: {found.dataset.split}")


def _cut(piece: tuple[Path, int, int | None]) -> bytes:
    path, start, stop = piece
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(-1 if stop is None else stop - start)
