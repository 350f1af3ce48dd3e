"""The options of sampling, which `rhapsode.arithmetic.choice` applies. Checked when they are made."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


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
    bias: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            description="Pens: how much neater than the model's own hand; 0 is unbiased (Graves 2013, section 5.4).",
        ),
    ] = 0.0
