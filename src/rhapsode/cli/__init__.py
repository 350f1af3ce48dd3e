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
from functools import cache, partial
from typing import Annotated, Any

import typer

import rhapsode
from rhapsode.cli import (
    bench,
    compress,
    data,
    demo,
    export,
    inspect,
    novelty,
    push,
    recipe,
    score,
    serve,
    studio,
    sweep,
    train,
)
from rhapsode.cli._verbs import Verbs
from rhapsode.console.brought import every
from rhapsode.console.commands import Commands
from rhapsode.console.complete import whole_words
from rhapsode.console.output import visible
from rhapsode.console.streams import standard
from rhapsode.errors import NotFinite, UserError

MISTAKE, FAILURE, INTERRUPTED = 2, 1, 130
"""Exit statuses: the user's mistake, a failure of ours, Ctrl-C."""
TRAIN, USE, LOOK = "Train", "Use a model", "Look at data and models"
"""Headings of panels of commands in help."""

app = Commands(
    name="rhapsode",
    cls=Verbs,
    help="Train generative LSTMs on your own sequences; write, compose, speak, score and compress with them.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: it starts in half the time, and pipes well
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _add_commands() -> None:
    modalities = every()
    brought = {name: command for one in modalities for name, command in one.commands().items()}
    verbs = sorted(one.verb for one in modalities)
    app.add_typer(demo.app, name="demo", rich_help_panel=TRAIN)
    app.command("train", rich_help_panel=TRAIN)(train.train)
    app.command("sweep", rich_help_panel=TRAIN)(sweep.sweep)
    app.add_typer(recipe.app, name="recipe", rich_help_panel=TRAIN)
    for name in sorted(brought.keys() - verbs):
        app.command(name, rich_help_panel=TRAIN)(brought[name])
    for name in verbs:
        app.command(name, rich_help_panel=USE)(brought[name])
    app.command("score", rich_help_panel=USE)(score.score)
    app.command("novelty", rich_help_panel=USE)(novelty.novelty)
    app.command("compress", rich_help_panel=USE)(compress.compress)
    app.command("decompress", rich_help_panel=USE)(compress.decompress)
    app.command("export", rich_help_panel=USE)(export.export)
    app.command("serve", rich_help_panel=USE)(serve.serve)
    app.command("studio", rich_help_panel=USE)(studio.studio)
    app.command("push", rich_help_panel=USE)(push.push)
    app.command("inspect", rich_help_panel=LOOK)(inspect.inspect)
    app.add_typer(data.app, name="data", rich_help_panel=LOOK)
    app.command("bench", rich_help_panel=LOOK)(bench.bench)


_add_commands()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rhapsode {rhapsode.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(_tour())


def _tour() -> str:
    """What `rhapsode` alone prints: what it is, what to try first, where help is."""
    nouns = ", ".join(modality.noun for modality in every())
    verbs = ", ".join(f"{modality.verb} ({modality.noun})" for modality in every() if modality.verb != "generate")
    return (
        f"Rhapsode trains generative LSTMs on data of your own ({nouns}), here, in minutes.\n\n"
        "    rhapsode demo                                     train on text for 3 minutes, and write some\n"
        "    rhapsode train book.txt -o book --minutes 5       train a model on a text of your own\n"
        '    rhapsode generate book "It was"                   let it write on\n\n'
        f"Instead of generate, for other models: {verbs}.\n"
        "All commands: rhapsode --help. All about one: rhapsode train --help"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Every error is one message on stderr."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes a tenth of a command's start
    with standard():
        return _run(None if arguments is None else list(arguments))


@cache
def _command() -> Any:
    """The tree of all commands: it takes as long to make as a small command to run."""
    return typer.main.get_command(app)


def _run(arguments: list[str] | None) -> int:
    try:
        run = partial(_command().main, arguments, prog_name="rhapsode", standalone_mode=False)
        with whole_words():
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
    """For an option that other programs have, or that is a setting of a file: what it is called here."""
    if type(error).__name__ != "NoSuchOption" or context is None:
        return ""
    from rhapsode.config import NetworkConfig, meant

    options, wanted = {str(each.name): each.opts[-1] for each in context.command.params}, error.option_name.lstrip("-")
    if name := meant(wanted, options):
        return f" {error.option_name} is {options[name]} here."
    if "config" in options and wanted in NetworkConfig.model_fields:
        return f" It is a setting of a file: [network], {wanted} = …; --config names the file."
    return ""


def _say(message: str, status: int) -> int:
    typer.echo(f"rhapsode: {visible(message)}", err=True)
    return status
