"""`train`: sources in, model out."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rhapsode import registry
from rhapsode.config import make, merged
from rhapsode.data import corpus
from rhapsode.data import framing as framings
from rhapsode.data.codecs.codec import Codec
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError, choice
from rhapsode.files import checkpoint, format1
from rhapsode.files.flip import flipping
from rhapsode.files.inside import trusting
from rhapsode.files.place import check
from rhapsode.inference.model import Model
from rhapsode.report import Report, duration
from rhapsode.training import auto, memory
from rhapsode.training.distributed import Group
from rhapsode.training.folder import check_free, check_kept, claimed, clear, over, stopped_run
from rhapsode.training.indexing import check as check_index
from rhapsode.training.indexing import place_index
from rhapsode.training.log import PICTURE, summary_writer
from rhapsode.training.plan import Budget, Leg, Plan
from rhapsode.training.told import Told
from rhapsode.training.trainer import Trainer

Source = str | os.PathLike[str]
MINUTES = 5.0
"""Minutes of training, if the user gives no budget."""
FLOAT = "float"
"""What `keep` may be."""
AUXILIARY = 0.1
"""The part of the time that an auxiliary model gets (see `Codec.auxiliary`)."""


@dataclass(frozen=True)
class Result:
    """The result of a run.

    valid_nats: the validation loss of the best weights, in nats per step, as estimated during training. (`rhapsode
                score` gives exact scores.)
    seconds, updates: of the whole training.
    codec:    its name.
    usage:    see `Codec.usage`.
    warnings: warnings about the data, to be repeated at the end.
    quality:  see `Codec.quality`.
    """

    model_path: Path
    picture: Path
    finished: bool
    valid_nats: float
    seconds: float
    updates: int
    codec: str
    usage: str
    warnings: Sequence[str] = ()
    quality: Mapping[str, Any] | None = None


def train(
    sources: Sequence[Source],
    output: Source,
    *,
    minutes: float | None = None,
    epochs: float | None = None,
    updates: int | None = None,
    codec: str | None = None,
    codec_options: Mapping[str, Any] | None = None,
    framing: str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    reset: str | None = None,
    valid: Sequence[Source] | None = None,
    valid_fraction: float | None = None,
    valid_by: str | None = None,
    separator: str | None = None,
    field: str | None = None,
    encoding: str | None = None,
    as_text: bool = False,
    all_files: bool = False,
    flip: Sequence[str] | None = None,
    network: Mapping[str, Any] | None = None,
    dropout: float | Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    params: int | None = None,
    lr: float | None = None,
    batch_size: int | None = None,
    base: Source | None = None,
    keep: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    seed: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    tensorboard: bool = False,
    index: bool | None = None,
    trust_paths: bool = False,
    report: Report | None = None,
) -> Result:
    """Train a model on `sources` and write it into the folder `output`.

    The budget is one of minutes, epochs or updates; without one, 5 minutes. Everything that is not given is
    chosen from the corpus and the budget, and reported. The codec is the one that reads the files, the framing stream,
    the reset policy document. `network`, `dropout`, `plan` and `codec_options` are the tables of docs/settings.md. Some
    settings have short forms: dropout, one number; lr, the peak learning rate (`rate` of the plan, and `matrix_rate` in
    proportion); batch_size; window, the sequence length.

    base:        fine-tune this model. Its codec, network and framing stay, and its reset policy unless one is given.
    keep:        `float`: the model file holds the float32 weights beside the whole numbers, for fine-tuning.
    resume:      go on with the run in the folder, with the options that it began with. A run that was stopped goes on
                 exactly to the end of its budget. With a budget, a run trains this much longer from now on.
    overwrite:   a model or a run in the folder may be replaced.
    tensorboard: write losses and samples for TensorBoard, too (extra `rhapsode[tensorboard]`), into
    `output`/tensorboard.
    index:       whether a training index is written beside the model, so that copies can be found; by default, if the
                 text is not too large. It holds the training text, or of tunes the melodies.
    trust_paths: lists of recordings may name files outside of their folders.
    encoding:    of all texts; without it, it is found out. `bytes`: texts are not converted.
    as_text:     take only the text of web pages, notebooks, Markdown and mail.
    all_files:   take files that are left out of folders by default: hidden ones, lock files, builds, backups.
    flip:        drawings from files whose names match one of these patterns are turned upside down.
    Raises `UserError`.
    """
    outer = report or Report()
    network, renamed = format1.renamed(network or {})
    plan, old = format1.renamed(plan or {}, format1.PLAN)
    check(os.fspath(output), folder=True)
    folder = Path(output)
    kept: dict[str, Any] = {
        "codec": codec,
        "codec_options": dict(codec_options or {}),
        "framing": framing,
        "window": window,
        "horizon": horizon,
        "reset": reset,
        "valid": None if valid is None else [str(v) for v in valid],
        "valid_fraction": valid_fraction,
        "valid_by": valid_by,
        "separator": separator,
        "field": field,
        "encoding": encoding,
        "as_text": as_text,
        "all_files": all_files,
        "flip": list(flip or ()),
        "network": network,
        "dropout": dict(dropout) if isinstance(dropout, Mapping) else dropout,
        "plan": plan,
        "params": params,
        "lr": lr,
        "batch_size": batch_size,
        "base": None if base is None else str(base),
        "seed": seed,
    }
    if keep not in (None, FLOAT):
        raise choice("keep", keep, [FLOAT])
    free = {"tensorboard": tensorboard, "trust_paths": trust_paths, "keep": keep, "index": index}
    given = {**kept, "sources": [str(s) for s in sources], **free}
    budget = _budget(minutes, epochs, updates)
    stopped = _to_go_on(folder, budget) if resume else None
    if stopped:
        check_kept(stopped["given"], kept)
        now = {name: given[name] for name in ("sources", *free) if given[name]}
        now |= {} if index is None else {"index": index}
        given = {**dict.fromkeys(given), **stopped["given"], **now}
    elif not overwrite:
        check_free(folder)
    if resume and overwrite:
        raise UserError("--resume goes on with a run, --overwrite begins another in its place; one of them must go.")
    if not given["sources"]:
        raise UserError("nothing to train on: name files, folders, globs or `-`, e.g. rhapsode train book.txt -o model")
    if given["tensorboard"]:
        summary_writer()
    where = auto.device_for(device)
    group = Group()
    report = Told(outer) if group.leads else Told(Report(), silent=True)
    if renamed:
        report.note(format1.told("network", renamed))
    if old:
        report.note(format1.told("plan", old, format1.PLAN))
    with ExitStack() as after:
        after.callback(torch.set_num_threads, torch.get_num_threads())
        after.enter_context(claimed(folder, group.leads))
        after.enter_context(trusting(bool(given["trust_paths"])))
        after.enter_context(flipping(given["flip"] or ()))
        origin = Model.load(given["base"]) if given["base"] is not None else None
        if origin and not stopped:
            _refuse(
                codec=codec not in (None, origin.codec.name) or codec_options,
                framing=framing not in (None, origin.config.framing.name),
                network=network,
                params=params,
            )
        policy = given["reset"] or (origin.config.reset if origin else "document")
        keys = ("valid", "valid_fraction", "valid_by", "separator", "field", "encoding")
        about = {"reset": ResetPolicy.parse(policy), "report": report.stage, **{k: given[k] for k in keys}}
        about |= {name: bool(given[name]) for name in ("as_text", "all_files")}
        about["valid_fraction"] = corpus.FRACTION if given["valid_fraction"] is None else given["valid_fraction"]
        data = corpus.prepare(
            given["sources"],
            codec=origin.codec if origin else given["codec"],
            codec_options=None if origin else (given["codec_options"] or None),
            **about,
        )
        check_index(data, given["index"])
        if data.codec.auxiliary:  # what is wrong with its data is better known before the long training
            corpus.prepare(given["sources"], **_auxiliary_codec(data.codec, given), **about)
        for note in data.notes:
            report.note(note)
        for warning in data.warnings:
            report.warn(warning)
        if stopped:
            chosen = make(Plan, stopped["plan"], f"{folder / checkpoint.RESUME}: its plan")
        else:
            chosen, reasons = auto.choose(
                data.codec.steps,
                len(data.train),
                _own_part(budget or Budget(minutes=MINUTES), data.codec),
                origin.config.framing if origin else framings.parse(framing or data.codec.framing, window, horizon),
                policy,
                network=merged(_usual(data.codec, network), network),
                dropout=dropout,
                plan=_plan(plan, seed, lr, batch_size, window),
                parameters=params,
                window=window,
                device=where,
                precision=auto.precision_for(precision, where),
                base=origin.config.network if origin else None,
                processes=group.size,
                text=data.codec.text,
                covariates=data.codec.covariates,
                longest=int(np.diff(data.train.units, append=len(data.train)).max(initial=0)),
            )
            if chosen.network.head.name == "adaptive" and not origin and "head" not in network:
                many = f"{data.codec.steps.symbols - 1:,} symbols"
                reasons.append(
                    f'head: adaptive softmax, for {many} (head = "categorical" in [network] is the plain one)'
                )
            # Speed decides, and each process has measured its own.
            chosen = Plan.model_validate_json(group.agree_on_text(chosen.model_dump_json()))
            for reason in reasons:
                report.note(reason)
        trainer = Trainer(chosen, data, folder, where, report, group, given["tensorboard"], given["keep"] == FLOAT)
        if origin and not stopped:
            trainer.adopt(trainer.network.grown(origin.weights, origin.network))
        if stopped:
            trainer.resume()
            report.note(f"going on at update {trainer.updates:,}")
            if budget:
                report.note(trainer.go_on(_own_part(budget, data.codec)))
        trainer.info["given"] = given
        if group.leads:
            if not stopped:
                clear(folder)
            place_index(data, folder, given["index"], origin, report)
        with memory.kept(), report.written(folder):
            report.write(f"training on {', '.join(given['sources'])}")
            finished = trainer.run()
            report.write(f"{'finished' if finished else 'stopped'} after {duration(trainer.seconds)} of training")
        best = trainer.best
        if finished and data.codec.auxiliary:
            how = {"seed": chosen.seed, "device": device, "precision": precision, "report": outer}
            finished = _train_auxiliary(folder, data.codec, trainer, given, bool(stopped), **how)
        quality = None
        if finished and group.leads:
            try:
                quality = data.codec.quality(folder, report)
            except UserError as error:  # the model is there all the same
                report.warn(f"The model could not be compared with what was held out: {error}")
        group.wait()
        valid_nats = best if math.isfinite(best) else math.nan
        usage = data.codec.usage + " --samples 10" * trainer.lines
        return Result(
            folder,
            folder / PICTURE,
            finished,
            valid_nats,
            trainer.seconds,
            trainer.updates,
            data.codec.name,
            usage,
            data.warnings,
            quality,
        )


def _to_go_on(folder: Path, budget: Budget | None) -> dict[str, Any]:
    """The checkpoint of the run in the folder. budget: how much longer to train; None: to its end. Raises
    `UserError`."""
    stopped = stopped_run(folder)
    name = shlex.quote(str(folder))
    if stopped is None:
        advice = "Leave --resume out to begin."
        if (folder / checkpoint.MODEL).exists():
            advice = f"Go on from its model in another folder: --from {name} -o OTHER."
        raise UserError(f"nothing to resume: {folder} has no {checkpoint.RESUME}. {advice}")
    if budget is None and over(folder):
        raise UserError(
            f"the run in {folder} is finished. To train it longer, say how long: rhapsode train -o {name} --resume "
            "--minutes 5 (or --epochs, --updates)."
        )
    return stopped


def _own_part(budget: Budget, codec: Codec) -> Budget:
    """The part of the budget for the model itself, if its codec has an auxiliary model."""
    if codec.auxiliary and budget.minutes:
        return Budget(minutes=budget.minutes * (1 - AUXILIARY))
    return budget


def _usual(codec: Codec, network: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a network that the codec chooses, beside those that are given."""
    usual = codec.network
    if network.get("tied") and usual["head"] == "adaptive":  # which has nothing to be tied
        return {**usual, "head": codec.head}
    return usual


def _plan(
    plan: Mapping[str, Any], seed: int | None, lr: float | None, batch_size: int | None, window: int | None
) -> dict[str, Any]:
    """The settings of a plan that are given, in the table or by their short names. Raises `UserError`."""
    rates = ("rate", "matrix_rate")
    default = Plan.model_fields["rate"].default
    short = {
        "lr": {} if lr is None else {name: lr / default * Plan.model_fields[name].default for name in rates},
        "batch_size": {"batch_size": batch_size},
        "seed": {"seed": seed},
        "window": {"sequence_length": window},
    }
    found: dict[str, Any] = {"seed": 0, **plan}
    for option, values in short.items():
        given = {name: value for name, value in values.items() if value is not None}
        for name in given:
            if name in plan:
                raise UserError(f"{option}, and {name} of the plan, were given; they are one setting. Leave one out.")
        found |= given if option != "window" else {}  # of which more than the plan depends
    return found


def _train_auxiliary(
    folder: Path, codec: Codec, trainer: Trainer, given: Mapping[str, Any], resume: bool, **how: Any
) -> bool:
    """Train the auxiliary model that this codec needs, on the same sources; longer if `trainer` was trained longer.
    Returns whether that is finished."""
    home = folder / codec.auxiliary
    before = stopped_run(home) if resume else None
    longer = before is not None and Leg.of(before).number < trainer.leg.number
    if resume and not longer and over(home):
        return True
    how["report"].note(f"and now its auxiliary model, of {codec.auxiliary}")
    budget = trainer.plan.budget.part(1 - trainer.leg.begun)
    if budget.minutes is not None:
        budget = budget.part(AUXILIARY / (1 - AUXILIARY))
    base = _auxiliary_of(given["base"], codec) if given["base"] else None
    return train(
        given["sources"],
        home,
        **({} if base else _auxiliary_codec(codec, given)),
        base=base,
        resume=before is not None,
        overwrite=before is None,
        **{key: given[key] for key in ("valid", "valid_fraction", "trust_paths", "keep")},
        **(budget.model_dump() if longer or not before else {}),
        **how,
    ).finished


def _auxiliary_codec(codec: Codec, given: Mapping[str, Any]) -> dict[str, Any]:
    """The codec of the auxiliary model, and those of the given options that it has, too; or the codec of `base`'s
    auxiliary model."""
    if given["base"]:
        return {"codec": Model.load(_auxiliary_of(given["base"], codec)).codec}
    kind = registry.get("codec", codec.auxiliary)
    options = {key: value for key, value in given["codec_options"].items() if key in kind.options}
    return {"codec": codec.auxiliary, "codec_options": options}


def _auxiliary_of(base: str, codec: Codec) -> Path:
    """The folder of the auxiliary model of the model at `base`."""
    return checkpoint.locate(base).parent / codec.auxiliary


def _refuse(**options: object) -> None:
    """Raises `UserError` for options that fine-tuning takes from the model that it begins with."""
    given = [name for name, value in options.items() if value]
    if given:
        raise UserError(
            f"fine-tuning keeps the model's own {' and '.join(given)}. Leave {'them' if len(given) > 1 else 'it'} out, "
            "or train a new model without --from."
        )


def _budget(minutes: float | None, epochs: float | None, updates: int | None) -> Budget | None:
    given = {"minutes": minutes, "epochs": epochs, "updates": updates}
    named = {k: v for k, v in given.items() if v is not None}
    if not named:
        return None
    if len(named) > 1:
        raise UserError(f"one budget at a time: {' and '.join(named)} were given.")
    return make(Budget, named, "budget")
