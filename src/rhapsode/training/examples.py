"""Batches on the device, for training and validation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rhapsode.config import Dropout
from rhapsode.data.framed import Batch
from rhapsode.nn.attention._attention import Memory
from rhapsode.nn.network import Network

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Examples:
    """A batch, or some of its rows, as tensors: see `rhapsode.data.framed.Batch`.

    reset is None where no row has a reset step, for it costs time; memory and covariates are, where the network reads
    none.
    """

    inputs: Tensor
    targets: Tensor
    weight: Tensor
    reset: Tensor | None
    memory: Memory | None
    covariates: Tensor | None

    @staticmethod
    def of(batch: Batch, network: Network, device: torch.device, rows: slice = slice(None)) -> Examples:
        """Some rows of a batch, on the device."""

        def there(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array[:, rows])).to(device)

        reset, memory, covariates = None, None, None
        if batch.reset.any():
            reset = there(batch.reset)
        if network.attention and batch.texts:
            memory = Memory(*(there(part) for part in batch.texts))
        if network.covariates and batch.covariates is not None:
            covariates = there(batch.covariates)
        return Examples(there(batch.inputs), there(batch.targets), there(batch.weight), reset, memory, covariates)

    def nll(
        self,
        network: Network,
        weights: Mapping[str, Tensor],
        state: State,
        dropout: Dropout | None,
        precision: AbstractContextManager[Any],
    ) -> tuple[Tensor, State]:
        """-log p of the targets by their weights, in nats: a sum. And the network's new state. precision: a context for
        matrix products."""
        with precision:
            parameters, new = network.run(
                weights, self.inputs, state, self.reset, dropout, self.memory, self.covariates
            )
        return (network.nll(weights, parameters, self.targets) * self.weight).sum(), new
