"""The options of sampling: which values are allowed."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from rhapsode.arithmetic.sampling import Sampling


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("temperature", -0.1, "greater than or equal to 0"),
        ("temperature", math.nan, "finite"),
        ("temperature", math.inf, "finite"),
        ("top_k", -1, "greater than or equal to 0"),
        ("top_k", 1.5, "integer"),
        ("top_p", 0, "greater than 0"),
        ("top_p", 1.01, "less than or equal to 1"),
        ("min_p", -0.1, "greater than or equal to 0"),
        ("min_p", 1, "less than 1"),
        ("typical", 0, "greater than 0"),
        ("typical", 2, "less than or equal to 1"),
        ("repetition_penalty", 0, "greater than 0"),
        ("repetition_penalty", 1001, "less than or equal to 1000"),
        ("repetition_window", 0, "greater than or equal to 1"),
        ("temprature", 1, "not permitted"),
    ],
)
def test_an_option_out_of_range_says_what_is_allowed(option: str, value: float, allowed: str) -> None:
    with pytest.raises(ValidationError, match=allowed) as caught:
        Sampling.model_validate({option: value})
    assert option in str(caught.value)


def test_sampling_is_frozen_and_documented() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Sampling().top_k = 3
    assert all(field.description for field in Sampling.model_fields.values())
