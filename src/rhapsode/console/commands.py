"""Commands: their help in named panels, `--help-all`, `--quiet`, and old spellings that go on working."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from rhapsode.console.options import RENAMED, Further
from rhapsode.console.progress import tell
from rhapsode.errors import UserError
from rhapsode.report import QUIET

ALL, NOTES = "rhapsode.all", "rhapsode.notes"
"""Keys in a context's `meta`: whether help shows all options; what to say once the options are read."""
OPTIONS, ARGUMENTS, COMMANDS = "Options", "Arguments", "Commands"
"""The default headings of panels in help."""
COLUMN = 28
"""The most characters in the first column of help. A longer name gets a line of its own."""
Panels = dict[str, list[tuple[str, str]]]
"""Heading → rows of two columns."""


def renamed(**spellings: str) -> Callable[[Any], Any]:
    """A decorator of a command's function: old name of an option → its present name, both without dashes.

    The old option works as before, is not in the help, and prints a note with the new one."""

    def decorated(function: Any) -> Any:
        function.renamed = {_dashed(old): _dashed(new) for old, new in spellings.items()}
        return function

    return decorated


def _dashed(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class Command(TyperCommand):
    """A command that refuses an option of one value if it is given twice, since only the last one would count."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        quiet, everything = _common()
        further = any(isinstance(_panel(each), Further) for each in self.params)
        self.params += [quiet, everything] if further else [quiet]

    def current(self, args: list[str]) -> list[str]:
        """The arguments, with each option by its present name."""
        flags = {name: each.is_flag for each in self.params if hasattr(each, "is_flag") for name in each.opts}
        old = {**RENAMED, **getattr(self.callback, "renamed", {})}
        found: list[str] = []
        while len(found) < len(args):
            word = args[len(found)]
            if word == "--":
                return [*found, *args[len(found) :]]
            name, *value = word.split("=", 1)
            if name not in flags and old.get(name) in flags:
                word = "=".join([old[name], *value])
            found.append(word)
            if flags.get(word) is False:  # the next word is its value, whatever it looks like
                found += args[len(found) : len(found) + 1]
        return found

    def first(self, ctx: Any, args: list[str]) -> str | None:
        """The first of the arguments that is no option, if the command knows all options among them."""
        names = [each.name for each in self.params if each.param_type_name == "argument"]
        inner = self.context_class(self, info_name=self.name, parent=ctx)
        try:
            values, _, _ = self.make_parser(inner).parse_args(self.current(args))
        except Exception as error:
            if hasattr(error, "format_message"):  # a usage error
                return None
            raise
        found = values.get(names[0]) if names else None
        return found if isinstance(found, str) else None

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises `UserError`."""
        spelled = self.current(args)
        _, _, given = self.make_parser(ctx).parse_args(list(spelled))
        for option, times in Counter(given).items():
            single = not (getattr(option, "is_flag", False) or getattr(option, "multiple", False))
            if times > 1 and single and option.param_type_name == "option":
                raise UserError(f"{max(option.opts, key=len)} was given {times} times; it takes one value. Give one.")
        rest = super().parse_args(ctx, list(spelled))  # which it empties
        for note in ctx.meta.pop(NOTES, []):
            tell(note)
        for old, new in zip(args, spelled, strict=True):
            if old != new:
                tell(f"note: {old.split('=')[0]} is called {new.split('=')[0]} now")
        return rest

    def format_options(self, ctx: Any, formatter: Any) -> None:
        panels: Panels = {}
        named = []
        for param in self.get_params(ctx):
            panel, record = _panel(param), param.get_help_record(ctx)
            if record and panel == ARGUMENTS:
                record = record[0].split(" <")[0], record[1]  # without its type, which nobody needs to know
            if record and isinstance(panel, Further) and not ctx.meta.get(ALL):
                named.append(max(param.opts, key=len))
            elif record:
                panels.setdefault(panel, []).append(record)
        _write(formatter, panels)
        if named:
            with formatter.section("More options, which --help-all explains"):
                formatter.write_text(", ".join(named))


class Group(TyperGroup):
    """Commands in named panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.format_commands(ctx, formatter)
        _write(formatter, {OPTIONS: [record for each in self.get_params(ctx) if (record := each.get_help_record(ctx))]})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        shown = [(name, self.commands[name]) for name in self.list_commands(ctx) if not self.commands[name].hidden]
        room = formatter.width - 6 - max(len(name) for name, _ in shown)
        panels: Panels = {}
        for name, command in shown:
            panels.setdefault(_panel(command), []).append((name, command.get_short_help_str(room)))
        _write(formatter, panels)


class Commands(typer.Typer):
    """Commands by name, each a `Command`; together a `Group`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"cls": Group, **settings})

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        return super().command(name, **{"cls": Command, **settings})


def _panel(what: Any) -> str:
    """The heading under which help shows an option, an argument or a command."""
    usual = {"option": OPTIONS, "argument": ARGUMENTS}.get(getattr(what, "param_type_name", ""), COMMANDS)
    panel: str = getattr(what, "rich_help_panel", None) or usual
    return panel


def _write(formatter: Any, panels: Mapping[str, list[tuple[str, str]]]) -> None:
    """The panels, one below the other; all second columns begin at the same place."""
    width = min(COLUMN, max((len(first) for rows in panels.values() for first, _ in rows), default=0))
    for heading, rows in panels.items():
        with formatter.section(heading):
            formatter.write_dl([(first.ljust(width), second) for first, second in rows], col_max=width)


def given(ctx: typer.Context, option: str | None) -> bool:
    """Whether the option was given, so that its value is no default."""
    source = ctx.get_parameter_source(str(option))
    return source is not None and source.name == "COMMANDLINE"


def refuse(ctx: typer.Context, options: tuple[str, ...], why: str) -> None:
    """Raises `UserError` if one of these options was given, because it would have no effect."""
    for option in ctx.command.params:
        if option.name in options and given(ctx, option.name):
            raise UserError(f"{option.opts[0]} {why}. Leave it out.")


def _hear_quiet(wanted: bool) -> None:
    QUIET.set(wanted)


def _show_all(ctx: typer.Context, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.meta[ALL] = True
        typer.echo(ctx.get_help())
        raise typer.Exit


@cache
def _common() -> list[Any]:
    """--quiet and --help-all, as typer makes options. Commands need no parameters for them."""

    def options(
        quiet: Annotated[
            bool, typer.Option("--quiet", "-q", callback=_hear_quiet, help="Only results, warnings and errors.")
        ] = False,
        help_all: Annotated[
            bool, typer.Option("--help-all", callback=_show_all, is_eager=True, help="Explain all options and exit.")
        ] = False,
    ) -> None:
        pass

    alone = typer.Typer(add_completion=False)
    alone.command()(options)
    found = typer.main.get_command(alone).params
    for each in found:
        each.expose_value = False
    return list(found)
