"""Commands that take every option at its word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from rhapsode.errors import UserError


class Command(TyperCommand):
    """A command that refuses an option of one value if it is given twice, since only the last one would count."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises `UserError`."""
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        for option, times in Counter(given).items():
            single = not (getattr(option, "is_flag", False) or getattr(option, "multiple", False))
            if times > 1 and single and option.param_type_name == "option":
                raise UserError(f"{max(option.opts, key=len)} was given {times} times; it takes one value. Give one.")
        return super().parse_args(ctx, args)


class Commands(typer.Typer):
    """Commands by name, each a `Command`."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        return super().command(name, **{"cls": Command, **settings})
