"""The output of `score` for texts: printed while they are scored, or collected for JSON."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rhapsode.console.output import CHUNK, as_json, put, visible
from rhapsode.console.paint import Painter

if TYPE_CHECKING:
    from rhapsode.data.sources import Document
    from rhapsode.inference.score import Score, Surprise

NUMBERS = (
    "nats_per_step",
    "nats_per_char",
    "bits_per_char",
    "bits_per_byte",
    "perplexity_per_step",
    "perplexity_per_word",
    "perplexity_per_word_and_line",
    "nats",
    "steps",
    "chars",
    "words",
    "lines",
    "bytes",
)
UNKNOWN = ("unknown_words", "perplexity_with_unk")
"""With `--unk`, too."""
COLUMNS = ("chars", "words", "nats", "bits_per_char", "perplexity_per_word")
"""The columns of a table, after the name."""

OnStep = Callable[["Surprise"], None]


def numbers(one: Score, names: tuple[str, ...] = NUMBERS) -> dict[str, Any]:
    """The value; None for a perplexity that is not finite, such as that of no words, since JSON has no infinity."""
    if names is NUMBERS and one.unknown:
        names += UNKNOWN
    found = {name: getattr(one, name) for name in names}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)


def by_line(on_line: Callable[[int, Score], None]) -> tuple[OnStep, Callable[[], None]]:
    """A function that takes the steps of a text, and calls `on_line` with the number and the score of each line; and a
    function that ends the text."""
    from rhapsode.inference.lines import ByLine

    count = 0

    def counted(one: Score) -> None:
        nonlocal count
        count += 1
        on_line(count, one)

    lines = ByLine(counted)
    return lines.add, lines.close


class Output(ABC):
    """Receives the scores of documents, one after another."""

    def __init__(self) -> None:
        self._close: Callable[[], None] = lambda: None

    @abstractmethod
    def begin(self, document: Document) -> OnStep | None:
        """The function to call with each step of the next document, if there is one."""

    def scored(self, document: Document, one: Score) -> None:
        """The document is over."""
        self._close()

    @abstractmethod
    def end(self, total: Score, documents: int) -> None:
        """All are."""


class Printed(Output):
    """Output for people. view: `step`, `line`, `document`, `color` or none. several: there may be several documents."""

    def __init__(self, view: str, several: bool, colours: bool) -> None:
        super().__init__()
        self._view, self._several, self._colours = view, several, colours
        self._held = bytearray()
        self._file: tuple[Any, Score] | None = None  # so far
        self._files = 0
        self._table = view in ("line", "document")
        if self._table:
            self._write(("\t".join(("name", *COLUMNS)) + "\n").encode())

    def _write(self, data: bytes) -> None:
        self._held += data
        if len(self._held) >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        put(bytes(self._held))
        self._held.clear()

    def _row(self, name: str, one: Score) -> None:
        name = "".join(each if each.isprintable() else "\ufffd" for each in name)
        self._write(("\t".join((name, *map(shown, numbers(one, COLUMNS).values()))) + "\n").encode())

    def begin(self, document: Document) -> OnStep | None:
        if self._several and self._view in ("step", "color"):
            self._write(f"--- {visible(document.name)} ---\n".encode("utf-8", "replace"))
        if self._view == "line":
            on_step, self._close = by_line(lambda number, one: self._row(f"{document.name}:{number}", one))
            return on_step
        if self._view == "color":
            painter = Painter(self._write, self._colours)
            self._close = painter.close
            return painter.add
        if self._view == "step":
            return lambda step: self._write(f"{step.nats:.6f}\t{step.label}\n".encode())
        return None

    def scored(self, document: Document, one: Score) -> None:
        super().scored(document, one)
        if self._view == "document":
            self._row(document.name, one)
        elif not self._view:
            if self._file and self._file[0] is document.file:
                one = self._file[1] + one
            elif self._file:
                self._tell_file(*self._file)
            self._file = document.file, one

    def _tell_file(self, file: Any, one: Score) -> None:
        self._files += 1
        line = f"--- {visible(file.name)}: {one.bits_per_char:.4f} bits per char ---\n"
        self._write(line.encode("utf-8", "replace"))

    def end(self, total: Score, documents: int) -> None:
        if self._file and self._files:  # of several, each is told when it is over
            self._tell_file(*self._file)
        if self._table:
            self._row("total", total)
        else:
            rows = numbers(total)
            width = max(map(len, rows))
            self._write("".join(f"{key:<{width}} {shown(value)}\n" for key, value in rows.items()).encode())
        self._flush()


class Collected(Output):
    """Output for programs: one JSON object, which includes `options`. Memory grows with the rows that were asked
    for."""

    def __init__(self, step: bool, line: bool, document: bool, options: dict[str, Any]) -> None:
        super().__init__()
        self._step, self._by_line, self._by_document, self._options = step, line, document, options
        self._files: list[tuple[Any, Score, list[dict[str, Any]]]] = []
        self._lines: list[dict[str, Any]] = []
        self._documents: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []

    def begin(self, document: Document) -> OnStep | None:
        self._steps = []
        takers: list[OnStep] = []
        if self._step:
            takers.append(lambda step: self._steps.append({"step": step.label, "nats": step.nats}))
        if self._by_line:

            def on_line(number: int, one: Score) -> None:
                self._lines.append({"name": document.name, "line": number, **numbers(one, COLUMNS)})

            on_step, self._close = by_line(on_line)
            takers.append(on_step)

        def every(step: Surprise) -> None:
            for take in takers:
                take(step)

        return every if takers else None

    def scored(self, document: Document, one: Score) -> None:
        super().scored(document, one)
        if self._by_document:
            self._documents.append({"name": document.name, **numbers(one, COLUMNS)})
        if self._files and self._files[-1][0] is document.file:
            file, before, steps = self._files.pop()
            self._files.append((file, before + one, steps))
        else:
            self._files.append((document.file, one, steps := []))
        steps += self._steps

    def end(self, total: Score, documents: int) -> None:
        tables = {"per_document": (self._by_document, self._documents), "per_line": (self._by_line, self._lines)}
        files = [
            {"file": file.name, **numbers(one), **({"per_step": steps} if self._step else {})}
            for file, one, steps in self._files
        ]
        asked = {name: rows for name, (wanted, rows) in tables.items() if wanted}
        put(as_json({**numbers(total), "documents": documents, **self._options, "files": files, **asked}))
