"""Verbs, the commands that sample from a model: each modality has one. (In earlier versions, `rhapsode generate` was
for all models.)"""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import Any

from rhapsode.console.brought import every
from rhapsode.console.commands import NOTES, Command, Group
from rhapsode.console.modality import Modality
from rhapsode.console.sampling import modality_of_model
from rhapsode.errors import UserError

ONCE = "generate"
"""The verb that accepts any model, and calls the right command."""


class Verbs(Group):
    """All commands. If a model is given to the verb of another modality, the right verb is used or named."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Raises `UserError`, which names the right command, if a model is given to the verb of another modality."""
        name, command, rest = super().resolve_command(ctx, args)
        right = None if ctx.resilient_parsing else self._modality(ctx, name, rest)
        if right is None or right.verb == name:
            return name, command, rest
        meant = self.commands[right.verb]
        assert isinstance(meant, Command)
        rest = meant.current(rest)
        whole = shlex.join(["rhapsode", right.verb, *rest])
        if name != ONCE:
            raise UserError(f"{meant.first(ctx, rest)} is a model of {right.noun}. The command is: {whole}")
        ctx.meta.setdefault(NOTES, []).append(f"note: for models of {right.noun}, the command is: {whole}")
        return right.verb, meant, rest

    def _modality(self, ctx: Any, verb: str | None, args: list[str]) -> Modality | None:
        """The modality of the model in the arguments of a verb, if they are valid arguments of that modality's verb."""
        verbs = {modality.verb for modality in every()}
        for other in sorted(verbs, key=lambda each: each != verb) if verb in verbs else ():
            command = self.commands[other]
            if isinstance(command, Command) and (model := command.first(ctx, args)):
                with suppress(UserError):  # the command will say what is wrong with it
                    found = modality_of_model(model)
                    if found.verb == other:
                        return found
        return None
