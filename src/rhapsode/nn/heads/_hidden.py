"""What the heads have in common that draw the parts of a step one after another, by a hidden layer of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import Field

from rhapsode.config import Part
from rhapsode.nn.heads._head import Head
from rhapsode.steps.sets import Sets
from rhapsode.steps.tuples import Tuples

if TYPE_CHECKING:
    from torch import Generator, Tensor

K = TypeVar("K", bound=Sets | Tuples)


class Hidden(Head[K]):
    """An autoregressive distribution with H hidden units over the A values of a step (Larochelle & Murray 2011).

    Weights of its own: `into` [A, H], which adds the values that are known to the hidden layer, and `out` [A, H]. The
    parameters [P = A + H] of a step are the biases of the values, then those of the hidden units.
    """

    example = {"hidden": 5}
    exact = True

    class Settings(Part):
        """Settings of it."""

        hidden: int = Field(default=128, ge=1, le=65536)
        """Hidden units of the distribution within a step."""

    def __init__(self, steps: K, settings: Settings) -> None:
        super().__init__(steps, settings)
        self.hidden = settings.hidden

    @property
    def width(self) -> int:
        return self.steps.size + self.hidden

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"into": (self.steps.size, self.hidden), "out": (self.steps.size, self.hidden)}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        weights["into"].normal_(std=0.5, generator=generator)
        weights["out"].normal_(std=self.hidden**-0.5, generator=generator)
