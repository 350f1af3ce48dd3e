"""Small trainings, and what is left of them."""

import json
from pathlib import Path

import numpy as np

from rhapsode.files import checkpoint
from rhapsode.training.run import Result, train

SMALL = {
    "network": {"width": 24, "embedding": 8},
    "plan": {"batch_size": 4, "sequence_length": 16, "precision": "fp32", "threads": 1},
}


def losses(folder: Path) -> list[tuple[int, float, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(r["update"], r["train"], r.get("valid")) for r in lines]


def weights(folder: Path) -> dict[str, np.ndarray]:
    path = folder / checkpoint.RESUME
    _, mark, found = checkpoint.load_info(path)
    return checkpoint.load_tensors(path, {n: shape for n, (shape, _) in found.items()}, mark)


def small(text: Path, folder: Path, **options: object) -> Result:
    return train([text], folder, **{**SMALL, "updates": 60, **options})  # type: ignore[arg-type]
