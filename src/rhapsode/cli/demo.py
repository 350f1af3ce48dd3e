"""`rhapsode demo`: a command for each demo that a modality brings."""

from __future__ import annotations

from typing import Any

from rhapsode.console.brought import every, modality_of
from rhapsode.console.commands import Commands, Group
from rhapsode.errors import choice


class Demos(Group):
    """The demos by name. Without a name, it is that of plain text."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [_first(), *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Raises `UserError` for a name that no demo has."""
        if args[0] not in self.commands:
            raise choice("demo", args[0], sorted(self.commands))
        return super().resolve_command(ctx, args)


def _first() -> str:
    from rhapsode.data.recognition import plain_codec

    demo = modality_of(plain_codec()).demo()
    assert demo is not None
    return demo[0]


app = Commands(
    cls=Demos,
    help="Learn from what every machine has, then draw.\n\n"
    "Without a name, it is text. All that a demo makes is put into one folder. Run again, it takes the model from "
    "there, and adds to it.",
)
for modality in every():
    if (demo := modality.demo()) is not None:
        app.command(demo[0])(demo[1])
