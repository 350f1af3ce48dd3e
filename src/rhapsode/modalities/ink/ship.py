"""Put a trained model among those that come with the package, small: whole numbers, nothing else of the training.

    python -m rhapsode.modalities.ink.ship MODEL NAME

Its recogniser goes along, in weights of 16 bits, if it has one. `rhapsode write demo:NAME` then takes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.recogniser import FILE, Recogniser

FACTS = ("updates", "step", "seconds", "valid_nats_per_step")
"""The facts that go along. (`step` is what earlier versions called the updates.)"""


def ship(name: str, to: str) -> list[Path]:
    """The files that were written. Raises `UserError` for what is no model, or has no form in whole numbers."""
    model, home = Model.load(name), checkpoint.SHIPPED / to
    assert model.path is not None
    facts = {key: model.config.facts[key] for key in FACTS if key in model.config.facts}
    whole = model.quantised()
    recogniser = model.path.parent / FILE
    written = [home / checkpoint.MODEL]
    Model(whole.config.model_copy(update={"facts": facts}), whole.tensors).save(written[0])
    if recogniser.exists():
        reader = Recogniser.load(recogniser)
        written.append(home / FILE)
        halved = {key: weight.astype(np.float16) for key, weight in reader.weights.items()}
        checkpoint.save(written[-1], reader.config.model_dump(), halved)
    return written


if __name__ == "__main__":
    for path in ship(sys.argv[1], sys.argv[2]):
        print(path, f"{path.stat().st_size:,} bytes")
