"""The models that a person has: those that were named, and those in the folders below one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rhapsode import registry
from rhapsode.console.brought import every, modality_of
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.training.log import PICTURE
from rhapsode.training.told import samples

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


@dataclass(frozen=True)
class Found:
    """A model on the disk. name: as the pages call it."""

    name: str
    path: Path

    @property
    def folder(self) -> Path:
        return self.path.parent

    def about(self) -> dict[str, Any]:
        """What the model is, from the head of its file and the files beside it. Raises `UserError` for a file that is
        damaged."""
        info, digest, shapes = checkpoint.load_info(self.path)
        codec = info.get("codec", {}).get("name", "")
        modality = modality_of(codec)
        facts = info.get("facts", {})
        network, written = info.get("network", {}), samples(self.folder, LAST)
        return {
            "name": self.name,
            "path": str(self.path),
            "modality": modality.name,
            "noun": modality.noun,
            "verb": modality.verb,
            "views": [*modality.views, ABOUT],
            "codec": codec,
            "cell": network.get("cell", "lstm"),
            "layers": network.get("layers"),
            "width": network.get("width"),
            "bytes": self.path.stat().st_size,
            "modified": self.path.stat().st_mtime,
            "digest": digest,
            "sources": [Path(str(one)).name for one in facts.get("sources", ())][:8],
            "seconds": facts.get("seconds"),
            "updates": facts.get("updates"),
            "valid_nats_per_step": facts.get("valid_nats_per_step"),
            "sample": written[-1].text.strip()[:SAMPLE] if written else "",
            "picture": (self.folder / PICTURE).is_file(),
        }


class Shelf:
    """Models by name. given: those that were named, name → path. below: a folder whose models are found, too."""

    def __init__(self, given: dict[str, str], below: Path | None) -> None:
        """Raises `UserError` for a model that is not there."""
        self.below = below
        self._given = {name: Found(name, checkpoint.locate(path)) for name, path in given.items()}
        self._last: dict[str, Found] = {}
        """What was found the last time."""

    def models(self) -> dict[str, Found]:
        """Name → model: those that were named, then those below the folder, the last trained one first, then those that
        come with Rhapsode."""
        found = dict(self._given)
        known = {one.path.resolve() for one in found.values()}
        if self.below is not None:
            paths = [path for path in _below(self.below, DEPTH) if path.resolve() not in known]
            for path in sorted(paths, key=lambda one: -one.stat().st_mtime)[:MOST]:
                name = path.parent.relative_to(self.below).as_posix()
                name = path.parent.resolve().name if name == "." else name
                if name not in found:
                    found[name] = Found(name, path)
        for path in sorted(checkpoint.SHIPPED.glob(f"*/{checkpoint.MODEL}")):
            if path.resolve() not in known:
                name = checkpoint.SHIPPED_PREFIX + path.parent.name
                found[name] = Found(name, path)
        self._last = found
        return found

    def find(self, name: str) -> Found:
        """Raises `UserError`."""
        found = self._last.get(name)
        if found is None or not found.path.is_file():
            found = self.models().get(name)
        if found is None:
            raise UserError(f"there is no model {name!r} here any more.")
        return found


def _below(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / checkpoint.MODEL).is_file():
        yield folder / checkpoint.MODEL
    if depth:
        try:
            inside = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith((".", "_")))
        except OSError:  # not ours to read
            return
        for one in inside:
            if not one.is_symlink():
                yield from _below(one, depth - 1)


def views() -> dict[str, str]:
    """The pages of all modalities, and their scripts."""
    brought = {name: script for modality in every() for name, script in modality.views.items()}
    return {**brought, ABOUT: "studio/about.js"}


def constraints() -> Sequence[str]:
    """The names of constraints that need no file and no program."""
    return [name for name in registry.names("constraint") if not registry.get("constraint", name).local]
