"""`rhapsode inspect`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rhapsode.cli._contents import contents
from rhapsode.cli._made import lines, made
from rhapsode.console import complete
from rhapsode.console.brought import inspecting, refuse_others, with_options
from rhapsode.console.contents import Contents, Found
from rhapsode.console.imports import unbroken
from rhapsode.console.options import AllFiles, Flip, Overwrite, TrustPaths
from rhapsode.console.output import as_json, put, visible
from rhapsode.console.records import turned
from rhapsode.files.inside import trusting


def _inspect(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|SOURCE",
            autocompletion=complete.models_and_sources,
            help="A model, or a file, folder, glob or data:NAME of any kind.",
        ),
    ],
    brought: dict[str, Any],
    flip: Flip = None,
    trust_paths: TrustPaths = False,
    all_files: AllFiles = False,
    overwrite: Overwrite = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what a model, a file or a folder holds.

    For a model: the data that it was trained on. For a file, a folder or another SOURCE: what `train` would make of
    it."""
    with unbroken():
        import rhapsode.inference.model  # noqa: F401

    with trusting(trust_paths), turned(flip):
        about = made(what)
        if about is None:
            found = contents(Found(what, all_files), brought, overwrite)
        else:
            refuse_others(brought, inspecting, None, f"{what} is no data, but made by Rhapsode")
            found = Contents(about, list(lines(about)))
    if json:
        put(as_json(found.about))
    else:
        typer.echo("\n".join(visible(line) for line in found.lines))


inspect = with_options(_inspect, inspecting)
