"""The folder of a training run. One run at a time may use it, and nothing in it is replaced unless the user asked for
it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rhapsode import registry
from rhapsode.errors import UserError
from rhapsode.files import checkpoint, format1
from rhapsode.files.place import made, sweep
from rhapsode.training.learning import LEARNING
from rhapsode.training.log import BOARD, LOG, PICTURE
from rhapsode.training.told import QUALITY, SAMPLES, TOLD

LOCK = ".lock"
RECORDS = (LOG, PICTURE, TOLD, SAMPLES, LEARNING)
"""The files with information about a run."""
OWN = (checkpoint.RESUME, checkpoint.MODEL, checkpoint.INDEX, checkpoint.OLD_INDEX, QUALITY, *RECORDS)
"""The files that only the run itself writes. The checkpoint comes before the model, because it is removed first."""


@contextmanager
def claimed(folder: Path, leads: bool) -> Iterator[None]:
    """Reserve the folder for this run while the context is open. The folder is made if necessary, and removed again if
    nothing was written. leads: whether this process writes. Raises `UserError` if another run uses the folder."""
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
    """The checkpoint of the run in the folder; None if there is none. Raises `UserError`."""
    path = folder / checkpoint.RESUME
    if not path.exists():
        return None
    info, _, _ = checkpoint.load_info(path)
    if not isinstance(info.get("given"), dict) or not isinstance(info.get("plan"), dict):
        raise UserError(f"{path} is not a training checkpoint. Begin anew in another folder: -o OTHER.")
    return format1.run(info)


def over(folder: Path) -> bool:
    """Whether the folder holds a model whose training is finished, and that of its auxiliary model, too, if it needs
    one.
    Raises `UserError` for files that cannot be read."""
    run = stopped_run(folder)
    if not (folder / checkpoint.MODEL).exists() or (run and not run.get("finished")):
        return False
    codec = checkpoint.load_info(folder / checkpoint.MODEL)[0].get("codec")
    auxiliary = registry.get("codec", codec["name"]).auxiliary if isinstance(codec, dict) and "name" in codec else ""
    return not auxiliary or over(folder / auxiliary)


def check_free(folder: Path) -> None:
    """Raises `UserError` if the folder holds a model or a run that a new run would replace."""
    has_model, name = (folder / checkpoint.MODEL).exists(), shlex.quote(str(folder))
    if (folder / checkpoint.RESUME).exists():
        if over(folder):
            what, on = "a finished model", "train it longer with --resume and, e.g., --minutes 5"
        else:
            what, on = "a run that was stopped", "go on with --resume"
    elif has_model:
        what, on = "a finished model", f"go on from it in another folder with --from {name} -o OTHER"
    else:
        return
    raise UserError(f"{folder} holds {what}: {on}; replace it with --overwrite; or choose another folder with -o.")


def clear(folder: Path) -> None:
    """Remove the files of earlier runs, also those of auxiliary models. Files of other commands stay."""
    with suppress(FileNotFoundError):
        for name in OWN:
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / BOARD, ignore_errors=True)
        for auxiliary in {kind.auxiliary for kind in registry.every("codec")} - {""}:
            if (folder / auxiliary).is_dir():
                clear(folder / auxiliary)
                with suppress(OSError):  # something of the user's is there
                    (folder / auxiliary / LOCK).unlink(missing_ok=True)
                    (folder / auxiliary).rmdir()


def check_kept(given: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises `UserError` if options that are given `now` differ from those with which the run began."""
    for name, value in now.items():
        was = given.get(name)
        if isinstance(value, dict) and isinstance(was, dict):
            was = {key: was.get(key) for key in value}
        if value and name in given and value != was:  # runs of early versions do not name all
            raise UserError(
                f"a resumed run keeps its {name.replace('_', ' ')}, and {value!r} is another. Leave it out; or go on "
                "from the model with other settings in another folder: --from MODEL -o OTHER."
            )
