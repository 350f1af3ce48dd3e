"""How a voice says what it does, as fields of a tuple: a pitch, a rest, that it holds on, that the tune is over.

Plain, that is one field. In circles of thirds (Franklin, "Recurrent neural networks and pitch representations for music
tasks", 2004; "Jazz melody generation using recurrent networks", 2005) a pitch is the circle of major thirds that it is
in, one of four (p mod 4), and that of minor thirds, one of three (p mod 3), which together say the pitch class; and its
octave.
"""

from __future__ import annotations

import numpy as np

REST, HELD, END, FIRST = 0, 1, 2, 3
"""Values of a voice; from FIRST on, pitches from the lowest one up."""


class Pitches:
    """Values ⇄ fields, of pitches from `lowest` on, `places` of them."""

    def __init__(self, lowest: int, places: int, thirds: bool) -> None:
        self.lowest, self.places, self.thirds = lowest, places, thirds
        self.size = FIRST + places
        self._bottom = lowest // 12
        every = np.arange(self.size)
        self._table = every[:, None] if not thirds else self._circles(every)
        """[size, F]: the fields of each value."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Values of each field."""
        if not self.thirds:
            return (self.size,)
        return (FIRST + 1, 4, 3, (self.lowest + self.places - 1) // 12 - self._bottom + 1)

    def _circles(self, values: np.ndarray) -> np.ndarray:
        pitches = np.maximum(values - FIRST, 0) + self.lowest
        fields = np.stack([np.minimum(values, FIRST), pitches % 4, pitches % 3, pitches // 12 - self._bottom], axis=-1)
        fields[values < FIRST, 1:] = 0
        return fields

    def fields(self, values: np.ndarray) -> np.ndarray:
        """[N] → [N, F]."""
        return np.asarray(self._table[values])

    def values(self, fields: np.ndarray) -> np.ndarray:
        """[N, F] → [N]; what circles say beyond the range is the next octave's that is in it."""
        if not self.thirds:
            return fields[:, 0].astype(np.int64)
        what, four, three, octave = np.moveaxis(fields.astype(np.int64), -1, 0)
        pitches = 12 * (octave + self._bottom) + (9 * four + 4 * three) % 12
        highest = self.lowest + self.places - 1
        pitches += 12 * np.maximum(0, -((pitches - self.lowest) // 12)) - 12 * np.maximum(
            0, -((highest - pitches) // 12)
        )
        return np.asarray(np.where(what < FIRST, what, np.clip(pitches - self.lowest, 0, self.places - 1) + FIRST))

    def mask(self, values: np.ndarray) -> list[np.ndarray]:
        """[size] bool → of each field, [values of the field] bool: which of them an allowed value has. Of circles, not
        every combination of these is allowed, unless there is but one."""
        if not self.thirds:
            return [values]
        found = self._table[values]
        return [np.isin(np.arange(size), found[:, n]) for n, size in enumerate(self.sizes)]
