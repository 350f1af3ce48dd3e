"""Training a model of sequences: its batches, validation, samples, checkpoints, and its way back from trouble.

Each process takes its share of a batch's rows. What is random comes from the number of the update and from
generators whose state is saved, so a resumed run is the same run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rhapsode.arithmetic.quantise import Unfit
from rhapsode.config import ModelConfig, make
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.corpus import Corpus
from rhapsode.data.framed import Framed
from rhapsode.data.framing import framing_of
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import NotFinite, UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.nn.network import Network
from rhapsode.report import Report
from rhapsode.training.collapse import LENGTH, ROWS, Collapse
from rhapsode.training.distributed import Group
from rhapsode.training.examples import Examples
from rhapsode.training.learning import SEED, Learning
from rhapsode.training.log import PICTURE, Log, draw
from rhapsode.training.loop import Loop
from rhapsode.training.origin import UNFIT, origin
from rhapsode.training.plan import Budget, Leg, Plan
from rhapsode.training.quantisation import measured
from rhapsode.training.resumption import Resumption
from rhapsode.training.sampling import Samples
from rhapsode.training.validation import Validation

PICTURED = 10.0
"""At least so many seconds are between two pictures of the loss: one takes as long as hundreds of small updates."""
QUIET, PATIENCE = 0.25, 3
"""The warning that validation does not improve needs this part of the run, and this many evaluations without a gain."""
GIVE_UP = 3
"""After this many roll-backs, a run whose loss is not a number stops."""


class Trainer(Loop):
    """One run of a plan over a corpus. It writes into `folder`; with `board`, also for TensorBoard."""

    def __init__(
        self,
        plan: Plan,
        corpus: Corpus,
        folder: Path,
        device: torch.device,
        report: Report,
        group: Group,
        board: bool = False,
        keep: bool = False,
    ) -> None:
        """keep: the model file holds the float32 weights, too."""
        self.corpus, self.folder, self.board, self._keep = corpus, folder, board, keep
        codec = corpus.codec
        super().__init__(plan, Network(plan.network, codec.steps, codec.text, codec.covariates), device, report, group)
        if (self.network.attention or self.network.covariates) and plan.framing.name != self.network.framing:
            raise UserError(
                f"framing {plan.framing.name} tears steps from what goes with them; with this network, codec "
                f"{codec.name} needs {self.network.framing}."
            )
        framed = Framed(corpus.train, codec.steps, augment=True)
        self._batches = framing_of(plan.framing).batches(framed, plan.batch_size, plan.sequence_length, plan.seed)
        self._validation = Validation(corpus, self.network, plan, device, self._autocast)
        self._samples = Samples(corpus)
        self._resumption = Resumption(folder, corpus.key, group, device)
        self.rollbacks = 0
        self.best, self.best_update, self.since_best = math.inf, 0, 0
        self.info: dict[str, Any] = {}
        self._unfit = ""
        """Why the model cannot be in whole numbers, as it was told last."""
        self._saved: tuple[Model, Model] | None = None
        """The model as it was saved last, in float32 and in whole numbers."""
        self._collapse = Collapse(corpus.valid, codec.steps.density)
        self._log: Log | None = None
        self._learning: Learning | None = None
        self._pictured = time.perf_counter()

    def adopt(self, weights: Mapping[str, np.ndarray]) -> None:
        super().adopt(weights)
        self.state = self._zeros(self.plan.batch_size // self.group.size)

    def _zeros(self, rows: int) -> tuple[Tensor, ...]:
        return self.network.zeros(rows, self.weights["output.bias"].detach())

    # --- the loop ---

    @property
    def total(self) -> int | None:
        """Updates of the whole run, where the budget says so."""
        budget = self.plan.budget
        if budget.updates is not None:
            return budget.updates
        return None if budget.epochs is None else max(1, round(budget.epochs * self._batches.per_epoch))

    def go_on(self, budget: Budget) -> str:
        """Train for this much longer from now on, instead of the rest of the budget. Returns a message about it.

        During some updates, the learning rate rises to the value that it would have now if the whole run had been
        planned for this time. From there it falls to zero. So a short extension changes little, and a long one is
        almost a new run that begins with good weights.
        """
        per_epoch = self._batches.per_epoch
        spent = Budget.model_construct(minutes=self.seconds / 60, epochs=self.updates / per_epoch, updates=self.updates)
        unit, more = next((name, value) for name, value in budget.model_dump().items() if value is not None)
        whole = getattr(spent, unit) + more
        self.plan = self.plan.model_copy(update={"budget": Budget(**{unit: whole})})
        self.leg = Leg(number=self.leg.number + 1, begun=min(self.spent, math.nextafter(1, 0)), update=self.updates)
        self.since_best = 0
        height = self.plan.height(self.spent)
        return (
            f"training longer: the learning rate rises again to {height:.0%} of its peak, as if {whole:,.4g} "
            f"{unit} had been planned from the beginning, and falls to zero"
        )

    def run(self) -> bool:
        """Train until the budget is spent. Returns False if the user stopped it before; everything is saved then."""
        self._open_log()
        if self._log and self._log.harm:
            self.report.warn(self._log.harm)
        if self.updates == self.leg.update:
            self.save()  # a way back from the very first updates
        finished = super().run()
        if self._log:
            self._draw(self._log)
            self._log.close()
        if finished and self._saved:
            self.report.note(str(measured(*self._saved, self.corpus)))
        return finished

    def _open_log(self) -> None:
        self._log = Log(self.folder, self.info.get("log", 0), self.board) if self.group.leads else None
        if self._log and isinstance(self.corpus.codec, TextCodec):
            self._learning = Learning(self.folder, self.folder.absolute().name, self.updates)

    def _note(self, train: float) -> None:
        if self._log:
            self._log.add(update=self.updates, seconds=round(self.seconds, 3), train=train)

    def _speed(self) -> dict[str, float]:
        steps = self.plan.batch_size * self._batches.sequence_length * self.updates
        return {"steps_per_second": steps / max(self.seconds, 1e-9)}

    def _loss(self) -> Tensor:
        whole = self._batches.batch(self.updates)
        examples = Examples.of(whole, self.network, self.device, self.group.share(self._batches.batch_size))
        state = self.state if self._batches.carried else self._zeros(examples.inputs.shape[1])
        total, new = examples.nll(self.network, self.weights, state, self.plan.dropout, self._autocast())
        self.state = tuple(part.detach() for part in new)
        return total / max(float(whole.weight.sum()), 1.0)

    # --- looking up from the work ---

    def _look(self, train: float) -> None:
        log = self._log
        if log:
            valid = self._validation.nll(self.weights)
            better = valid < self.best
            if better:
                self.best, self.best_update, self.since_best = valid, self.updates, 0
            model = self.model(save=better)
            if not better and self.done >= QUIET:
                self.since_best += 1
                if self.since_best == PATIENCE:  # once a plateau
                    self._warn_of_plateau(train, log)
            log.add(
                update=self.updates,
                seconds=round(self.seconds, 3),
                train=train,
                valid=valid,
                **self._per_char(valid),
                **self._watch_for_collapse(model, valid),
                done=round(self.done, 6),
            )
            self._tell(train=train, valid=valid, best=self.best)
            if self._learning is not None:
                text = self._samples.shown(model, SEED)
                self._learning.add(self.updates, round(self.seconds, 3), valid, text, log.read())
            if self.done < 1:
                if time.perf_counter() - self._pictured >= PICTURED:
                    self._draw(log)
                text = self._samples.shown(model, self.updates)
                self.report.sample(text)
                log.sample(self.updates, text)
        self.save()

    def _draw(self, log: Log) -> None:
        draw(log, self.folder / PICTURE, "step")
        self._pictured = time.perf_counter()

    @property
    def lines(self) -> bool:
        """Whether each sample is a line."""
        return ResetPolicy.parse(self.plan.reset).lines

    def _per_char(self, valid: float) -> dict[str, float]:
        """The validation loss per character, in which texts are compared."""
        if not self.corpus.valid_bytes:
            return {}
        steps_per_char = len(self.corpus.valid) / max(1, self.corpus.valid_chars)
        return {"valid_bits_per_char": valid / math.log(2) * steps_per_char}

    def _warn_of_plateau(self, train: float, log: Log) -> None:
        then = next((r.get("train", math.inf) for r in log.read() if r["update"] == self.best_update), math.inf)
        if train < then:
            what = "overfitting has begun: train still falls, but valid has not improved"
            advice = "More data, more dropout or a smaller network would help more than time."
        else:
            what = "neither valid nor train has improved"
            advice = "Other rates or a larger network may help more than time."
        best = f"since update {self.best_update:,} (best {self.best:.4f} nats); the best weights are kept"
        self.report.warn(f"{what} {best}. {advice}")

    def _watch_for_collapse(self, model: Model, valid: float) -> dict[str, float]:
        """Values for the log, of samples at temperature 1. Warns if the samples collapse, see `collapse`."""
        if not self.network.config.autoregressive:  # it never hears what it draws
            return {}
        drawn = self._samples.plain(model, self.updates, ROWS, LENGTH)
        found = self._collapse.measure([one.steps for one in drawn], [one.log_probs for one in drawn])
        if self.done >= QUIET:
            for warning in self._collapse.warnings(found, sum(len(one.steps) for one in drawn), valid):
                self.report.warn(warning)
        return found

    # --- files ---

    def model(self, save: bool = False) -> Model:
        """A model with the present weights: in whole numbers, if these can be. save: write its file."""
        config, weights = make(ModelConfig, self._config(), "this run"), self.arrays()
        real = Model(config, weights)
        try:
            made = real.quantised(self._keep)
        except Unfit as error:
            made = Model(config.model_copy(update={"facts": {**config.facts, UNFIT: str(error)}}), weights)
            if str(error) != self._unfit:
                self._unfit = str(error)
                self.report.warn(f"the model is saved in float32 arithmetic ({error}).")
        if save:
            made.save(self.folder / checkpoint.MODEL)
            self._saved = (real, made) if made.whole else None
        return made

    def _config(self) -> dict[str, Any]:
        corpus = self.corpus
        return {
            "codec": codec_to_json(corpus.codec),
            "network": self.plan.network.model_dump(),
            "framing": self.plan.framing.model_dump(),
            "reset": self.plan.reset,
            "arithmetic": "float32",
            "facts": {
                **origin(self.info.get("given", {})),
                "data_digest": corpus.digest,
                "documents": corpus.documents,
                "updates": self.updates,
                "seconds": round(self.seconds, 1),
                "valid_nats_per_step": self.best,
                "train_chars": corpus.train_chars,
                "train_steps": len(corpus.train),
                "valid_chars": corpus.valid_chars,
                "valid_steps": len(corpus.valid),
                "plan": self.plan.model_dump(exclude={"network", "framing", "reset"}),
                "torch": torch.__version__,
            },
        }

    def save(self) -> None:
        """Write everything that a resumed run needs. All processes call it; the first one writes."""
        info = self.info | {
            "plan": self.plan.model_dump(),
            "update": self.updates,
            "seconds": self.seconds,
            "rate_scale": self.rate_scale,
            "best": None if math.isinf(self.best) else self.best,
            "best_update": self.best_update,
            "since_best": self.since_best,
            "leg": self.leg.model_dump(),
            "log": self._log.size if self._log else 0,
            "finished": self.done >= 1,
        }
        self.info = self._resumption.write(info, self.arrays(), self.optimizers.state(), self.state)

    def resume(self) -> None:
        """Go on from the checkpoint in `folder`. Raises `UserError` if it belongs to other data, or to another number
        of processes."""
        rows = self.group.share(self.plan.batch_size) if self._batches.carried else slice(None)
        found = self._resumption.read(self.network.shapes, rows)
        self.adopt(found.weights)
        self.optimizers.load(found.optimizers)
        self.state, self.info = found.state, found.info
        self.updates, self.seconds, self.rate_scale = (found.info[key] for key in ("update", "seconds", "rate_scale"))
        self.best = math.inf if found.info["best"] is None else found.info["best"]
        self.best_update, self.since_best = found.info["best_update"], found.info["since_best"]
        self.leg = Leg.of(found.info)

    def _roll_back(self) -> bool:
        """The loss is not a number: go back to the last checkpoint, with half the learning rate."""
        if self._log:
            self._log.close()
        self.rollbacks += 1
        if self.rollbacks > GIVE_UP:
            raise NotFinite(
                f"training lost its numbers {self.rollbacks} times, each time after update {self.updates:,}; the best "
                f"model so far is kept in {self.folder}. Try a lower rate: --config with [plan] matrix_rate and rate."
            )
        scale = self.rate_scale / 2
        lost = self.updates
        self.resume()
        self.rate_scale = scale
        self._open_log()
        self.report.warn(
            f"the loss at update {lost:,} is not a number: back to update {self.updates:,} at half the learning rate "
            f"({self.rollbacks} of {GIVE_UP} times)."
        )
        return True
