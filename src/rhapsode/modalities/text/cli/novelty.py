"""What of texts is copied from those that a model knows, for `novelty` and `generate`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.console.contents import Contents
from rhapsode.console.output import visible
from rhapsode.console.paint import no_colours, shaded
from rhapsode.console.progress import reporting
from rhapsode.data.characters import begins
from rhapsode.data.finder import reasons
from rhapsode.data.sources import open_sources
from rhapsode.errors import UserError
from rhapsode.inference.novelty import LONG, Figures, Novelty, measured

if TYPE_CHECKING:
    from rhapsode.inference.model import Model

NO_COLOUR, STRONGEST = 10, 80
"""Characters of spans that get no colour, and of those that get the strongest."""
SHOWN = 60
"""Characters of the longest span that are shown."""
COLUMNS = ("name", "chars", "longest", "in_spans_20", "in_spans_40", "seen_5", "seen_10", "seen_20", "line", "from")


def contents(model: Model, sources: Sequence[str], asked: Mapping[str, Any]) -> Contents:
    """The report of `rhapsode novelty`. Raises `UserError`."""
    known = model.index
    plain = no_colours() if asked["color"] else ""
    with reporting() as report:
        if plain:
            report.note(f"no colours: {plain}")
        opened = open_sources(sources, report=report.stage, **asked["reading"])
        names, texts = list[str](), list[bytes]()
        for document in opened.documents(lambda done: report.stage("reading", done)):
            data = b"".join(document)
            if data:
                names.append(document.name)
                texts.append(data)
        for note in opened.notes:
            report.note(note)
        if opened.skipped:
            report.note(f"Files left out: {reasons(opened.skipped)}.")
        for damage in opened.damage:
            report.warn(damage)
        if not texts:
            raise UserError(f"nothing to look at in {', '.join(sources)}: all of its documents are empty.")
        report.stage("looking for copies", 0.0)
        found = measured(known, texts)
        alone = [measured(known, [text]) for text in texts] if asked["per_document"] else []
    about = {**as_object(found), "document": names[found.longest.document] if found.longest else None}
    lines = list[str]()
    if asked["color"]:
        for name, text, lengths in zip(names, texts, found.lengths, strict=True):
            lines += [f"--- {visible(name)} ---"] * (len(texts) > 1)
            lines.append(coloured(text, lengths) if not plain else visible(text.decode("utf-8", "replace")))
        lines.append("")
    if asked["per_document"]:
        about["documents"] = [{"name": name, **as_object(one)} for name, one in zip(names, alone, strict=True)]
        lines.append("\t".join(COLUMNS))
        lines += ["\t".join(_row(name, one)) for name, one in zip([*names, "total"], [*alone, found], strict=True)]
    else:
        lines += report_lines(found, names)
    return Contents(about, lines)


def report_lines(found: Novelty, names: Sequence[str]) -> Iterator[str]:
    """For people. names: of the texts."""
    documents = f" in {len(names):,} documents" if len(names) > 1 else ""
    yield f"{found.chars:,} characters{documents}; case and white space count"
    if (span := found.longest) is None:
        yield "no character of it stands in the training text"
    else:
        where = f"{names[span.document]}, line {span.line:,}" if len(names) > 1 else f"line {span.line:,}"
        yield f"longest span: {quoted(span.text)}"
        yield f"  in {visible(where)}; from {visible(str(span.place))}"
    held = found.held_out
    heads = ["", "here"]
    columns = [found.figures]
    if held:
        heads += ["half up to", "one in twenty over"]
        columns += [held.half, held.most]
        one = "one piece" if held.windows == 1 else f"{held.windows:,} pieces"
        short = "" if held.chars == found.chars else f" (there is no more of it: {held.chars:,} characters)"
        yield f"beside it: held-out text of equal length, {one}{short}"
    else:
        yield "no held-out text to compare with"
    rows = [heads, *(list(row) for row in zip(*map(_cells, columns), strict=True))]
    rows[1:] = [[label, *row] for label, row in zip(LABELS, rows[1:], strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for label, *cells in rows:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([label.ljust(widths[0]), *numbers]).rstrip()


LABELS = (
    "characters of the longest span",
    *(f"characters in spans of {n} or more" for n in LONG),
    *(f"{n}-grams of characters seen" for n in (5, 10, 20)),
)


def _cells(figures: Figures) -> list[str]:
    shares = [*figures.in_spans.values(), *figures.seen.values()]
    return [f"{figures.longest:,}", *(f"{100 * share:.1f} %" for share in shares)]


def _row(name: str, one: Novelty) -> list[str]:
    shares = [*one.figures.in_spans.values(), *one.figures.seen.values()]
    line, place = (str(one.longest.line), str(one.longest.place)) if one.longest else ("-", "-")
    cells = [name, str(one.chars), str(one.figures.longest), *(f"{share:.6f}" for share in shares), line, place]
    return ["".join(each if each.isprintable() else "\ufffd" for each in cell) for cell in cells]


def told(found: Novelty) -> str:
    """A line for people."""
    if (span := found.longest) is None:
        return "copied  nothing: no character stands in the training text"
    long = LONG[0]
    said = (
        f"copied  longest span {span.chars:,} of {found.chars:,} characters, line {span.line:,}, from {span.place}; "
        f"in spans of {long} or more {_percent(found.figures.in_spans[long])}"
    )
    if (held := found.held_out) is None:
        return said
    half, most = held.half, held.most
    return (
        f"{said}. Held-out text: half up to {half.longest:,} and {_percent(half.in_spans[long])}, one in twenty over "
        f"{most.longest:,} and {_percent(most.in_spans[long])}"
    )


def as_object(found: Novelty) -> dict[str, Any]:
    """For programs."""
    span, held = found.longest, found.held_out
    place = {"text": span.text, "start": span.start, "line": span.line, "from": span.place._asdict()} if span else None
    return {
        "chars": found.chars,
        "span": place,
        **_figures(found.figures),
        "held_out": {
            "windows": held.windows,
            "chars": held.chars,
            "half": _figures(held.half),
            "one_in_twenty": _figures(held.most),
        }
        if held
        else None,
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {name: _named(value) for name, value in asdict(figures).items()}


def _named(value: Any) -> Any:
    return {str(key): each for key, each in value.items()} if isinstance(value, dict) else value


def coloured(data: bytes, lengths: np.ndarray) -> str:
    """A text for a terminal: the longer the span in which a character stands, the stronger its background."""
    begun = begins(data)
    strength = np.clip(np.log2(np.maximum(lengths, 1) / NO_COLOUR) / np.log2(STRONGEST / NO_COLOUR), 0, 1)
    changes = np.flatnonzero(np.diff(strength, prepend=-1.0, append=2.0))
    runs = zip(changes[:-1].tolist(), changes[1:].tolist(), strict=True)
    return "".join(
        shaded(data[int(begun[low]) : int(begun[high])].decode("utf-8", "replace"), float(strength[low]))
        for low, high in runs
    )


def quoted(text: str) -> str:
    """The beginning of a span, on one line."""
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return visible(json.dumps(shown, ensure_ascii=False))


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")
