"""Recognising the kind of data that a SOURCE holds, and choosing the codec that reads it.

The content of a file says what it is. Of many files, some of each suffix are looked at, evenly spread. The majority
decides: one picture among a hundred texts is an illustration. No codec is chosen if half of the files or more are of
kinds that cannot be read as they are, or that other codecs read: the user did not ask for a model of the rest.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rhapsode import registry
from rhapsode.data import documents
from rhapsode.data.codecs.codec import Codec
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.encodings import wide
from rhapsode.data.leftout import taken
from rhapsode.data.streams import SUFFIXES, read_chunks
from rhapsode.errors import UserError
from rhapsode.files import signature
from rhapsode.files.source import reading

SNIFFED = 40
"""How many files of each suffix are looked at."""
LOOKED_AT = 50
"""How many records the choice of a codec looks at."""
HEAD = 1 << 13
"""A file with a zero byte among this many first bytes is not text."""
HALF, LITTLE = 0.5, 0.1
"""A warning is given if at most this part of the files, or of their bytes, is read."""
CLUTTER = re.compile(
    r"(?:readme|licen[cs]e|copying|copyright|notice|authors|contributors|contributing|changelog|citation|manifest|"
    r"(?:md5|sha\d+)sums?)(?:\.\w{1,4})?|thumbs\.db|desktop\.ini",
    re.IGNORECASE,
)
"""Names of files that accompany data of any kind, and are not counted."""
ADVISED = 2
"""How many remedies a message names."""
Source = str | os.PathLike[str]


class Kind(NamedTuple):
    """The kind of a file.

    what:   its name in messages, with {s} where a plural has an s.
    family: the first of the codecs that read such files; `text` for text; empty if no codec reads them.
    why:    the reason why it cannot be read, a sentence without a full stop; empty if it can be read.
    remedy: what the user can do, also without a full stop, with {file} and {stem} as in `signature.Signature`.
    plain:  whether it can be read as text.
    joined: whether texts belong to it.
    """

    what: str
    family: str = ""
    why: str = ""
    remedy: str = ""
    plain: bool = False
    joined: bool = False


TEXT = Kind("text{s}", "text", plain=True)
BESIDE = Kind("text{s} of the same names", "text", plain=True)
BINARY = Kind("binary file{s} of no known kind")
EMPTY = Kind("empty file{s}")


@dataclass
class Share:
    """The number and the bytes of some files, and examples of them."""

    files: float = 0.0
    bytes: float = 0.0
    some: list[Path] = field(default_factory=list)


def kind_of(path: Path) -> Kind:
    """The kind of a file. Reads only its beginning. Raises `UserError` if it cannot be read."""
    with reading(str(path)), open(path, "rb", buffering=0) as file:
        suffix = path.suffix.lower()
        head = next(read_chunks(file, suffix if suffix in SUFFIXES else "", str(path), size=HEAD), b"")[:HEAD]
    if not head:
        return EMPTY
    found = signature.of(path)
    plain = b"\0" not in head or wide(head) is not None
    if found is None or found.may_be_read(suffix):
        for codec in _families():
            if codec.recognises(path):
                return Kind(f"file{{s}} of {codec.plural()}", codec.name, plain=plain, joined=True)
        for codec in _families() if found is None or not found.moving else ():
            if lack := codec.lacking(path):
                joined = found is not None and found.joined
                return Kind(lack.what, codec.name, lack.why, f"Give {codec.wanted}", plain, joined)
    found = found or signature.of_head(head, suffix)  # that of a packed file is of what is in it
    if document := documents.format_of(path, head if found is None else b"", False):
        return Kind(f"document{{s}} ({document.title})", "text", plain=True)
    if found is None:
        return TEXT if plain else BINARY
    return Kind(found.noun, why=f"{found.name} is not read", remedy=found.remedy, joined=found.joined)


class Survey:
    """The files of some SOURCEs, by kind. Only files, folders and globs are looked at, no other sources.

    left_aside: how many files are not counted: hidden files, and files that accompany data of any kind.
    """

    def __init__(self, sources: Source | Sequence[Source], all_files: bool = False) -> None:
        given = [sources] if isinstance(sources, str | os.PathLike) else sources
        self._sources = [os.fspath(source) for source in given]
        self.kinds: dict[Kind, Share] = {}
        files = [path for source in self._sources for path in _found(source, all_files)]
        kept = [path for path in files if not CLUTTER.fullmatch(path.name)] or files
        self.left_aside = len(files) - len(kept)
        groups: dict[str, list[Path]] = {}
        for path in kept:
            groups.setdefault(_suffix(path), []).append(path)
        names = set[str]()
        for suffix, group in groups.items():
            if suffix not in signature.TEXTS and self._add(group, TEXT):
                names.update(map(_name, group))
        for suffix in filter(groups.__contains__, signature.TEXTS):
            self._add([path for path in groups[suffix] if _name(path) in names], BESIDE)
            self._add([path for path in groups[suffix] if _name(path) not in names], TEXT)

    def _add(self, group: list[Path], text: Kind) -> bool:
        """Count a group of files (of one suffix), judged by some of them. text: the kind that text files of the group
        are.
        Returns whether most of them have texts that belong to them."""
        seen: list[tuple[Path, int, Kind]] = []
        for path in group[:: -(-len(group) // SNIFFED) or 1]:
            with suppress(OSError, UserError):  # told when it is read
                found = kind_of(path)
                seen.append((path, path.stat().st_size, text if found == TEXT else found))
        if not seen:
            return False
        times = len(group) / len(seen)
        size = sum(map(_size, group)) / max(1, sum(size for _, size, _ in seen))
        for path, own, kind in seen:
            share = self.kinds.setdefault(kind, Share())
            share.files += times
            share.bytes += own * size
            share.some.append(path)
        return sum(kind.joined for *_, kind in seen) > len(seen) / 2

    @property
    def counts(self) -> dict[str, int]:
        """Kind → the files of that kind."""
        return _totals(self.kinds)

    def codec(self) -> str:
        """The name of the codec that reads most of the files; `plain_codec` for text. Raises `UserError` if half of
        them or more cannot be read."""
        alone = {kind: share for kind, share in self._full.items() if kind != BESIDE}
        total = _files(alone)
        for codec in _ranked():
            name = _family(codec).name
            lacking = _files({kind: share for kind, share in alone.items() if kind.family == name and kind.why})
            if _files(self._read(name)) > (total - lacking) / 2 and codec.suits(self._records(codec)):
                return str(codec.name)
        others = _files({kind: s for kind, s in alone.items() if kind.why or kind.family not in ("", "text")})
        if others and others >= total / 2:
            raise self._undecided()
        return plain_codec()

    def warnings(self, codec: type[Codec]) -> list[str]:
        """The warnings to give, before and after training, if this codec reads only a small part of the data."""
        if issubclass(codec, RecordCodec):
            read = self._read(_family(codec).name)
        else:
            read = {kind: share for kind, share in self.kinds.items() if kind.plain}
        files, all_files = _files(read), _files(self._full)
        size, all_size = (sum(share.bytes for share in kinds.values()) for kinds in (read, self._full))
        if not files and (not all_files or issubclass(codec, RecordCodec)):
            return []
        if not files:  # they were named one by one
            return [f"{self._where()}: {counted(self._full)}, read as text all the same."]
        if files > HALF * all_files and size > LITTLE * all_size:
            return []
        left = {kind: share for kind, share in self._full.items() if kind not in read}
        part = f"{size / all_size:.0%}".replace("%", " %") if size >= 0.01 * all_size else "less than 1 %"
        return [
            f"{self._where()}: codec {codec.name} reads only {files:,} of {all_files:,} files, {part} of the "
            f"bytes. Left out: {counted(left)}.{_advice(left)}"
        ]

    @property
    def _full(self) -> dict[Kind, Share]:
        return {kind: share for kind, share in self.kinds.items() if kind != EMPTY}

    def _read(self, family: str) -> dict[Kind, Share]:
        """The files that the codecs of a family read."""
        return {kind: share for kind, share in self.kinds.items() if kind.family == family and not kind.why}

    def _records(self, codec: type[RecordCodec]) -> list[Any]:
        """A few records of the files. Errors are reported later, when everything is read."""
        found: list[Any] = []
        for share in self._read(_family(codec).name).values():
            for path in share.some:
                with suppress(UserError):
                    found += islice(codec.read(path), LOOKED_AT - len(found))
                if len(found) >= LOOKED_AT:
                    return found
        return found

    def _undecided(self) -> UserError:
        message = f"{self._where()}:{_advice(self.kinds) or ' files of several kinds, and none of them is most.'}"
        if _files(self.kinds) > 1:
            message += f" Seen: {counted(self.kinds)}."
        texts, plain = self._read("text"), {kind: share for kind, share in self.kinds.items() if kind.plain}
        message += self._alone(f"{_files(texts):,} texts", texts, plain_codec() if texts == plain else "")
        if plain != texts:
            message += f" To take all that is text as text, give --codec {plain_codec()}."
        for family in _families():
            kinds = self._read(family.name)
            suiting = (codec for codec in _ranked() if _family(codec) is family)
            chosen = next((codec for codec in suiting if codec.suits(self._records(codec))), family)
            message += self._alone(counted(kinds), kinds, str(chosen.name))
        return UserError(message)

    def _alone(self, what: str, kinds: dict[Kind, Share], codec: str) -> str:
        """The advice how to train on files of these kinds only. codec: one that reads only these, if there is one."""
        ways = [f"give --codec {codec}"] * bool(codec) + [f"name them: {pattern}" for pattern in self._pattern(kinds)]
        return f" To train on the {what} alone, {' or '.join(ways)}." if kinds and ways else ""

    def _pattern(self, kinds: dict[Kind, Share]) -> list[str]:
        """A glob pattern that matches files of these kinds only; empty if there is none."""
        suffixes = {path.suffix for share in kinds.values() for path in share.some}
        others = {path.suffix for kind, share in self.kinds.items() if kind not in kinds for path in share.some}
        folder = self._sources[0]
        if len(suffixes) != 1 or suffixes & {*others, ""} or len(self._sources) > 1 or not os.path.isdir(folder):
            return []
        return [shlex.quote(os.path.join(folder, "**", f"*{min(suffixes)}"))]

    def _where(self) -> str:
        more = f" and {len(self._sources) - 1:,} more" if len(self._sources) > 1 else ""
        return f"{self._sources[0]}{more}"


def codec_for(sources: Sequence[Source]) -> str:
    """See `Survey.codec`."""
    return Survey(sources).codec()


def _files(kinds: dict[Kind, Share]) -> int:
    return round(sum(share.files for share in kinds.values()))


def counted(kinds: dict[Kind, Share]) -> str:
    """For example `20 recordings (M4A), 3 texts`: the commonest first."""
    return ", ".join(f"{files:,} {what}" for what, files in _totals(kinds).items())


def _totals(kinds: dict[Kind, Share]) -> dict[str, int]:
    totals: dict[str, float] = {}
    for kind, share in kinds.items():
        totals[kind.what] = totals.get(kind.what, 0) + share.files
    ordered = sorted(totals.items(), key=lambda item: -round(item[1]))
    return {what.format(s="" if round(files) == 1 else "s"): round(files) for what, files in ordered}


def _advice(kinds: dict[Kind, Share]) -> str:
    """Why some kinds cannot be read, and what the user can do: the commonest kinds first."""
    remedies: dict[str, list[str]] = {}
    for kind, share in sorted(kinds.items(), key=lambda item: -item[1].files):
        if kind.why:
            file, stem = share.some[0], share.some[0].with_suffix("")
            remedy = kind.remedy.replace("{file}", shlex.quote(str(file))).replace("{stem}", shlex.quote(str(stem)))
            remedies.setdefault(remedy, []).append(kind.why)
    shown = list(remedies.items())[:ADVISED]
    return "".join(f" {'; '.join(dict.fromkeys(whys))}. {remedy}." for remedy, whys in shown)


def plain_codec() -> str:
    """The name of the codec for text, if the user names none."""
    return next(str(codec.name) for codec in _by_rank() if issubclass(codec, TextCodec))


def _ranked() -> list[type[RecordCodec]]:
    """Codecs of records, in the order in which they are tried."""
    return [codec for codec in _by_rank() if issubclass(codec, RecordCodec)]


def _by_rank() -> list[type[Codec]]:
    return sorted((codec for codec in registry.every("codec") if codec.rank is not None), key=lambda codec: codec.rank)


def _family(codec: type[RecordCodec]) -> type[RecordCodec]:
    """The first of the codecs that read the same files as this one."""
    return next((each for each in _ranked() if each.recognises == codec.recognises), codec)


def _families() -> list[type[RecordCodec]]:
    return [each for each in _ranked() if _family(each) is each]


def _found(source: str, all_files: bool) -> Iterator[Path]:
    """The files of a source, without those that are left out. The files of a folder come before those of its
    subfolders. None if the source is no file, folder or glob."""
    if os.path.isfile(source):
        yield Path(source)
    elif os.path.isdir(source):
        yield from taken(source, all_files)
    elif glob.has_magic(source):
        paths = sorted(glob.glob(source, recursive=True))
        files = [path for path in paths if os.path.isfile(path)]
        yield from map(Path, files) if files else (file for path in paths for file in taken(path, all_files))


def _suffix(path: Path) -> str:
    """The suffix in lower case. For a compressed file, it includes the inner suffix, e.g. `.txt.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    return "".join(suffixes if suffixes and suffixes[-1] in SUFFIXES else suffixes[-1:])


def _name(path: Path) -> str:
    """The part of the name that files which belong together have in common."""
    return path.name.split(".", 1)[0]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
