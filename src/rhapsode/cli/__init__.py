"""The command line: one file per command. Results on stdout, all else on stderr.

Nothing heavy is imported here or at the top of a command's file, so that `rhapsode --help` is instant:
what a command needs, it imports when it runs.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextvars import copy_context
from functools import partial
from typing import Annotated, Any

import typer

import rhapsode
from rhapsode.cli import bench, compress, data, demo, generate, inspect, recipe, score, train
from rhapsode.console.commands import Commands
from rhapsode.console.output import visible
from rhapsode.console.progress import QUIET
from rhapsode.console.streams import standard
from rhapsode.errors import NotFinite, UserError
from rhapsode.modalities.ink.cli import ink, recognise

MISTAKE, FAILURE, INTERRUPTED = 2, 1, 130
"""Exit statuses: the user's mistake, a failure of ours, Ctrl-C."""

app = Commands(
    name="rhapsode",
    help="Generative LSTMs on your own sequences: train in minutes, write, score, compress.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: it starts in half the time, and pipes well
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.add_typer(demo.app, name="demo")
app.command("train")(train.train)
app.command("generate")(generate.generate)
app.command("recognise")(recognise.recognise)
app.command("score")(score.score)
app.command("compress")(compress.compress)
app.command("decompress")(compress.decompress)
app.command("inspect")(inspect.inspect)
app.command("ink")(ink.ink)
app.add_typer(data.app, name="data")
app.add_typer(recipe.app, name="recipe")
app.command("bench")(bench.bench)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rhapsode {rhapsode.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Every error is one message on stderr."""
    with standard():
        return _run(None if arguments is None else list(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        command = typer.main.get_command(app)
        _with_quiet(command)
        run = partial(command.main, arguments, prog_name="rhapsode", standalone_mode=False)
        status = copy_context().run(run)  # what options set for one command, another does not find
        sys.stdout.flush()
        if status == INTERRUPTED:  # typer's way with KeyboardInterrupt; a stopped training's, too
            return _say("interrupted", INTERRUPTED)
        return status if isinstance(status, int) else 0
    except BrokenPipeError:
        return FAILURE  # whoever read our output has gone: be quiet
    except SystemExit as end:  # a signal; or the command line library's own way with a closed pipe
        return end.code if isinstance(end.code, int) else FAILURE
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", INTERRUPTED)
    except UserError as error:
        return _say(str(error), MISTAKE)
    except NotFinite as error:
        return _say(str(error), FAILURE)
    except Exception as error:
        return _unexpected(error)


def _with_quiet(command: Any, option: Any = None) -> None:
    """Gives every command the option --quiet."""
    if option is None:
        alone = typer.Typer()
        alone.command()(_quiet)
        option = typer.main.get_command(alone).params[0]
        option.expose_value = False  # no command has a parameter for it
    for each in getattr(command, "commands", {}).values():
        _with_quiet(each, option)
    if not hasattr(command, "commands"):
        command.params.append(option)


def _hear_quiet(wanted: bool) -> None:
    QUIET.set(wanted)


def _quiet(
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", callback=_hear_quiet, help="Only results, warnings and errors.")
    ] = False,
) -> None:
    """Of which command the option is that all have."""


def _unexpected(error: Exception) -> int:
    if hasattr(error, "format_message"):  # a usage error: options and arguments that cannot be read
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "rhapsode"
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message(), err=True)
            return MISTAKE
        return _say(f"{error.format_message().rstrip('.')}.{_meant(error, context)} See {path} --help.", MISTAKE)
    if type(error).__name__ == "ValidationError" and "pydantic" in sys.modules:
        from pydantic import ValidationError

        from rhapsode.config import explain

        if isinstance(error, ValidationError):
            return _say(str(explain(error, error.title)), MISTAKE)
    if os.environ.get("RHAPSODE_TRACEBACK"):
        traceback.print_exception(error)
    lines = str(error).strip().splitlines() or ["no message"]
    hint = "" if os.environ.get("RHAPSODE_TRACEBACK") else " (set RHAPSODE_TRACEBACK=1 to see where)"
    return _say(f"failed: {type(error).__name__}: {lines[0]}{hint}", FAILURE)


def _meant(error: Any, context: Any) -> str:
    """For an option that other programs have: what it is called here."""
    if type(error).__name__ != "NoSuchOption" or context is None:
        return ""
    from rhapsode.config import meant

    options = {str(each.name): each.opts[-1] for each in context.command.params}
    name = meant(error.option_name.lstrip("-"), options)
    return f" {error.option_name} is {options[name]} here." if name else ""


def _say(message: str, status: int) -> int:
    typer.echo(f"rhapsode: {visible(message)}", err=True)
    return status
