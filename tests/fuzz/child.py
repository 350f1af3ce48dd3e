"""A process that gives readers damaged input until its time is over, and says what came out that should not.

    python -m tests.fuzz.child GROUP SECONDS SEED FOLDER

An input's outcome is a result or a `UserError`, within `CPU_SECONDS` and `MEMORY`. All else is written to FOLDER: the
input, and a line of JSON about it in `found.jsonl`; `now` says which input is in work, should the process not survive.
Each input is made by a generator of its own, seeded with GROUP, SEED, the target and a number: it can be made again.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from types import FrameType

from rhapsode.errors import UserError
from tests.fuzz.targets import GROUPS, Target

CPU_SECONDS = 5
"""Of a file of at most 128 kB, on a slow and busy machine."""
MEMORY = 1 << 30
"""Bytes that are taken beyond those when work begins."""
READ, REFUSED, WRONG = "read", "refused", "wrong"
KEPT = 50
"""Findings after which it ends."""


class TooLong(BaseException):
    """An input took more than `CPU_SECONDS`."""


def main(group: str, seconds: float, seed: int, folder: Path) -> int:
    os.environ["FUZZ_FOLDER"] = str(folder)
    signal.signal(signal.SIGVTALRM, _too_long)
    targets = GROUPS[group]()
    for target in targets.values():  # what is imported here counts as the program's own memory
        for seed_ in target.seeds:
            _outcome(target, seed_, folder)
    _limit()
    found: dict[tuple[str, str], dict[str, object]] = {}
    tried = 0
    outcomes = Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(found) < KEPT:
        name = sorted(targets)[tried % len(targets)]
        data = targets[name].change(Random(f"{group} {seed} {tried}"), targets[name].seeds)
        (folder / "now").write_text(f"{name} {tried}")
        (folder / "input").write_bytes(data)
        outcome, trace = _outcome(targets[name], data, folder)
        outcomes[outcome if outcome in (READ, REFUSED) else WRONG] += 1
        if outcome not in (READ, REFUSED) and (key := (name, outcome)) not in found:
            kept = folder / f"{group}-{name.partition('.')[0]}-{tried}{targets[name].suffix}"
            kept.write_bytes(data)
            found[key] = {"target": name, "number": tried, "what": outcome, "trace": trace, "input": str(kept)}
            with open(folder / "found.jsonl", "a") as lines:
                lines.write(json.dumps(found[key]) + "\n")
        tried += 1
    print(json.dumps({"tried": tried, **outcomes}))
    return 0


def _outcome(target: Target, data: bytes, folder: Path) -> tuple[str, str]:
    """`READ`, `REFUSED`, or what went wrong with an input, in a line and in many."""
    place = folder / "work"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    path = place / f"input{target.suffix}"
    path.write_bytes(data)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            target.take(path)
    except UserError:
        return REFUSED, ""
    except (Exception, TooLong) as error:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        frames = [each for each in traceback.extract_tb(error.__traceback__) if "rhapsode" in each.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "the test"
        return f"{type(error).__name__} at {where}", "".join(traceback.format_exception(error))[-3000:]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return READ, ""


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong


def _limit() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _linux() else 1 << 32
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))


def _linux() -> bool:
    return sys.platform.startswith("linux")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
