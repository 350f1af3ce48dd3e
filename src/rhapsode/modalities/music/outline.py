"""What is known of a tune before it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rhapsode.modalities.music.keys import distance, home, within
from rhapsode.modalities.music.tune import Tune, pitched, rescaled, transposed

SCALES = {0: (0, 2, 4, 5, 7, 9, 11), 9: (0, 2, 4, 5, 7, 8, 9, 11)}
"""Pitch classes above the major key's tonic; in minor (mode 9), with its leading note. Other modes are as major."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A tune of which something is to be drawn.

    tune:     its length, metre, key; its chords, if it has any, are kept; and its notes, where they are to be kept.
    bars:     the bars that are to be drawn, counted from 0; None for all.
    parts:    the parts that are to be drawn; None for all. Outside of these and of `bars`, notes are kept as they are.
    density:  notes a quarter; None for what is usual.
    in_key:   only notes of the key's scale are drawn.
    programs: only these instruments play, see `music.instruments`; None for all that the model knows.
    tempo:    quarter notes a minute, all along; None for what is usual, or drawn.
    loop:     it is played again and again, so that its last bar leads into the first. For that the first bar is drawn
              once more behind the end, as it was; `timed` leaves that out. The tune has whole bars.
    """

    tune: Tune
    bars: frozenset[int] | None = None
    parts: frozenset[int] | None = None
    density: float | None = None
    in_key: bool = False
    programs: frozenset[int] | None = None
    tempo: float | None = None
    loop: bool = False

    @property
    def drawn_along(self) -> Tune:
        """The tune; of a loop, with its first bar again behind the end, with the chords of that."""
        tune = self.tune
        if not self.loop:
            return tune
        chords = (replace(each, tick=each.tick + tune.length) for each in tune.chords if each.tick < tune.bar)
        return replace(tune, length=tune.length + tune.bar, chords=(*tune.chords, *chords))

    @property
    def beyond(self) -> int:
        """Bars to come after those of `drawn_along`: of a loop those of its second round."""
        return self.tune.bar_count - 1 if self.loop else 0

    def scale(self, tune: Tune) -> frozenset[int]:
        """Pitch classes that may be drawn, for `tune`, the outline's own or that moved into another key: of its key, if
        `in_key`, else all."""
        if not self.in_key:
            return frozenset(range(12))
        key = home(tune)
        return frozenset((7 * key.sharps + tone) % 12 for tone in SCALES.get(key.mode, SCALES[0]))

    def timed(self, tune: Tune) -> Tune:
        """What was drawn along it, with its metres and tempos."""
        own = rescaled(self.tune, tune.ticks)
        if self.loop:
            tune = _before(tune, own.length)
        return replace(
            tune, metres=own.metres or tune.metres, tempos=own.tempos or tune.tempos, title=own.title, name=own.name
        )

    def placed(self, tune: Tune, shifts: Sequence[int] = ()) -> Tune:
        """What was drawn along it in the key without accidentals: in its own key, from which it was moved there as
        `keys.natural` does it, with its metres, tempos, chords."""
        own = rescaled(self.tune, tune.ticks)
        moved = transposed(tune, within(-distance(own, shifts), pitched(tune)["pitch"]), own.keys)
        return replace(self.timed(moved), chords=own.chords or moved.chords)

    def drawn(self, bar: int, part: int) -> bool:
        """Whether a bar of a part is to be drawn."""
        return (self.bars is None or bar in self.bars) and (self.parts is None or part in self.parts)


def outlined(record: Tune | Outline) -> Outline:
    """What is known of a whole tune: all but its notes."""
    return record if isinstance(record, Outline) else Outline(record)


def _before(tune: Tune, tick: int) -> Tune:
    """What begins before a tick, which is the end of all."""
    notes = tune.notes[tune.notes["start"] < tick].copy()
    notes["length"] = np.minimum(notes["length"], tick - notes["start"])
    return replace(tune, notes=notes, length=tick, chords=tuple(each for each in tune.chords if each.tick < tick))
