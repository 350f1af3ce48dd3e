"""Errors a person can act on.

Every mistake of the user ends as one `UserError`: it says what was wrong, where, what is allowed
and what to do next. The command line prints its message and exits with status 2; anything else
that escapes is a failure of ours and exits with status 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in what the user asked for, gave or pointed at. `str(error)` is the whole message."""


class NotFinite(Exception):
    """The loss or a gradient is not a finite number. The trainer catches this and goes back to its last good state."""


def choice(what: str, given: str, allowed: Iterable[str], hint: str = "", meant: str = "") -> UserError:
    """The error for a name that is not one of `allowed`. It suggests `meant`, or else the most similar name."""
    names = sorted(allowed)
    given = given if len(given) <= 80 else given[:80] + "…"
    close = [meant] if meant else get_close_matches(given, names, n=1)
    message = f"{what}: " * bool(what) + f"{given!r} is not known."
    if close:
        message += f" Did you mean {close[0]!r}?"
    message += f" Allowed: {', '.join(names)}."
    return UserError(f"{message} {hint}".rstrip())
