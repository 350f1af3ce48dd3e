"""`rhapsode compress` and `rhapsode decompress`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.cli._files import check_readable, check_writable, read, write
from rhapsode.cli._imports import unbroken
from rhapsode.cli._progress import reporting

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder or file.")]
Input = Annotated[str, typer.Argument(metavar="FILE", help="What to read; - is stdin.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="What to write; - is stdout.")]


def compress(model: ModelName, file: Input, output: Output) -> None:
    """Pack a file with a model's predictions. Only that very model can unpack it."""
    _check(file, output)
    with unbroken():
        from rhapsode.model import Model

    loaded, data = Model.load(model), read(file)
    with reporting() as report:
        packed = loaded.compress(data, report)
    write(output, packed)
    ratio = f", {8 * len(packed) / len(data):.3f} bits per byte" if data else ""
    typer.echo(f"{len(data):,} → {len(packed):,} bytes{ratio}", err=True)


def decompress(model: ModelName, file: Input, output: Output) -> None:
    """Unpack what `rhapsode compress` packed with the same model."""
    _check(file, output)
    with unbroken():
        from rhapsode.model import Model

    loaded, packed = Model.load(model), read(file)
    with reporting() as report:
        data = loaded.decompress(packed, report)
    write(output, data)
    typer.echo(f"{len(packed):,} → {len(data):,} bytes", err=True)


def _check(file: str, output: str) -> None:
    check_readable([file])
    check_writable(output, file)
