"""What a modality adds to the studio: paths of its own, for its pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhapsode.serving.app import Answers


@dataclass(frozen=True)
class Place:
    """Where a studio is. below: the folder in which it makes files. find: name of a model → its file; raises
    `UserError` if there is none."""

    below: Path
    find: Callable[[str], Path]


@dataclass(frozen=True)
class Brought:
    """paths: (method, path, what answers) each; the answers may raise `UserError`. close: ends what is under way."""

    paths: Sequence[tuple[str, str, Answers]]
    close: Callable[[], None] = lambda: None
