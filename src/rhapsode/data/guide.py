"""Guides: what is known from outside of the steps to come, one after another.

A guide walks along a sequence as it is read or drawn. Of the step to come it says two things:

    covariates  numbers that the network reads: the place in the bar, the chord
    mask        which values may be drawn: bars are full, a voice stays in its range, kept notes are kept

Both may depend on the steps so far. Every head can be guided; only a codec knows what a guide is about.

Some guides also *judge* what was drawn: its verdict is that the sequence may end here, may still become valid, or never
will. Then generation goes back to a settled place, and draws again (`rhapsode.inference.rewinding`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from rhapsode.data.constraint import Verdict
from rhapsode.data.shallow import shallow

NOTHING = np.zeros(0, np.float32)


class Guide:
    """A place in one sequence. Make one with a codec's `guide`. This base class says nothing: it has no covariates, and
    allows every value."""

    judges: ClassVar[bool] = False
    """Whether it judges: the methods from `verdict` on are asked only of such guides."""

    def covariates(self) -> np.ndarray:
        """[D] float32: the covariates of the next step. D is the codec's `covariates`."""
        return NOTHING

    def mask(self) -> np.ndarray | None:
        """[A] bool: which values the next step may have, in the order of `Kind.chosen`; None if it may have all.

        At least one whole step must be allowed.
        """
        return None

    def canonical(self, step: Any) -> bool:
        """Whether encoding would write this step. Other steps may mean the same, and `mask` cannot always forbid them:
        e.g. a note that is held by a second step where one step would do. Such steps are drawn again."""
        return True

    def ahead(self) -> np.ndarray | None:
        """[N, D] float32: the covariates of all further steps, if they do not depend on these steps; else None."""
        return None

    def most(self) -> int | None:
        """So many steps are still to come at the most; None if that is not known."""
        return None

    def read(self, step: Any) -> None:
        """Go on by this step."""
        return

    def read_all(self, steps: Sequence[Any]) -> Iterator[int]:
        """Go on by these steps. Yields how many were read: where a place is settled, behind the first that is refused,
        and at the end. Override it where it can be faster."""
        for count, step in enumerate(steps, start=1):
            self.read(step)
            if count == len(steps) or self.verdict() is Verdict.IMPOSSIBLE or self.settled():
                yield count

    def verdict(self) -> Verdict:
        """What the sequence so far is. It is final if it is `IMPOSSIBLE`, and the step read last is refused."""
        return Verdict.VALID

    @property
    def reason(self) -> str:
        """Why the verdict is not `VALID`, in words for the user; empty if there is no more to say."""
        return ""

    def settled(self) -> bool:
        """Whether this is a place to come back to: a unit has just ended well."""
        return False

    def sound(self, steps: Sequence[Any]) -> int | None:
        """How many of these steps are not at fault: those since the last settled place, of which the last was refused.
        What follows them is drawn again. None if that is not known, or all are."""
        return None

    def redraws(self, step: Any) -> bool:
        """Whether `instead` may have an answer for this step, which was refused. Asked at any place."""
        return False

    def instead(self, step: Any) -> np.ndarray | None:
        """[A] bool: what may be drawn in the place of `step`, which would be refused here; all False if nothing may
        follow. None if only `read` can tell. Asked only after a refusal, so that drawing costs no masks."""
        return None

    def complete(self) -> bool:
        """Whether the sequence may end here, and nothing may follow."""
        return False

    def closing(self) -> Sequence[Any] | None:
        """Steps that end what is open, and add nothing else. Empty if the sequence may end here; None if there are none
        from here."""
        return () if self.verdict() is Verdict.VALID else None

    def read_part(self, data: bytes) -> None:
        """Go on by these bytes of the next step, after which a text is cut."""
        return

    def copy(self) -> Self:
        """An independent copy. Override it if `read` changes anything in place."""
        return shallow(self)


class Ahead(Guide):
    """A guide that knows all covariates from the beginning: rows [N, D] float32, one for each step."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows, self._at = rows, 0

    def covariates(self) -> np.ndarray:
        return np.asarray(self._rows[self._at])

    def ahead(self) -> np.ndarray:
        return self._rows[self._at :]

    def most(self) -> int:
        return len(self._rows) - self._at

    def read(self, step: Any) -> None:
        self._at += 1


def along(guide: Guide, steps: Sequence[Any] | np.ndarray) -> np.ndarray:
    """The covariates of each of these steps [N, ...] as the guide reads them: [N, D] float32."""
    if type(guide) is Guide:  # it reads nothing, and long texts cost nothing
        return np.zeros((len(steps), 0), np.float32)
    rows = []
    for step in steps:
        rows.append(guide.covariates())
        guide.read(step)
    return np.array(rows, np.float32) if rows else np.zeros((0, len(guide.covariates())), np.float32)
