"""Heavy imports that no signal can interrupt, and packages that not everybody has."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rhapsode.console.streams import SIGNALS
from rhapsode.errors import UserError


@contextmanager
def unbroken() -> Iterator[None]:
    """While this context is open, Ctrl-C and other signals that end the program wait until its imports are done. A
    second signal does not wait.

    If KeyboardInterrupt is raised while torch or numpy is imported, their C code loses it, and the program goes on with
    half a numpy until it fails somewhere else.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    now = {number: signal.getsignal(number) for number in (signal.SIGINT, *SIGNALS)}
    old = {number: handler for number, handler in now.items() if callable(handler)}
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        if heard:
            old[number](number, frame)
        heard.append(number)

    for number in old:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
    for number in heard:
        old[number](number, None)


def needs_server(command: str) -> None:
    """Import what a server needs. Raises `UserError` if it is not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise UserError(f"rhapsode {command} needs packages of its own: pip install 'rhapsode[serve]'.") from None
