"""What every codec offers: files ⇄ steps, for one kind of data.

There are two sorts. A *text codec* reads bytes, any bytes, as one long sequence (`codecs.text`). A *record codec*
reads files that hold whole sequences, each perhaps with a text that goes with it: drawings, tunes (`codecs.records`).
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
    """Files ⇄ steps. Immutable once made: `fit` makes one from training data, the model file carries it as JSON."""

    name: ClassVar[str]
    """The codec's name: that of its module."""

    summary: ClassVar[str]
    """One line for help and docs: what a step is, and what the codec is good for."""

    unit: ClassVar[str]
    """What a step is called in messages, e.g. `symbol`."""

    needed: ClassVar[str] = "thousands to learn anything"
    """How much data it takes, in messages: of steps, or in a unit that is told with the number."""

    rank: ClassVar[int | None] = 0
    """Of several codecs for the same files, the first by rank that suits them is taken; None: never, unasked."""

    continuous: ClassVar[bool] = False
    """Whether data can be read from any place on, and goes on with another unit where one has ended, as text does."""

    flips: ClassVar[bool] = False
    """Whether its files have an up and a down, so that some can be turned (see `files.flip`)."""

    head: ClassVar[str] = "categorical"
    """The head that predicts these steps when none is asked for."""

    auxiliary: ClassVar[str] = ""
    """The codec of the auxiliary model that one with this codec needs beside it: a smaller one, trained after it on the
    same data, in a folder of this name within its own. (A voice has one of prosody.) Empty if it needs none."""

    usage: str = "--temperature 0.8"
    """What may follow `rhapsode VERB MODEL` in a first command; empty if nothing is sampled from such a model alone."""

    framing: ClassVar[str] = "stream"
    """How these steps are framed when nothing else is asked for."""

    options: ClassVar[dict[str, Any]] = {}
    """The options of `fit` and their defaults: whole numbers or, some of records, names."""

    limits: ClassVar[dict[str, tuple[int, int]]] = {}
    """The least and greatest value of each option that is a number."""

    meanings: ClassVar[dict[str, str]] = {}
    """What each option is: one sentence or a few, for people."""

    text: Text | None = None
    """The kind of the texts that go with units, where there are any."""

    end: int | None = None
    """The symbol that ends a document, where the training data had many (see `Ending`); it adds no bytes."""

    @property
    def covariates(self) -> int:
        """D, how many numbers are given with each step: what is known of it before it is predicted (see `Guide`)."""
        return 0

    lookback: tuple[int, ...] = ()
    """If there are any, the covariates of a step are the steps so many before it."""

    @property
    def stored(self) -> int:
        """How many covariates are kept with each step on disk. Earlier steps are not: they are there already."""
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
        """The network that suits these steps, as far as nothing else is asked for: settings of `NetworkConfig`."""
        return {"head": self.head}

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON values."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: dict[str, Any]) -> Codec:
        """The codec again. Raises `UserError` when `data` is not what `to_json` made."""

    def quality(self, folder: Path, report: Report) -> Mapping[str, Any] | None:
        """How good the model in `folder` is, whose training is over, in figures beside those of its loss, by name; None
        if nothing is measured. Raises `UserError`."""
        return None

    @abstractmethod
    def begin(self, prompt: Prompt, *, attends: bool, ends: bool, lines: bool) -> Beginning:
        """How generation begins after this prompt. Raises `UserError` for a prompt that means nothing here.

        attends: the network attends to a text. ends: the head says where a sequence is over. lines: each line is a unit
        by itself, which ends with its newline.
        """

    @classmethod
    def checked(cls, given: dict[str, Any]) -> dict[str, Any]:
        """All options of `fit`: those given, validated, and the defaults of the others."""
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
    """The values of `data`, which must be an object with exactly these keys, and perhaps those that are optional: None
    if they are not there. Raises `UserError`."""
    if not isinstance(data, dict):
        raise damaged(codec, f"expected an object, found {type(data).__name__}")
    there = [key for key in optional if data.get(key) is not None]
    if set(data) != {*keys, *there}:
        found = ", ".join(sorted(map(repr, data)))[:100]
        raise damaged(codec, f"expected the fields ({', '.join(map(repr, sorted(keys)))}), found ({found})")
    return [data.get(key) for key in (*keys, *optional)]
