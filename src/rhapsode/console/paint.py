"""Coloured texts: by surprise, or by another number of each part."""

from __future__ import annotations

import codecs
import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rhapsode.console.output import visible

if TYPE_CHECKING:
    from rhapsode.inference.score import Surprise

SATURATED = 10.0
"""Bits of surprise at which the colour is as strong as it gets."""


class Painter:
    """Writes a text: the more surprising a step was, the redder is its background. Without colours, it writes plain
    bytes."""

    def __init__(self, write: Callable[[bytes], None], colours: bool) -> None:
        self._write, self._colours = write, colours
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._nats = 0.0
        self._last = b""

    def add(self, step: Surprise) -> None:
        """The next step."""
        self._nats += step.nats  # of all steps that make up a character
        self._last = step.data or self._last
        if self._colours:
            self._paint(self._decoder.decode(step.data))
        else:
            self._write(step.data)

    def _paint(self, text: str) -> None:
        if text:
            self._write(shaded(text, self._nats / math.log(2) / SATURATED).encode())
            self._nats = 0.0

    def close(self) -> None:
        """End the text. The next output begins on a new line."""
        if self._colours:
            self._paint(self._decoder.decode(b"", True))
        if self._last and not self._last.endswith(b"\n"):
            self._write(b"\n")


def shaded(text: str, strength: float) -> str:
    """The text on a background from white (0) to red (1 and more)."""
    fade = round(255 * (1 - min(1.0, strength)))
    begin, end = f"\x1b[30;48;2;255;{fade};{fade}m", "\x1b[0m"
    return "\n".join(f"{begin}{line}{end}" if line else "" for line in visible(text).split("\n"))


def no_colours() -> str:
    """The reason why stdout should get no colours, by the rules of no-color.org and force-color.org; empty if it
    should."""
    if os.environ.get("NO_COLOR"):
        return "NO_COLOR is set"
    if os.environ.get("FORCE_COLOR"):
        return ""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return "stdout is no terminal that has them; FORCE_COLOR=1 writes them all the same"
    return ""
