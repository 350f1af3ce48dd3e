"""InkML, the W3C's format (`.inkml`): traces, whose channels a traceFormat names.

Read are the channels X, Y (down), T and F (force, taken for pressure); values may be differences to the one before
(`'`), or differences of differences (`"`). A trace has the format of the context that it or its group names; else that
of the last context or traceFormat among the traces before it; else the file's first. Lengths in several units come in
the first one's. Pen-up traces are left out, continued traces joined. Annotations named truth, label, transcription or
text say what is written: on the whole file, which then is one drawing, or on groups of traces, each of which is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import number, shown
from rhapsode.files.xml import Node, parse, root
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import drawing, normalised, since_first

TEXTS = ("truth", "label", "transcription", "text", "word", "writing", "normalizedlabel")
CHANNELS = 64
"""Of a format, at most; a tablet has some ten."""
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
LENGTHS = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "in": 25.4, "pt": 25.4 / 72, "pc": 25.4 / 6, "himetric": 0.01}
"""In mm."""
VALUE = re.compile(r"""\s*+([!'"]?)\s*+([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[*?TF]|\#[0-9A-Fa-f]+)""")


@dataclass
class Channel:
    """scale: what a value is multiplied by, for seconds, for y down and for one unit of length; greatest: of pressures,
    0 if not known."""

    name: str
    scale: float = 1.0
    greatest: float = 0.0


def recognises(head: bytes) -> bool:
    return root(head) == "ink"


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    top = parse(source)
    formats = _formats(top, source.name)
    groups = [node for node in top.children if node.name == "traceGroup" and _text(node) is not None]
    inside = [group for group in groups if any(child.name == "trace" for child in group.walk())]
    if len(inside) > 1 and _text(top) is None and not any(node.name == "trace" for node in top.children):
        for number_, group in enumerate(inside, 1):
            yield _drawing(group, formats, source.name, f"{source.name}#{number_}", _text(group))
    else:
        text = _text(top) if _text(top) is not None or len(groups) != 1 else _text(groups[0])
        yield _drawing(top, formats, source.name, source.name, text)


def _text(node: Node) -> str | None:
    found = {
        child.attributes.get("type", "").lower(): child.text.strip()
        for child in node.children
        if child.name == "annotation"
    }
    return next((found[name] for name in TEXTS if found.get(name)), None)


def _formats(top: Node, name: str) -> dict[int, list[Channel]]:
    """The channels of each trace, by its node's `id`. Raises `UserError`."""
    named: dict[str, list[Channel]] = {}
    declared: dict[int, list[Channel]] = {}
    lengths: list[float] = []
    for node in top.walk():
        if node.name == "traceFormat":
            found: list[Channel] | None = _channels(node, name, lengths)
        elif node.name in ("context", "inkSource"):
            # As the standard has it, a format is in a context or its source, and neither is in another of its kind.
            places = [node, *node.all("inkSource")]
            inner = next((each for place in places if (each := place.first("traceFormat")) is not None), None)
            references = (node.attributes.get(key, "") for key in ("traceFormatRef", "inkSourceRef", "contextRef"))
            known = (named.get(reference.lstrip("#")) for reference in references)
            found = _channels(inner, name, lengths) if inner is not None else next(filter(None, known), None)
        else:
            continue
        if found is not None:
            declared[id(node)] = found
            if key := node.attributes.get("xml:id", node.attributes.get("id", "")):
                named[key] = found
    return _traces(top, named, declared)


def _traces(top: Node, named: dict[str, list[Channel]], declared: dict[int, list[Channel]]) -> dict[int, list[Channel]]:
    """The channels of each trace, from those of all formats and contexts by name and by node."""
    first = next((declared[id(node)] for node in top.walk() if node.name == "traceFormat"), None)
    current = first or [Channel("X"), Channel("Y")]
    found: dict[int, list[Channel]] = {}
    waiting: list[tuple[Node, list[Channel] | None, bool]] = [(top, None, False)]
    while waiting:
        node, chosen, defined = waiting.pop()
        chosen = named.get(node.attributes.get("contextRef", "").lstrip("#"), chosen)
        if node.name == "trace":
            found[id(node)] = chosen or current
        elif node.name in ("context", "traceFormat") and not defined:  # a definition holds only where it is named
            current = declared.get(id(node), current)
        defined = defined or node.name in ("definitions", "context")
        waiting += [(child, chosen, defined) for child in reversed(node.children)]
    return found


def _channels(node: Node, name: str, lengths: list[float]) -> list[Channel]:
    """Those of a format, last those that come and go. Raises `UserError`."""
    places = [node, *node.all("intermittentChannels")]
    found = [_channel(each, name, lengths) for place in places for each in place.all("channel")]
    if len(found) > CHANNELS:
        raise UserError(f"{name}, line {node.line}: {len(found):,} channels; a traceFormat has at most {CHANNELS}.")
    return found


def _channel(node: Node, name: str, lengths: list[float]) -> Channel:
    """lengths: mm of the units of the file's channels so far, by the first of which others are measured."""
    kind = node.attributes.get("name", "")
    channel = Channel(kind)
    if kind == "T":
        channel.scale = SECONDS.get(node.attributes.get("units", "ms"), 1e-3)
    elif kind in ("X", "Y"):
        if length := LENGTHS.get(node.attributes.get("units", "").lower(), 0.0):
            lengths.append(length)
            channel.scale = length / lengths[0]
        if node.attributes.get("orientation", "+ve") == "-ve":
            channel.scale = -channel.scale
    elif kind == "F" and "max" in node.attributes:
        channel.greatest = number(node.attributes["max"], f"{name}, line {node.line}, max")
    return channel


def _drawing(top: Node, formats: dict[int, list[Channel]], file: str, name: str, text: str | None) -> Drawing:
    traces: list[list[dict[str, np.ndarray]]] = []
    greatest = 0.0
    for node in top.walk():
        if node.name != "trace" or node.attributes.get("type") == "penUp":
            continue
        channels = formats[id(node)]
        stroke = _trace(node, channels, f"{file}, line {node.line}")
        greatest = max(greatest, *(channel.greatest for channel in channels))
        if node.attributes.get("continuation") in ("middle", "end") and traces:
            traces[-1].append(stroke)
        elif len(stroke["X"]):
            traces.append([stroke])
    strokes = [
        {key: np.concatenate([each[key] for each in trace]) for key in set.intersection(*map(set, trace))}
        for trace in traces
    ]
    points = [np.stack([stroke["X"], stroke["Y"]], axis=1) for stroke in strokes]
    timed = bool(strokes) and all("T" in stroke for stroke in strokes)
    pressed = bool(strokes) and all("F" in stroke for stroke in strokes)
    seconds = since_first([stroke["T"] for stroke in strokes]) if timed else None
    pressure = normalised([stroke["F"] / (greatest or 1.0) for stroke in strokes]) if pressed else None
    return drawing(points, text, name, pressure, seconds)


def _trace(node: Node, channels: list[Channel], where: str) -> dict[str, np.ndarray]:
    """[n] of each of the channels X, Y, T and F that there are. Raises `UserError`."""
    wanted = [(at, channel) for at, channel in enumerate(channels) if channel.name in ("X", "Y", "T", "F")]
    if {"X", "Y"} - {channel.name for _, channel in wanted}:
        raise UserError(f"{where}: its traceFormat has no channels X and Y.")
    rows: list[list[float]] = []
    states = [_Values() for _ in channels]
    for point in node.text.split(","):
        if not point.strip():
            continue
        values = [state.next(*token) for state, token in zip(states, _tokens(point, where), strict=False)]
        if len(values) <= max(at for at, channel in wanted if channel.name in ("X", "Y")):
            raise UserError(f"{where}: the point {shown(point.strip())} has fewer than {len(channels)} values.")
        # Channels of devices may be left out at the end of a point, and keep their value.
        rows.append([values[at] if at < len(values) else states[at].value for at, _ in wanted])
    table = np.array(rows, np.float64).reshape(-1, len(wanted)) * [channel.scale for _, channel in wanted] + 0.0
    return {channel.name: table[:, column] for column, (_, channel) in enumerate(wanted)}


def _tokens(point: str, where: str) -> Iterator[tuple[str, str]]:
    """(prefix, value) of each value of a point."""
    at = 0
    point = point.rstrip()
    while at < len(point):
        found = VALUE.match(point, at)
        if not found:
            raise UserError(f"{where}: {shown(point.strip())} is not a point; expected numbers, e.g. 10 0, 9 14, 8 28.")
        at = found.end()
        prefix, value = found.groups()
        if value[0] == "#":
            value = str(int(value[1:][:12], 16))
        elif value not in "*?TF":
            number(value, where)
        yield prefix, value


class _Values:
    """The values of one channel: a prefix holds until the next."""

    def __init__(self) -> None:
        self.value = 0.0
        self._step = 0.0
        self._mode = "!"

    def next(self, prefix: str, text: str) -> float:
        self._mode = prefix or self._mode
        if text in "*?TF":
            change = {"*": {"!": 0.0}.get(self._mode, self._step), "?": 0.0}.get(text)
            self.value = float(text == "T") if change is None else self.value + change
        elif self._mode == "!":
            self._step = float(text) - self.value
            self.value = float(text)
        else:
            self._step = float(text) + (self._step if self._mode == '"' else 0.0)
            self.value += self._step
        return self.value


FORMAT = Format("InkML", recognises, read=read)
