"""What long work tells whoever watches. The command line draws it; Python callers may ignore it."""

from __future__ import annotations

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
