"""`train`: sources in, model out."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rhapsode import checkpoint, corpus, registry
from rhapsode import framing as framings
from rhapsode.codecs._codec import Codec
from rhapsode.config import make
from rhapsode.errors import UserError
from rhapsode.model import Model
from rhapsode.report import Report
from rhapsode.resets import ResetPolicy
from rhapsode.training import auto, memory
from rhapsode.training.distributed import Group
from rhapsode.training.folder import claimed, over, stopped_run
from rhapsode.training.log import PICTURE, summary_writer
from rhapsode.training.plan import Budget, Plan
from rhapsode.training.trainer import Trainer

Source = str | os.PathLike[str]
COMPANION = 0.1
"""Part of the time for the smaller model that belongs to one, where there is such."""


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    valid_nats: per step, of the best weights, as watched during training (see `rhapsode score` for exact scores).
    usage: of its codec.
    """

    model_path: Path
    picture: Path
    finished: bool
    valid_nats: float
    seconds: float
    usage: str


def train(
    sources: Sequence[Source],
    output: Source,
    *,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    codec: str | None = None,
    codec_options: Mapping[str, Any] | None = None,
    framing: str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    reset: str | None = None,
    valid: Sequence[Source] | None = None,
    valid_fraction: float = 0.1,
    valid_by: str | None = None,
    separator: str | None = None,
    field: str | None = None,
    network: Mapping[str, Any] | None = None,
    dropout: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    params: int | None = None,
    base: Source | None = None,
    resume: bool = False,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    tensorboard: bool = False,
    report: Report | None = None,
) -> Result:
    """Train a model on `sources` and write it into the folder `output`.

    The budget is one of minutes, epochs or steps (none: 5 minutes). What is not given is chosen from
    the corpus and the budget, and reported; codec chars or one that knows the files, framing stream, reset policy
    document. With `base`,
    a model is fine-tuned: its codec, network and framing stay, and its reset policy unless one is given. With
    `resume`, a stopped run goes on exactly where it was, and the other options are those it began with. With
    `tensorboard` (an extra: `rhapsode[tensorboard]`), the losses and samples are written for it, too, into
    `output`/tensorboard. Raises `UserError`.
    """
    report = report or Report()
    folder = Path(output)
    given: dict[str, Any] = {
        "sources": [str(s) for s in sources],
        "codec": codec,
        "codec_options": dict(codec_options or {}),
        "reset": reset,
        "valid": None if valid is None else [str(v) for v in valid],
        "valid_fraction": valid_fraction,
        "valid_by": valid_by,
        "separator": separator,
        "field": field,
        "base": None if base is None else str(base),
        "tensorboard": tensorboard,
    }
    stopped = stopped_run(folder) if resume else None
    if stopped:
        now = {name: given[name] for name in ("sources", "tensorboard") if given[name]}
        given = {"tensorboard": False, **stopped["given"], **now}
    elif resume:
        raise UserError(f"nothing to resume: {folder} has no {checkpoint.RESUME}. Leave --resume out to begin.")
    elif (folder / checkpoint.RESUME).exists() and not over(folder):
        raise UserError(
            f"{folder} holds a run that was stopped. Go on with --resume, or choose another folder with -o."
        )
    if not given["sources"]:
        raise UserError("nothing to train on: name files, folders, globs or `-`, e.g. rhapsode train book.txt -o model")
    if given["tensorboard"]:
        summary_writer()
    where = auto.device_for(device)
    group = Group()
    with ExitStack() as after:
        after.callback(torch.set_num_threads, torch.get_num_threads())
        after.enter_context(claimed(folder, group.leads))
        origin = Model.load(given["base"]) if given["base"] else None
        if origin and not stopped:
            _refuse(
                codec=codec not in (None, origin.codec.name) or codec_options,
                framing=framing not in (None, origin.config.framing.name),
                network=network,
                params=params,
            )
        policy = given["reset"] or (origin.config.reset if origin else "document")
        keys = ("valid", "valid_fraction", "valid_by", "separator", "field")
        about = {"reset": ResetPolicy.parse(policy), "report": report.stage, **{k: given[k] for k in keys}}
        data = corpus.prepare(
            given["sources"],
            codec=origin.codec if origin else given["codec"],
            codec_options=None if origin else (given["codec_options"] or None),
            **about,
        )
        if data.codec.companion:  # what is wrong with its data is better known before the long training
            corpus.prepare(given["sources"], **_companions(data.codec, given), **about)
        for note in data.notes:
            report.note(note)
        for warning in data.warnings:
            report.warn(warning)
        if stopped:
            chosen = make(Plan, stopped["plan"], f"{folder / checkpoint.RESUME}: its plan")
        else:
            budget = _budget(minutes, epochs, steps)
            if data.codec.companion and budget.minutes:
                budget = Budget(minutes=budget.minutes * (1 - COMPANION))
            chosen, reasons = auto.choose(
                data.codec.steps,
                len(data.train),
                budget,
                origin.config.framing if origin else framings.parse(framing or data.codec.framing, window, horizon),
                policy,
                network={**data.codec.network, **(network or {})},
                dropout=dropout or {},
                plan={"seed": seed, **(plan or {})},
                parameters=params,
                window=window,
                device=where,
                precision=auto.precision_for(precision, where),
                base=origin.config.network if origin else None,
                processes=group.size,
                text=data.codec.text,
                given=data.codec.given,
                longest=int(np.diff(data.train.units, append=len(data.train)).max(initial=0)),
            )
            # Speed decides, and each process has measured its own.
            chosen = Plan.model_validate_json(group.agree_on_text(chosen.model_dump_json()))
            for reason in reasons:
                report.note(reason)
        told = report if group.leads else Report()
        trainer = Trainer(chosen, data, folder, where, told, group, given["tensorboard"])
        if origin and not stopped:
            trainer.adopt(origin.weights)
        if stopped:
            trainer.resume()
        trainer.info["given"] = given
        if group.leads:
            _keep(data.sidecar, folder / checkpoint.KNOWN)
            if data.codec.companion and not stopped:  # an earlier model's is not this one's: see `_companion`
                (folder / data.codec.companion / checkpoint.RESUME).unlink(missing_ok=True)
        with memory.kept():
            finished = trainer.run()
        best = trainer.best
        if finished and data.codec.companion:
            how = {"seed": chosen.seed, "device": device, "precision": precision}
            finished = _companion(folder, data.codec, chosen.budget, given, bool(stopped), report, **how)
        valid_nats = best if math.isfinite(best) else math.nan
        return Result(folder, folder / PICTURE, finished, valid_nats, trainer.seconds, data.codec.usage)


def _companion(
    folder: Path, codec: Codec, budget: Budget, given: Mapping[str, Any], resume: bool, report: Report, **how: Any
) -> bool:
    """Train the smaller model that belongs to one of this codec, on the same sources; whether that is finished."""
    place = folder / codec.companion
    resume = resume and (place / checkpoint.RESUME).exists()
    if resume and over(place):
        return True
    report.note(f"and now the model of {codec.companion} that goes with it")
    share = {key: value for key, value in budget.model_dump().items() if value is not None}
    if budget.minutes is not None:
        share = {"minutes": budget.minutes * COMPANION / (1 - COMPANION)}
    origin = _beside(given["base"], codec) if given["base"] else None
    return train(
        given["sources"],
        place,
        **({} if origin else _companions(codec, given)),
        base=origin,
        resume=resume,
        report=report,
        **{key: given[key] for key in ("valid", "valid_fraction")},
        **({} if resume else share),
        **how,
    ).finished


def _companions(codec: Codec, given: Mapping[str, Any]) -> dict[str, Any]:
    """The companion's codec, and those of the given options that are its, too; or the one of `base`'s companion."""
    if given["base"]:
        return {"codec": Model.load(_beside(given["base"], codec)).codec}
    kind = registry.get("codec", codec.companion)
    options = {key: value for key, value in given["codec_options"].items() if key in kind.options}
    return {"codec": codec.companion, "codec_options": options}


def _beside(base: str, codec: Codec) -> Path:
    """The folder of a model's companion."""
    return checkpoint.locate(base).parent / codec.companion


def _keep(sidecar: Path | None, place: Path) -> None:
    """What is kept of the data beside the model; what an earlier one left there goes."""
    if sidecar:
        checkpoint.commit(place, sidecar.read_bytes())
    else:
        place.unlink(missing_ok=True)


def _refuse(**options: object) -> None:
    """Raises `UserError` for what fine-tuning takes from the model that it begins with."""
    given = [name for name, value in options.items() if value]
    if given:
        raise UserError(
            f"fine-tuning keeps the model's own {' and '.join(given)}. Leave {'them' if len(given) > 1 else 'it'} out, "
            "or train a new model without --from."
        )


def _budget(minutes: float | None, epochs: float | None, steps: int | None) -> Budget:
    given = {"minutes": minutes, "epochs": epochs, "steps": steps}
    named = {k: v for k, v in given.items() if v is not None} or {"minutes": 5.0}
    if len(named) > 1:
        raise UserError(f"one budget at a time: {' and '.join('--' + n for n in named)} were given.")
    return make(Budget, named, "budget")
