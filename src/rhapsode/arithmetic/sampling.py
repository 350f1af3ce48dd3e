"""The options of sampling, which `rhapsode.arithmetic.choice` applies. Checked when they are made."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

BIASED = 100
"""The greatest bias of a symbol, in nats."""


class LogitBias(Mapping[int, float]):
    """Symbol → bias in nats. It cannot be changed, so it has a hash."""

    def __init__(self, biases: Mapping[int, float]) -> None:
        self._biases = dict(sorted(biases.items()))
        self._hash = hash(tuple(self._biases.items()))
        # As arrays: the symbols [N] int32, and their biases [N] float64.
        self.symbols = np.fromiter(self._biases, np.int32, len(self._biases))
        self.nats = np.fromiter(self._biases.values(), np.float64, len(self._biases))

    def __getitem__(self, symbol: int) -> float:
        return self._biases[symbol]

    def __iter__(self) -> Iterator[int]:
        return iter(self._biases)

    def __len__(self) -> int:
        return len(self._biases)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return repr(self._biases)


UNBIASED = LogitBias({})


def _biases(given: Any) -> LogitBias:
    """Checked. Raises ValueError."""
    if isinstance(given, LogitBias):
        return given
    if not isinstance(given, Mapping):
        raise ValueError("Input should be a dict: the number of a symbol → its bias")
    found = dict[int, float]()
    for key, value in given.items():
        try:
            symbol = -1 if isinstance(key, bool) else operator.index(key)
        except TypeError:
            symbol = -1
        if symbol < 0:
            raise ValueError(f"{key!r} is no number of a symbol, which are whole and from 0 on")
        if symbol >= 1 << 31:
            raise ValueError(f"there is no symbol {symbol}")
        try:
            bias = math.nan if isinstance(value, bool | str | bytes) else float(value)
        except (TypeError, ValueError):
            bias = math.nan
        if not -BIASED <= bias <= BIASED:
            raise ValueError(f"the bias of symbol {symbol} should be a number from {-BIASED} to {BIASED}")
        if symbol in found:
            raise ValueError(f"symbol {symbol} has two biases")
        found[symbol] = bias
    return LogitBias(found) if found else UNBIASED


class Sampling(BaseModel):
    """The options of sampling. The defaults sample from the model's own distribution."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: Annotated[
        float,
        Field(
            ge=0,
            description="Divides the log-probabilities: below 1 is safer, above 1 is wilder, 0 always takes the most "
            "probable symbol (Ackley, Hinton & Sejnowski 1985).",
        ),
    ] = 1.0
    top_k: Annotated[
        int, Field(ge=0, description="Keep only the K most probable symbols; 0 is off (Fan et al. 2018, 1805.04833).")
    ] = 0
    top_p: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Nucleus sampling: keep the fewest most probable symbols that together reach this mass; "
            "1 is off (Holtzman et al. 2020, 1904.09751).",
        ),
    ] = 1.0
    min_p: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="Keep the symbols at least this fraction as probable as the most probable one; "
            "0 is off (Nguyen et al. 2024, 2407.01082).",
        ),
    ] = 0.0
    typical: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Locally typical sampling: keep the fewest symbols that together reach this mass, those whose "
            "surprise is nearest to the expected surprise first; 1 is off (Meister et al. 2023, 2202.00666).",
        ),
    ] = 1.0
    repetition_penalty: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            description="Multiplies the log-probability of each symbol seen in the repetition window: above 1 makes "
            "repeating rarer, below 1 more common, 1 is off (Keskar et al. 2019, CTRL, 1909.05858).",
        ),
    ] = 1.0
    repetition_window: Annotated[
        int, Field(ge=1, description="How many of the latest symbols the repetition penalty looks at.")
    ] = 64
    logit_bias: Annotated[
        Mapping[int, float],
        PlainValidator(_biases),
        PlainSerializer(dict),
        Field(
            description="Symbol → what is added to its log-probability, -100 to 100 nats: -100 forbids it, 100 allows "
            "no other.",
        ),
    ] = UNBIASED
    frequency_penalty: Annotated[
        float,
        Field(
            ge=-2,
            le=2,
            description="Subtracted from the log-probability of a symbol for each time that it was drawn before in "
            "this sample; the prompt does not count. Below 0, repeating is more common; 0 is off (OpenAI).",
        ),
    ] = 0.0
    presence_penalty: Annotated[
        float,
        Field(
            ge=-2,
            le=2,
            description="Subtracted once from the log-probability of each symbol that was drawn before in this sample; "
            "0 is off (OpenAI).",
        ),
    ] = 0.0
    bias: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            description="Pens: how much neater than the model's own hand; 0 is unbiased (Graves 2013, section 5.4).",
        ),
    ] = 0.0

    @property
    def counting(self) -> bool:
        """Whether it must be known how often each symbol was drawn."""
        return self.frequency_penalty != 0 or self.presence_penalty != 0

    @property
    def biases(self) -> LogitBias:
        """`logit_bias`, with its arrays."""
        return cast(LogitBias, self.logit_bias)
