"""Dynamic evaluation: the weights learn from each segment of the text after it was scored.

It is the likelihood of the text by a model that goes on learning (Graves 2013; Krause et al. 2018, 1709.07432). It
needs torch, and its arithmetic is not that of `compress`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.evaluation import Evaluation, Scored, regrouped
from rhapsode.inference.trained import Trained
from rhapsode.inference.units import Units

SEGMENT = 32
"""Steps in a segment."""
RATE = 1e-3
"""Of learning (Adam)."""
DECAY = 0.003
"""After each segment, the weights move this part of the way back to the trained weights."""


class Dynamic(Evaluation):
    """Each step is predicted from all that came before it, by weights that have learnt from the segments before its
    own."""

    def __init__(self, model: Trained, prompt: np.ndarray) -> None:
        """Raises `UserError` for models that do not carry their state."""
        import torch

        if not model.framing.carried:
            raise UserError(
                f"dynamic evaluation is for models that carry their state; this one's framing is "
                f"{model.framing.name}. Score it without."
            )
        self._model, self._prompt = model, prompt
        self._trained = {name: torch.tensor(w) for name, w in model.weights.items()}
        self._learn_anew()
        self.reset()

    def _learn_anew(self) -> None:
        import torch

        self._weights = {name: w.clone().requires_grad_() for name, w in self._trained.items()}
        self._optimizer = torch.optim.Adam(self._weights.values(), lr=RATE, betas=(0.0, 0.999), fused=True)

    def reset(self) -> None:
        """The learnt weights stay, unless there is a prompt."""
        self._state = self._model.network.zeros(1, self._trained["output.bias"])
        self._units = Units(self._model)
        if len(self._prompt):
            self._learn_anew()
            for _ in self.scored([self._prompt]):
                pass

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        import torch

        network, weights, start = self._model.network, self._weights, self._model.codec.steps.start
        for block in regrouped(pieces, SEGMENT):
            inputs, begins = self._units.inputs(block)
            after = np.flatnonzero(begins) + 1  # a reset step stands after the last step of a unit, see `framing`
            reset = np.insert(np.zeros(len(block), bool), after, True)
            x, y = np.insert(inputs, after, start), np.insert(block, after, 0)
            flag = torch.from_numpy(reset)[:, None] if len(after) else None
            parameters, new = network.run(weights, torch.from_numpy(x)[:, None], self._state, flag)
            nats = network.nll(weights, parameters, torch.from_numpy(y)[:, None])[torch.from_numpy(~reset), 0]
            nats.mean().backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._optimizer.zero_grad()
            with torch.no_grad():
                torch._foreach_lerp_(list(weights.values()), list(self._trained.values()), DECAY)
            self._state = tuple(part.detach() for part in new)
            yield block, nats.detach().double().numpy()
