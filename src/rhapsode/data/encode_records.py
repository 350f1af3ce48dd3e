"""Encoding records → steps, units and texts on disk, in bounded memory. Each record is a unit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.data.codecs.records import RecordCodec, TrainingIndex
from rhapsode.data.encode import Counts
from rhapsode.data.guide import along
from rhapsode.files.place import on_disk


def split_hash(codec: type[RecordCodec], record: Any, number: int) -> float:
    """A number from 0 to 1 for record number `number`. Records below `validation.held_out` are for validation.

    It is a hash of the record's text, if it has one. So records with the same text have the same hash, and no text of
    the validation part was seen in training.
    """
    text = codec.text_of(record)
    mark = f"\0{number}" if text is None else text
    return int.from_bytes(hashlib.sha256(mark.encode("utf-8", "surrogatepass")).digest()[:8]) / 2.0**64


class RecordBuilder:
    """Writes steps.bin and units.bin of one part of the data; texts.bin and begins.bin where there are texts, and
    covariates.bin where the codec stores any."""

    def __init__(self, folder: Path, codec: RecordCodec) -> None:
        folder.mkdir()
        self._codec = codec
        names = ["steps", "units", *(["texts", "begins"] if codec.text else []), *["covariates"] * (codec.stored > 0)]
        self._files = {name: open(folder / f"{name}.bin", "wb") for name in names}  # noqa: SIM115 — closed by `close`
        self._steps = self._records = self._chars = self._symbols = 0
        self.refused: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()

    def add(self, record: Any) -> bool:
        """Add a record, or count it as refused if the codec refuses it. Returns whether it was added."""
        codec = self._codec
        why = codec.refusal(record)
        if why:
            self.refused[why] += 1
            return False
        self.lost.update(codec.lost(record))
        steps = codec.encode(record)
        self._put("units", [self._steps], np.int64)
        self._put("steps", steps, codec.steps.dtype)
        if codec.stored:
            self._put("covariates", along(codec.guide(record), steps), np.float16)
        self._steps += len(steps)
        self._records += 1
        if codec.text:
            text = codec.spelling(record)
            symbols = codec.encode_text(text)
            self._put("begins", [self._symbols], np.int64)
            self._put("texts", symbols, codec.text.dtype)
            self._symbols += len(symbols)
            self._chars += len(text)
        return True

    def _put(self, name: str, values: Any, dtype: Any) -> None:
        self._files[name].write(np.ascontiguousarray(values, dtype).data)

    def close(self) -> Counts:
        """Write everything to the disk. Returns the sizes."""
        if self._codec.text:
            self._put("begins", [self._symbols], np.int64)
        for file in self._files.values():
            on_disk(file)
        self.abandon()
        return Counts(0, self._chars, self._steps, self._records, self._records)

    def abandon(self) -> None:
        """Close the files, complete or not."""
        for file in self._files.values():
            file.close()


def write(
    folder: Path, codec: RecordCodec, records: Iterable[tuple[bool, Any]], index: TrainingIndex | None = None
) -> tuple[dict[str, Counts], Counter[str], Counter[str]]:
    """folder/train and folder/valid, from (is it for validation, record); why how many were left out; and how much the
    others lost, see `RecordCodec.lost`.

    index: gets the others.
    """
    writers = {name: RecordBuilder(folder / name, codec) for name in ("train", "valid")}
    try:
        for is_valid, record in records:
            if writers["valid" if is_valid else "train"].add(record) and index is not None:
                index.add(record, is_valid)
        counts = {name: writer.close() for name, writer in writers.items()}
    finally:
        for writer in writers.values():
            writer.abandon()
    train, valid = writers["train"], writers["valid"]
    return counts, train.refused + valid.refused, train.lost + valid.lost
