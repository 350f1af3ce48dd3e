"""How long work reports its progress. The command line shows the reports; Python callers may ignore them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

QUIET = ContextVar("quiet", default=False)
"""Whether only results, warnings and errors are shown. Every command has the option --quiet."""


class Report:
    """Receives progress and messages. Every method does nothing here: override those that you want to show."""

    def stage(self, what: str, fraction: float | None = None) -> None:
        """A stage of preparation (reading, encoding, measuring) is running. It is done when `fraction` is 1."""

    def note(self, text: str) -> None:
        """Something that the user should know: what was chosen and why."""

    def warn(self, text: str) -> None:
        """Something that the user should act on."""

    def progress(self, done: float, **values: Any) -> None:
        """Training has reached `done`, from 0 to 1. values: the latest value of each key of metrics.jsonl."""

    def sample(self, text: str) -> None:
        """A sample that the model has just generated."""


def nats(value: float) -> str:
    return f"{value:.3f} nats ({value / math.log(2):.3f} bits)"


def duration(seconds: float) -> str:
    seconds = max(0, round(seconds))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def figures(values: Mapping[str, Any]) -> str:
    """The values of a training run, on one line."""
    parts = [f"update {values['update']:,}"] if "update" in values else []
    parts += [f"{key} {nats(values[key])}" for key in ("train", "valid") if key in values]
    if "steps_per_second" in values:
        parts.append(f"{values['steps_per_second']:,.0f} steps/s")
    if "eta" in values:
        parts.append(f"{duration(values['eta'])} left")
    return " · ".join(parts)
