"""Sources → a corpus ready for training: split, codec fitted, steps in memory-mapped files.

All this is done once, and kept in the cache under a key: a hash of the sources' contents and of every option that
matters. A second run only hashes the sources, and checks the digest of the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rhapsode import registry
from rhapsode.data import datasets
from rhapsode.data import encode_records as _records
from rhapsode.data.codecs.codec import Codec
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.stored import codec_from_json, codec_to_json
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.encode import Counts, PartWriter
from rhapsode.data.finder import DATA, SourceFile, reasons
from rhapsode.data.recognition import Survey
from rhapsode.data.resets import ResetPolicy
from rhapsode.data.sources import Sources, open_sources
from rhapsode.data.text_index import SIZE, Gathered, names
from rhapsode.data.validation import By, Nothing, Split, divided, held_out
from rhapsode.errors import UserError, choice
from rhapsode.files import checkpoint
from rhapsode.files.cache import Cache, cache_folder
from rhapsode.files.flip import flips, unused
from rhapsode.files.place import on_disk
from rhapsode.files.refusals import Refusals
from rhapsode.steps.sequence import Steps

FORMAT = 14
"""A part of every key. Raise it when the files change, or when a codec encodes in another way."""
MIN_TRAIN, MIN_VALID = 100, 10
"""The fewest steps: fewer do not even fill the smallest batch."""
FEW_VALID = 1000
FRACTION = 0.1
Source = str | os.PathLike[str]
Report = Callable[[str, float], None]
_Every = Callable[..., Iterator[tuple[bool, Any]]]


@dataclass(frozen=True)
class Corpus:
    """Data ready for training.

    codec:        fitted on the training part only (or the one that was given).
    train, valid: the steps.
    *_bytes, *_chars: sizes. Characters are those of Unicode, and each byte that is not UTF-8 counts as one. For
    records,
                  the characters are those of their texts, and bytes are not counted.
    documents:    how many documents the sources have (without those that were given only for validation).
    skipped:      files that were left out: name → reason.
    notes:        messages for the user, a sentence each.
    warnings:     warnings, a sentence each. They are repeated at the end of training.
    key:          the hash of contents and options: the name of the folder in the cache.
    damaged:      files of the training and of the validation sources that could not be read to their ends: name →
    error.
    digest:       SHA-256 of the sources of the training data: their contents and order, but not their names.
    index:        the file of its training index, if its codec makes one (see `TrainingIndex`).
    texts:        of text: gathers it for a training index. Gets a `Gathered`, and a function that is called with the
                  fraction that is done; returns documents that were held out, perhaps not all of them.
    lines:        each line is a unit.
    """

    codec: Codec
    train: Steps
    valid: Steps
    train_bytes: int
    train_chars: int
    valid_bytes: int
    valid_chars: int
    documents: int
    skipped: dict[str, str]
    notes: list[str]
    key: str
    damaged: list[dict[str, str]]
    digest: str = ""
    index: Path | None = None
    texts: Callable[[Gathered, Callable[[float], None]], list[bytes]] | None = None
    lines: bool = False
    warnings: Sequence[str] = ()


def prepare(
    sources: Sequence[Source],
    *,
    codec: str | Codec | None = None,
    codec_options: dict[str, Any] | None = None,
    reset: ResetPolicy,
    valid: Sequence[Source] | None = None,
    valid_fraction: float = FRACTION,
    valid_by: By | None = None,
    separator: str | None = None,
    field: str | None = None,
    encoding: str | None = None,
    as_text: bool = False,
    all_files: bool = False,
    cache: Path | None = None,
    report: Report | None = None,
) -> Corpus:
    """The corpus of these sources, from the cache if it is there. Raises `UserError`.

    codec:  a name; or a fitted codec, which is used as it is (codecs of records: `refitted`); None: see `Survey.codec`.
    valid:  sources for validation. Without them, about `valid_fraction` of the characters is held out.
    valid_by: `tail` holds out the last characters; `document` whole documents, or lines if the reset policy is `line`;
            None chooses what suits the data, see `rhapsode.data.validation`. If none of these is given, a single
            `data:NAME` is split as in the literature. Of records, whole records are held out, with texts that do not
            occur in training; a single file that is itself divided into parts keeps its division.
    encoding, as_text, all_files: see `open_sources`.
    cache:  the folder for the steps, `cache_folder()` by default.
    report: is called with the name of a stage and the fraction that is done, 0 to 1.
    """
    report = report or (lambda what, done: None)
    if not 0 < valid_fraction < 1:
        raise UserError(f"validation fraction {valid_fraction}: it must be more than 0 and less than 1, e.g. 0.1.")
    if valid_by not in (None, "tail", "document"):
        raise choice("validation by", valid_by, ["tail", "document"])
    if valid is not None and (valid_fraction != FRACTION or valid_by is not None):
        raise UserError(
            "data to validate on was given, and a part of the training data to validate on, too (valid_fraction or "
            "valid_by). One of them must go."
        )
    survey = Survey(sources, all_files)
    wanted = _Codec.of(codec if codec is not None else survey.codec(), codec_options)
    records = wanted.kind if issubclass(wanted.kind, RecordCodec) else None
    if records is not None:
        _refuse_for_records(records, reset, valid_by, separator, field, encoding, as_text)
    if flips() and not wanted.kind.flips:
        for_these = " and ".join(sorted(f"{kind.plural()}" for kind in registry.every("codec") if kind.flips))
        raise UserError(f"flip is for {for_these}, and the codec is {wanted.kind.name}. Leave it out.")
    notes: list[str] = []
    doubts: list[str] = []
    if records is None and valid is None and valid_fraction == FRACTION and valid_by is None:
        sources, valid = _published(sources, notes)

    def opened(given: Sequence[Source]) -> Sources:
        if records is None:
            read_as: dict[str, Any] = {"encoding": encoding, "as_text": as_text, "all_files": all_files}
            return open_sources(given, separator=separator, field=field, report=report, **read_as)
        accepts, what = records.recognises, records.wanted
        return open_sources(given, accepts=accepts, wanted=what, all_files=all_files, report=report)

    main = opened(sources)
    other = opened(valid) if valid is not None else None
    split = "sources" if other else f"{valid_by} {valid_fraction!r}"
    digest = main.digest(lambda done: report("reading", done))
    identity = [FORMAT, digest, other and other.digest(), split, *flips()]
    key = hashlib.sha256(json.dumps([*identity, wanted.identity, reset.spec]).encode()).hexdigest()
    kept = Cache(cache or cache_folder(), lambda told: notes.append(told) if told not in notes else None)
    build = _Build(main, other, wanted, reset, valid_fraction, valid_by, report)

    def write(folder: Path) -> None:
        if records is not None:
            _RecordBuild(main, other, wanted, records, valid_fraction, kept, report).write(folder)
            doubts.append(unused())
        else:
            build.write(folder)

    corpus = kept.folder(f"steps/{key}", write, lambda folder: _opened(folder, key, wanted))
    warnings, skipped = survey.warnings(wanted.kind), dict[str, str]()
    for each, damaged in zip(_both(main, other), corpus.damaged, strict=True):
        each.damaged.update(damaged)
        notes += [note for note in each.notes if note not in notes]
        warnings += each.damage
        skipped |= each.skipped
    warnings += filter(None, doubts)
    if skipped:
        notes.append(f"Files left out: {reasons(skipped)}.")
    if len(corpus.valid) < FEW_VALID:
        notes.append(f"There are only {len(corpus.valid)} steps to validate on: the validation loss is a rough guess.")
    if records is None and (separator is not None or field is not None):
        found, warns = main.told(corpus.documents)
        (warnings if warns else notes).append(found)
    units, cuts = len(corpus.train.units) + (0 if other else len(corpus.valid.units)), 0 if other else 1
    if (reset.every or reset.rule) and not reset.lines and units <= corpus.documents + cuts:
        warnings.append(
            f"the reset policy {reset.spec} begins no unit within documents, or only one: {units:,} units in "
            f"{corpus.documents:,} documents. Is it the right one?"
        )
    told = {"skipped": skipped, "notes": [*notes, *corpus.notes], "warnings": warnings, "digest": digest}
    return Corpus(**{**vars(corpus), **told, "texts": build.gather if records is None else None, "lines": reset.lines})


def _refuse_for_records(
    kind: type[RecordCodec],
    reset: ResetPolicy,
    valid_by: str | None,
    separator: str | None,
    field: str | None,
    encoding: str | None,
    as_text: bool,
) -> None:
    """Raises `UserError` for options that are only for text."""
    given = {
        "valid_by tail": valid_by == "tail",
        "a document separator": separator is not None,
        "field": field is not None,
        "encoding": encoding is not None,
        "as_text": as_text,
    }
    for name, is_given in given.items():
        if is_given:
            raise UserError(
                f"{name} is for text; with codec {kind.name}, each {kind.record} is a document. Leave it out."
            )
    if reset.spec != "document":
        raise UserError(
            f"reset policy {reset.spec!r} is for text; with codec {kind.name} the state begins anew with each "
            f"{kind.record} (policy document). Leave it out."
        )


def _published(sources: Sequence[Source], notes: list[str]) -> tuple[Sequence[Source], Sequence[Source] | None]:
    """The parts of a single `data:NAME` with a split of its own."""
    known = {f"{DATA}{each.name}": each for each in datasets.list_datasets()}
    dataset = known.get(os.fspath(sources[0])) if len(sources) == 1 else None
    if dataset is None or "valid" not in dataset.parts:
        return sources, None
    notes.append(f"{DATA}{dataset.name} is split as in the literature: {dataset.split}.")
    return [f"{DATA}{dataset.name}/train"], [f"{DATA}{dataset.name}/valid"]


@dataclass(frozen=True)
class _Codec:
    """The codec that the user asked for: a fitted one, or a class and its options."""

    kind: type[Codec]
    options: dict[str, Any]
    fitted: Codec | None

    @staticmethod
    def of(codec: str | Codec, options: dict[str, Any] | None) -> _Codec:
        if isinstance(codec, Codec):
            if options:
                raise UserError("codec options cannot be given with a codec that is already fitted: it has its own.")
            return _Codec(registry.get("codec", codec.name), {}, codec)
        kind: type[Codec] = registry.get("codec", codec)
        return _Codec(kind, kind.checked(options or {}), None)

    @property
    def identity(self) -> list[Any]:
        return [self.kind.name, self.options, self.fitted.to_json() if self.fitted else None]


@dataclass(frozen=True)
class _Build:
    """Reads the sources and writes one folder of the cache."""

    main: Sources
    other: Sources | None
    wanted: _Codec
    reset: ResetPolicy
    fraction: float
    by: By | None
    report: Report

    def write(self, folder: Path) -> None:
        """Write a corpus into the empty folder `folder`."""
        split, documents = self._split()
        codec = self.wanted.fitted or self._fit(split, documents)
        assert isinstance(codec, TextCodec)
        with ExitStack() as stack:
            train, valid = (PartWriter(folder / name, codec, self.reset) for name in ("train", "valid"))
            stack.callback(train.abandon)
            stack.callback(valid.abandon)
            for part, data, ends, whole, _ in split.deal(self._pieces("encoding")):
                (valid if part else train).feed(data, ends, whole)
            if self.other:
                for data, ends in self.other.pieces(lambda done: self.report("encoding validation data", done)):
                    valid.feed(data, ends)
            counts = {"train": train.close(), "valid": valid.close()}
        damaged = _damaged(self.main, self.other)
        _check(counts, lambda part: f"{part.bytes} bytes", self.wanted.kind, self.other is not None, self.main.damage)
        notes = [note for note in (self._ends(codec, documents), split.note) if note]
        _write_meta(folder, codec, documents, counts, notes, damaged)

    def gather(self, gathered: Gathered, report: Callable[[float], None]) -> list[bytes]:
        """See `Corpus.texts`."""
        first, at = len(gathered.files), (0, 0)
        gathered.files += names(self.main.files)
        held: list[bytearray] = []
        size, ended = 0, True

        def hold(data: bytes, ends: bool) -> None:
            nonlocal size, ended
            if size < SIZE:
                if ended:
                    held.append(bytearray())
                held[-1].extend(data)
                size, ended = size + len(data), ends

        def pieces() -> Iterator[tuple[bytes, bool]]:
            nonlocal at
            for file, number, piece in self.main.placed(report):
                at = file, number
                yield piece

        for part, data, ends, _, lines in self._split()[0].deal(pieces()):
            if part:
                hold(data, ends)
            else:
                gathered.add(data, ends, first + at[0], at[1], lines)
        for data, ends in self.other.pieces() if self.other else ():
            hold(data, ends)
            if size >= SIZE:
                break
        _damaged(self.main, self.other)
        return list(map(bytes, held))

    def _pieces(self, what: str) -> Iterator[tuple[bytes, bool]]:
        return self.main.pieces(lambda done: self.report(what, done))

    def _split(self) -> tuple[Split, int]:
        """The split, and how many documents there are."""
        if self.other:
            return Nothing(), sum(ends for _, ends in self._pieces("counting"))
        return divided(self._pieces, self.fraction, self.by, self.reset.lines)

    def _fit(self, split: Split, documents: int) -> TextCodec:
        kind = self.wanted.kind
        assert issubclass(kind, TextCodec)
        training = (data for part, data, *_ in split.deal(self._pieces("learning the codec")) if not part)
        codec = kind.fit(training, **self.wanted.options)
        return Ending(codec) if self._many(documents) else codec

    def _many(self, documents: int) -> bool:
        """Whether documents end. A single one has no end, since its file just stops somewhere; lines end by
        themselves."""
        return documents > 1 and not self.reset.lines

    def _ends(self, codec: TextCodec, documents: int) -> str:
        """The message about the ends of documents."""
        if not self._many(documents):
            return ""
        if codec.end is None:
            return f"{documents:,} documents: their ends are not learnt, for the model to be tuned knows none."
        return f"{documents:,} documents: their ends are learnt, and what is generated ends there, too."


@dataclass(frozen=True)
class _RecordBuild:
    """Reads sources of records and writes one folder of the cache."""

    main: Sources
    other: Sources | None
    wanted: _Codec
    kind: type[RecordCodec]
    fraction: float
    cache: Cache
    report: Report

    def write(self, folder: Path) -> None:
        """Write a corpus into the empty folder `folder`."""

        fitted = self.wanted.fitted
        options = fitted.settings if isinstance(fitted, RecordCodec) else self.wanted.options
        unread = Refusals()
        every, left_out, told = self._prepared(options, unread)

        def training() -> Iterator[Any]:
            return (record for is_valid, record in every("learning the codec") if not is_valid)

        if isinstance(fitted, RecordCodec):
            codec = fitted.refitted(training)
        else:
            codec = self.kind.fit(training, **self.wanted.options)
        index = codec.training_index()
        counts, refused, lost = _records.write(folder, codec, every("encoding", unread), index)
        if index is not None:
            checkpoint.save(folder / checkpoint.INDEX, *index.saved())
        damaged = _damaged(self.main, self.other)
        left_out = [*unread.told("In files"), *left_out]
        if refused:
            each = ", ".join(f"{n:,} {why}" for why, n in sorted(refused.items()))
            left_out = [f"Left out: {codec.plural()} {each}.", *left_out]
        if lost:
            each = ", ".join(f"{n:,} {what}" for what, n in sorted(lost.items()))
            told = [*told, f"Left out of the {codec.plural()}, which codec {codec.name} does not know: {each}."]
        why = [*left_out, *self.main.damage]
        _check(counts, lambda part: f"{part.documents} {codec.plural()}", self.kind, self.other is not None, why)
        documents = counts["train"].documents + counts["valid"].documents
        _write_meta(folder, codec, documents, counts, [*left_out, *told], damaged)

    def _prepared(self, options: dict[str, Any], unread: Refusals) -> tuple[_Every, list[str], list[str]]:
        """(whether it is for validation, the record) of each prepared record; which records are left out; and notes."""
        records: Callable[..., Iterator[tuple[float, Any]]] = self._records
        left_out, notes = list[str](), list[str]()
        if self.kind.prepares:
            pairs = list(self._records("reading", unread))
            found = self.kind.prepared([record for _, record in pairs], self.cache, self.report, **options)
            kept = [(pair[0], record) for pair, record in zip(pairs, found.records, strict=True) if record is not None]
            records, left_out, notes = lambda *_: iter(kept), found.left_out, found.notes
        below = self.fraction
        if not self.other:
            below = held_out((split_hash for split_hash, _ in records("splitting")), below)
        return lambda *what: ((split_hash < below, record) for split_hash, record in records(*what)), left_out, notes

    def _records(self, what: str, unread: Refusals | None = None) -> Iterator[tuple[float, Any]]:
        """(split hash, record) of each record, see `encode_records.split_hash`. Where the division is known, the hash
        is 0 for validation and 1 for training.

        unread: counts what is left out of the files.
        """
        files, divided = self.main.files, False
        if not self.other and len(files) == 1:
            divided = {"train", "valid"} <= set(self.kind.parts(files[0].path))

        def read(file: SourceFile) -> Iterator[tuple[str | None, Any]]:
            for part in ("valid", "train") if divided else (None,):
                found = self.kind.read(file.path, part, file.name, unread)
                for record in self.kind.placed(found, file.within):
                    yield part, record

        for number, (part, record) in enumerate(self.main.each(read, lambda done: self.report(what, done)), 1):
            if divided:
                yield float(part != "valid"), record
            else:
                yield 1.0 if self.other else _records.split_hash(self.kind, record, number), record
        if self.other:
            for _, record in self.other.each(read):
                yield 0.0, record


def _both(main: Sources, other: Sources | None) -> list[Sources]:
    return [main] if other is None else [main, other]


def _damaged(main: Sources, other: Sources | None) -> list[dict[str, str]]:
    """Of each, files that could not be read: name → error. Raises `UserError` if any file has changed meanwhile."""
    for sources in _both(main, other):
        sources.check_unchanged()
    return [sources.damaged for sources in _both(main, other)]


def _check(
    counts: dict[str, Counts], size: Callable[[Counts], str], kind: type[Codec], separate: bool, left_out: list[str]
) -> None:
    """Raises `UserError` for too little data. size: of a part, in a unit that people know; left_out: notes of that."""
    train, valid = counts["train"], counts["valid"]
    if train.steps >= MIN_TRAIN and valid.steps >= MIN_VALID:
        return
    raise UserError(
        f"too little data: {train.steps} steps to train on ({size(train)}) and {valid.steps} to validate on "
        f"({size(valid)}); a step is one {kind.unit} of the codec {kind.name}. At least {MIN_TRAIN} and {MIN_VALID} "
        f"are needed, and {kind.needed}. Give more"
        + (", or more to validate on." if separate else ", or another part of it to validate on.")
        + "".join(f" {note}" for note in left_out)
    )


def _write_meta(
    folder: Path,
    codec: Codec,
    documents: int,
    counts: dict[str, Counts],
    notes: list[str],
    damaged: list[dict[str, str]],
) -> None:
    meta = {
        "format": FORMAT,
        "codec": codec_to_json(codec),
        "documents": documents,
        "counts": {name: asdict(part) for name, part in counts.items()},
        "notes": notes,
        "damaged": damaged,
    }
    with open(folder / "meta.json", "w", encoding="ascii") as file:
        json.dump(meta, file)
        on_disk(file)


def _opened(folder: Path, key: str, wanted: _Codec) -> Corpus:
    """The corpus in `folder`. Raises `ValueError` and other errors if it is not one."""
    meta = json.loads((folder / "meta.json").read_text(encoding="ascii"))
    parts = {name: Counts(**meta["counts"][name]) for name in ("train", "valid")}
    codec = wanted.fitted
    if not isinstance(codec, TextCodec):  # one of records is fitted anew, see `_RecordBuild`
        codec = codec_from_json(meta["codec"])
    steps = {name: codec.open(folder / name) for name in parts}
    if any(len(steps[n]) != parts[n].steps or len(steps[n].units) != parts[n].units for n in parts):
        raise ValueError("sizes differ from those on record")
    train, valid = parts["train"], parts["valid"]
    return Corpus(
        codec=codec,
        train=steps["train"],
        valid=steps["valid"],
        train_bytes=train.bytes,
        train_chars=train.chars,
        valid_bytes=valid.bytes,
        valid_chars=valid.chars,
        documents=meta["documents"],
        skipped={},
        notes=meta["notes"],
        damaged=meta["damaged"],
        key=key,
        index=checkpoint.index(folder),
    )
