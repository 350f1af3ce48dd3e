"""The contents of a SOURCE, as `rhapsode inspect` shows them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rhapsode import registry
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.data.codecs.codec import Codec
    from rhapsode.data.codecs.records import RecordCodec
    from rhapsode.data.recognition import Kind
    from rhapsode.data.statistics import Statistics
    from rhapsode.files.refusals import Refusals


class Contents(NamedTuple):
    """A description of the contents, as JSON values, and as lines for people."""

    about: dict[str, Any]
    lines: list[str]


class Found:
    """What a SOURCE is.

    codec: that `train` would take; None for none, and why.
    alone: the kind of what is a single file.
    all_files: see `rhapsode.data.leftout`.
    family: a codec that reads its files, or that a single file is nearly for; empty for none.
    """

    def __init__(self, name: str, all_files: bool = False) -> None:
        from rhapsode.data.recognition import EMPTY, Survey

        self.name, self.path, self.survey = name, Path(name), Survey([name], all_files)
        self.all_files = all_files
        self.codec: type[Codec] | None = None
        self.why = ""
        try:
            self.codec = registry.get("codec", self.survey.codec())
        except UserError as error:
            self.why = str(error).removeprefix(f"{name}: ")
        self.alone: Kind | None = next(iter(self.survey.kinds), None) if self.path.is_file() else None
        if self.alone == EMPTY:
            self.codec, self.why = None, "it is empty."
        self.family: str = self.codec.name if self.codec else self.alone.family if self.alone else ""

    @property
    def plain(self) -> bool:
        """Whether the source can be read as text."""
        return self.alone.plain if self.alone is not None else self.codec is not None

    def framed(self, about: dict[str, Any], lines: Iterable[str]) -> Contents:
        """With what is said of all kinds of data: what files there are, and what `train` would take."""
        from rhapsode.data.recognition import counted

        survey = self.survey
        before = [f"path            {self.name}", f"kind            {about['kind']}"]
        files = {}
        if self.alone is None and survey.kinds:
            before.append(f"files           {counted(survey.kinds)}")
            if survey.left_aside:
                before.append(f"left aside      {survey.left_aside:,} such as README and LICENSE")
            files = {"files": survey.counts, "left_aside": survey.left_aside}
        codec = self.codec and self.codec.name
        warnings = survey.warnings(self.codec) if self.codec else []
        after = [f"warning: {warning}" for warning in warnings]
        command = f"codec {codec}: rhapsode train {shlex.quote(self.name)} -o MODEL"
        after.append(f"train           {command if codec else f'nothing: {self.why}'}")
        own = {**about, "warnings": [*about.get("warnings", ()), *warnings]}
        return Contents(
            {"path": self.name, **files, **own, "train": {"codec": codec, "why_not": self.why}},
            [*before, *lines, *after],
        )


def of_records(found: Found, describe: Callable[[Iterator[Any], Refusals], Any]) -> Contents | None:
    """What is in all files, or in each part of the only one; None if no codec of records reads them.

    describe: makes statistics of records, a dataclass; what is left out of files is counted meanwhile.
    """
    from rhapsode.data.codecs.records import RecordCodec
    from rhapsode.data.sources import open_sources

    codec = found.codec
    if codec is None or not issubclass(codec, RecordCodec):
        return None
    sources = open_sources([found.name], accepts=codec.recognises, wanted=codec.wanted)

    def described(part: str | None) -> Statistics:
        from rhapsode.files.refusals import Refusals

        refused = Refusals()
        one = describe(sources.each(lambda file: _read(codec, file, part, refused)), refused)
        return replace(one, warnings=(*sources.damage, *one.warnings))  # type: ignore[no-any-return]

    parts = codec.parts(sources.files[0].path) if len(sources.files) == 1 else ()
    kind = f"{codec.plural()}"
    if not parts:
        whole = described(None)
        return found.framed({"kind": kind, **whole.to_json()}, whole.lines())
    every = {part: described(part) for part in parts}
    lines = [line for part, each in every.items() for line in (f"--- {part} ---", *each.lines())]
    return found.framed({"kind": kind, "parts": {part: each.to_json() for part, each in every.items()}}, lines)


def _read(codec: type[RecordCodec], file: Any, part: str | None, refused: Refusals) -> Iterator[Any]:
    return codec.read(file.path, part, file.name, refused)
