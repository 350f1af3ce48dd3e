"""Work in a separate process, with limits of time and memory, for libraries that can crash on damaged data.

png = apart.asked("rhapsode.modalities.music.notation", data, "2100", what="this score")    # in the program
sys.exit(apart.answered(work))                                                   # at the end of that module
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from rhapsode.errors import UserError

SECONDS, MEMORY = 60.0, 4 << 30
REFUSED = 2


def asked(module: str, data: bytes, *arguments: str, what: str, seconds: float = SECONDS) -> bytes:
    """Run a module as a program, give it `data` on stdin, and return what it writes to stdout.

    what: a name for the data, used in messages.
    Raises `UserError` if the module reports one, if it crashes, and if it runs for too long.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise UserError(f"{what}: not done after {seconds:.0f} s. Try less of it.") from None
    if done.returncode == REFUSED and done.stdout:
        raise UserError(done.stdout.decode())
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        why = f"ended with status {done.returncode}" + "".join(f": {line[:200]}" for line in last)
        raise UserError(f"{what}: damaged, the library that reads it {why}. Fetch or make it again.")
    return done.stdout


def answered(work: Callable[[bytes], bytes]) -> int:
    """The other side of `asked`: apply `work` to stdin and write the result to stdout, or the message of a `UserError`.
    Returns the exit status."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):  # a system without such limits
        pass
    try:
        found, status = work(sys.stdin.buffer.read()), 0
    except UserError as error:
        found, status = str(error).encode(), REFUSED
    sys.stdout.buffer.write(found)
    return status
