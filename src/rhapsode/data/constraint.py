"""Constraints: what a text that is being written must be, so that it needs no repair.

A constraint walks along the bytes of a text, prompt included. At each place it says whether the text may end here, may
still become valid, or never will. Where it never will, generation goes back to a *settled* place, and draws again: the
past of an LSTM is one small state, so that is cheap. At the end, `closing` ends what is open.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Self

from rhapsode.data.shallow import shallow

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.data.codecs.text import TextCodec


class Verdict(Enum):
    """What a text is at one place."""

    VALID = "valid"
    """It may end here."""
    INCOMPLETE = "incomplete"
    """It may not end here, but may become valid."""
    IMPOSSIBLE = "impossible"
    """Whatever follows, it does not become valid."""


class Constraint(ABC):
    """A place in one text. Subclasses are one file each in a modality's folder `constraints`, found by their name."""

    name: ClassVar[str]
    argument: ClassVar[str] = ""
    """What must follow the name and a colon, as help shows it: `PATTERN`. Empty: nothing follows."""
    local: ClassVar[bool] = False
    """Whether what follows names a file, a program or a package of this machine, so that no stranger may say it."""
    reason = ""
    """Why the text is impossible, and where, in words for the user."""
    breaks: ClassVar[re.Pattern[bytes] | None] = None
    """The bytes behind which the text can be settled; None: any. More is read at a time where they are rare."""

    def __init__(self, argument: str = "") -> None:
        """argument: what the user gave behind the name and a colon. Raises `UserError`."""
        self._argument = argument

    @property
    @abstractmethod
    def verdict(self) -> Verdict:
        """What the text read so far is. It is final if it is `IMPOSSIBLE`."""

    @property
    def settled(self) -> bool:
        """Whether a unit of the text (a line, a statement, an element) has just ended well: a place to come back to."""
        return self.verdict is Verdict.VALID

    @abstractmethod
    def read(self, data: bytes) -> Verdict:
        """Go on by these bytes, any number of them, and return the verdict. It may come late, but not after the end of
        the unit: a line of Python is judged at its end. How the bytes are cut into calls makes no difference."""

    def prompted(self, data: bytes) -> Verdict:
        """Go on by a prompt, and return the verdict."""
        return self.read(data)

    @property
    def fault(self) -> int:
        """How many of the bytes that were read last are at fault, if the text is impossible: the text before them may
        become valid. Then these alone are drawn again. 0 if that is not known, or all since the last settled place."""
        return 0

    def closing(self) -> bytes | None:
        """A short text with which the text becomes valid: it ends what is open, and adds nothing else. Empty if it is
        valid. None if there is none from here (in the middle of a name); the place before may have one."""
        return b"" if self.verdict is Verdict.VALID else None

    def mask(self) -> np.ndarray | None:
        """[V] bool: the symbols that may follow; at least one, or the text ends here. None if only `read` can tell."""
        return None

    def bound(self, codec: TextCodec) -> Constraint:
        """The same constraint for texts of this codec. Those that have masks need it."""
        return self

    def copy(self) -> Self:
        """An independent copy. Override it if `read` changes anything in place."""
        return shallow(self)
