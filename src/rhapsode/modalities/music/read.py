"""Files of music → tunes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rhapsode.errors import UserError
from rhapsode.files.formats import Formats
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.music.tune import Tune

LONGEST = 50_000
"""Quarters of a tune, and bars; longer ones are damaged, or no tunes."""
HIGHEST = 127
"""The highest pitch of MIDI. What sounds higher is damaged, or was read wrongly."""
FORMATS = Formats[Tune]("music", "a file of tunes")
recognised, parts = FORMATS.recognised, FORMATS.parts


def read(
    path: Path | Source, part: str | None = None, name: str | None = None, refused: Refusals | None = None
) -> Iterator[Tune]:
    """The tunes of a file, or of bytes that are none, as `Formats.read` has them, without those that are too long.
    Raises `UserError`, also if there is none in a file that has no parts."""
    file = name or (path.name if isinstance(path, Source) else str(path))
    own_refusals = Refusals()
    empty = part is None
    try:
        for tune in FORMATS.read(path, part, file, own_refusals):
            if tune.length > LONGEST * tune.ticks or tune.bar_count > LONGEST:
                own_refusals.skip(f"longer than {LONGEST:,} quarters or bars", tune.name)
                continue
            notes = tune.notes
            if len(notes) and not 0 <= notes["pitch"].min() <= notes["pitch"].max() <= HIGHEST:
                own_refusals.skip(f"notes that are not from 0 to {HIGHEST}, as MIDI counts them", tune.name)
                continue
            empty = False
            yield tune
        if empty:
            reasons = " ".join(own_refusals.lines()) or "There is none in it."
            raise UserError(f"{file}: no tune can be read from it. {reasons} Correct the file or leave it out.")
    finally:
        if refused is not None:
            refused.add(own_refusals)
