"""Options that several commands have. (All have --quiet: see `rhapsode.cli`.)"""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.escapes import KNOWN

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Separator = Annotated[
    str | None,
    typer.Option(
        "--document-separator",
        metavar="TEXT",
        help=f"What stands between documents in a file. Escapes: {KNOWN}.",
    ),
]
Field = Annotated[str | None, typer.Option(metavar="NAME", help="Files are JSONL, and the text is in this field.")]
Minutes = Annotated[
    float | None, typer.Option(help="Train for this long [default: 5]; with --resume, for so much longer.")
]
Epochs = Annotated[float | None, typer.Option(help="Train this many times over the data; --resume: more times.")]
Steps = Annotated[int | None, typer.Option(help="Train for this many updates; --resume: more updates.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with a stopped run, exactly; with --minutes, train any run longer."),
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Same seed, same run [default: 0].")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps [default: auto].")]
Precision = Annotated[str | None, typer.Option(help="auto, bf16 or fp32 [default: auto].")]
Flip = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Drawings: files of this name (a pattern: '*.dat'; '*': all) have y the other way than their format; they "
        "are turned upside down. Several times, if need be.",
    ),
]
TrustPaths = Annotated[
    bool, typer.Option("--trust-paths", help="Recordings: their lists may name files outside of their own folders.")
]
