"""torch's optimizers without torch's compiler.

They load it, which takes as long as all the rest of torch, for nothing but to tell it that it is not to compile them.
Nothing is compiled here: their methods are told that this was done (torch/_compile.py), and `stepping` leaves out what
is put around a step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch

for _name in ("__init__", "add_param_group", "zero_grad", "state_dict", "load_state_dict"):
    _plain = getattr(getattr(torch.optim.Optimizer, _name), "__wrapped__", None)
    if _plain is not None:
        setattr(_plain, "__dynamo_disable", _plain)  # noqa: B010 (it is looked up by this name)


def stepping(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """A function that does one step of an optimizer."""
    step = inspect.unwrap(type(optimizer).step)

    def update() -> None:
        with torch.no_grad():
            step(optimizer)

    return update
