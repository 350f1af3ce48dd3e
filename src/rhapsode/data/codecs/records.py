"""The base class of codecs of records: files of separate sequences, each perhaps with a text.

What a record is depends on the codec: a `Drawing`, a `Tune`. Each becomes one unit of steps.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np

from rhapsode.data.codecs.codec import Codec
from rhapsode.data.codecs.output import EMPTY, LENGTH, NO_TEXT, Beginning, Made, Output, Piece, Prompt
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.files.refusals import Refusals

Records = Callable[[], Iterator[Any]]
"""A function that gives the records of the training data, from the first one each time it is called."""


class Prepared(NamedTuple):
    """Records after the work that comes before encoding.

    records:  in the same order; None for one that is left out.
    left_out: which records are left out and why, a sentence each. notes: what else a person should be told.
    """

    records: Sequence[Any]
    left_out: list[str]
    notes: list[str]


class Lack(NamedTuple):
    """Why a codec does not read files that are nearly its own.

    what: a noun for such files, with {s} for the plural. why: a sentence without its stop.
    """

    what: str
    why: str


class TrainingIndex(Protocol):
    """What a model has beside it of its data, e.g. of tunes their melodies, so that copies can be found."""

    def add(self, record: Any, held_out: bool) -> None:
        """One more record that is encoded. held_out: whether it is for validation."""

    def saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Facts and arrays, for `checkpoint.save`."""


SLACK, SPARE = 2.5, 50
"""A record with a text is ended after so many times the steps that such a text has in the training data's mean, and so
many steps more."""


class RecordCodec(Codec):
    """Records ⇄ steps. Subclasses are one file each in this package."""

    record: ClassVar[str]
    """What a record is called in messages, e.g. `drawing`."""

    @classmethod
    def plural(cls) -> str:
        """What several records are called."""
        return f"{cls.record}s"

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Whether this codec reads the file, judged by the file's beginning."""

    @classmethod
    def lacking(cls, path: Path) -> Lack | None:
        """Why this codec does not read a file that no codec recognises; None for one that is nothing like its own."""
        return None

    @classmethod
    def suits(cls, records: Sequence[Any]) -> bool:
        """Whether the codec suits a collection of which these are some records."""
        return True

    @classmethod
    def parts(cls, path: Path) -> tuple[str, ...]:
        """The names of the parts of a file that is divided into train, valid and test; () for other files."""
        return ()

    @classmethod
    @abstractmethod
    def read(
        cls, path: Path, part: str | None = None, name: str | None = None, refused: Refusals | None = None
    ) -> Iterator[Any]:
        """The records of a file, or of one part of it, in order. name: the file's name in messages. Raises `UserError`.

        refused: counts records that cannot be read while the others can.
        """

    @classmethod
    def placed(cls, records: Iterator[Any], root: Path | None) -> Iterator[Any]:
        """The same records, read from a file that was found in the folder `root`. (Speech takes names of speakers from
        folders.)"""
        return records

    wanted: ClassVar[str] = "files of that kind"
    """What sources should hold, in messages."""

    prepares: ClassVar[bool] = False
    """Whether records need to be `prepared` before they are encoded."""

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Cache, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        """All records of a corpus, after work that takes long or needs all of them.

        cache: keeps the results of the work. report: is called with the stage of the work, and the share of it that is
        done. Raises `UserError`.
        """
        return Prepared(records, [], [])

    @property
    def settings(self) -> dict[str, Any]:
        """The options with which records were prepared."""
        return {}

    @classmethod
    @abstractmethod
    def fit(cls, records: Records, **options: Any) -> RecordCodec:
        """Make the codec for these training records. Raises `UserError` for wrong options, see `checked`."""

    def refitted(self, records: Records) -> Self:
        """This codec for other records, on which a model is to be fine-tuned.

        Its scale may be that of the new records, but steps and texts mean the same. Characters or kinds of step that
        are new come after all others (see `Network.grown`). Most codecs stay as they are.
        """
        return self

    def training_index(self) -> TrainingIndex | None:
        """A new one, still empty; None if a model has nothing of its data beside it."""
        return None

    @abstractmethod
    def refusal(self, record: Any) -> str:
        """Why the record cannot be encoded, e.g. `without text`; empty if it can. Such records are left out, and
        counted."""

    def lost(self, record: Any) -> dict[str, int]:
        """How many parts of a record encoding loses, by name, e.g. `notes of drums`. They are counted and told."""
        return {}

    @abstractmethod
    def encode(self, record: Any, whole: bool = True) -> np.ndarray:
        """The record as steps: [N, *steps.shape] of steps.dtype. Raises `UserError`.

        whole: false for the beginning of a longer record: then the last step does not say that the record ends.
        """

    @abstractmethod
    def decode(self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Any = None) -> Any:
        """Steps [N, *steps.shape] as a record.

        text: goes with it. begun: the steps go on from another record. outline: that of the guide with which they were
        drawn; it says of the record what steps do not.
        """

    def beginning(self, record: Any) -> np.ndarray:
        """The beginning of a record as steps, as `encode`, for a model to go on with. Raises `UserError`."""
        raise UserError(f"no {self.record} can be begun; give it as a style.")

    def drawn(self, record: Any) -> bool:
        """Whether the record says that a model drew it. Its steps lie on no grid, and are scored without noise."""
        return False

    def ends(self, step: Any) -> bool:
        """Whether the record ends with this step. With most kinds, steps do not say so."""
        return False

    def may_end(self, step: Any) -> bool:
        """Whether a record can end after this step, for models that do not predict the end."""
        return True

    def guide(self, record: Any) -> Guide:
        """The guide of a record's steps, at their beginning.

        record: a whole one; or an *outline*, of which some things are said and others are to be drawn, e.g. a tune with
        harmony and length, but without notes. Raises `UserError` for an outline that cannot be followed.
        """
        return Guide()

    def outline(self) -> Any:
        """The outline of a record of which nothing is said: what is usual in the training data; None if nothing is."""
        return None

    @abstractmethod
    def dump(self, record: Any) -> bytes:
        """The record as a file of the codec's own format, which `read` reads."""

    @abstractmethod
    def show(self, record: Any) -> str:
        """A short description or preview of the record for a terminal."""

    @classmethod
    def text_of(cls, record: Any) -> str | None:
        """The text of the record, if it has one."""
        return None

    def spelling(self, record: Any) -> str:
        """The text that a network attends to, for `encode_text`: the one that goes with the record, in most codecs."""
        return self.text_of(record) or ""

    @property
    def alphabet(self) -> str:
        """The characters of texts, in the order of their symbols; the symbol after the last is `text.end`."""
        return ""

    def encode_text(self, text: str) -> np.ndarray:
        """A text as symbols [U] int64, the last of which is `text.end`. Raises `UserError` for characters never
        seen."""
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

    def begin(self, prompt: Prompt, *, attends: bool, ends: bool, lines: bool) -> Beginning:
        if prompt.stops:
            raise UserError(f"stop is for text; a {self.record} ends with its text, or by length.")
        if prompt.ignore_end:
            raise UserError(f"ignore_end is for text; after the end of a {self.record} there is no other.")
        text, style = prompt.data.decode("utf-8", "replace"), prompt.style
        if text and not attends:
            raise UserError(
                f"this model was trained without texts, so it cannot write {text[:40]!r}. Leave the text out, or train "
                f"on {self.plural()} whose text is known."
            )
        if attends and not text.strip():
            raise UserError('nothing to write: give a text, such as "any words".')
        steps = np.empty((0, *self.steps.shape), self.steps.dtype)
        if style is not None:
            if self.text is None and (reason := self.refusal(style)):
                raise UserError(f"style: a {self.record} {reason}: the model cannot go on from it. Choose another one.")
            steps = self.encode(style, whole=False)
        before = None
        if prompt.begun is not None:
            if style is not None:
                raise UserError(f"a style and a {self.record} that was begun were given; one of them must go.")
            steps = before = self.beginning(prompt.begun)
        symbols, length = NO_TEXT, LENGTH
        if attends and self.text is not None:
            symbols = self.encode_text(text if style is None else self._after(style, text))
            length = round(SLACK * len(symbols) / self.text.pace) + SPARE
        outline = self.outline() if prompt.outline is None else prompt.outline
        output = RecordOutput(self, text, attends, ends, style is not None, outline, before)
        return Beginning(steps, symbols, self.guide(outline), length, output)

    def _after(self, style: Any, text: str) -> str:
        """The text of the record `style`, and then another text."""
        before = self.text_of(style)
        if not before:
            raise UserError("style: its text is not known, and the model needs it. Choose one with a text.")
        return before + (" " if " " in self.alphabet else "") + text


class RecordOutput(Output):
    """Steps → a record, which is only given when it is complete."""

    def __init__(
        self,
        codec: RecordCodec,
        text: str,
        attends: bool,
        ends: bool,
        begun: bool,
        outline: Any,
        before: np.ndarray | None = None,
    ) -> None:
        """text: the record's text, if the network `attends` to it. ends: the head says where a record ends. begun,
        outline: as for `RecordCodec.decode`. before: steps that the record begins with, which were not drawn."""
        self._codec, self._text, self._attends, self._ends = codec, text, attends, ends
        self._begun, self._outline, self._before = begun, outline, before
        self._made: Made | None = None

    def add(self, step: Any) -> Piece:
        if self._codec.ends(step):
            self.stopped = "end"
        return EMPTY

    def complete(self, steps: Sequence[Any], attention: np.ndarray) -> bool:
        if self._ends:
            return False
        # Graves's rule, section 5.3: the window stands behind the last character. And what was begun is finished.
        passed = len(attention) > 0 and attention[:-1].max(initial=0) < attention[-1]
        return bool(passed and steps and self._codec.may_end(steps[-1]))

    def finish(self, steps: Sequence[Any]) -> Piece:
        self._made = self.made(steps)
        return Piece(self._made.data, "")

    def made(self, steps: Sequence[Any]) -> Made:
        if self._made is not None:  # decoding a record may take long
            return self._made
        codec = self._codec
        array = np.array(steps, codec.steps.dtype).reshape(-1, *codec.steps.shape)
        whole = array if self._before is None else np.concatenate([self._before, array])
        record = codec.decode(whole, self._text if self._attends else None, begun=self._begun, outline=self._outline)
        return Made(array, codec.dump(record), self._text, record)
