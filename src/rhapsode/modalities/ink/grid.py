"""Finding the grid that coordinates lie on. A density is unbounded on a grid, so whoever models one must know of it."""

from __future__ import annotations

import numpy as np

ENOUGH = 0.97
"""Part of the offsets that must lie near the grid."""
NEAR = 0.15
"""How near, in pitches; of offsets that know no grid, 30 % are as near."""
FEW = 30
"""Fewer different offsets than this cannot show a grid."""
NOTHING = 1e-9
"""Of the median offset: what is less is a rounding error of float64, as where curves become points."""
REACH = 40
"""Offsets of more pitches are not looked at: the error of a rounded factor, as from cm to inches, adds up."""


def pitch(offsets: np.ndarray) -> float:
    """The pitch of the grid that offsets [N] lie on, about: 0 if there is none. Rounding errors are forgiven."""
    size = np.abs(offsets[np.isfinite(offsets)])
    size = np.sort(size[size > 0])
    size = size[size > NOTHING * np.median(size)] if len(size) else size
    if len(size) < FEW:
        return 0.0
    # The least offset may be a rounding error: the pitch is the least one that is not rare, or a fraction of it.
    floor = size[len(size) // 200]
    least = float(np.median(size[(size >= floor * 0.999) & (size < 1.5 * floor)]))
    for part in (1, 2, 3):
        step = least / part
        # Rounded factors make the steps of one grid uneven, so the first guess may be some per cent off: small
        # multiples, then larger ones, correct it.
        for reach in (4, 12, REACH):
            near = size[size < reach * step]
            multiple = np.maximum(np.round(near / step), 1)
            if len(near) < FEW:
                break
            off = np.abs(near / step - multiple)
            step = float((near @ multiple) / (multiple @ multiple))
        if len(near) >= FEW and (off < NEAR).mean() >= ENOUGH:
            return step
    return 0.0
