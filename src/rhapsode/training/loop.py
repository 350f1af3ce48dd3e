"""The training loop: updates of the weights until a budget is spent, with evaluations in between.

Subclasses say what is trained: `trainer.Trainer` trains models of sequences.
One process or many (torchrun): gradients are summed, and every process makes the same update.
"""

from __future__ import annotations

import math
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rhapsode.nn.network import Network
from rhapsode.report import Report
from rhapsode.training.distributed import Group
from rhapsode.training.optimizers import Optimizers
from rhapsode.training.pace import Pace
from rhapsode.training.plan import Leg, Plan

EVALUATIONS = 16
"""How often a run looks at the validation data, writes a sample and saves."""
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals at which a run saves and stops."""


class Loop(ABC):
    """One run of a plan: a group of processes trains the weights of a network on a device."""

    def __init__(self, plan: Plan, network: Network, device: torch.device, report: Report, group: Group) -> None:
        self.plan, self.network, self.device, self.report, self.group = plan, network, device, report, group
        fresh = network.initialise(torch.Generator().manual_seed(plan.seed))
        self.adopt({name: weight.numpy() for name, weight in fresh.items()})
        torch.manual_seed(plan.seed + group.rank)  # dropout
        torch.set_num_threads(plan.threads)
        self._pace = Pace(plan.threads, plan.most) if device.type == "cpu" else Pace(1)
        self.updates, self.seconds, self.rate_scale = 0, 0.0, 1.0
        self.leg = Leg()
        self._interrupted = False
        self._slowed = plan.threads < plan.most  # whether it was told that other work has the processors
        self._losses: list[Tensor] = []

    def adopt(self, weights: Mapping[str, np.ndarray]) -> None:
        """Begin with these weights: new ones, those of another model, or those of a checkpoint."""
        # A resumed run must be the same run to the last bit: torch's own aligned memory (torch.tensor copies), for
        # kernels may round differently on other addresses, and always one order, for the gradient's norm is a sum.
        self.weights = {n: torch.tensor(weights[n]).to(self.device).requires_grad_() for n in self.network.shapes}
        self.optimizers = Optimizers(self.weights, self.plan, self.network.matrices)

    def arrays(self) -> dict[str, np.ndarray]:
        """The present weights, float32."""
        return {name: w.detach().float().cpu().numpy().copy() for name, w in self.weights.items()}

    # --- what subclasses say ---

    @abstractmethod
    def _loss(self) -> Tensor:
        """The loss of the next batch, e.g. in nats per step: differentiable, and only this process's share of it."""

    @abstractmethod
    def _look(self, train: float) -> None:
        """Evaluate, keep the best weights, report, save. train: the mean loss since the last call of this or of
        `_note`."""

    def _roll_back(self) -> bool:
        """The mean loss is not a number: go back to an earlier state. Returns whether that was possible."""
        return False

    def _note(self, train: float) -> None:
        """Take the mean loss of some updates."""
        return

    def _sound(self, norm: Tensor) -> bool:
        """Whether an update is made with a gradient of this norm."""
        return True

    def _speed(self) -> dict[str, float]:
        """The speed, as values of a report."""
        return {}

    @property
    def looks(self) -> int:
        """How often the run is evaluated."""
        return EVALUATIONS

    @property
    def total(self) -> int | None:
        """The updates of the whole run, if the budget says how many."""
        return self.plan.budget.updates

    # --- the loop ---

    @property
    def spent(self) -> float:
        """The part of the budget that is spent, 0 to 1."""
        if self.total is not None:
            return min(1.0, self.updates / self.total)
        assert self.plan.budget.minutes is not None
        return min(1.0, self.seconds / (60 * self.plan.budget.minutes))

    @property
    def done(self) -> float:
        """The part of this leg that is spent, 0 to 1, as shown to the user."""
        return (self.spent - self.leg.begun) / (1 - self.leg.begun)

    def run(self) -> bool:
        """Train until the budget is spent. Returns False if the user stopped it before."""
        mark, shown, stop = math.floor(self.done * self.looks), 0.0, 0.0
        with _Signals(self.interrupt):
            while self.done < 1 and not stop:
                tick = time.perf_counter()
                loss = self._update()
                self.updates += 1
                # Every process must agree on these: they decide the learning rate and the end.
                before = self.seconds
                self.seconds, stop = self.group.agree(before + time.perf_counter() - tick, self._interrupted)
                self._losses.append(loss)
                self._watch_pace(self.seconds - before)
                looks = math.floor(self.done * self.looks) > mark or self.done >= 1
                if looks or stop or len(self._losses) >= 512:
                    train = float(torch.stack(self._losses).mean())
                    self._losses.clear()
                    if not math.isfinite(train) and self._roll_back():
                        mark = math.floor(self.done * self.looks)
                        continue
                    self._note(train)
                if looks or stop:
                    mark = math.floor(self.done * self.looks)
                    self._look(train)
                    (stop,) = self.group.agree(stop or self._interrupted)  # heard meanwhile: all is saved
                elif time.perf_counter() - shown > 0.5 and self._losses:
                    shown = time.perf_counter()
                    train = float(torch.stack(self._losses[-20:]).mean())
                    self._tell(train=train, **self._speed())
        return self.done >= 1

    def _tell(self, **facts: float) -> None:
        """How far the run is."""
        self.report.progress(self.done, update=self.updates, seconds=self.seconds, **facts, eta=self._eta())

    def _watch_pace(self, seconds: float) -> None:
        """Choose the number of threads for the next update, considering other programs (`Pace`)."""
        before, now = self._pace.threads, self._pace.heard(seconds)
        if now == before:
            return
        torch.set_num_threads(now)
        if now == 1 and not self._slowed:
            self.report.warn("other work slows the processors down: training goes on with one thread for a while.")
            self._slowed = True

    def _eta(self) -> float:
        """The remaining seconds of training."""
        if self.plan.budget.minutes is not None:
            return 60 * self.plan.budget.minutes - self.seconds
        return self.seconds / max(self.updates, 1) * ((self.total or 0) - self.updates)

    def _update(self) -> Tensor:
        """Make one update, and return the loss of its batch."""
        loss = self._loss()
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [w.grad for w in self.weights.values() if w.grad is not None]
        total = self.group.sum(gradients, loss.detach())
        norm = torch.nn.utils.clip_grad_norm_(list(self.weights.values()), self.plan.clip, foreach=True)
        warm = min(1.0, (self.updates - self.leg.update + 1) / self.plan.warmup)
        if self._sound(norm):
            self.optimizers.step(self.rate_scale * warm * self.plan.height(self.spent))
        else:
            self.optimizers.forget()
        return total

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.plan.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def interrupt(self) -> None:
        """Finish the present update, save, and stop. A second Ctrl-C stops at once."""
        self._interrupted = True


class _Signals:
    """While this context is open, Ctrl-C, SIGTERM and SIGHUP (the terminal closes) call `interrupt`; a second Ctrl-C
    stops at once. Signals that are ignored, such as SIGHUP under nohup, stay ignored."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._interrupted = False
        self._old: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in SIGNALS:
            if number != signal.SIGINT and signal.getsignal(number) is signal.SIG_IGN:
                continue
            try:
                self._old[number] = signal.signal(number, self._heard)
            except ValueError:  # not in the main thread: leave signals to whoever has it
                return

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._interrupted and number == signal.SIGINT:  # a shell that closes sends SIGHUP twice
            raise KeyboardInterrupt
        self._interrupted = True
        self._interrupt()

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
