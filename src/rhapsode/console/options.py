"""Options that several commands have, each with one meaning. (All have --quiet: see `rhapsode.console.commands`.)"""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.complete import models, sources
from rhapsode.console.escapes import KNOWN

RENAMED = {"--steps": "--updates"}
"""Option as it was once called → as it is called now, in all commands that have the new one."""


class Further(str):
    """Heading of a panel of options that are seldom needed: `--help` only names them, `--help-all` explains them."""


ARGUMENTS, SAMPLING, OUTPUT, MORE_SAMPLING = "Arguments", "Sampling", "Output", Further("More sampling")
"""Headings of panels in help, of commands that sample from a model."""

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", autocompletion=models, help="A model's folder or file, or demo:NAME, or hf://USER/NAME."
    ),
]
TextSources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        autocompletion=sources,
        help="As for train: files, folders, globs, data:NAME/test, or - for stdin.",
    ),
]
TextFile = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", rich_help_panel=ARGUMENTS, help="Take the text from a file or data:NAME/PART."),
]

Temperature = Annotated[
    float,
    typer.Option(
        metavar="T",
        rich_help_panel=SAMPLING,
        help="Sampling temperature: below 1 safer, above 1 wilder, 0 always the most probable step.",
    ),
]
TopK = Annotated[
    int,
    typer.Option(
        metavar="K", rich_help_panel=MORE_SAMPLING, help="Top-k sampling: the K most probable only; 0 is off."
    ),
]
TopP = Annotated[
    float,
    typer.Option(
        metavar="P",
        rich_help_panel=SAMPLING,
        help="Nucleus sampling: only the most probable, up to P together; 1 is off.",
    ),
]
MinP = Annotated[
    float,
    typer.Option(
        metavar="P",
        rich_help_panel=MORE_SAMPLING,
        help="Min-p sampling: nothing less probable than P times the most probable; 0 is off.",
    ),
]
Typical = Annotated[
    float,
    typer.Option(
        metavar="P", rich_help_panel=MORE_SAMPLING, help="Locally typical sampling, up to P together; 1 is off."
    ),
]
RepetitionPenalty = Annotated[
    float,
    typer.Option(
        metavar="X", rich_help_panel=MORE_SAMPLING, help="Above 1, what came lately is less probable; 1 is off."
    ),
]
FrequencyPenalty = Annotated[
    float,
    typer.Option(
        metavar="X",
        rich_help_panel=MORE_SAMPLING,
        help="Subtract X from the log-probability of a symbol for each time that it was drawn: -2 to 2; 0 is off.",
    ),
]
PresencePenalty = Annotated[
    float,
    typer.Option(
        metavar="X",
        rich_help_panel=MORE_SAMPLING,
        help="Subtract X once from that of each symbol that was drawn: -2 to 2; 0 is off.",
    ),
]
SampleSeed = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=SAMPLING,
        help="Same seed, same result [default: a new one, which stderr tells].",
    ),
]
Length = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=SAMPLING,
        help="Time steps at most: characters, of most models of text [default: to the end, or 500].",
    ),
]
Samples = Annotated[
    int,
    typer.Option(min=1, metavar="N", rich_help_panel=SAMPLING, help="Number of samples; their files are numbered."),
]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        show_default=False,
        rich_help_panel=OUTPUT,
        help="The file to write [default: standard output].",
    ),
]
OutputOverwrite = Annotated[
    bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace what is there already.")
]
OutputJson = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT, help="One JSON object, with log-probabilities.")
]

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Licence = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        show_default=False,
        help="The licence of the model, such as cc-by-4.0 or mit, which is said in it [default: nothing is said].",
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--document-separator",
        metavar="TEXT",
        help=f"The text between two documents of a file. Escapes: {KNOWN}.",
    ),
]
Field = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Files are JSONL, and the text is in this field; a.b is a field within a field, a[] each of a list.",
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The encoding of texts, e.g. windows-1252; bytes converts nothing [default: UTF-8, else as detected].",
    ),
]
PromptEncoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="NAME",
        rich_help_panel=ARGUMENTS,
        help="The encoding of the prompt's file [default: UTF-8, else as detected].",
    ),
]
AsText = Annotated[
    bool,
    typer.Option(
        "--as-text", help="Take only the text of web pages, notebooks, Markdown and mail, without their signs."
    ),
]
AllFiles = Annotated[
    bool,
    typer.Option(
        "--all-files",
        help="Take what is left out of folders: hidden files, lock files, builds, minified code, backups.",
    ),
]
Minutes = Annotated[
    float | None, typer.Option(metavar="N", help="Train for this long [default: 5]; with --resume, this much longer.")
]
Epochs = Annotated[
    float | None, typer.Option(metavar="N", help="Train for this many passes over the data; with --resume, for more.")
]
Updates = Annotated[
    int | None,
    typer.Option("--updates", metavar="N", help="Train for this many updates of the weights; with --resume, for more."),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on exactly where a run was stopped; with --minutes, train any run longer."),
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, metavar="N", help="Same seed, same run [default: 0].")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps [default: auto].")]
Precision = Annotated[str | None, typer.Option(help="auto, bf16 or fp32 [default: auto].")]
Flip = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Drawings: turn files of this name (or pattern: '*.dat'; '*' is all) upside down, since their y goes the "
        "wrong way. May be given several times.",
    ),
]
TrustPaths = Annotated[
    bool, typer.Option("--trust-paths", help="Recordings: lists may name files outside of their own folders.")
]
