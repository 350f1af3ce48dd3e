"""A command that the studio attends to: `python -m rhapsode.studio.attended train …` is `rhapsode train …`, but it
ends, as at Ctrl-C, when the studio does, however that ends.

The studio holds the other end of its standard input, which no process outlives.
"""

from __future__ import annotations

import os
import runpy
import signal
import threading


def watch(handle: int) -> None:
    """Wait until nobody holds the other end of a pipe; then interrupt this process."""
    while os.read(handle, 1):
        pass
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    mine = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the command finds nothing there
    os.close(nothing)
    threading.Thread(target=watch, args=(mine,), daemon=True).start()
    runpy.run_module("rhapsode", run_name="__main__", alter_sys=True)
