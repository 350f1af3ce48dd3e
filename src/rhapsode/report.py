"""What long work tells whoever watches. The command line draws it; Python callers may ignore it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Report:
    """Hears of progress. Every method does nothing here; override what you want to show."""

    def stage(self, what: str, fraction: float | None = None) -> None:
        """A stage of preparation is under way (reading, encoding, measuring); done when fraction is 1."""

    def note(self, text: str) -> None:
        """Something worth knowing: what was chosen and why."""

    def warn(self, text: str) -> None:
        """Something worth acting on."""

    def progress(self, done: float, **values: Any) -> None:
        """Training goes on: `done` in [0, 1]; values as in a line of metrics.jsonl, the latest of each."""

    def sample(self, text: str) -> None:
        """What the model writes now."""


def nats(value: float) -> str:
    return f"{value:.3f} nats ({value / math.log(2):.3f} bits)"


def duration(seconds: float) -> str:
    seconds = max(0, round(seconds))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def figures(values: Mapping[str, Any]) -> str:
    """What a training run's values say, on one line."""
    parts = [f"update {values['update']:,}"] if "update" in values else []
    parts += [f"{key} {nats(values[key])}" for key in ("train", "valid") if key in values]
    if "steps_per_second" in values:
        parts.append(f"{values['steps_per_second']:,.0f} steps/s")
    if "eta" in values:
        parts.append(f"{duration(values['eta'])} left")
    return " · ".join(parts)
