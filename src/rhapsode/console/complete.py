"""What the Tab key offers in a shell: models, sources, recipes. Quick, so nothing heavy is imported."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

MODEL = "model.safetensors"
DEMOS, CORPORA = "demo:", "data:"
"""With these the names of models and corpora begin that are no files."""


def models(incomplete: str) -> list[str]:
    """Folders that hold a model, folders on the way to one, and the models that come with Rhapsode."""
    shipped = Path(__file__).parents[1] / "models"
    demos = [f"{DEMOS}{path.parent.name}" for path in sorted(shipped.glob(f"*/{MODEL}"))]
    folders = _files(incomplete, Path.is_dir)
    while len(folders) == 1 and not (Path(folders[0]) / MODEL).exists():  # else the shell takes it for the whole name
        inside = _files(folders[0], Path.is_dir)
        if not inside:
            break
        folders = inside
    found = [name.rstrip("/") if (Path(name) / MODEL).exists() else name for name in folders]
    return found + _completed(incomplete, demos)


def sources(incomplete: str) -> list[str]:
    """The standard corpora; nothing where only files can be meant, which the shell completes better by itself."""
    from rhapsode.data.datasets import list_datasets

    named = _completed(incomplete, [f"{CORPORA}{one.name}" for one in list_datasets()]) if incomplete else []
    return named and [*named, *_files(incomplete, Path.exists)]


def corpora(incomplete: str) -> list[str]:
    """The standard corpora, as `rhapsode data get` calls them."""
    from rhapsode.data.datasets import list_datasets

    return [one.name for one in list_datasets() if one.name.startswith(incomplete)]


def recipes(incomplete: str) -> list[str]:
    """The recipes that come with Rhapsode."""
    folder = Path(__file__).parents[1] / "recipes"
    return [path.stem for path in sorted(folder.glob("*.toml")) if path.stem.startswith(incomplete)]


def settings(incomplete: str) -> list[str]:
    """Files of settings, and the recipes."""
    return [*_files(incomplete, lambda path: path.is_dir() or path.suffix == ".toml"), *recipes(incomplete)]


def _files(incomplete: str, wanted: Callable[[Path], bool]) -> list[str]:
    """The wanted files and folders that a path begins with; a folder ends with a slash, so that one can go on."""
    folder, _, begun = incomplete.rpartition("/")
    place = Path(f"{folder}/" if "/" in incomplete else ".")
    try:
        entries = sorted(place.expanduser().iterdir())
    except OSError:
        return []
    prefix = f"{folder}/" if "/" in incomplete else ""
    hidden = begun.startswith(".")
    return [
        f"{prefix}{path.name}{'/' * path.is_dir()}"
        for path in entries
        if path.name.startswith(begun) and (hidden or not path.name.startswith(".")) and wanted(path)
    ]


def _completed(incomplete: str, names: list[str]) -> list[str]:
    """The names that begin so. For bash, `demo:hand` is three words, of which it wants only the last completed."""
    words, at = os.environ.get("COMP_WORDS", "").split(), int(os.environ.get("COMP_CWORD", "0"))
    before = "".join(words[at - 1 : at] if incomplete == ":" else words[at - 2 : at])
    if words and (incomplete == ":" or before.endswith(":")):
        before = before.rstrip(":") + ":"
        return [name.removeprefix(before) for name in names if name.startswith(before + incomplete.lstrip(":"))]
    return [name for name in names if name.startswith(incomplete)]
