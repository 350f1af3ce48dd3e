"""Put a trained model among those that come with the package, small: weights of 16 bits, nothing else of the training.

    python -m rhapsode.modalities.ink.ship FOLDER NAME

FOLDER is a model's; its recogniser goes along if it has one. `rhapsode write demo:NAME` then takes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.recogniser import FILE, Recogniser


def ship(folder: Path, name: str) -> list[Path]:
    """The files that were written. Raises `UserError` for what is no model."""
    model, home = Model.load(folder), checkpoint.SHIPPED / name
    facts = {key: model.config.facts[key] for key in ("updates", "seconds", "valid_nats_per_step")}
    halved = {key: weight.astype(np.float16) for key, weight in model.weights.items()}
    config = model.config.model_copy(update={"facts": facts})
    checkpoint.save(home / checkpoint.MODEL, config.model_dump(), halved)
    written = [home / checkpoint.MODEL]
    if (folder / FILE).exists():
        reader = Recogniser.load(folder / FILE)
        written.append(home / FILE)
        halved = {key: weight.astype(np.float16) for key, weight in reader.weights.items()}
        checkpoint.save(written[-1], reader.config.model_dump(), halved)
    return written


if __name__ == "__main__":
    for path in ship(Path(sys.argv[1]), sys.argv[2]):
        print(path, f"{path.stat().st_size:,} bytes")
