"""The common part of demos: a folder, a model that is trained once, and output files that replace no others."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.report import Report
from rhapsode.training.folder import over
from rhapsode.training.run import train


def check_own(folder: Path, mark: str) -> None:
    """Raises `UserError` for a folder that is neither empty nor of this demo. mark: a file that each folder of it
    has."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Name a folder for the demo: -o FOLDER.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).exists():
        raise UserError(f"{folder} holds something else than this demo. Name another folder: -o FOLDER.")


def trained(source: Path, home: Path, report: Report, *, minutes: float, **how: Any) -> bool:
    """Train the demo's model, or resume its training, or use the model of an earlier run. Returns whether it is
    finished."""
    if not over(home):
        stopped = (home / checkpoint.RESUME).exists()
        budget = None if stopped else minutes  # it has its own
        return train([source], home, minutes=budget, resume=stopped, report=report, **how).finished
    report.note(
        f"The model is that of an earlier run. Longer: rhapsode train -o {home} --resume --minutes 3; or remove "
        f"{home.parent} to begin anew."
    )
    return True


def free(folder: Path, *names: str) -> list[Path]:
    """The first paths for new files that do not exist yet: these names, or all with the same number (`a-2.svg`).

    A file of several pages has more numbers behind its name. So a name counts as taken if one of its pages exists.
    """
    there = [each.name for each in folder.iterdir()]
    for number in count(1):
        found = [folder / name if number == 1 else folder / _numbered(name, number) for name in names]
        patterns = [re.compile(rf"{re.escape(one.stem)}(-[0-9]+)?{re.escape(one.suffix)}") for one in found]
        if not any(pattern.fullmatch(name) for pattern in patterns for name in there):
            return found
    raise AssertionError


def _numbered(name: str, number: int) -> str:
    return f"{Path(name).stem}-{number}{Path(name).suffix}"
