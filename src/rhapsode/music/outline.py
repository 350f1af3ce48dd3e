"""What is known of a tune before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from rhapsode.music.tune import Tune

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
    """

    tune: Tune
    bars: frozenset[int] | None = None
    parts: frozenset[int] | None = None
    density: float | None = None
    in_key: bool = False

    @property
    def scale(self) -> frozenset[int]:
        """Pitch classes of the key; all where none is known."""
        if not self.tune.keys:
            return frozenset(range(12))
        key = self.tune.keys[0]
        return frozenset((7 * key.sharps + tone) % 12 for tone in SCALES.get(key.mode, SCALES[0]))

    def drawn(self, bar: int, part: int) -> bool:
        """Whether a bar of a part is to be drawn."""
        return (self.bars is None or bar in self.bars) and (self.parts is None or part in self.parts)


def outlined(record: Tune | Outline) -> Outline:
    """What is known of a whole tune: all but its notes."""
    return record if isinstance(record, Outline) else Outline(record)
