"""`rhapsode studio`."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from rhapsode.cli.serve import named
from rhapsode.console.browser import open_page
from rhapsode.console.imports import needs_server, unbroken


def studio(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Models to show first. Those in folders below this one are found, too."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Train models and write with them, in the browser.

    The page is for this machine only, and for who has its address: it holds a key. It asks no other machine for
    anything. Ctrl-C ends it."""
    with unbroken():
        needs_server("studio")
        from rhapsode.serving.guard import LOCAL, QUERY, Rules
        from rhapsode.serving.run import Logged, listen
        from rhapsode.studio.app import UPLOADS, Studio
        from rhapsode.studio.shelf import Shelf

    key = secrets.token_urlsafe(24)
    shelf = Shelf(named(models or []), Path())

    def ready(url: str) -> None:
        address = f"{url}/?{QUERY}={key}"
        print(f"the studio: {address}\nCtrl-C ends it.", file=sys.stderr, flush=True)
        if browser:
            open_page(address)

    listen(Studio(shelf, Rules(LOCAL, (key.encode(),), uploads=UPLOADS), Logged()), "127.0.0.1", port, ready)
