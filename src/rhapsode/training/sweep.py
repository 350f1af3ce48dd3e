"""Sweeps: trainings that differ in some settings and in their seed, in one table and one picture.

One run says little: two seeds of one setting differ as much as many settings do. So each setting is tried with some
seeds, and the table has a mean and an interval (Reimers & Gurevych 2017, 1707.09861).
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rhapsode.errors import NotFinite, UserError
from rhapsode.files import checkpoint
from rhapsode.files.place import place
from rhapsode.report import Report

SPEC, RESULTS, TABLE, PICTURE, RUNS = "sweep.json", "results.jsonl", "sweep.tsv", "sweep.png", "runs"
"""The files and the folder of a sweep."""
MOST = 1000
"""Trainings of one sweep."""
LOGARITHMIC = 10
"""A range whose ends differ by this factor or more is sampled uniformly on a logarithmic scale."""
STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120),
    *(2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""The 97.5 % quantile of Student's t for 1, 2, 3 … degrees of freedom; it is 1.96 for very many."""


class Range(NamedTuple):
    """All numbers from `low` to `high`; whole ones, if both ends are."""

    low: float
    high: float

    def draw(self, generator: np.random.Generator) -> float:
        """One of them at random."""
        if self.low > 0 and self.high >= LOGARITHMIC * self.low:
            value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = generator.uniform(self.low, self.high)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return round(value)
        return float(f"{value:.3g}")


Choices = Mapping[str, Sequence[Any] | Range]
"""Setting → the values that are tried."""


@dataclass(frozen=True)
class Trial:
    """One training: its settings, which differ from those of other trials, its seed, and its folder in `RUNS`."""

    settings: Mapping[str, Any]
    seed: int
    name: str


@dataclass(frozen=True)
class Finished:
    """The end of one trial.

    nats: per step, of the best weights on the validation data; None if the training failed, and `failed` says why.
    bits_per_char: the same for texts; None for others.
    """

    name: str
    nats: float | None
    bits_per_char: float | None = None
    parameters: int = 0
    seconds: float = 0.0
    updates: int = 0
    failed: str = ""


@dataclass(frozen=True)
class Row:
    """The trials of one choice of settings.

    values: of its trials that ended well: bits per character of texts, nats per step of others. half: the 95 % interval
    of their mean is mean ± half; NaN for fewer than two.
    """

    settings: Mapping[str, Any]
    values: Sequence[float]
    parameters: int
    seconds: float
    failed: Sequence[str] = field(default=())

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values) if self.values else math.inf

    @property
    def half(self) -> float:
        n = len(self.values)
        if n < 2:
            return math.nan
        t = STUDENT[n - 2] if n - 2 < len(STUDENT) else 1.96
        return t * statistics.stdev(self.values) / math.sqrt(n)

    @property
    def label(self) -> str:
        return ", ".join(f"{name}={shown(value)}" for name, value in self.settings.items()) or "as given"


def shown(value: Any) -> str:
    """A value of a setting, as the command line takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def trials(choices: Choices, seeds: Sequence[int], random: int | None = None, seed: int = 0) -> list[Trial]:
    """All combinations of the choices, or so many of them at `random`; each with all seeds. seed: of the choice.

    Raises `UserError` for ranges without `random`, and for too few or too many trainings.
    """
    generator = np.random.default_rng(seed)
    for name, values in choices.items():
        if isinstance(values, Range) and random is None:
            raise UserError(
                f"--try {name}={values.low}..{values.high}: a range has values without end. Say how many to try: "
                f"--random 10; or name them: {name}={values.low},{values.high}."
            )
    combinations: Iterable[tuple[Any, ...]] = product(*choices.values()) if random is None else ()
    if random is not None:
        drawn = dict[str, tuple[Any, ...]]()
        for _ in range(100 * random):
            one = tuple(
                each.draw(generator) if isinstance(each, Range) else each[int(generator.integers(len(each)))]
                for each in choices.values()
            )
            drawn.setdefault(repr(one), one)
            if len(drawn) == random:
                break
        combinations = drawn.values()
    found = [dict(zip(choices, values, strict=True)) for values in combinations]
    count = len(found) * len(seeds)
    if count < 2:
        raise UserError(
            "a sweep compares trainings, and this is one. Name settings (--try width=128,256) or --seeds 3."
        )
    if count > MOST:
        raise UserError(f"these are {count:,} trainings; the most are {MOST:,}. Try fewer values, or --random N.")
    digits = len(str(len(found)))
    return [
        Trial(settings, one, f"{n:0{digits}}-seed-{one}") for n, settings in enumerate(found, start=1) for one in seeds
    ]


class Sweep:
    """A sweep in a folder, which holds what is needed to go on after an interruption."""

    def __init__(self, folder: Path, tried: Sequence[Trial], asked: Mapping[str, Any]) -> None:
        """asked: everything else that decides the trainings; JSON."""
        self.folder, self.trials, self.asked = folder, tuple(tried), asked
        self.finished: dict[str, Finished] = {}

    @staticmethod
    def open(folder: Path) -> Sweep:
        """The sweep in a folder. Raises `UserError`."""
        path = folder / SPEC
        if not path.exists():
            raise UserError(f"no sweep to go on with: {folder} has no {SPEC}. Leave --resume out to begin one.")
        try:
            spec = json.loads(path.read_bytes())
            found = Sweep(folder, [Trial(**one) for one in spec["trials"]], spec["asked"])
            for line in (folder / RESULTS).read_text().splitlines() if (folder / RESULTS).exists() else ():
                one = Finished(**json.loads(line))
                found.finished[one.name] = one
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{folder}: its {SPEC} or {RESULTS} is damaged ({error}). Begin anew: --overwrite."
            ) from None
        return found

    def save(self) -> None:
        """Write what decides the sweep. Raises `UserError`."""
        spec = {"asked": self.asked, "trials": [asdict(one) for one in self.trials]}
        place(self.folder / SPEC, (json.dumps(spec, indent=1) + "\n").encode())

    def place_of(self, trial: Trial) -> Path:
        return self.folder / RUNS / trial.name

    @property
    def begun(self) -> bool:
        """Whether anything was trained."""
        return bool(self.finished) or any((self.place_of(one) / checkpoint.RESUME).exists() for one in self.trials)

    def clear(self) -> None:
        """Remove what a sweep has written into the folder, this one or another; nothing else."""
        for name in (SPEC, RESULTS, TABLE, PICTURE):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / RUNS, ignore_errors=True)

    def run(self, train: Callable[[Trial, Path, bool], bool], told: Callable[[str], None]) -> bool:
        """Train all that are not finished, one after another. Returns False if the user stopped it.

        train: trains in a folder, and says whether it came to its end; true as its last argument: go on with the run in
        the folder. A training that fails is a result, too. Raises `UserError` if the first one fails: the others would,
        too.
        """
        from rhapsode.training.folder import over

        for n, trial in enumerate(self.trials, start=1):
            if trial.name in self.finished:
                continue
            folder = self.place_of(trial)
            label = f"{n} of {len(self.trials)}: {Row(trial.settings, (), 0, 0).label}, seed {trial.seed}"
            told(label)
            going_on = (folder / checkpoint.RESUME).exists()
            try:
                if not (going_on and over(folder)) and not train(trial, folder, going_on):
                    return False
            except (UserError, NotFinite) as error:
                if isinstance(error, UserError) and not self.finished:
                    raise
                told(f"    failed: {error}")
                self._add(Finished(trial.name, None, failed=str(error)))
                continue
            one = _measured(trial.name, folder)
            figures = f"{one.bits_per_char:.4f} bits per char" if one.bits_per_char else f"{one.nats:.4f} nats per step"
            told(f"    {figures}, {one.updates:,} updates, {one.seconds:.0f} s")
            self._add(one)
        return True

    def _add(self, one: Finished) -> None:
        self.finished[one.name] = one
        lines = "".join(json.dumps(asdict(each)) + "\n" for each in self.finished.values())
        place(self.folder / RESULTS, lines.encode())
        place(self.folder / TABLE, table(self.rows, self.unit).encode())
        draw(self.rows, self.unit, self.folder / PICTURE)

    @property
    def unit(self) -> str:
        """What the values of rows are."""
        good = [one for one in self.finished.values() if one.nats is not None]
        return "bits_per_char" if good and all(one.bits_per_char is not None for one in good) else "nats_per_step"

    @property
    def rows(self) -> list[Row]:
        """One for each choice of settings with a finished trial, the best mean first."""
        grouped: dict[str, tuple[Mapping[str, Any], list[Finished]]] = {}
        for trial in self.trials:
            if trial.name in self.finished:
                key = json.dumps(trial.settings, sort_keys=True)
                grouped.setdefault(key, (trial.settings, []))[1].append(self.finished[trial.name])
        by_char, found = self.unit == "bits_per_char", []
        for settings, ends in grouped.values():
            good = [one for one in ends if one.nats is not None]
            values = [float((one.bits_per_char if by_char else one.nats) or 0) for one in good]
            seconds = statistics.fmean(one.seconds for one in good) if good else 0.0
            failed = [one.failed for one in ends if one.failed]
            found.append(Row(settings, values, good[0].parameters if good else 0, seconds, failed))
        return sorted(found, key=lambda row: row.mean)


def _measured(name: str, folder: Path) -> Finished:
    """What the files of a run that has ended say of it."""
    from rhapsode.inference.model import Model
    from rhapsode.training.folder import stopped_run

    model, run = Model.load(folder), stopped_run(folder)
    assert run
    facts, nats = model.config.facts, run["best"]
    if nats is None:
        return Finished(name, None, failed="it ended before it looked at the validation data")
    chars = facts.get("valid_chars") or 0
    bits = nats / math.log(2) * facts["valid_steps"] / chars if chars else None
    return Finished(name, nats, bits, model.network.parameters, run["seconds"], run["update"])


def table(rows: Sequence[Row], unit: str) -> str:
    """The rows with tabs between columns, a heading first."""
    names = list(rows[0].settings) if rows else []
    heading, any_failed = [*names, unit, "±", "runs", "best", "parameters", "seconds"], any(row.failed for row in rows)
    lines = [heading + ["failed"] * any_failed]
    for row in rows:
        half = "" if math.isnan(row.half) else f"{row.half:.4f}"
        figures = [f"{row.mean:.4f}", half, str(len(row.values)), f"{min(row.values):.4f}"] if row.values else ["–"] * 4
        own = [shown(row.settings[name]) for name in names]
        failed = [str(len(row.failed)) * bool(row.failed)] * any_failed
        lines.append([*own, *figures, str(row.parameters), f"{row.seconds:.0f}", *failed])
    return "".join("\t".join(line) + "\n" for line in lines)


def draw(rows: Sequence[Row], unit: str, path: Path) -> None:
    """A picture of the rows as a PNG: dots are trainings, bars the 95 % intervals of means. If all that differs is one
    number, it is the horizontal axis; else each row has its line, the best above."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [row for row in rows if row.values]
    if not rows:
        return
    names = list(rows[0].settings)
    numbers = [row.settings[names[0]] for row in rows] if len(names) == 1 else []
    along = (
        len(rows) > 1
        and bool(numbers)
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    )
    height = 4 if along else max(2.0, 1 + 0.35 * len(rows))
    figure, axes = pyplot.subplots(figsize=(7, height), layout="constrained")
    places = numbers if along else list(range(len(rows)))[::-1]
    halves = [0 if math.isnan(row.half) else row.half for row in rows]
    means = [row.mean for row in rows]
    if along:
        axes.errorbar(places, means, yerr=halves, fmt="o", capsize=4, markersize=5)
    else:
        axes.errorbar(means, places, xerr=halves, fmt="o", capsize=4, markersize=5)
    for where, row in zip(places, rows, strict=True):
        same = [where] * len(row.values)
        axes.plot(*(same, row.values) if along else (row.values, same), ".", color="gray", alpha=0.6, zorder=0)
    name = unit.replace("_", " ")
    if along:
        if min(numbers) > 0 and max(numbers) >= LOGARITHMIC * min(numbers):
            axes.set_xscale("log")
        axes.set(xlabel=names[0], ylabel=name)
    else:
        axes.set_yticks(places, [row.label for row in rows])
        axes.set(xlabel=name, ylim=(-0.6, len(rows) - 0.4))
    axes.grid(alpha=0.3)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=130, format="png")
    pyplot.close(figure)
    place(path, drawn.getvalue(), sync=False)


class Muted(Report):
    """Passes on progress and warnings of a training, and no notes or samples, which its own log keeps."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def stage(self, what: str, fraction: float | None = None) -> None:
        self._report.stage(what, fraction)

    def warn(self, text: str) -> None:
        self._report.warn(text)

    def progress(self, done: float, **values: Any) -> None:
        self._report.progress(done, **{name: value for name, value in values.items() if name != "valid"})
