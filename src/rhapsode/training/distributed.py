"""Training in several processes, started by torchrun. Each takes some rows of a batch, and the gradients are summed.

One message for each update holds all gradients: a few megabytes for an LSTM of this size. (DistributedDataParallel of
torch would need the weights inside a module.)
"""

from __future__ import annotations

import atexit
import os

import torch
from torch import Tensor


class Group:
    """The processes of this run: one, unless torchrun started more."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1 and not torch.distributed.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            torch.distributed.init_process_group(backend)
            atexit.register(_part)

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and the messages."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait for all processes. A thread of gloo's holds the tensors of the last message a moment longer than we do;
        a process that ends in that moment is aborted."""
        if self.size > 1:
            torch.distributed.barrier()

    def share(self, rows: int) -> slice:
        """Which of `rows` rows this process takes; `rows` is a multiple of the group's size."""
        each = rows // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def sum(self, gradients: list[Tensor], loss: Tensor) -> Tensor:
        """Sum the gradients over all processes, in place, and return the summed loss."""
        if self.size == 1:
            return loss
        flat = torch.cat([g.reshape(-1) for g in gradients] + [loss.reshape(1)])
        torch.distributed.all_reduce(flat)
        at = 0
        for g in gradients:
            g.copy_(flat[at : at + g.numel()].view_as(g))
            at += g.numel()
        return flat[-1]

    def agree(self, *values: float) -> list[float]:
        """The first process's values."""
        if self.size == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64)
        torch.distributed.broadcast(shared, 0)
        return [float(x) for x in shared]

    def agree_on_text(self, text: str) -> str:
        """The first process's text."""
        if self.size == 1:
            return text
        shared = [text]
        torch.distributed.broadcast_object_list(shared, 0, device=torch.device("cpu"))
        return shared[0]

    def gather(self, rows: Tensor) -> Tensor:
        """All processes' rows, joined along the first dimension."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        torch.distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)


def _part() -> None:
    if torch.distributed.is_initialized():  # the program may have ended the group by itself
        torch.distributed.destroy_process_group()
