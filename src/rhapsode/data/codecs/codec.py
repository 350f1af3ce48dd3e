"""The base class of codecs: files ⇄ steps, for one kind of data.

There are two sorts. A *text codec* reads any bytes, as one long sequence (`codecs.text`). A *record codec* reads files
of separate sequences, each perhaps with a text: drawings, tunes (`codecs.records`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rhapsode.data.codecs.output import Beginning, Prompt
from rhapsode.errors import UserError, choice
from rhapsode.report import Report
from rhapsode.steps.kind import Kind
from rhapsode.steps.sequence import Steps
from rhapsode.steps.text import Text


class Codec(ABC):
    """Files ⇄ steps. Immutable: `fit` makes one from training data, and the model file contains it as JSON."""

    name: ClassVar[str]
    """The codec's name: that of its module."""

    summary: ClassVar[str]
    """One line for help and docs: what a step is, and what the codec is good for."""

    keeps: ClassVar[str] = "measures of it"
    """What of the training data the codec holds, and so the model file, in words: for those who give models away."""

    unit: ClassVar[str]
    """What a step is called in messages, e.g. `symbol`."""

    needed: ClassVar[str] = "thousands to learn anything"
    """How much data is needed, in messages."""

    rank: ClassVar[int | None] = 0
    """Of several codecs for the same files, the first by rank that suits them is chosen. None: it must be asked for."""

    continuous: ClassVar[bool] = False
    """Whether data can be read from any place on, and goes on with another unit where one has ended, as text does."""

    flips: ClassVar[bool] = False
    """Whether its files have an up and a down, so that some can be turned (see `files.flip`)."""

    head: ClassVar[str] = "categorical"
    """The head for these steps, if the user names none."""

    auxiliary: ClassVar[str] = ""
    """The codec of the auxiliary model that one with this codec needs beside it: a smaller one, trained after it on the
    same data, in a folder of this name within its own. (A voice has one of prosody.) Empty if it needs none."""

    beside: ClassVar[tuple[str, ...]] = ()
    """Files that may lie beside a model and belong to it, so that whoever gets the model should get them, too."""

    usage: str = "--temperature 0.8"
    """What may follow `rhapsode VERB MODEL` in a first command; empty if nothing is sampled from such a model alone."""

    framing: ClassVar[str] = "stream"
    """The framing for these steps, if the user names none."""

    options: ClassVar[dict[str, Any]] = {}
    """The options of `fit` and their defaults: whole numbers, or names."""

    limits: ClassVar[dict[str, tuple[int, int]]] = {}
    """The smallest and largest value of each option that is a number."""

    meanings: ClassVar[dict[str, str]] = {}
    """The meaning of each option, for people."""

    text: Text | None = None
    """The kind of the texts that belong to units; None if there are none."""

    end: int | None = None
    """The symbol that ends a document, where the training data had many (see `Ending`); it adds no bytes."""

    @property
    def covariates(self) -> int:
        """D, the number of covariates of each step (see `Guide`)."""
        return 0

    lookback: tuple[int, ...] = ()
    """Distances of earlier steps. If there are any, these steps are the covariates."""

    @property
    def stored(self) -> int:
        """How many covariates are stored with each step on disk. Earlier steps are not stored again."""
        return 0 if self.lookback else self.covariates

    def open(self, folder: Path) -> Steps:
        """The steps that were encoded into this folder. Raises `ValueError` where sizes do not fit."""
        return Steps.open(folder, self.steps, self.text, self.stored, self.lookback)

    @property
    @abstractmethod
    def steps(self) -> Kind:
        """The kind of step."""

    @property
    def network(self) -> dict[str, Any]:
        """The default settings of a network for these steps, as in `NetworkConfig`."""
        return {"head": self.head}

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs, as JSON values."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: dict[str, Any]) -> Codec:
        """The codec again. Raises `UserError` when `data` is not what `to_json` made."""

    def quality(self, folder: Path, report: Report) -> Mapping[str, Any] | None:
        """Measures how good the finished model in `folder` is, besides its loss: name → value; None if nothing is
        measured.
        Raises `UserError`."""
        return None

    @abstractmethod
    def begin(self, prompt: Prompt, *, attends: bool, ends: bool, lines: bool) -> Beginning:
        """The beginning of generation from this prompt. Raises `UserError` for a prompt that has no meaning here.

        attends: the network attends to a text.
        ends:    the head says where a sequence ends.
        lines:   each line is a unit, which ends with its newline.
        """

    @classmethod
    def checked(cls, given: dict[str, Any]) -> dict[str, Any]:
        """All options of `fit`: those given, which are checked, and the defaults of the others. Raises `UserError`."""
        for key, value in given.items():
            if not cls.options:
                raise UserError(f"codec {cls.name}: {key!r} is not an option; this codec has none.")
            if key not in cls.options:
                raise choice(f"option of codec {cls.name}", key, cls.options)
            if isinstance(cls.options[key], str):
                if not isinstance(value, str) or not value and cls.options[key]:
                    raise UserError(f"codec {cls.name}: {key} is {value!r}; it must be a name.")
                continue
            low, high = cls.limits[key]
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise UserError(f"codec {cls.name}: {key} is {value!r}; it must be a whole number, {low} to {high}.")
        return {**cls.options, **given}


def damaged(codec: type[Codec], what: str) -> UserError:
    """The error for a codec's data in a model file that `to_json` did not make."""
    return UserError(
        f"codec {codec.name}: the model file is damaged or was not written by rhapsode: {what}. "
        "Fetch or train the model again."
    )


def fields(codec: type[Codec], data: object, *keys: str, optional: Sequence[str] = ()) -> list[Any]:
    """The values of `data`, which must be an object with exactly these keys. Optional keys that are missing give None.
    Raises `UserError`."""
    if not isinstance(data, dict):
        raise damaged(codec, f"expected an object, found {type(data).__name__}")
    there = [key for key in optional if data.get(key) is not None]
    if set(data) != {*keys, *there}:
        found = ", ".join(sorted(map(repr, data)))[:100]
        raise damaged(codec, f"expected the fields ({', '.join(map(repr, sorted(keys)))}), found ({found})")
    return [data.get(key) for key in (*keys, *optional)]
