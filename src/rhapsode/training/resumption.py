"""The checkpoint of a training run: all that a resumed run needs to be the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rhapsode.errors import UserError
from rhapsode.files import checkpoint, format1
from rhapsode.training.distributed import Group

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Resumed:
    """What a checkpoint holds: facts of the run, weights, what the optimizers remember, and the network's state."""

    info: dict[str, Any]
    weights: dict[str, np.ndarray]
    optimizers: dict[str, Tensor]
    state: tuple[Tensor, ...]


class Resumption:
    """Writes the checkpoint in a run's folder, and reads it again. corpus: the key of the data."""

    def __init__(self, folder: Path, corpus: str, group: Group, device: torch.device) -> None:
        self._path, self._corpus, self._group, self._device = folder / checkpoint.RESUME, corpus, group, device

    def write(
        self,
        info: Mapping[str, Any],
        weights: Mapping[str, np.ndarray],
        optimizers: Mapping[str, Tensor],
        state: Sequence[Tensor],
    ) -> dict[str, Any]:
        """Called by every process; the first one writes. Returns the facts as they were written."""
        group = self._group
        tensors = {f"weight/{name}": value for name, value in weights.items()}
        tensors |= {f"optimizer/{name}": value.detach().cpu().float().numpy() for name, value in optimizers.items()}
        for n, part in enumerate(state):
            tensors[f"state/{n}"] = group.gather(part.float()).cpu().numpy()
        tensors["random"] = group.gather(torch.get_rng_state().unsqueeze(0)).numpy()
        if self._device.type == "cuda":
            tensors["random_cuda"] = group.gather(torch.cuda.get_rng_state(self._device).unsqueeze(0)).numpy()
        about = {
            **info,
            "corpus_key": self._corpus,
            "processes": group.size,
            "state_dtype": str(state[0].dtype).removeprefix("torch.") if state else "float32",
        }
        if group.leads:
            checkpoint.save(self._path, about, tensors)
        return about

    def read(self, shapes: Mapping[str, tuple[int, ...]], rows: slice) -> Resumed:
        """The checkpoint of a network with weights of these shapes; rows: those of the state that are this process's.
        Sets the generators of random numbers. Raises `UserError` if it belongs to other data or processes."""
        path = self._path
        info, mark, found = checkpoint.load_info(path)
        if info.get("corpus_key") != self._corpus:
            raise UserError(
                f"{path} was made from other data (or the data has changed since). Resume with the same sources, "
                "or begin anew in another folder: -o OTHER."
            )
        if info.get("processes") != self._group.size:
            raise UserError(f"{path} was made by {info.get('processes')} processes; resume it with as many.")
        tensors = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in found.items()}, mark)
        tensors = format1.tensors(tensors, shapes)

        def part(kind: str) -> dict[str, np.ndarray]:
            return {n.removeprefix(f"{kind}/"): v for n, v in tensors.items() if n.startswith(f"{kind}/")}

        weights, state = part("weight"), part("state")
        if {name: value.shape for name, value in weights.items()} != shapes:
            raise UserError(f"{path} does not fit its own plan: it is damaged. Begin anew in another folder: -o OTHER.")
        rank, kind = self._group.rank, TYPES[info["state_dtype"]]
        torch.set_rng_state(torch.from_numpy(tensors["random"][rank].copy()))
        if "random_cuda" in tensors and self._device.type == "cuda":
            torch.cuda.set_rng_state(torch.from_numpy(tensors["random_cuda"][rank].copy()), self._device)
        return Resumed(
            format1.run(info),
            weights,
            {name: torch.from_numpy(np.array(value)) for name, value in part("optimizer").items()},
            tuple(torch.tensor(state[str(n)][rows]).to(self._device, kind) for n in range(len(state))),
        )
