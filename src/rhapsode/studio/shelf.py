"""The models that a person has: those that were named, and those in the folders below one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from rhapsode import registry
from rhapsode.console.brought import every, modality_of
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.files.place import place, reason
from rhapsode.files.values import readable
from rhapsode.studio.measured import loss_of, quality_of
from rhapsode.studio.pictures import drawable
from rhapsode.training.log import PICTURE
from rhapsode.training.told import QUALITY, SAMPLES, samples

ABOUT = "about"
"""The page that models of all modalities have."""
DEPTH = 3
"""Folders in folders that are looked into."""
MOST = 500
"""Models that are found, at the most: the last trained ones."""
SAMPLE = 400
"""Characters of a sample."""
LAST = 20_000
"""Bytes of samples that are looked at."""
INNER, DEMO = "model", "demo-"
"""A model in a folder of this name, or in one whose name begins so, has the name of the folder around it."""
TRASH, ORIGIN = ".trash", ".from.json"
"""The folder of models that were deleted, and what says where one was."""


@dataclass(frozen=True)
class Found:
    """A model on the disk. name: as the pages call it."""

    name: str
    path: Path

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def stamp(self) -> tuple[Any, ...]:
        """Changes when anything changes that is told of it."""
        files = (self.path, *(self.folder / name for name in (SAMPLES, PICTURE, QUALITY)))
        return tuple(found for found in map(stamp, files) if found)

    def about(self) -> dict[str, Any]:
        """What the model is, from the head of its file and the files beside it. Raises `UserError` for a file that is
        damaged."""
        info, digest, _ = checkpoint.load_info(self.path)
        codec = info.get("codec", {}).get("name", "")
        modality = modality_of(codec)
        facts = info.get("facts", {})
        network, written = info.get("network", {}), samples(self.folder, LAST)
        file = self.path.stat()
        return {
            "name": self.name,
            "path": str(self.path),
            "modality": modality.name,
            "noun": modality.noun,
            "verb": modality.verb,
            "views": [*modality.views_of(info), ABOUT],
            "codec": codec,
            "cell": network.get("cell", "lstm"),
            "layers": network.get("layers"),
            "width": network.get("width"),
            "bytes": file.st_size,
            "modified": file.st_mtime,
            "digest": digest,
            "sources": [Path(str(one)).name for one in facts.get("sources", ())][:8],
            "seconds": facts.get("seconds"),
            "updates": facts.get("updates"),
            "loss": loss_of(facts, codec),
            "quality": list(quality_of(self.folder, codec)),
            "sample": written[-1].text.strip()[:SAMPLE] if written else "",
            "picture": "model" if drawable(modality) else "loss" if (self.folder / PICTURE).is_file() else "",
        }


def stamp(path: Path) -> tuple[int, int] | None:
    """Changes when the file does; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class Shelf:
    """Models by name. given: those that were named, name → path. below: a folder whose models are found, too."""

    def __init__(self, given: dict[str, str], below: Path | None) -> None:
        """Raises `UserError` for a model that is not there."""
        self.below = below
        self._given = {name: Found(name, checkpoint.locate(path)) for name, path in given.items()}
        self._last: dict[str, Found] = {}
        """What was found the last time."""
        self._about: dict[Path, tuple[Any, dict[str, Any] | UserError]] = {}
        """What was told of models, until their files change."""

    def models(self) -> dict[str, Found]:
        """Name → model: those that were named, then those below the folder, the last trained one first, then those that
        come with Rhapsode."""
        found = dict(self._given)
        known = {one.path.resolve() for one in found.values()}
        if self.below is not None:
            paths = [path for path in _below(self.below, DEPTH) if path.resolve() not in known]
            for path in sorted(paths, key=lambda one: -one.stat().st_mtime)[:MOST]:
                name = next(one for one in self._names(path) if one not in found)
                found[name] = Found(name, path)
        for path in sorted(checkpoint.SHIPPED.glob(f"*/{checkpoint.MODEL}")):
            if path.resolve() not in known:
                name = checkpoint.SHIPPED_PREFIX + path.parent.name
                found[name] = Found(name, path)
        self._last = found
        return found

    def _names(self, path: Path) -> Iterator[str]:
        """The names that a model may have, the best one first."""
        assert self.below is not None
        folder = path.parent.relative_to(self.below)
        full = readable(folder.as_posix() if folder.parts else path.parent.resolve().name)
        if _inner(folder) and folder.parent.parts:
            yield readable(folder.parent.as_posix())
        yield full
        for number in count(2):
            yield f"{full} ({number})"

    def about(self, one: Found) -> dict[str, Any]:
        """As `Found.about`, read anew only when its files have changed. Raises `UserError`."""
        now = (one.name, one.stamp)
        known, told = self._about.get(one.path, (None, {}))
        if known != now:
            try:
                told = one.about()
            except UserError as error:
                told = error
            self._about[one.path] = (now, told)
        if isinstance(told, UserError):
            raise told
        return told

    def own(self, name: str) -> Path:
        """The folder that is moved when a model is renamed or deleted: its own, below that of the studio. Raises
        `UserError` if there is no such folder, or other models are in it."""
        found = self.find(name)
        folder = found.folder
        if self.below is None or name.startswith(checkpoint.SHIPPED_PREFIX) or name in self._given:
            raise UserError(f"{name} is not in the studio's folder: rename or delete {folder} yourself.")
        if _inner(folder) and folder.parent != self.below:
            folder = folder.parent
        if folder.resolve() == self.below.resolve():
            raise UserError(f"{name} is the folder in which the studio was started: rename or delete it yourself.")
        others = [one.name for one in self.models().values() if one.name != name and folder in one.path.parents]
        if others:
            raise UserError(f"{folder} holds other models, too: {', '.join(others[:5])}.")
        return folder

    def discard(self, name: str) -> str:
        """Move a model's folder into the trash, which is `.trash` in the studio's folder. Returns the name with which
        `restore` brings it back. Raises `UserError`."""
        folder = self.own(name)
        assert self.below is not None
        to = free(self.below / TRASH / folder.name)
        _move(folder, to)
        where = {"from": folder.relative_to(self.below).as_posix()}
        place(to / ORIGIN, json.dumps(where).encode(), sync=False)
        return readable(to.name)

    def restore(self, name: str) -> None:
        """Bring a folder back from the trash. Raises `UserError`."""
        inside = (
            [] if self.below is None else [one for one in (self.below / TRASH).glob("*") if readable(one.name) == name]
        )
        if not inside or self.below is None:
            raise UserError(f"there is no {name[:80]!r} in the trash.")
        try:
            to = self.below / str(json.loads((inside[0] / ORIGIN).read_text())["from"])
            inside_too = to.resolve().is_relative_to(self.below.resolve())
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            inside_too = False
        if not inside_too:
            to = self.below / name
        if to.exists():
            raise UserError(f"{to} is there again: the model stays in the trash.")
        _move(inside[0], to)
        (to / ORIGIN).unlink(missing_ok=True)

    def rename(self, name: str, to: str) -> str:
        """Give a model's folder another name, beside where it is. Returns the model's name. Raises `UserError`."""
        folder = self.own(name)
        assert self.below is not None
        other = folder.parent / to
        if other.exists():
            raise UserError(f"there is a model {to!r} already. Choose another name.")
        inside = self.find(name).path.relative_to(folder)
        _move(folder, other)
        return next(self._names(other / inside))

    def find(self, name: str) -> Found:
        """Raises `UserError`."""
        found = self._last.get(name)
        if found is None or not found.path.is_file():
            found = self.models().get(name)
        if found is None:
            raise UserError(f"there is no model {name!r} here any more.")
        return found


def _inner(folder: Path) -> bool:
    return folder.name == INNER or folder.parent.name.startswith(DEMO)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    found = (folder / checkpoint.MODEL).is_file()
    if found:
        yield folder / checkpoint.MODEL
    if depth and (not found or depth == DEPTH):  # what is in a model's folder belongs to it, as a voice's prosody
        for one in folders(folder):
            yield from _below(one, depth - 1)


def folders(folder: Path) -> Sequence[Path]:
    """Those in a folder that are looked into: no hidden ones, no links; none, if it is not ours to read."""
    try:
        inside = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith((".", "_")))
        return [one for one in inside if not one.is_symlink()]
    except OSError:
        return []


def free(path: Path) -> Path:
    """The path, or the first with a number that is not there."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return path if not path.exists() else next(one for one in numbered if not one.exists())


def _move(folder: Path, to: Path) -> None:
    """Raises `UserError`."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(to)
    except OSError as error:
        raise UserError(f"{folder} cannot be moved to {to}: {reason(error)}.") from None


def views(whole: bool = True) -> dict[str, str]:
    """The pages of all modalities, and their scripts; and, in the whole studio, that about a model."""
    brought = {name: script for modality in every() for name, script in modality.views.items()}
    return {**brought, ABOUT: "studio/about.js"} if whole else brought


def constraints() -> Sequence[str]:
    """The names of constraints that need no file and no program."""
    return [name for name in registry.names("constraint") if not registry.get("constraint", name).local]
