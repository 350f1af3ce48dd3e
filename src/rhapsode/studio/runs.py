"""Trainings: each is `rhapsode train` in a process of its own, which is kind to other programs, in a folder of its own.

What is shown of one is in its folder: metrics, notes, samples. So a training goes on when the page is closed, and what
was trained elsewhere can be looked at, too.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from rhapsode.console.brought import modality_of
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.files.values import readable
from rhapsode.studio import offered
from rhapsode.studio.command import NAME as SPEAKER
from rhapsode.studio.command import said
from rhapsode.studio.measured import loss_of, quality_of, unit_of
from rhapsode.studio.shelf import folders, stamp
from rhapsode.training.folder import LOCK, over, stopped_run
from rhapsode.training.log import LOG, records
from rhapsode.training.told import TOLD, Sample, ending, samples

MODELS, UPLOADS = "models", "uploads"
"""Folders of new models, and of files that were dropped."""
NAME = re.compile(r"\w[\w.-]{0,59}")
SHOWN = 12
"""Samples that are shown, from the first to the last one."""
LAST = 20_000
"""Bytes of notes from the end."""
SAMPLED = 500_000
"""Bytes of samples from the end."""
PROGRESS = re.compile(r"^\d+% update ")
KIND = 10
"""How much a training gives way to other programs (`nice`)."""
PATIENCE = 60.0
"""Seconds that a training may take to save itself when the studio ends."""
LOOK = 60.0
"""Seconds for a look at files."""
DEPTH = 3
"""Folders in folders that are searched for trainings."""
LABEL = 16
"""Characters of the labels that `inspect` writes before what it has found."""


class Run:
    """One training. name: as the pages call it. folder: that its command writes to, in which its model is; or, for a
    demo, a folder in which the model's is."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None  # while it runs
        self._told = ""
        self._judged: tuple[Any, str] = (None, "")

    @property
    def home(self) -> Path:
        """The folder of its model."""
        return home_of(self.folder) or self.folder

    def start(self, words: Sequence[str]) -> None:
        """Begin a command, with its arguments. Raises `UserError` if it trains already."""
        if self.state in ("running", "elsewhere"):
            raise UserError(f"{self.name} is being trained already.")
        self._said = tempfile.TemporaryFile("a+b")  # noqa: SIM115 (as long as the run is known)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rhapsode.studio.attended", *words],
            stdin=subprocess.PIPE,  # nothing is sent: it ends with this process
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C in the terminal is for the studio, which tells the training
        )
        with suppress(OSError, AttributeError):  # there are systems without it
            os.setpriority(os.PRIO_PROCESS, self._process.pid, KIND)

    def stop(self) -> None:
        """End it as Ctrl-C does: all is kept, and it can go on."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End it, and wait until it has."""
        self.stop()
        if self._process is not None:
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._hear()

    @property
    def state(self) -> str:
        """running, elsewhere (another program trains it), finished, stopped (it can go on), or failed."""
        status = None if self._process is None else self._process.poll()
        if self._process is not None and status is None:
            return "running"
        self._hear()
        if status not in (None, 0, 130, -signal.SIGINT):
            return "failed"
        return self._found()

    def _found(self) -> str:
        """The state by what is in the folder; looked up again only if that has changed."""
        home = self.home
        stamps = [stamp(home / name) for name in (checkpoint.MODEL, checkpoint.RESUME, LOG)]
        known, found = self._judged
        if known == stamps and found == "finished":
            return found
        found = "finished" if (home / checkpoint.MODEL).is_file() else "failed"
        with suppress(UserError):  # of a checkpoint that is damaged; the model may be there all the same
            if not over(home):
                if _claimed(home):
                    return "elsewhere"
                if stopped_run(home):
                    found = "stopped"
        self._judged = (stamps, found)
        return found

    def about(self, begin: int = 0) -> dict[str, Any]:
        """What is shown of it. begin: the metrics from this line on; with the first come facts that do not change."""
        state, home = self.state, self.home
        metrics = records(home)
        log = ending(home / TOLD, LAST).splitlines()
        notes = [line[21:] for line in log if not PROGRESS.match(line[21:].lstrip())]
        progress = [line[21:].strip() for line in log if PROGRESS.match(line[21:].lstrip())]
        working = state in ("running", "elsewhere")
        return {
            "name": self.name,
            "state": state,
            "metrics": metrics[begin:],
            "count": len(metrics),
            "notes": notes[-50:],
            "progress": progress[-1] if progress and working else "",
            "stage": self._saying() if state == "running" and not metrics else "",
            "samples": [one._asdict() for one in _chosen(samples(home, SAMPLED))],
            "error": self._error if state == "failed" else "",
            **({} if begin else {"facts": facts(home)}),
        }

    def _saying(self) -> str:
        """What the command says now, while it has not yet begun to learn."""
        if self._said is None or not hasattr(os, "pread"):
            return ""
        size = os.fstat(self._said.fileno()).st_size
        said = os.pread(self._said.fileno(), LAST, max(0, size - LAST)).decode("utf-8", "replace")
        return said.strip().rpartition("\n")[2][:200]

    def _hear(self) -> None:
        """Keep the last words of a process that has ended."""
        said, self._said = self._said, None
        if said is not None:
            with said:
                said.seek(0)
                self._told = said.read()[-LAST:].decode("utf-8", "replace").strip()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    @property
    def _error(self) -> str:
        lines = self._told.splitlines()
        found = next((line for line in reversed(lines) if line.startswith(SPEAKER)), "\n".join(lines[-3:]))
        return found.removeprefix(SPEAKER)


def home_of(folder: Path) -> Path | None:
    """The folder with the training log: this one, or the only one in it that has one; None if there is none."""
    if (folder / LOG).is_file():
        return folder
    found = list(folder.glob(f"*/{LOG}")) if folder.is_dir() else []
    return found[0].parent if len(found) == 1 else None


def facts(home: Path) -> dict[str, Any]:
    """What a training is, by the files in its folder: sources, settings, plan, network, and how good its model is.
    Empty where they are not there yet, or damaged."""
    info: dict[str, Any] = {}
    model, found = home / checkpoint.MODEL, dict[str, Any]()
    with suppress(UserError):
        run = stopped_run(home) or {}
        plan = dict(run.get("plan", {}))
        given = {name: value for name, value in run.get("given", {}).items() if value not in (None, {}, [], False)}
        info = {"plan": plan, "network": plan.pop("network", {}), "given": given}
        info["sources"] = given.pop("sources", [])
        found["codec"] = (run.get("codec") or {}).get("name")
    with suppress(UserError):
        if model.is_file():
            head, _, _ = checkpoint.load_info(model)
            codec, of = head.get("codec", {}).get("name"), head.get("facts", {})
            found |= {"codec": codec, "loss": loss_of(of, codec), "quality": quality_of(home, codec)}
            found |= {"bytes": model.stat().st_size, "seconds": of.get("seconds"), "updates": of.get("updates")}
            info = {
                "plan": of.get("plan", {}),
                "network": head.get("network", {}),
                "sources": of.get("sources", ()),
            } | info
    with suppress(UserError):
        if found.get("codec"):
            modality = modality_of(found["codec"])
            found |= {"noun": modality.noun, "unit": unit_of(found["codec"])}
    return {**info, **found}


def _chosen(every: Sequence[Sample]) -> Sequence[Sample]:
    """Evenly, from the first to the last."""
    if len(every) <= SHOWN:
        return every
    return [every[round(at * (len(every) - 1) / (SHOWN - 1))] for at in range(SHOWN)]


def _claimed(home: Path) -> bool:
    """Whether another process trains in this folder."""
    if not (home / LOCK).exists():
        return False
    lock = FileLock(home / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:  # a folder that is only to be read
        return False
    lock.release()
    return False


def named(name: str) -> str:
    """The name, if it can be that of a model. Raises `UserError`."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name[:80]!r} cannot be the name of a model: letters, digits, `_`, `-` and `.`, 60 at the most."
        )
    return name


class Runs:
    """The trainings below a folder. One at a time: two would take each other's cores."""

    def __init__(self, below: Path) -> None:
        self.below = below
        self._known: dict[str, Run] = {}

    def get(self, name: str) -> Run:
        """name: of a model that was trained here, or the path of a folder with a training log, from the studio's.
        Raises `UserError` if there is none."""
        if name not in self._known:
            try:
                own = self.below / MODELS / name
                folder = own if NAME.fullmatch(name) and home_of(own) else self.below / name
                inside = folder.resolve().is_relative_to(self.below.resolve())
                hidden = any(part.startswith(".") for part in Path(name).parts)
                there = inside and not hidden and home_of(folder) is not None
            except (OSError, ValueError):  # no folder has such a name
                there = False
            if not there:
                raise UserError(f"there is no training {name[:80]!r} here.")
            self._known[name] = Run(name, folder)
        return self._known[name]

    @property
    def running(self) -> str | None:
        """The name of the training that goes on now."""
        return next((name for name, run in list(self._known.items()) if run.state == "running"), None)

    def every(self) -> list[dict[str, Any]]:
        """Name, state and last change of each, the last one first."""
        models = self.below / MODELS
        own = (
            {path.parent for path in (*models.glob(f"*/{LOG}"), *models.glob(f"*/*/{LOG}"))}
            if models.is_dir()
            else set()
        )
        places = {(first := path.relative_to(models).parts[0]): models / first for path in own}
        places |= {
            one.relative_to(self.below).as_posix(): one
            for one in _logged(self.below, DEPTH)
            if models not in (one, *one.parents)
        }
        names = set(self._known)
        for name, folder in places.items():
            if (shown := readable(name)) != name:  # no page could ask for it by its own name
                self._known.setdefault(shown, Run(shown, folder))
            if name != ".":
                names.add(shown)
        found = []
        for name in names:
            with suppress(UserError):
                run = self.get(name)
                changed = stamp(run.home / LOG)
                found.append({"name": name, "state": run.state, "changed": changed[0] / 1e9 if changed else None})
        return sorted(found, key=lambda one: -(one["changed"] or float("inf")))

    def start(
        self,
        name: str,
        sources: Sequence[str],
        minutes: float,
        base: Path | None = None,
        options: Mapping[str, offered.Value] | None = None,
    ) -> Run:
        """Train a new model. base: a model to begin from. options: see `offered`. Raises `UserError`."""
        words = [f"--from={base}"] if base is not None else []
        words += offered.arguments(options or {})
        return self._begin(name, ["train", *self._sources(sources), "--minutes", str(minutes), *words])

    def demo(self, demo: str, minutes: float | None) -> Run:
        """Run a demo: a new model, or on with that of an earlier run. Raises `UserError`."""
        about = offered.demo(demo)
        words = ["demo", demo, "--minutes", str(about["minutes"] if minutes is None else minutes)]
        return self._begin(f"demo-{demo}", words, again=True)

    def _begin(self, name: str, words: Sequence[str], again: bool = False) -> Run:
        folder = self._folder(name)
        if folder.exists() and any(folder.iterdir()) and not again:
            raise UserError(f"there is a model {name!r} already. Choose another name.")
        self._alone()
        run = self._known.setdefault(name, Run(name, folder))
        folder.parent.mkdir(parents=True, exist_ok=True)
        run.start([*words, "-o", str(folder)])
        return run

    def resume(self, name: str, minutes: float | None) -> Run:
        """Go on with a training that was stopped; or train longer, for so many more minutes. Raises `UserError`."""
        run = self.get(name)
        self._alone()
        longer = [] if minutes is None else ["--minutes", str(minutes)]
        run.start(["train", "--resume", *longer, "-o", str(run.home)])
        return run

    def look(self, sources: Sequence[str]) -> list[dict[str, Any]]:
        """What `train` would make of each of the sources, see `told_of`; or why it can make nothing of it."""
        found = []
        for source in self._sources(sources):
            try:
                told, wrong, _ = said(["inspect", source], LOOK)
            except UserError as error:
                told, wrong = "", str(error)
            wrong = "\n".join(line.removeprefix(SPEAKER) for line in wrong.splitlines())
            found.append({"source": source, **told_of(told), "wrong": wrong})
        return found

    def uploads(self, name: str) -> Path:
        """The folder of the files that were dropped for a model. Raises `UserError`."""
        self._folder(name)
        return self.below / UPLOADS / name

    def forget(self, folder: Path) -> None:
        """A folder is moved away. Raises `UserError` if a training writes to it."""
        of = {name: run for name, run in self._known.items() if folder in (run.folder, run.home, *run.home.parents)}
        for run in (*of.values(), Run(folder.name, folder)):
            if run.state in ("running", "elsewhere"):
                raise UserError(f"{run.name} is being trained. Stop it first.")
        for name in of:
            del self._known[name]

    def close(self) -> None:
        """End all."""
        for run in self._known.values():
            run.stop()
        for run in self._known.values():
            run.close()

    def _alone(self) -> None:
        if (running := self.running) is not None:
            raise UserError(f"{running} is being trained. Stop it first, or wait until it is finished.")

    def _folder(self, name: str) -> Path:
        return self.below / MODELS / named(name)

    def _sources(self, sources: Sequence[str]) -> list[str]:
        """Sources as arguments: a name that looks like an option is no option. Raises `UserError`."""
        if any("\0" in one for one in sources):
            raise UserError("the name of a source cannot have the character NUL.")
        return [f"./{one}" if one.startswith("-") else one for one in sources]


def told_of(told: str) -> dict[str, Any]:
    """What `inspect` says of a source: `rows`, each a label and a text; `warnings`; the codec with which `train` would
    read it, or why it reads none; and what there is to choose (see `offered.training`)."""
    rows, warnings, codec, why = list[list[str]](), list[str](), "", ""
    for line in told.splitlines():
        label, text = line[:LABEL].strip(), line[LABEL:].strip()
        if line.startswith("warning: "):
            warnings.append(line.removeprefix("warning: "))
        elif label == "train":
            codec = text.removeprefix("codec ").partition(":")[0] if text.startswith("codec ") else ""
            why = text.removeprefix("nothing: ") if not codec else ""
        elif rows and line.startswith("    "):
            rows[-1][1] += f"\n{line.strip()}"
        elif line.startswith(" "):  # one of several, with its name
            name, _, text = line.strip().rpartition(": ")
            rows.append([name, text])
        elif line[LABEL - 1 : LABEL].strip():  # a sentence
            rows.append(["", line])
        elif label and label != "path":
            rows.append([label, text])
    found: dict[str, Any] = {"rows": rows, "warnings": warnings, "codec": codec, "why": why}
    if codec:
        with suppress(UserError):
            found["training"] = offered.training(codec)
    return found


def _logged(folder: Path, depth: int) -> Iterator[Path]:
    """Folders with a training log; those in them are parts of the same training."""
    if (folder / LOG).is_file():
        yield folder
        return
    if depth:
        for one in folders(folder):
            yield from _logged(one, depth - 1)
