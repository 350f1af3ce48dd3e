"""Standard streams and signals of commands. Streams may be closed or full, and a terminal may have disappeared."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, cast

from rhapsode.errors import UserError
from rhapsode.files.place import reason

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals at which a command ends, after it has removed its temporary files."""


class _Stream:
    """A stream whose failures go to `check`. missing: whether it was closed when the program began."""

    def __init__(self, stream: Any, missing: bool = False) -> None:
        self._stream, self.missing = stream, missing
        self._error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: Any) -> int:
        try:
            self._stream.write(data)
        except OSError as error:
            self._error = error
        self.check()
        return len(data)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._error = error
        self.check()

    def check(self) -> None:
        raise NotImplementedError


class _Results(_Stream):
    """A failure of writing is a `UserError`, which is raised again at each use, since some libraries ignore such
    errors."""

    @property
    def buffer(self) -> _Results:
        return _Results(self._stream.buffer)

    def check(self) -> None:
        if isinstance(self._error, BrokenPipeError):
            raise self._error
        if self._error is not None:
            raise UserError(
                f"cannot write to standard output: {reason(self._error)}. Send it to a file or another program."
            )


class _Messages(_Stream):
    """A message that cannot be written is lost: no work must end because nobody can read its messages."""

    def check(self) -> None:
        if self._error is not None:
            silence(self._stream)
            self._error = None


@contextmanager
def standard() -> Iterator[None]:
    """The context of a command: standard streams whose failures become messages, and signals that end the work.

    Names that are not UTF-8 are written as their bytes. Characters that a stream cannot write become escapes.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    # What is closed is opened the wrong way round: reading or writing fails, and no file gets its number.
    sys.stdin = sys.stdin or _nowhere(os.O_WRONLY, "r")
    out = sys.stdout or _nowhere(os.O_RDONLY, "w")
    messages = sys.stderr or _nowhere(os.O_WRONLY, "w")
    codecs.register_error("rhapsode", _escaped)
    usual = getattr(out, "errors", None), getattr(messages, "errors", None)
    _reconfigured(out, "rhapsode")
    _reconfigured(messages, "backslashreplace")
    sys.stdout, sys.stderr = cast(Any, _Results(out, before[1] is None)), cast(Any, _Messages(messages))
    try:
        with _ending():
            yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        try:
            out.flush()
        except OSError:  # Python would try again when it ends
            silence(out)
        _reconfigured(out, usual[0])
        _reconfigured(messages, usual[1])


def _reconfigured(stream: Any, errors: str | None) -> None:
    if hasattr(stream, "reconfigure"):
        with suppress(OSError):
            stream.reconfigure(errors=errors)


def _nowhere(flags: int, mode: str) -> Any:
    return open(os.open(os.devnull, flags), mode, closefd=False)  # noqa: SIM115 — open to the end


def check_open() -> None:
    """Raises `UserError` if results cannot be written to stdout. Call it before the work begins."""
    if isinstance(sys.stdout, _Results) and sys.stdout.missing:
        sys.stdout.write(" ")  # it fails now instead of later
        sys.stdout.flush()


def silence(stream: Any) -> None:
    """Discard everything that is still to be written to the stream."""
    with suppress(OSError, ValueError):  # it may be no real file (in tests)
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


@contextmanager
def _ending() -> Iterator[None]:
    """While this context is open, SIGTERM and SIGHUP end the work like an error, so that it can clean up."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    main = threading.current_thread() is threading.main_thread()
    mine = [number for number in SIGNALS if main and signal.getsignal(number) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)
