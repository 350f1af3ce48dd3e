"""What every codec of records shares: files that hold whole sequences, each perhaps with a text that goes with it.

A record is whatever the codec makes of it: a `Drawing`, a tune. Each becomes one unit of steps.
"""

from __future__ import annotations

import re
import unicodedata
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from rhapsode.data.codecs.codec import Codec
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError, choice
from rhapsode.files.cache import Cache
from rhapsode.files.refusals import Refusals

Records = Callable[[], Iterator[Any]]
"""The records of the training data, from the first one each time it is called."""
Sidecar = tuple[dict[str, Any], dict[str, np.ndarray]]
"""Facts and arrays, to be kept as one file (see `checkpoint.save`)."""


class Prepared(NamedTuple):
    """records: as they were given, None for one that is left out; left_out: which these are and why, notes: what else a
    person should be told, a sentence each."""

    records: Sequence[Any]
    left_out: list[str]
    notes: list[str]


class Lack(NamedTuple):
    """Of files that a codec nearly reads. what: they are, with {s} for the plural; why: they are not read, a sentence
    without its stop."""

    what: str
    why: str


class Keeper(Protocol):
    """What is shown all records that are encoded, and says what of them a model should have beside it."""

    def add(self, record: Any, held_out: bool) -> None:
        """held_out: whether it is for validation."""

    def sidecar(self) -> Sidecar: ...


UNKNOWN = ("refuse", "nearest", "skip")
"""What may be done about characters that a model has never seen."""
TOLD = 100
"""Characters that are told one by one."""
PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2032`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\u2044": "/",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "Æ": "AE",
        "Œ": "OE",
        "Ø": "O",
        "Ł": "L",
    }
)
"""Characters that Unicode does not take apart, in plainer ones."""


class Spelled(NamedTuple):
    """A text in the characters that a model has seen. replaced, left_out: which others there were, and how often."""

    text: str
    replaced: Counter[tuple[str, str]]
    left_out: Counter[str]

    @property
    def told(self) -> str:
        """What is to be said of it, each character once; empty if nothing was changed."""
        changes = [f"{old!r} is written {new!r}{_times(n)}" for (old, new), n in self.replaced.most_common()]
        changes += [f"{old!r} is left out{_times(n)}" for old, n in self.left_out.most_common()]
        if not changes:
            return ""
        more = f"; and {len(changes) - TOLD:,} others" if len(changes) > TOLD else ""
        return f"the model has never seen some characters: {'; '.join(changes[:TOLD])}{more}"


def _times(count: int) -> str:
    return " once" if count == 1 else f" {count:,} times"


def _nearest(character: str, known: Set[str]) -> str:
    """Without accents and typography, perhaps of several characters, in those that are known."""
    found = unicodedata.normalize("NFKD", character.translate(PLAIN)).translate(PLAIN)
    return "".join(c if c in known else c.swapcase() if c.swapcase() in known else "" for c in found)


class RecordCodec(Codec):
    """Records ⇄ steps. Subclasses are one file each in this package."""

    unit: ClassVar[str]
    """What a step is called in messages, e.g. `point`."""

    record: ClassVar[str]
    """What a record is called in messages, e.g. `drawing`."""

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the file looks like one of this codec's. Reads no more than its beginning."""

    @classmethod
    def lacking(cls, path: Path) -> Lack | None:
        """What a file that no codec recognises lacks to be one of this one's; None for any that has nothing of them."""
        return None

    @classmethod
    def suits(cls, records: Sequence[Any]) -> bool:
        """Whether some records of a collection make it a good choice for all."""
        return True

    @classmethod
    @abstractmethod
    def parts(cls, path: Path) -> tuple[str, ...]:
        """Names of the parts that the file itself is divided into (train, valid, test); none for most."""

    @classmethod
    @abstractmethod
    def read(
        cls, path: Path, part: str | None = None, name: str | None = None, refused: Refusals | None = None
    ) -> Iterator[Any]:
        """The records of a file, or of one part of it, in order; messages call it `name`. Raises `UserError`.

        refused: counts what is left out of the file while the rest can be read.
        """

    @classmethod
    def placed(cls, records: Iterator[Any], root: Path | None) -> Iterator[Any]:
        """The same, which were read from a file that was found in the folder `root`, where that means anything."""
        return records

    needed: ClassVar[str] = "thousands to learn anything"
    """How much data it takes, in messages: of steps, or in a unit that is told with the number."""

    wanted: ClassVar[str] = "files of that kind"
    """What sources should hold, in messages."""

    prepares: ClassVar[bool] = False
    """Whether records need `prepared` before they are encoded."""

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Cache, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        """These records, all that a corpus is made of, after work that takes long or needs all of them. What is worth
        keeping of the work is kept in `cache`.

        report: is called with what is being done and how much of that is done. Raises `UserError`.
        """
        return Prepared(records, [], [])

    @property
    def settings(self) -> dict[str, Any]:
        """The options that records were prepared with."""
        return {}

    @classmethod
    @abstractmethod
    def fit(cls, records: Records, **options: Any) -> RecordCodec:
        """Make the codec for these training records. Raises `UserError` for options, see `checked`."""

    @abstractmethod
    def refitted(self, records: Records) -> RecordCodec:
        """This codec for other training records, which a model that has it is to be fine-tuned on: their units and
        density are theirs, but steps and texts mean the same. What is new in them may come after all that there was
        (see `Network.grown`)."""

    def keeper(self) -> Keeper | None:
        """A new one, if something of its data is to be kept beside a model."""
        return None

    @abstractmethod
    def refusal(self, record: Any) -> str:
        """Why the record cannot be encoded, e.g. `without text`; empty if it can. Such are left out, and counted."""

    def lost(self, record: Any) -> dict[str, int]:
        """What a record that is encoded has and its steps have not, by what it is, e.g. `notes of drums`: is told."""
        return {}

    @abstractmethod
    def encode(self, record: Any, whole: bool = True) -> np.ndarray:
        """The record as steps: [N, *steps.shape] of steps.dtype. Raises `UserError`.

        whole: false for a beginning, which is to be gone on from: its last step does not say that it ends.
        """

    @abstractmethod
    def decode(self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Any = None) -> Any:
        """Steps [N, *steps.shape] as a record, on which `text` is written. begun: they go on from another record.

        outline: what they were drawn along, see `guide`; it says of the record what steps do not.
        """

    def drawn(self, record: Any) -> bool:
        """Whether it is known that a model drew it. Its steps lie on no grid, and are scored without noise."""
        return False

    @abstractmethod
    def ends(self, step: Any) -> bool:
        """Whether the step says that the record is over."""

    @abstractmethod
    def may_end(self, step: Any) -> bool:
        """Whether a record can be over after this step, for models that do not say where."""

    def guide(self, record: Any) -> Guide | None:
        """What is known from outside of a sequence's steps, from its beginning on; None if nothing is.

        record: which sequence: one that is whole, or an *outline*, of which some things are said and others are to be
        drawn, e.g. a tune with harmony and length, but without notes. Raises `UserError` for what cannot be.
        """
        return None

    def outline(self) -> Any:
        """What is usual in the training data, for a record of which nothing is said; None if nothing is usual."""
        return None

    @abstractmethod
    def dump(self, record: Any) -> bytes:
        """The record as a file of the codec's own format, which `read` reads."""

    @abstractmethod
    def show(self, record: Any) -> str:
        """The record for a terminal, as well as that can be done."""

    @classmethod
    @abstractmethod
    def text_of(cls, record: Any) -> str | None:
        """The text that goes with the record."""

    def spelling(self, record: Any) -> str:
        """What of a record a network attends to, for `encode_text`: the text that goes with it, unless a codec has
        something else."""
        return self.text_of(record) or ""

    @property
    @abstractmethod
    def alphabet(self) -> str:
        """The characters of texts, in the order of their symbols; the symbol after the last is `text.end`."""

    def spelled(self, text: str, unknown: str = "refuse") -> Spelled:
        """The text in characters that were seen: `nearest` writes é as e and curly quotes straight, a capital small if
        only that is known, and leaves out what has no such neighbour; `skip` leaves out all others; `refuse` changes
        nothing. White space stays as it is, but that beside a word of which nothing is left.

        Raises `UserError` for other names, and if nothing at all is left."""
        if unknown not in UNKNOWN:
            raise choice("unknown", unknown, UNKNOWN)
        replaced, left_out = Counter[tuple[str, str]](), Counter[str]()
        if unknown == "refuse":
            return Spelled(text, replaced, left_out)
        known, out = {*self.alphabet}, list[str]()
        gone = False  # whether the last word is
        for run in re.findall(r"\s+|\S+", text):
            if run.isspace():
                # One of the blanks around a word that is gone is enough.
                run = re.sub(r"^[^\S\n\f]+", "", run) if gone and (not out or out[-1].isspace()) else run
                out += [run] * bool(run)
                continue
            word = []
            for character in run:
                found = character
                if character not in known:
                    found = _nearest(character, known) if unknown == "nearest" else ""
                    if found:
                        replaced[character, found] += 1
                    else:
                        left_out[character] += 1
                word.append(found)
            gone = not any(word)
            out += ["".join(word)] * (not gone)
        if left_out and not any(map(str.strip, out)):
            raise UserError(f"nothing of the text is left to write. The model knows: {self.alphabet!r}.")
        return Spelled("".join(out), replaced, left_out)

    def encode_text(self, text: str) -> np.ndarray:
        """A text as symbols [U] int64, the last one `text.end`. Raises `UserError` for characters never seen."""
        if self.text is None:
            raise UserError("this model was trained without texts; it can only go on from what it is given, or begin.")
        unknown = sorted({c for c in text if c not in self.alphabet})
        if unknown:
            raise UserError(
                f"text: the model has never seen {', '.join(map(repr, unknown))}. It can write: {self.alphabet!r}. "
                "Write it in other words, let --unknown replace it, or train on data that has it."
            )
        return np.array([*(self.alphabet.index(c) for c in text), self.text.end], np.int64)

    def decode_text(self, symbols: np.ndarray) -> str:
        """The inverse of `encode_text`."""
        return "".join(self.alphabet[n] for n in symbols.tolist() if n < len(self.alphabet))
