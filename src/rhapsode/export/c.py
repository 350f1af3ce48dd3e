"""C: a model of text and its whole arithmetic in one file of C99, for small computers; see docs/export.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

import numpy as np

from rhapsode import __version__
from rhapsode.arithmetic import tables
from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError
from rhapsode.export._facts import public
from rhapsode.export._target import Order, Target, whole_numbers
from rhapsode.inference.model import Model
from rhapsode.nn.program import EMBEDDING, Layer, program
from rhapsode.nn.quantised import KERNEL, embedded, whole_rows

TEMPLATE = Path(__file__).with_name("model.c.in")
TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t", "uint32": "uint32_t"}
IN_LINE = 32
"""Numbers in a line of an array."""
TABLE = "sum += (int64_t)l->numbers[r * NAME_INPUTS + k] * NAME_embedding[symbol][k];"
LOOKUP = {
    True: f"                for (int k = 0; k < NAME_INPUTS; k++) {TABLE}",
    False: "                sum = (int64_t)l->numbers[r * NAME_INPUTS + symbol] * 1024;",
}
"""How the embedding of a symbol is read: from a table or not."""
CELLS = {
    "lstm": """\
            int32_t c = m->c[n][k];
            int32_t i = NAME_at(NAME_sigmoid, z[k] + NAME_peep(l, 0, k, c));
            int32_t f = NAME_at(NAME_sigmoid, z[NAME_WIDTH + k] + NAME_peep(l, 1, k, c));
            int32_t g = NAME_at(NAME_tanh, z[2 * NAME_WIDTH + k]);
            c = NAME_cut(NAME_down((int64_t)f * c + NAME_down(i * g, 4) + 16384, 15) , 32768);
            c = c > 32767 ? 32767 : c;
            int32_t o = NAME_at(NAME_sigmoid, z[3 * NAME_WIDTH + k] + NAME_peep(l, 2, k, c));
            int32_t h = NAME_at(NAME_tanh, (int32_t)NAME_down(c + 2, 2));
            m->c[n][k] = (int16_t)c;
            m->h[n][k] = (int8_t)NAME_down(NAME_down(o * h, 15) * 127 + 16384, 15);""",
    "rnn": """\
            m->h[n][k] = (int8_t)NAME_down(NAME_at(NAME_tanh, z[k]) * 127 + 16384, 15);""",
}
CELLS["peephole"] = CELLS["lstm"]
PEEP = """\
static int32_t NAME_peep(const NAME_layer *l, int part, int k, int32_t c) {
    return l->peephole ? NAME_scaled(c, l->peephole[part * NAME_WIDTH + k], l->peephole_shift) : 0;
}
"""


def make(order: Order) -> dict[str, bytes]:
    """The file. Raises `UserError` for models whose arithmetic it does not have."""
    model = order.model
    name = _identifier(order.name)
    _check(model, order.name)
    with whole_numbers(order):
        found = program(model.network)
        tensors = model.quantised().tensors
    codec, policy, config = model.text_codec, model.policy, model.network.config
    pieces, cell = codec.pieces, found.layers[0].cell
    half = codec.first_half
    embedded = config.embedding > 0
    constants = {
        "symbols": codec.steps.size,
        "end": -1 if model.end is None else model.end,
        "halves": -1 if half is None else half,
        "longest": max(1, *map(len, pieces)),
        "layers": len(found.layers),
        "width": config.width,
        "rows": found.layers[0].gates * config.width,
        "inputs": model.network.embedding.width,
        "every": policy.every,
        "documents": int(policy.documents and model.end is not None),
        "lines": int(policy.lines),
        "embed": LOOKUP[embedded],
        "cell": CELLS[cell],
        "peep": "" if cell == "rnn" else PEEP,
        "tables": "\n".join(_tables(model, tensors)),
    }
    text = TEMPLATE.read_text("utf-8").replace("VERSION", __version__)
    text = re.sub(r"@(\w+)@", lambda match: str(constants[match[1]]), text)
    text = re.sub("NAME(_MAIN)?", lambda match: f"{name.upper()}_MAIN" if match[1] else name, text)
    return {order.name: text.replace("FACTS", "\n * ".join(map(_comment, _facts(order)))).encode()}


def _check(model: Model, name: str) -> None:
    reason = ""
    if not isinstance(model.codec, TextCodec):
        reason = f"it is not one of text; its codec is {model.codec.name}"
    elif not model.framing.past.carried:
        reason = f"its framing is {model.framing.name}, and only a state that is carried is kept"
    elif model.policy.rule and not model.policy.lines:
        reason = f"units begin where the rule {model.policy.spec!r} says, which only Rhapsode knows"
    elif not model.head.whole:
        reason = f"its head is {model.head.name}, and C has only a choice among logits"
    if reason:
        raise UserError(f"{name}: this model has no form in C: {reason}. Export it as .html or .onnx.")


def _identifier(name: str) -> str:
    """The output's name as a name in C."""
    stem = re.sub(r"\W", "_", PurePath(name).stem, flags=re.ASCII)
    return f"model_{stem}" if not stem or stem[0].isdigit() or stem.startswith("_") else stem


def _facts(order: Order) -> Iterator[str]:
    model = order.model
    facts = public(model.config.facts)
    yield f"{model.network.description}; {model.codec.name}, {model.text_codec.steps.size} symbols."
    if sources := facts.get("sources"):
        yield f"Trained on {', '.join(map(str, sources))}."
    yield f"Digest: {model.quantised().digest}."
    if order.licence:
        yield f"Licence: {order.licence}."


def _comment(text: str) -> str:
    """A line of a comment, which nothing in it ends. (A backslash at the end of a line would join it to the next.)"""
    return " ".join(text.split()).replace("*/", "* /")


def _tables(model: Model, tensors: Mapping[str, np.ndarray]) -> Iterator[str]:
    """The constants of the model, and of the arithmetic."""
    found = program(model.network)
    if found.layers[0].cell != "rnn":
        yield _array("sigmoid", tables.sigmoid())
    yield _array("tanh", tables.tanh())
    yield _array("frequencies", tables.frequencies())
    pieces = model.text_codec.pieces
    yield _array("letters", np.frombuffer(b"".join(pieces) or b"\0", np.uint8))
    yield _array("texts", np.cumsum([0, *map(len, pieces)]).astype(np.int32))
    if (table := embedded(tensors)) is not None:
        yield _array("embedding", table, "[NAME_INPUTS]")
    places = {layer.name: place for place, layer in enumerate(found.layers)}
    fields = []
    for place, layer in enumerate(found.layers):
        yield from _matrix(f"kernel{place}", tensors, f"{layer.name}.{KERNEL}")
        yield _array(f"kernel{place}_sources", _sources(layer, places))
        yield _array(f"bias{place}", tensors[f"{layer.name}.bias"])
        kernel = f"NAME_kernel{place}"
        parts = [kernel, f"{kernel}_sources", str(len(layer.activations)), f"{kernel}_multiplier", f"{kernel}_shift"]
        if layer.numbers:
            numbers = f"numbers{place}"
            yield from _matrix(numbers, tensors, f"{layer.name}.{EMBEDDING}")
            parts += [f"NAME_{numbers}{ending}" for ending in ("", "_multiplier", "_shift")]
        else:
            parts += ["0", "0", "1"]
        parts.append(f"NAME_bias{place}")
        if layer.peephole:
            yield _array(f"peephole{place}", tensors[f"{layer.name}.peephole"])
            parts += [f"NAME_peephole{place}", str(int(tensors[f"{layer.name}.peephole.shift"]))]
        else:
            parts += ["0", "1"]
        fields.append(f"    {{{', '.join(parts)}}}")
    yield "static const NAME_layer NAME_layers[NAME_LAYERS] = {\n" + ",\n".join(fields) + "\n};"
    output = found.output
    assert output is not None
    yield from _matrix("output_kernel", tensors, f"{output.name}.{KERNEL}", "output")
    yield _array("output_sources", _sources(output, places))
    yield f"enum {{ NAME_output_count = {len(output.activations)} }};"
    yield _array("output_bias", tensors[f"{output.name}.bias"])


def _sources(layer: Layer, places: dict[str, int]) -> np.ndarray:
    return np.array([places[one.source] for one in layer.activations], np.uint8)


def _matrix(name: str, tensors: Mapping[str, np.ndarray], tensor: str, stem: str = "") -> Iterator[str]:
    """The weights, multipliers and shift of a matrix."""
    rows, stem = whole_rows(tensors, tensor), stem or name
    yield _array(name, rows.weights)
    yield _array(f"{stem}_multiplier", rows.multiplier)
    yield f"enum {{ NAME_{stem}_shift = {int(rows.shift)} }};"


def _array(name: str, values: np.ndarray, columns: str = "") -> str:
    """columns: the second dimension, of an array of two."""
    flat = values.reshape(-1).tolist()
    lines = [",".join(map(str, flat[at : at + IN_LINE])) for at in range(0, len(flat), IN_LINE)]
    head = f"static const {TYPES[values.dtype.name]} NAME_{name}[{len(values) if columns else ''}]{columns} = {{"
    if columns:
        lines = ["{" + ",".join(map(str, row)) + "}" for row in values.tolist()]
    return head + "\n" + ",\n".join(lines) + "\n};"


TARGET = Target("a model of text in one file of C99, for small computers", ".c", make)
