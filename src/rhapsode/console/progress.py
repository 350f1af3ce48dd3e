"""Progress and messages on stderr: a live display on a terminal, plain lines elsewhere; with --quiet, warnings only."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from rhapsode.console.output import visible
from rhapsode.report import QUIET, Report, figures

FIRST, EVERY = 2.0, 10.0
"""Seconds before the first plain line about running work, and between such lines."""


def tell(text: str) -> None:
    """Print a message that is neither a result nor a warning nor an error."""
    if not QUIET.get():
        typer.echo(text, err=True)


class Warnings(Report):
    """Nothing but those."""

    def warn(self, text: str) -> None:
        typer.echo(f"warning: {text}", err=True)


class Lines(Report):
    """Plain lines, few of them."""

    def __init__(self) -> None:
        self._next = time.monotonic() + FIRST
        self._latest: dict[str, Any] = {}

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _due(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + EVERY
        return True

    def stage(self, what: str, fraction: float | None = None) -> None:
        if fraction != 1 and self._due():
            self._print(what if fraction is None else f"{what}: {fraction:.0%}")

    def note(self, text: str) -> None:
        self._print(text)

    def warn(self, text: str) -> None:
        self._print(f"warning: {text}")

    def progress(self, done: float, **values: Any) -> None:
        self._latest |= values
        if "valid" in values or self._due():
            self._next = time.monotonic() + EVERY
            shown = self._latest if "valid" in values else {k: v for k, v in self._latest.items() if k != "valid"}
            self._print(f"{done:4.0%} {figures(shown)}")

    def sample(self, text: str) -> None:
        self._print("\n".join(f"    | {line}" for line in visible(text).splitlines()))


class Live(Report):
    """A bar, the latest figures and the latest sample, redrawn in place. Notes scroll above them."""

    def __init__(self, console: Any) -> None:
        from rich.live import Live as Display
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._console = console
        self._bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
        self._task = self._bar.add_task("", total=1.0, visible=False)
        self._latest: dict[str, Any] = {}
        self._sample = ""
        self.display = Display(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def _render(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        parts: list[Any] = [self._bar]
        if self._latest:
            parts.append(Text(figures(self._latest)))
        if self._sample:
            tail = visible(self._sample).splitlines()[:8]
            parts.append(Text("\n".join(tail), style="italic dim"))
        return Group(*parts)

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False)

    def stage(self, what: str, fraction: float | None = None) -> None:
        total = None if fraction is None else 1.0
        self._bar.update(self._task, description=what, total=total, completed=fraction or 0, visible=fraction != 1)

    def note(self, text: str) -> None:
        self._print(text, "dim")

    def warn(self, text: str) -> None:
        self._print(f"warning: {text}", "yellow")

    def progress(self, done: float, **values: Any) -> None:
        self._latest |= values
        self._bar.update(self._task, description="training", total=1.0, completed=done, visible=True)
        if "valid" in values:
            self._print(f"{done:4.0%} {figures(values)}")

    def sample(self, text: str) -> None:
        self._sample = text


@contextmanager
def reporting() -> Iterator[Report]:
    """A context for work, with the report that suits stderr."""
    if QUIET.get():
        yield Warnings()
        return
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console

    live = Live(Console(stderr=True))
    with live.display:
        yield live
