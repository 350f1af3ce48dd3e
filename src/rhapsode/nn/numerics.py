"""Sums of probabilities that are given as logarithms. numpy, float64; -inf is the logarithm of 0."""

from __future__ import annotations

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logits [..., V] as log-probabilities [..., V]: the exp of each row sums to 1."""
    shifted: np.ndarray = logits - logits.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def log_sum_exp(values: np.ndarray) -> np.ndarray:
    """log Σ exp of the last axis: [..., V] → [...]. At least one value of each row is finite."""
    highest = values.max(axis=-1)
    found: np.ndarray = highest + np.log(np.exp(values - highest[..., None]).sum(axis=-1))
    return found
