"""`rhapsode compress` and `rhapsode decompress`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from rhapsode.console.complete import models_and_sources
from rhapsode.console.imports import unbroken
from rhapsode.console.options import Overwrite
from rhapsode.console.output import check_readable, check_writable, read, write
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError

MODEL = "A model's folder or file, or demo:NAME, or hf://USER/NAME;"
Input = Annotated[
    list[str],
    typer.Argument(
        metavar="[MODEL] FILE",
        autocompletion=models_and_sources,
        help=f"{MODEL} left out if the file was packed without. And what to read; - is stdin.",
    ),
]
Source = Annotated[
    list[str],
    typer.Argument(
        metavar="[MODEL] SOURCE",
        autocompletion=models_and_sources,
        help=f"{MODEL} left out, with --online, for a fresh network. And a file, - for stdin, or data:NAME/PART.",
    ),
]
UNPACK = {".gz": "gzip -dc", ".bz2": "bzip2 -dc", ".xz": "xz -dc", ".zst": "zstd -dc"}
"""What writes to a pipe what such a file holds."""
HEAD = 1 << 13
"""Bytes that tell the encoding."""
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="What to write; - is stdout.")]


Online = Annotated[
    bool, typer.Option("--online", help="Learn while packing, which takes longer; without MODEL, from nothing.")
]


def compress(source: Source, output: Output, online: Online = False, overwrite: Overwrite = False) -> None:
    """Pack a file with a model's predictions. Only the same model can unpack it.

    Unpacking gives back exactly the same bytes. So files that are compressed already (.gz, .bz2, .xz, .zst) are
    refused: unpack them first, into a pipe.

    With --online, a copy of the network learns as it packs, and again as it unpacks: some 10 kB a second. The model
    stays as it is. Without MODEL, a fresh network learns any file, and nothing but the packed file is needed to unpack
    it: rhapsode compress --online FILE -o FILE.rhap"""
    model, file = _pair("compress", source, "SOURCE")
    if model is None and Path(file).is_dir():
        raise UserError(
            f"{file} is a folder, and compress needs a file, too: rhapsode compress MODEL FILE -o FILE.rhap"
        )
    if model is None and not online:
        raise UserError(
            f"compress needs a model: rhapsode compress MODEL {shlex.quote(file)} -o {shlex.quote(output)}. Without "
            "one, a fresh network learns as it packs: rhapsode compress --online "
            f"{shlex.quote(file)} -o {shlex.quote(output)}"
        )
    kind = Path(file).suffix.lower()
    if kind in UNPACK:
        call = f"{'--online ' * online}{'' if model is None else shlex.quote(model) + ' '}- -o {shlex.quote(output)}"
        raise UserError(
            f"{file} is compressed already, and a model of text makes such bytes larger. Pack what is in it: "
            f"{UNPACK[kind]} {shlex.quote(file)} | rhapsode compress {call}"
        )
    before, after = _convert(model, file, output, overwrite, "compress", online)
    ratio = f", {8 * after / before:.3f} bits per byte" if before else ""
    tell(f"{before:,} → {after:,} bytes{ratio}")


def decompress(file: Input, output: Output, overwrite: Overwrite = False) -> None:
    """Unpack what compress packed.

    It needs the model that packed the file; none if the file was packed with --online and without a model."""
    model, packed = _pair("decompress", file, "FILE")
    before, after = _convert(model, packed, output, overwrite, "decompress")
    tell(f"{before:,} → {after:,} bytes")


def _pair(command: str, given: list[str], file: str) -> tuple[str | None, str]:
    """The model, if there is one, and the file. Raises `UserError`."""
    if len(given) > 2:
        raise UserError(
            f"{command} takes one file, after the model if there is one; {len(given)} arguments were given: "
            f"{shlex.join(given)}. Allowed: rhapsode {command} [MODEL] {file} -o FILE"
        )
    return (given[0], given[1]) if len(given) == 2 else (None, given[0])


def _convert(
    model: str | None,
    file: str,
    output: str,
    overwrite: bool,
    way: Literal["compress", "decompress"],
    online: bool = False,
) -> tuple[int, int]:
    """Write the result of the model for a file; returns the bytes before and after."""
    if way == "decompress":
        check_readable([file])
    check_writable(output, file if Path(file).is_file() else "-", overwrite=overwrite)
    with unbroken():
        from rhapsode.data.encodings import wide
        from rhapsode.data.sources import read_one
        from rhapsode.inference import compress as packing
        from rhapsode.inference.model import Model

    loaded = None if model is None else Model.load(model)
    with reporting() as report:
        if way == "compress":
            data = read_one(file, report.stage)
            if model is not None and (found := wide(data[:HEAD])) is not None:
                report.note(
                    f"{file} is in {found.name}, and packed as the bytes that it is, which a model of UTF-8 does not "
                    f"know. Smaller: iconv -f {found.name} -t UTF-8 {shlex.quote(file)} | rhapsode compress "
                    f"{shlex.quote(model)} - -o {shlex.quote(output)}"
                )
            made = packing.compress(loaded, data, report, online=online)
        else:
            data = read(file)
            made = packing.decompress(loaded, data, report)
    write(output, made)
    return len(data), len(made)
