"""The common part of the commands that sample from a model: generate, write, compose, speak, forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rhapsode.console.brought import modality_of
from rhapsode.console.imports import unbroken
from rhapsode.console.modality import Modality
from rhapsode.console.progress import tell
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.arithmetic.sampling import Sampling
    from rhapsode.inference.model import Model


def modality_of_model(model: str) -> Modality:
    """The modality of a model, as the header of its file says: no weights are read. Raises `UserError`."""
    with unbroken():
        from rhapsode.files import checkpoint

    info = checkpoint.load_info(checkpoint.locate(model))[0]
    codec = info.get("codec")
    name = codec.get("name") if isinstance(codec, dict) else None
    if not isinstance(name, str):
        raise UserError(f"{model} is no model: its header names no codec. Train one: rhapsode train SOURCE -o MODEL")
    return modality_of(name)


def load(model: str, modality: str) -> Model:
    """The model, which must be one of that modality. Raises `UserError`, which names the right command."""
    found = modality_of_model(model)
    if found.name != modality:
        raise UserError(f"{model} is a model of {found.noun}. Sample from it with: rhapsode {found.verb} {model}")
    with unbroken():
        from rhapsode.inference.model import Model

    return Model.load(model)


def sampled(**settings: float | Mapping[int, float]) -> Sampling:
    """The options of sampling, checked. Raises `UserError`."""
    with unbroken():
        from rhapsode.arithmetic.sampling import Sampling
        from rhapsode.config import make

    return make(Sampling, settings, "sampling")


def prompted(text: str | None, file: str | None, option: str, encoding: str | None = None) -> bytes:
    """The text itself, or from standard input (`-`), or from the file that `option` names, which has that
    encoding. Raises `UserError`."""
    if text is not None and file is not None:
        raise UserError(f"a text and {option} were given; one of them must go.")
    source = "-" if text == "-" else file
    with unbroken():
        if source is None:
            from rhapsode.inference.reader import as_bytes

            return as_bytes(text or "", "prompt")
        from rhapsode.data.sources import read_one

    return read_one(source, text=True, encoding=encoding, note=tell)


def fresh_seed() -> int:
    """A random seed, which stderr tells."""
    import secrets

    seed = secrets.randbits(32)
    tell(f"seed {seed}")
    return seed
