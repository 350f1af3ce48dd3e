"""What every codec of tunes shares: their files, that no text goes with them, and that models know their tunes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.data.codecs.records import RecordCodec
from rhapsode.modalities.music import read as files
from rhapsode.modalities.music.codecs._usual import Usual
from rhapsode.modalities.music.copies import MelodyIndex
from rhapsode.modalities.music.formats import own
from rhapsode.modalities.music.line import skyline
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.tune import Tune, pitched

BARS = 16
"""Of a tune of which nothing is said, where training tunes have no form."""


class TuneCodec(RecordCodec):
    """Tunes ⇄ steps. Subclasses are one file each in this package."""

    record = "tune"
    usage = "-o tune.html"
    grid: int
    """Frames in a quarter note."""
    usual: Usual
    harmonic = False
    """Whether its steps have chords."""
    keyed = False
    """Whether what it draws is moved into a key that is asked for."""
    paced = False
    """Whether it is told how many notes a quarter are asked for."""
    drums = False
    """Whether its steps have drums."""
    programs: Sequence[int] = ()
    """Instruments that its steps tell apart, see `music.instruments`; () if they tell none."""
    loops = False
    """Whether what it draws can be a loop, see `Outline`."""
    voices = 1
    """Parts that can be drawn while others are kept; 1: there are no such."""

    def silent(self, tune: Tune) -> frozenset[int]:
        """The parts in which the tune has no notes."""
        return frozenset()

    def lost(self, record: Tune) -> dict[str, int]:
        drums = 0 if self.drums else len(record) - len(pitched(record))
        return {"notes of drums": drums} if drums else {}

    @property
    def network(self) -> dict[str, Any]:
        return {"head": self.head, "embedding": 0}

    @property
    def bars(self) -> int:
        """Of a tune of which nothing is said: those of the form that the training tunes have, if they have one."""
        return self.usual.bars or BARS

    def outline(self, bars: int | None = None) -> Outline:
        """So many bars, or `bars`, of what is usual."""
        return Outline(self.usual.tune(self.bars if bars is None else bars, self.grid))

    wanted = f"files of tunes. {files.FORMATS.known}"
    recognises = staticmethod(files.recognised)
    parts = staticmethod(files.parts)
    read = staticmethod(files.read)

    def training_index(self) -> Melodies:
        return Melodies(self)

    def seen(self, tune: Tune) -> Tune:
        """A tune as a model sees it, in its own metres: what is too fine for the steps is lost. One that the codec
        refuses stays as it is."""
        if self.refusal(tune):
            return tune
        found: Tune = self.decode(self.encode(tune), outline=Outline(tune))
        return replace(found, title=tune.title, name=tune.name)

    def dump(self, record: Tune) -> bytes:
        return (own.dumps(record) + "\n").encode()


class Melodies:
    """The training index: the melodies of training tunes, and the rate of those held out, see `music.copies`."""

    def __init__(self, codec: TuneCodec) -> None:
        self._codec = codec
        self._training: list[Tune] = []
        self._held_out: list[Tune] = []

    def add(self, record: Tune, held_out: bool) -> None:
        seen = self._codec.seen(record)
        (self._held_out if held_out else self._training).append(replace(seen, notes=skyline(seen)))

    def saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        index = MelodyIndex.of(self._training, self._held_out)
        return index.info, index.arrays


def roll(struck: np.ndarray, held: np.ndarray, lowest: int) -> str:
    """[frames, pitches] each, from the lowest pitch on, as lines from the highest to the lowest pitch, a character a
    frame: ● where a note begins, ─ where it is held."""
    used = np.flatnonzero((struck | held).any(axis=0))
    rows = range(used.max(), used.min() - 1, -1) if len(used) else ()
    signs = np.where(struck, "●", np.where(held, "─", "·"))
    return "\n".join(f"{lowest + row:3d} {''.join(signs[:, row])}" for row in rows)
