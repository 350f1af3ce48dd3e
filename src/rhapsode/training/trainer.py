"""Training a model of sequences: its batches, validation, samples, checkpoints, and its way back from trouble.

Each process takes its share of a batch's rows. What is random comes from the step number and from
generators whose state is saved, so a resumed run is the same run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rhapsode.config import Dropout, ModelConfig, make
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.data.corpus import Corpus
from rhapsode.data.framing import Batch, Framed, Framing
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import NotFinite, UserError
from rhapsode.files import checkpoint, format1
from rhapsode.inference.model import Model
from rhapsode.nn.attention._attention import Memory
from rhapsode.nn.network import Network
from rhapsode.nn.samplers import Sampling
from rhapsode.report import Report
from rhapsode.training.collapse import LENGTH, ROWS, Collapse
from rhapsode.training.distributed import Group
from rhapsode.training.log import PICTURE, Log, draw
from rhapsode.training.loop import Loop
from rhapsode.training.origin import origin
from rhapsode.training.plan import Budget, Leg, Plan

PICTURED = 10.0
"""Seconds between pictures of the loss, at least, until the last: one takes as long as hundreds of small updates."""
VALID_STEPS = 1 << 17
"""At most this many validation steps are read each time."""
VALID_ROWS = 32
QUIET, PATIENCE = 0.25, 3
"""A warning that valid has stopped improving comes when so much is done, and after so many looks in vain since."""
GIVE_UP = 3
"""Roll-backs after which a run that keeps losing its numbers stops."""
NEATER = {"bias": 0.5, "temperature": 0.8}
"""How samples are drawn that training shows."""


class Trainer(Loop):
    """One run of a plan over a corpus, writing into `folder`; with `board`, for TensorBoard, too."""

    def __init__(
        self,
        plan: Plan,
        corpus: Corpus,
        folder: Path,
        device: torch.device,
        report: Report,
        group: Group,
        board: bool = False,
    ) -> None:
        self.corpus, self.folder, self.board = corpus, folder, board
        codec = corpus.codec
        super().__init__(plan, Network(plan.network, codec.steps, codec.text, codec.covariates), device, report, group)
        if (self.network.attention or self.network.covariates) and plan.framing.name != self.network.framing:
            raise UserError(
                f"framing {plan.framing.name} tears steps from what goes with them; with this network, codec "
                f"{codec.name} needs {self.network.framing}."
            )
        self.framing = Framing(
            plan.framing, Framed(corpus.train, codec.steps, augment=True), plan.rows, plan.window, plan.seed
        )
        self.rollbacks = 0
        self.best, self.best_step, self.since_best = math.inf, 0, 0
        self.info: dict[str, Any] = {}
        self._collapse = Collapse(corpus.valid, codec.steps.density)
        self._log: Log | None = None
        self._pictured = time.perf_counter()

    def adopt(self, weights: Mapping[str, np.ndarray]) -> None:
        super().adopt(weights)
        self.state = self._zeros(self.plan.rows // self.group.size)

    def _zeros(self, rows: int) -> tuple[Tensor, ...]:
        return self.network.zeros(rows, self.weights["output.bias"].detach())

    # --- the loop ---

    @property
    def total(self) -> int | None:
        """Updates of the whole run, where the budget says so."""
        budget = self.plan.budget
        if budget.steps is not None:
            return budget.steps
        return None if budget.epochs is None else max(1, round(budget.epochs * self.framing.per_epoch))

    def go_on(self, budget: Budget) -> str:
        """Train for so much longer, from now, whatever was left; returns what to tell of it.

        The learning rate rises again, over some updates, to where it would be now had the whole run been planned so
        long from the beginning, and falls from there to zero: briefly longer changes little, and much longer is nearly
        a new run from good weights.
        """
        per_epoch = self.framing.per_epoch
        spent = Budget.model_construct(minutes=self.seconds / 60, epochs=self.step / per_epoch, steps=self.step)
        unit, more = next((name, value) for name, value in budget.model_dump().items() if value is not None)
        whole = getattr(spent, unit) + more
        self.plan = self.plan.model_copy(update={"budget": Budget(**{unit: whole})})
        self.leg = Leg(number=self.leg.number + 1, begun=min(self.spent, math.nextafter(1, 0)), step=self.step)
        self.since_best = 0
        return (
            f"training longer: the learning rate rises again to {1 - self.spent:.0%} of its peak, as if {whole:,.4g} "
            f"{unit} had been planned from the beginning, and falls to zero"
        )

    def run(self) -> bool:
        """Train until the budget is spent; False if the user stopped it first (all is saved)."""
        self._open_log()
        if self._log and self._log.harm:
            self.report.warn(self._log.harm)
        if self.step == self.leg.step:
            self.save()  # a way back from the very first steps
        finished = super().run()
        if self._log:
            self._draw(self._log)
            self._log.close()
        return finished

    def _open_log(self) -> None:
        self._log = Log(self.folder, self.info.get("log", 0), self.board) if self.group.leads else None

    def _note(self, train: float) -> None:
        if self._log:
            self._log.add(step=self.step, seconds=round(self.seconds, 3), train=train)

    def _speed(self) -> dict[str, float]:
        steps = self.plan.rows * self.framing.window * self.step
        return {"steps_per_second": steps / max(self.seconds, 1e-9)}

    def _loss(self) -> Tensor:
        whole = self.framing.batch(self.step)
        batch = self._tensors(whole, self.group.share(self.framing.rows))
        state = self.state if self.framing.carried else self._zeros(batch["inputs"].shape[1])
        with self._autocast():
            parameters, new_state = self.network.run(
                self.weights,
                batch["inputs"],
                state,
                batch.get("reset"),
                self.plan.dropout,
                _memory(batch),
                batch.get("covariates"),
            )
        self.state = tuple(part.detach() for part in new_state)
        nats = self.network.nll(self.weights, parameters, batch["targets"])
        return (nats * batch["weight"]).sum() / max(float(whole.weight.sum()), 1.0)

    def _tensors(self, batch: Batch, rows: slice = slice(None)) -> dict[str, Tensor]:
        """Some rows of a batch on the device; `reset` only where there is one, for it costs time."""
        names = ["inputs", "targets", "weight"] + ["reset"] * bool(batch.reset.any())
        names += ["text", "begin", "end"] * (self.network.attention is not None)
        names += ["covariates"] * bool(self.network.covariates)
        return {n: torch.from_numpy(np.ascontiguousarray(getattr(batch, n)[:, rows])).to(self.device) for n in names}

    # --- looking up from the work ---

    def _look(self, train: float) -> None:
        log = self._log
        if log:
            valid = self.evaluate()
            if valid < self.best:
                self.best, self.best_step, self.since_best = valid, self.step, 0
                self.save_model()
            elif self.done >= QUIET:
                self.since_best += 1
                if self.since_best == PATIENCE:  # once a plateau
                    self._warn_of_plateau(train, log)
            model = self.model()
            log.add(
                step=self.step,
                seconds=round(self.seconds, 3),
                train=train,
                valid=valid,
                **self._per_char(valid),
                **self._watch_for_collapse(model, valid),
                done=round(self.done, 6),
            )
            self._tell(train=train, valid=valid, best=self.best)
            if self.done < 1:
                if time.perf_counter() - self._pictured >= PICTURED:
                    self._draw(log)
                text = self.sample(model)
                self.report.sample(text)
                log.sample(self.step, text)
        self.save()

    def _draw(self, log: Log) -> None:
        draw(log, self.folder / PICTURE, "step")
        self._pictured = time.perf_counter()

    @property
    def lines(self) -> bool:
        """What it generates is lines, one a sample."""
        return ResetPolicy.parse(self.plan.reset).lines

    def _per_char(self, valid: float) -> dict[str, float]:
        """The same in the unit that texts are compared in."""
        if not self.corpus.valid_bytes:
            return {}
        steps_per_char = len(self.corpus.valid) / max(1, self.corpus.valid_chars)
        return {"valid_bits_per_char": valid / math.log(2) * steps_per_char}

    def _warn_of_plateau(self, train: float, log: Log) -> None:
        then = next((r.get("train", math.inf) for r in log.read() if r["step"] == self.best_step), math.inf)
        if train < then:
            what = "overfitting has begun: train still falls, but valid has not improved"
            advice = "More data, more dropout or a smaller network would help more than time."
        else:
            what = "neither valid nor train has improved"
            advice = "Other rates or a larger network may help more than time."
        best = f"since step {self.best_step:,} (best {self.best:.4f} nats); the best weights are kept"
        self.report.warn(f"{what} {best}. {advice}")

    @torch.no_grad()
    def evaluate(self) -> float:
        """Nats per step on (the first part of) the validation data, read as parallel streams or windows.

        What training hides of frames that are read is hidden here, too, the same at each look: that belongs to the
        task. To be told whole what it has always seen half of makes a network of frames far too sure, and the more so
        the better it has learnt (docs/log.md).
        """
        if self.corpus.codec.steps.hidden and self.plan.dropout.input:
            with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
                torch.manual_seed(self.plan.seed)
                return self._evaluated(Dropout(input=self.plan.dropout.input))
        return self._evaluated(None)

    def _evaluated(self, dropout: Dropout | None) -> float:
        framed = Framed(self.corpus.valid, self.corpus.codec.steps)
        continuous = self.corpus.codec.continuous
        rows = max(1, min(VALID_ROWS, framed.length // 256, *[] if continuous else [len(framed.begins)]))
        window = min(256, max(1, framed.length // rows))
        if self.plan.framing.name == "whole":
            rows, window = self.plan.rows, self.plan.window
        framing = Framing(self.plan.framing, framed, rows, window)
        count = max(1, min(framing.per_epoch, VALID_STEPS // (rows * framing.window)))
        state, nats, weight = self._zeros(rows), 0.0, 0.0
        met = np.full(rows, continuous)
        for i in range(count):
            batch = framing.batch(i)
            # A row begins in the middle of a unit, whose beginning it has not seen; but for text, that would matter.
            met = np.logical_or.accumulate(np.concatenate([met[None], batch.reset]))[1:]
            t = self._tensors(replace(batch, weight=batch.weight * met))
            met = met[-1]
            # In bf16, a density seems 0.1 to 0.2 nats worse than it will be in use.
            with nullcontext() if self.network.head.exact else self._autocast():
                parameters, new = self.network.run(
                    self.weights, t["inputs"], state, t.get("reset"), dropout, _memory(t), t.get("covariates")
                )
            if framing.carried:
                state = new
            nats += float((self.network.nll(self.weights, parameters, t["targets"]) * t["weight"]).sum())
            weight += float(t["weight"].sum())
        return nats / max(weight, 1.0)

    def _watch_for_collapse(self, model: Model, valid: float) -> dict[str, float]:
        """Numbers for the log, of what the present weights draw at temperature 1; warns where they are far off."""
        if not self.network.config.autoregressive:  # it never hears what it draws
            return {}
        going_on = self.corpus.codec.continuous
        drawn = model.generate(self._some_text(model), length=LENGTH, samples=ROWS, seed=self.step, ignore_end=going_on)
        found = self._collapse.measure([one.steps for one in drawn], [one.log_probs for one in drawn])
        if self.done >= QUIET:
            for warning in self._collapse.warnings(found, sum(len(one.steps) for one in drawn), valid):
                self.report.warn(warning)
        return found

    def sample(self, model: Model) -> str:
        """What the present weights write, a little neater than they are sure of."""
        text, going_on = self._some_text(model), self.corpus.codec.continuous
        neater = make(Sampling, {name: each for name, each in NEATER.items() if name in model.head.options}, "sampling")
        length = None if text or self.network.encoder else 200
        drawn = model.generate(text, length=length, seed=self.step, sampling=neater, ignore_end=going_on)[0]
        if drawn.record is None:
            return drawn.text
        return f"{text}\n{model.record_codec.show(drawn.record)}".lstrip("\n")

    def _some_text(self, model: Model) -> str:
        """One of the validation data's, for models of steps that go with a text."""
        texts = self.corpus.valid.texts
        if texts is None or not self.network.attention:
            return ""
        n = self.step % (len(texts.begins) - 1)
        return model.record_codec.decode_text(texts.symbols[texts.begins[n] : texts.begins[n + 1]])

    # --- files ---

    def model(self) -> Model:
        """The present weights as a model to read with."""
        return Model(make(ModelConfig, self._config(), "this run"), self.arrays())

    def _config(self) -> dict[str, Any]:
        corpus = self.corpus
        return {
            "format": 2,
            "codec": codec_to_json(corpus.codec),
            "network": self.plan.network.model_dump(),
            "framing": self.plan.framing.model_dump(),
            "reset": self.plan.reset,
            "facts": {
                **origin(self.info.get("given", {})),
                "documents": corpus.documents,
                "step": self.step,
                "seconds": round(self.seconds, 1),
                "valid_nats_per_step": self.best,
                "train_chars": corpus.train_chars,
                "train_steps": len(corpus.train),
                "valid_chars": corpus.valid_chars,
                "plan": self.plan.model_dump(exclude={"network", "framing", "reset"}),
                "torch": torch.__version__,
            },
        }

    def save_model(self) -> None:
        checkpoint.save(self.folder / checkpoint.MODEL, self._config(), self.arrays())

    def save(self) -> None:
        """Write all that a resumed run needs. Called by every process; the first one writes."""
        tensors = {f"weight/{name}": value for name, value in self.arrays().items()}
        tensors |= {f"optimizer/{n}": v.detach().cpu().float().numpy() for n, v in self.optimizers.state().items()}
        for n, part in enumerate(self.state):
            tensors[f"state/{n}"] = self.group.gather(part.float()).cpu().numpy()
        tensors["random"] = self.group.gather(torch.get_rng_state().unsqueeze(0)).numpy()
        if self.device.type == "cuda":
            tensors["random_cuda"] = self.group.gather(torch.cuda.get_rng_state(self.device).unsqueeze(0)).numpy()
        if not self.group.leads:
            return
        self.info |= {
            "plan": self.plan.model_dump(),
            "corpus_key": self.corpus.key,
            "processes": self.group.size,
            "state_dtype": str(self.state[0].dtype).removeprefix("torch.") if self.state else "float32",
            "step": self.step,
            "seconds": self.seconds,
            "rate_scale": self.rate_scale,
            "best": self.best,
            "best_step": self.best_step,
            "since_best": self.since_best,
            "leg": self.leg.model_dump(),
            "log": self._log.size if self._log else 0,
            "finished": self.done >= 1,
        }
        if math.isinf(self.best):
            self.info["best"] = None
        checkpoint.save(self.folder / checkpoint.RESUME, self.info, tensors)

    def resume(self) -> None:
        """Go on from `folder`'s checkpoint. Raises `UserError` if it belongs to other data or processes."""
        path = self.folder / checkpoint.RESUME
        info, mark, found = checkpoint.load_info(path)
        if info.get("corpus_key") != self.corpus.key:
            raise UserError(
                f"{path} was made from other data (or the data has changed since). Resume with the same sources, "
                "or begin anew in another folder: -o OTHER."
            )
        if info.get("processes") != self.group.size:
            raise UserError(f"{path} was made by {info.get('processes')} processes; resume it with as many.")
        tensors = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in found.items()}, mark)
        tensors = format1.tensors(tensors, self.network.shapes)

        def part(kind: str) -> dict[str, np.ndarray]:
            return {n.removeprefix(f"{kind}/"): v for n, v in tensors.items() if n.startswith(f"{kind}/")}

        if {n: v.shape for n, v in part("weight").items()} != self.network.shapes:
            raise UserError(f"{path} does not fit its own plan: it is damaged. Begin anew in another folder: -o OTHER.")
        self.adopt(part("weight"))
        self.optimizers.load({n: torch.from_numpy(np.array(v)) for n, v in part("optimizer").items()})
        rows = self.group.share(self.plan.rows)
        dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[info["state_dtype"]]
        state = part("state")
        self.state = tuple(
            torch.tensor(state[str(n)][rows] if self.framing.carried else state[str(n)]).to(self.device, dtype)
            for n in range(len(state))
        )
        torch.set_rng_state(torch.from_numpy(tensors["random"][self.group.rank].copy()))
        if "random_cuda" in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(torch.from_numpy(tensors["random_cuda"][self.group.rank].copy()), self.device)
        self.step, self.seconds, self.rate_scale = info["step"], info["seconds"], info["rate_scale"]
        self.best = math.inf if info["best"] is None else info["best"]
        self.best_step, self.since_best = info["best_step"], info["since_best"]
        self.leg = Leg.of(info)
        self.info = info

    def _roll_back(self) -> bool:
        """The loss is not a number: go back to the last checkpoint with half the learning rate."""
        if self._log:
            self._log.close()
        self.rollbacks += 1
        if self.rollbacks > GIVE_UP:
            raise NotFinite(
                f"training lost its numbers {self.rollbacks} times, each time after step {self.step:,}; the best model "
                f"so far is kept in {self.folder}. Try a lower rate: --config with [plan] matrix_rate and rate."
            )
        scale = self.rate_scale / 2
        lost = self.step
        self.resume()
        self.rate_scale = scale
        self._open_log()
        self.report.warn(
            f"the loss at step {lost:,} is not a number: back to step {self.step:,} at half the learning rate "
            f"({self.rollbacks} of {GIVE_UP} times)."
        )
        return True


def _memory(batch: Mapping[str, Tensor]) -> Memory | None:
    return Memory(batch["text"], batch["begin"], batch["end"]) if "text" in batch else None
