"""What every codec of tunes shares: their files, and that no text goes with them."""

from __future__ import annotations

import numpy as np

from rhapsode.codecs._records import RecordCodec
from rhapsode.music import read as files
from rhapsode.music.formats import own
from rhapsode.music.tune import Tune


class TuneCodec(RecordCodec):
    """Tunes ⇄ steps. Subclasses are one file each in this package."""

    record = "tune"

    recognises = staticmethod(files.recognised)
    parts = staticmethod(files.parts)
    read = staticmethod(files.read)

    def dump(self, record: Tune) -> bytes:
        return (own.dumps(record) + "\n").encode()

    @classmethod
    def text_of(cls, record: Tune) -> str | None:
        return None

    @property
    def alphabet(self) -> str:
        return ""


def roll(struck: np.ndarray, held: np.ndarray, lowest: int) -> str:
    """[frames, pitches] each, from the lowest pitch on, as lines from the highest to the lowest pitch, a character a
    frame: ● where a note begins, ─ where it is held."""
    used = np.flatnonzero((struck | held).any(axis=0))
    rows = range(used.max(), used.min() - 1, -1) if len(used) else ()
    signs = np.where(struck, "●", np.where(held, "─", "·"))
    return "\n".join(f"{lowest + row:3d} {''.join(signs[:, row])}" for row in rows)
