"""The plan of a training run: all its settings, as `auto.choose` decides them and the trainer follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from rhapsode.config import Config, Dropout, FramingConfig, NetworkConfig, make

Positive = Annotated[float, Field(gt=0)]


class Budget(Config):
    """How long to train; exactly one is set. The learning rate reaches zero at its end."""

    minutes: Positive | None = None
    """Of training; evaluation and saving are not counted."""
    epochs: Positive | None = None
    """Passes over the training steps."""
    updates: Annotated[int, Field(ge=1)] | None = None
    """Updates of the weights."""

    def part(self, share: float) -> Budget:
        """This share of the budget, e.g. 0.5 or 2, but at least one update."""
        return Budget(
            minutes=self.minutes and share * self.minutes,
            epochs=self.epochs and share * self.epochs,
            updates=self.updates and max(1, round(share * self.updates)),
        )


class Leg(Config):
    """A part of a run: since the user last asked it to train longer; or all of it."""

    number: int = Field(default=0, ge=0)
    """How often the run was asked to train longer."""
    begun: float = Field(default=0.0, ge=0, lt=1)
    """The part of the budget that had been spent then."""
    update: int = Field(default=0, ge=0)
    """The updates that had been made then."""

    @staticmethod
    def of(info: Mapping[str, Any]) -> Leg:
        """The leg in a training checkpoint. Raises `UserError`."""
        return make(Leg, info.get("leg", {}), "the training checkpoint's leg")


class Plan(Config):
    """Everything that decides a run: the same plan on the same data is the same run."""

    network: NetworkConfig
    dropout: Dropout = Dropout()
    framing: FramingConfig = FramingConfig()
    reset: str = "document"
    batch_size: int = Field(default=32, ge=1, le=65536)
    """B: parallel streams, or windows in a batch."""
    sequence_length: int = Field(default=32, ge=1, le=65536)
    """T: with streams, the steps of truncated backpropagation through time."""
    matrix_rate: Positive = 0.045
    """Peak learning rate of the layers' matrices (Muon: the size of an update's singular values)."""
    rate: Positive = 0.015
    """Peak learning rate of all other weights (AdamW)."""
    decay: float = Field(default=0.01, ge=0)
    """Decoupled weight decay of matrices, relative to the learning rate (Loshchilov & Hutter 2019)."""
    warmup: int = Field(default=50, ge=1)
    """Updates during which the learning rate rises to its peak."""
    hold: float = Field(default=0.0, ge=0, lt=1)
    """Part of the budget after which the learning rate falls from its peak, linearly to zero (Hägele et al. 2024)."""
    clip: Positive = 1.0
    """Larger norms of the gradient are scaled down to this (Pascanu et al. 2013)."""
    precision: Literal["bf16", "fp32"] = "fp32"
    """Of matrix products; weights are always of 32 bits."""
    threads: int = Field(default=1, ge=1, le=4096)
    """Processor threads. One is often as fast as two, and does not collapse when the machine has other work."""
    most: int = Field(default=1, ge=1, le=4096)
    """The most threads. If they are more than `threads`, they are tried later, when the machine may have less other
    work."""
    budget: Budget
    seed: int = 0
    """Of the first weights, of dropout, and of the order of the data."""

    def height(self, spent: float) -> float:
        """The learning rate when this part of the budget is spent, as part of its peak; without the warm-up."""
        return min(1.0, max(0.0, 1 - spent) / (1 - self.hold))


SETTINGS = tuple(name for name in Plan.model_fields if name not in ("network", "dropout", "framing", "reset", "budget"))
"""The settings in the table [plan]. The others have tables or options of their own."""
