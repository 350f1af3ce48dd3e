"""The common part of the commands of demos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhapsode.files.place import check

Output = Annotated[
    str | None, typer.Option("-o", "--output", metavar="FOLDER", help="Where to work [default: ./demo-NAME].")
]


def folder_for(demo: str, output: str | None) -> Path:
    """The folder in which a demo works. Raises `UserError` if there can be no such folder."""
    folder = Path(f"demo-{demo}" if output is None else output)
    check(str(folder), folder=True)
    return folder
