"""What the commands of demos share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhapsode.files.place import check

Output = Annotated[
    str | None, typer.Option("-o", "--output", metavar="FOLDER", help="Where to work [default: ./demo-NAME].")
]


def folder_for(demo: str, output: str | None) -> Path:
    """Where a demo works. Raises `UserError` for what cannot be a folder."""
    folder = Path(f"demo-{demo}" if output is None else output)
    check(str(folder), folder=True)
    return folder
