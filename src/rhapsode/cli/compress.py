"""`rhapsode compress` and `rhapsode decompress`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rhapsode.cli._files import check_readable, check_writable, read, write
from rhapsode.cli._imports import unbroken
from rhapsode.cli._options import Overwrite
from rhapsode.cli._progress import reporting, tell

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder or file.")]
Input = Annotated[str, typer.Argument(metavar="FILE", help="What to read; - is stdin.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="What to write; - is stdout.")]


def compress(model: ModelName, file: Input, output: Output, overwrite: Overwrite = False) -> None:
    """Pack a file with a model's predictions. Only that very model can unpack it."""
    before, after = _convert(model, file, output, overwrite, "compress")
    ratio = f", {8 * after / before:.3f} bits per byte" if before else ""
    tell(f"{before:,} → {after:,} bytes{ratio}")


def decompress(model: ModelName, file: Input, output: Output, overwrite: Overwrite = False) -> None:
    """Unpack what `rhapsode compress` packed with the same model."""
    before, after = _convert(model, file, output, overwrite, "decompress")
    tell(f"{before:,} → {after:,} bytes")


def _convert(
    model: str, file: str, output: str, overwrite: bool, way: Literal["compress", "decompress"]
) -> tuple[int, int]:
    """Write what the model makes of a file; bytes before and after."""
    check_readable([file])
    check_writable(output, file, overwrite=overwrite)
    with unbroken():
        from rhapsode.model import Model

    loaded, data = Model.load(model), read(file)
    with reporting() as report:
        made = loaded.compress(data, report) if way == "compress" else loaded.decompress(data, report)
    write(output, made)
    return len(data), len(made)
