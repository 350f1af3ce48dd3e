"""The validation loss of the present weights of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rhapsode.config import Dropout
from rhapsode.data.corpus import Corpus
from rhapsode.data.framed import Framed
from rhapsode.data.framing import framing_of
from rhapsode.nn.network import Network
from rhapsode.training.examples import Examples
from rhapsode.training.plan import Plan

STEPS = 1 << 17
"""The most validation steps that are read at each evaluation."""
ROWS = 32
LENGTH = 256
"""The most rows in a batch, and the steps in a row."""


class Validation:
    """The validation data, or its first part, as parallel streams or windows."""

    def __init__(
        self,
        corpus: Corpus,
        network: Network,
        plan: Plan,
        device: torch.device,
        precision: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._network, self._plan, self._device = network, plan, device
        # In bf16, a density seems 0.1 to 0.2 nats worse than it will be in use.
        self._precision = nullcontext if network.head.exact else precision
        kind = corpus.codec.steps
        framing, framed = framing_of(plan.framing), Framed(corpus.valid, kind)
        self._continuous = corpus.codec.continuous
        rows = max(1, min(ROWS, framed.length // LENGTH, *[] if self._continuous else [len(framed.begins)]))
        length = min(LENGTH, max(1, framed.length // rows))
        if framing.whole:
            rows, length = plan.batch_size, plan.sequence_length
        self._batches = framing.batches(framed, rows, length)
        self._hidden = plan.dropout.input if kind.hidden else 0.0

    def nll(self, weights: Mapping[str, Tensor]) -> float:
        """Nats per step.

        If hiding a part of the input belongs to the task (`Kind.hidden`), it is hidden here, too, and in the same way
        at each evaluation. A network of frames that suddenly reads whole frames, of which it has always seen a half, is
        far too sure, and the more it has learnt, the more so (docs/log.md).
        """
        if not self._hidden:
            return self._nll(weights, None)
        with torch.random.fork_rng([self._device] if self._device.type == "cuda" else []):
            torch.manual_seed(self._plan.seed)
            return self._nll(weights, Dropout(input=self._hidden))

    @torch.no_grad()
    def _nll(self, weights: Mapping[str, Tensor], dropout: Dropout | None) -> float:
        batches = self._batches
        rows = batches.batch_size
        zeros = self._network.zeros(rows, weights["output.bias"])
        state, nats, weight = zeros, 0.0, 0.0
        met = np.full(rows, self._continuous)
        for i in range(max(1, min(batches.per_epoch, STEPS // (rows * batches.sequence_length)))):
            batch = batches.batch(i)
            # A row begins in the middle of a unit, whose beginning it has not seen; but for text, that would matter.
            met = np.logical_or.accumulate(np.concatenate([met[None], batch.reset]))[1:]
            examples = Examples.of(replace(batch, weight=batch.weight * met), self._network, self._device)
            met = met[-1]
            total, new = examples.nll(self._network, weights, state, dropout, self._precision())
            state = new if batches.carried else zeros
            nats += float(total)
            weight += float(examples.weight.sum())
        return nats / max(weight, 1.0)
