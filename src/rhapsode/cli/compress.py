"""`rhapsode compress` and `rhapsode decompress`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from rhapsode.console.complete import sources
from rhapsode.console.imports import unbroken
from rhapsode.console.options import ModelName, Overwrite
from rhapsode.console.output import check_readable, check_writable, read, write
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError

Input = Annotated[str, typer.Argument(metavar="FILE", help="What to read; - is stdin.")]
Source = Annotated[
    str, typer.Argument(metavar="SOURCE", autocompletion=sources, help="A file, - for stdin, or data:NAME/PART.")
]
UNPACK = {".gz": "gzip -dc", ".bz2": "bzip2 -dc", ".xz": "xz -dc", ".zst": "zstd -dc"}
"""What writes to a pipe what such a file holds."""
HEAD = 1 << 13
"""Bytes that tell the encoding."""
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="What to write; - is stdout.")]


def compress(model: ModelName, source: Source, output: Output, overwrite: Overwrite = False) -> None:
    """Pack a file with a model's predictions. Only the same model can unpack it.

    Unpacking gives back exactly the same bytes. So files that are compressed already (.gz, .bz2, .xz, .zst) are
    refused: unpack them first, into a pipe."""
    kind = Path(source).suffix.lower()
    if kind in UNPACK:
        raise UserError(
            f"{source} is compressed already, and a model of text makes such bytes larger. Pack what is in it: "
            f"{UNPACK[kind]} {shlex.quote(source)} | rhapsode compress {shlex.quote(model)} - -o {shlex.quote(output)}"
        )
    before, after = _convert(model, source, output, overwrite, "compress")
    ratio = f", {8 * after / before:.3f} bits per byte" if before else ""
    tell(f"{before:,} → {after:,} bytes{ratio}")


def decompress(model: ModelName, file: Input, output: Output, overwrite: Overwrite = False) -> None:
    """Unpack what compress packed with the same model."""
    before, after = _convert(model, file, output, overwrite, "decompress")
    tell(f"{before:,} → {after:,} bytes")


def _convert(
    model: str, file: str, output: str, overwrite: bool, way: Literal["compress", "decompress"]
) -> tuple[int, int]:
    """Write the result of the model for a file; returns the bytes before and after."""
    if way == "decompress":
        check_readable([file])
    check_writable(output, file if Path(file).is_file() else "-", overwrite=overwrite)
    with unbroken():
        from rhapsode.data.encodings import wide
        from rhapsode.data.sources import read_one
        from rhapsode.inference.model import Model

    loaded = Model.load(model)
    with reporting() as report:
        data = read_one(file, report.stage) if way == "compress" else read(file)
        if way == "compress" and (found := wide(data[:HEAD])) is not None:
            report.note(
                f"{file} is in {found.name}, and packed as the bytes that it is, which a model of UTF-8 does not know. "
                f"Smaller: iconv -f {found.name} -t UTF-8 {shlex.quote(file)} | rhapsode compress {shlex.quote(model)} "
                f"- -o {shlex.quote(output)}"
            )
        made = loaded.compress(data, report) if way == "compress" else loaded.decompress(data, report)
    write(output, made)
    return len(data), len(made)
