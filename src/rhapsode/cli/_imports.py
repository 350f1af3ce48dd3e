"""Heavy imports that Ctrl-C cannot cut in half."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def unbroken() -> Iterator[None]:
    """Ctrl-C waits until the imports in here are done; a second one does not.

    Raised in the midst of importing torch or numpy, KeyboardInterrupt is lost in their C code, and the run goes on
    with half a numpy until it fails somewhere else.
    """
    old = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(old):
        yield
        return
    heard = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            raise KeyboardInterrupt
        heard = True

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)
    if heard:
        raise KeyboardInterrupt
