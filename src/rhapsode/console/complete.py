"""Completion in a shell (the Tab key): models, sources, recipes. It must be fast, so nothing heavy is imported."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

MODEL = "model.safetensors"
DEMOS, CORPORA = "demo:", "data:"
"""The prefixes of models and corpora that are not files."""


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
    return found + [name for name in demos if name.startswith(incomplete)]


def sources(incomplete: str) -> list[str]:
    """The standard corpora. Nothing if only files can be meant, which the shell completes better by itself."""
    from rhapsode.data.datasets import list_datasets

    every = [f"{CORPORA}{one.name}" for one in list_datasets()]
    named = [name for name in every if incomplete and name.startswith(incomplete)]
    return named and [*named, *_files(incomplete, Path.exists)]


def models_and_sources(incomplete: str) -> list[str]:
    """Models and sources, for commands that take either."""
    return [*dict.fromkeys([*models(incomplete), *sources(incomplete)])]


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
    """The wanted files and folders whose paths begin so. A folder ends with a slash, so that the user can go on."""
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


@contextmanager
def whole_words() -> Iterator[None]:
    """Where bash asks for completion, while this is open: `demo:hand`, which it takes for three words, is one again;
    and it gets offers without what stands before their colon."""
    words, at = os.environ.get("COMP_WORDS", "").splitlines(), int(os.environ.get("COMP_CWORD", "0"))
    if ":" not in words:
        yield
        return
    joined = [""]
    for word in words[: at + 1]:
        if word == ":" or joined[-1].endswith(":"):
            joined[-1] += word
        else:
            joined.append(word)
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(joined[1:]), str(len(joined) - 2)
    known = joined[-1].rpartition(":")[0] + ":"
    offered = StringIO()
    try:
        with redirect_stdout(offered):
            yield
    finally:
        print(*(line.removeprefix(known) for line in offered.getvalue().splitlines()), sep="\n")
