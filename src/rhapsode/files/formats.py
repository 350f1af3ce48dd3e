"""The formats of files that a modality reads and writes. Each is one module in its folder `formats`.

Such a module has a constant `FORMAT`, and is found by being there. The content of a file says which format it has;
the suffix of a file that is to be written says in which format.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path, PurePath
from typing import Any, Generic, TypeVar
from zipfile import ZipFile

from rhapsode import registry
from rhapsode.errors import UserError, choice
from rhapsode.files.archive import Reader, is_zip, members, opened, records, some
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source, of_file, reading, tells

Record = TypeVar("Record")


def _no(what: object) -> bool:
    return False


def _yes(what: object) -> bool:
    return True


def _no_parts(source: Source) -> tuple[str, ...]:
    return ()


def _nothing(source: Source, refused: Refusals) -> Iterator[Any]:
    return iter(())


@dataclass(frozen=True)
class Format(Generic[Record]):
    """How files of one format are recognised, read and written; some are only read, some only written.

    title:      what it is called in the list of what can be read; empty where it is only written.
    recognises: whether a file has this format, by its first bytes (`Source.head`).
    packed:     the same of a zip archive that, as a whole, is one file of this format.
    fits:       whether such an archive has what this format needs; other data may be packed in the same way.
    read:       (source, refused) → the records, in order. It counts in `refused` what it leaves out, and raises
                `UserError`, which says where in the file it stopped. With `parts`, it also takes `part=`.
    parts:      names of the parts into which the file is divided, of train, valid and test; () if it is not.
    writes:     suffix → (record, options by their names) → the contents of a file.
    rank:       formats are tried in this order, and by their modules' names: -1 is Rhapsode's own, 1 are those whose
                signs may also stand somewhere in a file of another format.
    suffixes:   only files with these suffixes have this format, since others look the same; none: any file.
    markup:     its files are themselves text, which one may want as it stands.
    """

    title: str = ""
    recognises: Callable[[bytes], bool] = _no
    packed: Callable[[ZipFile], bool] = _no
    fits: Callable[[ZipFile], bool] = _yes
    read: Callable[..., Iterator[Record]] = _nothing
    parts: Callable[[Source], tuple[str, ...]] = _no_parts
    writes: Mapping[str, Callable[..., str | bytes]] = field(default_factory=dict)
    rank: int = 0
    suffixes: tuple[str, ...] = ()
    markup: bool = False


def _unchanged(found: Iterator[Record], name: str) -> Iterator[Record]:
    return found


class Formats(Generic[Record]):
    """All formats of a modality."""

    def __init__(
        self,
        modality: str,
        files: str,
        adjust: Callable[[Iterator[Record], str], Iterator[Record]] = _unchanged,
    ) -> None:
        """files: what a file is called in messages, e.g. `a file of tunes`. adjust: is given the records of each file,
        or member of an archive, and its name."""
        self._modality, self._files, self._adjust = modality, files, adjust

    @cached_property
    def by_name(self) -> dict[str, Format[Record]]:
        """Name of the module → the format, in the order in which they are tried."""
        modules = registry.modules(f"modalities.{self._modality}.formats")
        found: dict[str, Format[Record]] = {name: module.FORMAT for name, module in modules.items()}
        return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))

    @cached_property
    def known(self) -> str:
        """What can be read, for messages: a sentence without its stop."""
        titles = [format.title for format in self.by_name.values() if format.title]
        return f"Known are {', '.join(titles)}, and .zip archives of these"

    def recognised(self, path: Path) -> bool:
        """Whether it looks like a file of one of these formats, from its beginning; false for what cannot be read."""
        return tells(path, self._recognises)

    def _recognises(self, source: Source) -> bool:
        head = source.head()
        if not is_zip(head):
            return self._by_head(head, source.path) is not None
        with opened(source) as archive:
            if format := self._by_members(archive):
                return format.fits(archive)
            return any(self._of(member) is not None for member in some(members(archive, "")))

    def of(self, path: Path, head: bytes = b"") -> Format[Record] | None:
        """The format of a file; None where it is unknown, or the file cannot be read. head: its first bytes, where they
        are known."""
        source = of_file(path, path.name)
        try:
            with reading(source.name):
                return self._by_head(head, path) if head and not is_zip(head) else self._of(source)
        except UserError:
            return None

    def parts(self, path: Path) -> tuple[str, ...]:
        """The parts into which a file is divided, of train, valid and test; () if it is not. Raises `UserError`."""
        source = of_file(path, str(path))
        with reading(source.name):
            format = self._of(source)
            return () if format is None else format.parts(source)

    def read(
        self, path: Path | Source, part: str | None = None, name: str | None = None, refused: Refusals | None = None
    ) -> Iterator[Record]:
        """The records of a file, or of bytes that are none, one by one, in order.

        part: one of `parts(path)`; None for all in a row.
        name: of the file, in messages and in the names of records; `path` by default.
        refused: counts what is left out: records, and members of an archive, that cannot be read while others can.
        Raises `UserError`, which says where in the file it stopped.
        """
        source = path if isinstance(path, Source) else of_file(path, str(path) if name is None else name)
        refused = Refusals() if refused is None else refused
        if part is not None:
            allowed = () if isinstance(path, Source) else self.parts(path)
            if not allowed:
                raise UserError(
                    f"{source.name}: it has no parts such as {part!r}. Leave the part out to read all of it."
                )
            if part not in allowed:
                raise choice(f"{source.name}: part", part, allowed)
        with reading(source.name):
            if reader := self._reader(refused, source, part):
                yield from reader(source)
            elif is_zip(head := source.head()):
                with opened(source) as archive:
                    yield from records(archive, source.name, partial(self._reader, refused), refused, f"{self.known}.")
            else:
                kind = f"not {self._files} that Rhapsode knows" if head else "empty"
                raise UserError(f"{source.name}: {kind}. {self.known}.")

    def _reader(self, refused: Refusals, source: Source, part: str | None = None) -> Reader[Record] | None:
        """What reads a file or a member of an archive; None if nothing does."""
        format = self._of(source)
        if format is None:
            return None
        read = format.read if part is None else partial(format.read, part=part)
        return lambda source: self._adjust(read(source, refused), source.name)

    def _of(self, source: Source) -> Format[Record] | None:
        """The format of a file; None where it is unknown. Raises `UserError` for a damaged archive."""
        head = source.head()
        if not is_zip(head):
            return self._by_head(head, source.path)
        with opened(source) as archive:
            return self._by_members(archive)

    def _by_head(self, head: bytes, path: PurePath) -> Format[Record] | None:
        for format in self.by_name.values():
            if (not format.suffixes or path.suffix.lower() in format.suffixes) and format.recognises(head):
                return format
        return None

    def _by_members(self, archive: ZipFile) -> Format[Record] | None:
        return next((format for format in self.by_name.values() if format.packed(archive)), None)

    @cached_property
    def _writers(self) -> dict[str, Callable[..., str | bytes]]:
        return {suffix: write for format in self.by_name.values() for suffix, write in format.writes.items()}

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Those of files that can be written, in small letters."""
        return tuple(self._writers)

    def options(self, suffix: str) -> list[str]:
        """What `encode` takes for files with this suffix, besides the record. Raises `UserError`."""
        return [*inspect.signature(self._writer(suffix)).parameters][1:]

    def encode(self, record: Any, suffix: str, **options: Any) -> bytes:
        """The contents of a file with this suffix. Raises `UserError` for a suffix that is not one of `suffixes`, and
        for options that the format does not have."""
        allowed = self.options(suffix)
        for name in options:
            if name not in allowed:
                raise choice(f"option for {suffix.lower()} files", name, allowed or ["none"])
        contents = self._writer(suffix)(record, **options)
        return contents.encode(errors="replace") if isinstance(contents, str) else contents

    def _writer(self, suffix: str) -> Callable[..., str | bytes]:
        if suffix.lower() not in self._writers:
            raise choice("kind of file", suffix, self.suffixes)
        return self._writers[suffix.lower()]
