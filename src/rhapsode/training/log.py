"""The training log: one JSON object a line, and the picture of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

LOG, PICTURE = "metrics.jsonl", "loss.png"


class Log:
    """`metrics.jsonl`. Lines are only ever added, except that a resumed run first drops those after its checkpoint."""

    def __init__(self, folder: Path, size: int = 0) -> None:
        self.path = folder / LOG
        self.path.touch()
        os.truncate(self.path, min(size, self.path.stat().st_size))

    def add(self, **values: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(values) + "\n")

    @property
    def size(self) -> int:
        """Bytes, as `Log` wants them back."""
        return self.path.stat().st_size

    def read(self) -> list[dict[str, Any]]:
        with self.path.open() as file:
            return [json.loads(line) for line in file]


def draw(log: Log, path: Path, unit: str) -> None:
    """The loss curve as a PNG: training (dots: single records) and validation against seconds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    records = log.read()
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for key, style in (("train", "-"), ("valid", "o-")):
        points = [(r["seconds"], r[key]) for r in records if key in r]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=key, linewidth=1, markersize=4)
    values = sorted(r["valid"] for r in records if "valid" in r)
    if values:
        axes.axhline(values[0], color="gray", linewidth=0.5)
        axes.annotate(
            f"best {values[0]:.3f}", (0.99, values[0]), xycoords=("axes fraction", "data"), ha="right", va="top"
        )
        axes.set_ylim(values[0] - 0.3, min(max(values), values[0] * 2) + 0.1)
    axes.set(xlabel="seconds of training", ylabel=f"nats per {unit}")
    axes.grid(alpha=0.3)
    axes.legend()
    temporary = path.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=130)
    pyplot.close(figure)
    os.replace(temporary, path)
