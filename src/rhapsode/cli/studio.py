"""`rhapsode studio`."""

from __future__ import annotations

import secrets
import sys
import zlib
from pathlib import Path
from typing import Annotated

import typer

from rhapsode.cli.serve import named
from rhapsode.console.browser import open_page
from rhapsode.console.imports import needs_server, unbroken
from rhapsode.console.progress import tell

FIRST, PORTS = 20_000, 10_000
"""Ports that systems do not give to programs that ask for any."""


def studio(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Models to show first. Those in folders below this one are found, too."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="N",
            help="The port; 0 takes a free one. [default: this folder's own, so that works are found again]",
            show_default=False,
        ),
    ] = None,
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

    key, own = secrets.token_urlsafe(24), port_of(Path())
    shelf = Shelf(named(models or []), Path())

    def ready(url: str) -> None:
        address = f"{url}/?{QUERY}={key}"
        print(f"the studio: {address}\nCtrl-C ends it.", file=sys.stderr, flush=True)
        if port is None and not url.endswith(f":{own}"):
            tell(
                f"Port {own} is taken, perhaps by another studio in this folder. "
                "Works that the browser has kept there are not shown here."
            )
        if browser:
            open_page(address)

    served = Studio(shelf, Rules(LOCAL, (key.encode(),), uploads=UPLOADS), Logged())
    listen(served, "127.0.0.1", own if port is None else port, ready, elsewhere=port is None)


def port_of(folder: Path) -> int:
    """The port of a folder, always the same: browsers keep what they keep for an address with its port."""
    return FIRST + zlib.crc32(str(folder.resolve()).encode("utf-8", "surrogateescape")) % PORTS
