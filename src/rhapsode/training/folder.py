"""The folder of a training run: for one at a time, and what it tells of the run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rhapsode import checkpoint, registry
from rhapsode.errors import UserError
from rhapsode.exchange.place import made, sweep
from rhapsode.training.log import BOARD, LOG, PICTURE

LOCK = ".lock"
OWN = (checkpoint.MODEL, checkpoint.RESUME, checkpoint.KNOWN, LOG, PICTURE)
"""What only the run that has the folder writes there."""


@contextmanager
def claimed(folder: Path, leads: bool) -> Iterator[None]:
    """The folder, made if it is not there, for this run alone; made for nothing, it goes again. leads: of several
    processes, whether this is the one that writes. Raises `UserError` if another run has it."""
    begun = folder.exists()
    with made(folder):
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            if leads:
                lock.acquire()
        except Timeout:
            raise UserError(
                f"another training is writing to {folder}. Wait for it, or choose another folder: -o OTHER."
            ) from None
        try:
            if leads:
                sweep(folder, OWN)
            yield
        finally:
            lock.release()
            begun |= (folder / checkpoint.RESUME).exists()
            if leads and not begun:  # stopped before there was anything worth keeping
                shutil.rmtree(folder / BOARD, ignore_errors=True)
                for name in (*OWN, LOCK):
                    (folder / name).unlink(missing_ok=True)


def stopped_run(folder: Path) -> dict[str, Any] | None:
    """What is known of the run in it, to go on with; None if there is none. Raises `UserError`."""
    path = folder / checkpoint.RESUME
    if not path.exists():
        return None
    info, _, _ = checkpoint.load_info(path)
    if not isinstance(info.get("given"), dict) or not isinstance(info.get("plan"), dict):
        raise UserError(f"{path} is not a training checkpoint. Begin anew in another folder: -o OTHER.")
    return info


def finished(folder: Path) -> bool:
    """Whether there was a run in it that came to its end. Raises `UserError` for what is no checkpoint of one."""
    info = stopped_run(folder)
    return bool(info and info.get("finished"))


def over(folder: Path) -> bool:
    """Whether its run is, and that of a companion in it, if that has begun."""
    companions = {kind.companion for kind in registry.every("codec") if kind.companion}
    begun = [folder / name for name in companions if (folder / name / checkpoint.RESUME).exists()]
    return all(map(finished, [folder, *begun]))
