"""What `inspect` says of data, given as a SOURCE: what kind it is of, what is in it, what `train` would make of it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from rhapsode import registry
from rhapsode.console.contents import Contents
from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals

if TYPE_CHECKING:
    from rhapsode.data.codecs.codec import Codec
    from rhapsode.data.codecs.records import RecordCodec
    from rhapsode.data.recognition import Kind
    from rhapsode.data.sources import Sources

BEGINNING = 16
"""Bytes that are shown of a file that nothing reads."""
SHOWN = 3
"""Suffixes that are listed."""


class Described(Protocol):
    """Of texts or of records."""

    def lines(self) -> Iterator[str]: ...

    def to_json(self) -> dict[str, Any]: ...


class Found:
    """What a SOURCE is.

    codec: that `train` would take; None for none, and why.
    record: what it holds, of a codec of records; else empty.
    alone: the kind of what is a single file.
    """

    def __init__(self, name: str) -> None:
        from rhapsode.data.codecs.records import RecordCodec
        from rhapsode.data.recognition import EMPTY, Survey

        self.name, self.path, self.survey = name, Path(name), Survey([name])
        self.codec: type[Codec] | None = None
        self.why = ""
        try:
            self.codec = registry.get("codec", self.survey.codec())
        except UserError as error:
            self.why = str(error).removeprefix(f"{name}: ")
        self.record = self.codec.record if self.codec and issubclass(self.codec, RecordCodec) else ""
        self.alone: Kind | None = next(iter(self.survey.kinds), None) if self.path.is_file() else None
        if self.alone == EMPTY:
            self.codec, self.why = None, "it is empty."

    @property
    def recording(self) -> bool:
        """Whether it is a single recording, with its text or without."""
        from rhapsode.modalities.speech.audio import SUFFIXES

        return self.alone is not None and bool(self.alone.family) and self.path.suffix.lower() in SUFFIXES


def contents(found: Found) -> Contents:
    """What there is, of any kind but recordings with texts. Raises `UserError` for what cannot be read."""
    if found.recording:
        about, lines = _recording(found.path)
    elif found.record:
        about, lines = _records(found)
    elif found.alone is not None and not found.alone.plain:
        about, lines = _unread(found.path)
    elif found.codec or found.alone is not None:
        about, lines = _text(found.name)
    else:
        read = {kind.family for kind in found.survey.kinds if kind.family and not kind.why}
        about, lines = {"kind": "mixed" if len(read) > 1 else "not read"}, []
    return framed(found, about, lines)


def framed(found: Found, about: dict[str, Any], lines: Iterable[str]) -> Contents:
    """With what is to be said of all kinds of data: what files there are, and what `train` would take."""
    from rhapsode.data.recognition import counted

    survey = found.survey
    before = [f"path            {found.name}", f"kind            {about['kind']}"]
    files = {}
    if found.alone is None and survey.kinds:
        before.append(f"files           {counted(survey.kinds)}")
        if survey.left_aside:
            before.append(f"left aside      {survey.left_aside:,} such as README and LICENSE")
        files = {"files": survey.counts, "left_aside": survey.left_aside}
    codec = found.codec and found.codec.name
    warnings = survey.warnings(found.codec) if found.codec else []
    after = [f"warning: {warning}" for warning in warnings]
    command = f"codec {codec}: rhapsode train {shlex.quote(found.name)} -o MODEL"
    after.append(f"train           {command if codec else f'nothing: {found.why}'}")
    own = {**about, "warnings": [*about.get("warnings", ()), *warnings]}
    return Contents(
        {"path": found.name, **files, **own, "train": {"codec": codec, "why_not": found.why}}, [*before, *lines, *after]
    )


def _text(name: str) -> Contents:
    from rhapsode.data.corpus import MIN_TRAIN, MIN_VALID
    from rhapsode.data.sources import open_sources
    from rhapsode.data.texts import describe

    sources = open_sources([name])
    texts = describe(sources)
    texts = replace(texts, warnings=(*sources.damage, *texts.warnings))
    if texts.characters < MIN_TRAIN + MIN_VALID:
        texts = replace(texts, warnings=(*texts.warnings, "this is too little to train on."))
    return Contents({"kind": "text", **texts.to_json()}, list(texts.lines()))


def _records(found: Found) -> Contents:
    """Of drawings or tunes: what is in all files, or in each part of the only one."""
    from rhapsode.data.codecs.records import RecordCodec
    from rhapsode.data.sources import open_sources

    codec = found.codec
    assert codec is not None and issubclass(codec, RecordCodec)
    sources = open_sources([found.name], accepts=codec.recognises, wanted=codec.wanted)
    parts = codec.parts(sources.files[0].path) if len(sources.files) == 1 else ()
    described = {part: _described(codec, sources, part) for part in parts or (None,)}
    kind = f"{codec.record}s"
    if not parts:
        return Contents({"kind": kind, **described[None].to_json()}, list(described[None].lines()))
    lines = [line for part, each in described.items() for line in (f"--- {part} ---", *each.lines())]
    return Contents({"kind": kind, "parts": {part: each.to_json() for part, each in described.items()}}, lines)


def _described(codec: type[RecordCodec], sources: Sources, part: str | None) -> Described:
    """The records of files. What cannot be read of them is told."""
    refused = Refusals()
    records = sources.each(lambda file: codec.read(file.path, part, file.name, refused))
    found: Any
    if codec.record == "tune":
        from rhapsode.modalities.music.describe import describe

        found = describe(records, refused)
    else:
        from rhapsode.modalities.ink import describe as drawings

        found = drawings.describe(records)
        found = replace(found, warnings=(*refused.lines(), *found.warnings))
    return replace(found, warnings=(*sources.damage, *found.warnings))  # type: ignore[no-any-return]


def _recording(path: Path) -> Contents:
    """Of a single one, with its text if there is one beside it."""
    import numpy as np

    from rhapsode.modalities.speech import audio, beside

    sound = audio.read(path)
    peak = float(np.abs(sound.samples).max())
    texts = beside.about(path)
    about = {
        "kind": "recording",
        "seconds": len(sound.samples) / sound.rate,
        "rate": sound.rate,
        "peak_db": 20 * float(np.log10(max(peak, 1e-5))),
        "beside": [str(each) for each in texts],
    }
    return Contents(
        about,
        [
            f"seconds         {about['seconds']:.2f}",
            f"samples/second  {sound.rate:,}",
            f"loudest sample  {about['peak_db']:.1f} dB of the greatest possible",
            f"beside it       {', '.join(map(str, texts)) or 'no text'}",
        ],
    )


def _unread(path: Path) -> Contents:
    """Of a file that nothing reads: its format, if that is known, and its first bytes; of an archive, what is in it."""
    from rhapsode.files import signature
    from rhapsode.files.archive import is_zip, members, opened
    from rhapsode.files.source import of_file, reading

    source = of_file(path, str(path))
    with reading(source.name), open(path, "rb") as file:
        head = file.read(BEGINNING)
        size = path.stat().st_size
    format = signature.of(path)
    kind = "empty" if not size else f"{format.sort} ({format.name})" if format else "unknown"
    about: dict[str, Any] = {"kind": kind, "bytes": size, "begins": head.hex(" ")}
    lines = [f"bytes           {size:,}"]
    if size:
        letters = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in head)
        lines.append(f"begins          {head.hex(' ')}  {letters}")
    if is_zip(head):
        with opened(source) as archive:
            suffixes = Counter(PurePosixPath(each.path).suffix or "(none)" for each in members(archive, ""))
        about["members"] = dict(suffixes.most_common())
        lines.append(f"holds           {', '.join(f'{n:,} {suffix}' for suffix, n in suffixes.most_common(SHOWN))}")
    return Contents(about, lines)
