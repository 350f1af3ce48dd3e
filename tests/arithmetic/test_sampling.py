"""The options of sampling: which values are allowed."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from pydantic import ValidationError

from rhapsode.arithmetic.sampling import UNBIASED, Sampling


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
        ("frequency_penalty", 2.1, "less than or equal to 2"),
        ("frequency_penalty", math.nan, "finite"),
        ("presence_penalty", -2.1, "greater than or equal to -2"),
        ("logit_bias", [1], "should be a dict"),
        ("logit_bias", None, "should be a dict"),
        ("logit_bias", {"a": 1}, "'a' is no number of a symbol"),
        ("logit_bias", {1.0: 1}, "1.0 is no number of a symbol"),
        ("logit_bias", {True: 1}, "True is no number of a symbol"),
        ("logit_bias", {-1: 1}, "-1 is no number of a symbol"),
        ("logit_bias", {2**31: 1}, "there is no symbol 2147483648"),
        ("logit_bias", {1: 100.5}, "from -100 to 100"),
        ("logit_bias", {1: math.nan}, "from -100 to 100"),
        ("logit_bias", {1: math.inf}, "from -100 to 100"),
        ("logit_bias", {1: "2"}, "from -100 to 100"),
        ("logit_bias", {1: False}, "from -100 to 100"),
        ("logit_bias", {1: None}, "from -100 to 100"),
        ("temprature", 1, "not permitted"),
    ],
)
def test_an_option_out_of_range_says_what_is_allowed(option: str, value: object, allowed: str) -> None:
    with pytest.raises(ValidationError, match=allowed) as caught:
        Sampling.model_validate({option: value})
    assert option in str(caught.value)


def test_biases_are_values() -> None:
    """Equal ones are one key; none at all are the default; numbers of arrays of symbols are taken."""
    one = Sampling(logit_bias={np.uint8(3): np.float32(0.5), 1: -100})
    other = Sampling(logit_bias={1: -100.0, 3: 0.5})
    assert one == other and hash(one) == hash(other) and one != Sampling(logit_bias={1: -100})
    assert one.logit_bias == {1: -100, 3: 0.5} and one.model_dump()["logit_bias"] == {1: -100, 3: 0.5}
    assert Sampling(logit_bias={}).logit_bias is Sampling().logit_bias is UNBIASED
    assert pickle.loads(pickle.dumps(one)) == one
    assert Sampling(logit_bias=one.logit_bias) == one


def test_sampling_is_frozen_and_documented() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Sampling().top_k = 3
    assert all(field.description for field in Sampling.model_fields.values())
