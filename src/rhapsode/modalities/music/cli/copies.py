"""How much of a tune is copied from those that a model knows, for `compose` and `inspect`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.builders import Sample
    from rhapsode.inference.model import Model
    from rhapsode.modalities.music.copies import Copied, MelodyIndex, Rate

TRIES = 64
"""Tunes drawn for each that is wanted, at the most."""


def index_beside(model: Model, needed: bool = True) -> MelodyIndex | None:
    """The training index that lies beside the model, if one does. Raises `UserError` for a damaged file; if
    they are not needed, it is a warning."""
    from rhapsode.files import checkpoint
    from rhapsode.modalities.music.copies import MelodyIndex

    path = checkpoint.index(model.path.parent) if model.path else None
    if path is None:
        return None
    try:
        info, mark, found = checkpoint.load_info(path)
        arrays = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in found.items()}, mark)
        return MelodyIndex.restored(info, arrays, str(path))
    except UserError as error:
        if needed:
            raise
        typer.echo(f"warning: {error}", err=True)
        return None


def needed(index: MelodyIndex | None, model: Model, what: str) -> MelodyIndex:
    """Raises `UserError` if there is no training index."""
    if index is None:
        from rhapsode.files.checkpoint import INDEX

        raise UserError(
            f"{what}: it is not known which tunes {model.path} was trained on: {INDEX} is not beside it. "
            "Train again, copy that file there, or leave the option out."
        )
    return index


def draw(
    rows: Callable[[int, int], list[Sample]], index: MelodyIndex | None, samples: int, most: int | None
) -> list[Sample]:
    """So many samples that copy no more than `most` notes in a row, the first of their seed.

    rows: draws so many samples, from this row of the seed on. Raises `UserError` if there are too few in `TRIES` times
    as many.
    """
    if index is None or most is None:
        return rows(samples, 0)
    found: list[Sample] = []
    longest: list[int] = []
    while len(found) < samples and len(longest) < TRIES * samples:
        for one in rows(min(samples - len(found), TRIES * samples - len(longest)), len(longest)):
            longest.append(index.longest(one.record).notes)
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
