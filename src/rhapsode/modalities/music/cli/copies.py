"""How much of a tune is copied from those that a model knows, for `generate` and `inspect`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.builders import Sample
    from rhapsode.inference.model import Model
    from rhapsode.modalities.music.copies import Copied, Known, Rate

TRIES = 64
"""Tunes drawn for each that is wanted, at the most."""


def known_beside(model: Model, needed: bool = True) -> Known | None:
    """The training tunes that training has put beside the model, if it has. Raises `UserError` for a damaged file; if
    they are not needed, it is a warning."""
    from rhapsode.files import checkpoint
    from rhapsode.modalities.music.copies import Known

    path = model.path.parent / checkpoint.KNOWN if model.path else None
    if path is None or not path.exists():
        return None
    try:
        info, mark, found = checkpoint.load_info(path)
        arrays = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in found.items()}, mark)
        return Known.restored(info, arrays, str(path))
    except UserError as error:
        if needed:
            raise
        typer.echo(f"warning: {error}", err=True)
        return None


def needed(known: Known | None, model: Model, what: str) -> Known:
    """Raises `UserError` if there are no known tunes."""
    if known is None:
        from rhapsode.files.checkpoint import KNOWN

        raise UserError(
            f"{what}: it is not known which tunes {model.path} was trained on: {KNOWN} is not beside it. "
            "Train again, copy that file there, or leave the option out."
        )
    return known


def draw(rows: Callable[[int, int], list[Sample]], known: Known | None, samples: int, most: int | None) -> list[Sample]:
    """So many samples that copy no more than `most` notes in a row, the first of their seed.

    rows: draws so many samples, from this row of the seed on. Raises `UserError` if there are too few in `TRIES` times
    as many.
    """
    if known is None or most is None:
        return rows(samples, 0)
    found: list[Sample] = []
    longest: list[int] = []
    while len(found) < samples and len(longest) < TRIES * samples:
        for one in rows(min(samples - len(found), TRIES * samples - len(longest)), len(longest)):
            longest.append(known.longest(one.record).notes)
            found += [one] if longest[-1] <= most else []
    if len(found) < samples:
        least = sorted(longest)[samples - 1]
        raise UserError(
            f"--max-copy {most}: of {len(longest)} tunes drawn, {len(found)} copy no more than {most} notes in a row "
            f"from a training tune, and {samples} are wanted. --max-copy {least} would do; or raise --temperature, or "
            "ask for fewer bars."
        )
    return found


def told(copied: Copied, rate: Rate | None = None) -> str:
    """A line for people."""
    said = "copied  no two notes in a row"
    if copied.notes:
        title = f' "{copied.title}"' if copied.title else ""
        said = (
            f"copied  {copied.notes} of {copied.of} notes in a row (bar {copied.bar}) from {copied.name or 'a tune'}"
            f"{title} (bar {copied.known_bar}), {_percent(copied.share)} in such runs of {_long()} or more"
        )
    return f"{said}; held-out tunes: {spread(rate)}" if rate and rate.tunes else said


def spread(rate: Rate) -> str:
    (half, most), (half_share, most_share) = rate.notes, rate.share
    return f"half up to {half} and {_percent(half_share)}, one in twenty over {most} and {_percent(most_share)}"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _long() -> int:
    from rhapsode.modalities.music.copies import LONG

    return LONG
