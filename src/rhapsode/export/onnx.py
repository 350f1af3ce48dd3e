"""ONNX: the network as a step function in float32, with its state as inputs and outputs; see docs/export.md.

It is the graph that `rhapsode.nn.engine` runs, with metadata that say everything else. If the network has an encoder,
that is a second graph.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode import __version__
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError
from rhapsode.export._facts import public
from rhapsode.export._target import Order, Target
from rhapsode.files.json import dumps
from rhapsode.inference.model import Model
from rhapsode.nn.engine import INPUT, OUTPUT
from rhapsode.nn.operations import part

if TYPE_CHECKING:
    from onnx import ModelProto

SUFFIX = ".onnx"
LARGEST = 2**31 - 2**24
"""The most bytes of weights: a file of Protocol Buffers ends at 2 GiB."""
COVARIATES, ENCODED = "covariates", "encoded"
"""The input and the output of an encoder's graph."""
ARITHMETIC = (
    "float32. The last bits of the outputs may differ from machine to machine, from version to version of what runs "
    "this graph, and from what Rhapsode computes."
)


def make(order: Order) -> dict[str, bytes]:
    """The graph, and that of the encoder, if there is one."""
    model, network = order.model, order.model.network
    size = sum(weight.nbytes for weight in model.weights.values())
    if size > LARGEST:
        raise UserError(
            f"the weights have {size:,} bytes, which is more than a file of ONNX holds ({LARGEST:,}). As a model of "
            "Rhapsode it can be given away: with --hub."
        )
    facts = _metadata(order)
    made = {order.name: _written(_with_head(network.graph(model.weights), model), facts)}
    if network.encoder:
        graph = _parsed(network.encoder.graph(part(model.weights, "encoder")))
        names = {INPUT: COVARIATES, OUTPUT: ENCODED}
        for values in (graph.graph.input, graph.graph.output):
            for value in values:
                value.name = names[value.name]
        for node in graph.graph.node:
            for places in (node.input, node.output):
                places[:] = [names.get(name, name) for name in places]
        made[f"{PurePath(order.name).stem}.encoder{SUFFIX}"] = _written(graph, facts)
    return made


def _parsed(graph: bytes) -> ModelProto:
    import onnx

    return onnx.load_model_from_string(graph)


def _with_head(graph: bytes, model: Model) -> ModelProto:
    """With the head's own weights, if it has any, as outputs `head.NAME`: that is how a program without a library for
    ONNX's files can get them."""
    from onnx import helper, numpy_helper

    found = _parsed(graph)
    for name, weight in part(model.weights, "head").items():
        tensor = numpy_helper.from_array(np.ascontiguousarray(weight, np.float32), f"weights of head.{name}")
        found.graph.initializer.append(tensor)
        found.graph.node.append(helper.make_node("Identity", [tensor.name], [f"head.{name}"]))
        found.graph.output.append(helper.make_tensor_value_info(f"head.{name}", tensor.data_type, weight.shape))
    return found


def _written(graph: ModelProto, metadata: Mapping[str, str]) -> bytes:
    from onnx import checker, helper

    graph.producer_name, graph.producer_version = "rhapsode", __version__
    helper.set_model_props(graph, dict(metadata))
    checker.check_model(graph)
    return bytes(graph.SerializeToString(deterministic=True))


def _metadata(order: Order) -> dict[str, str]:
    """What a program must know, and people may want to. Whatever is no plain text is JSON."""
    model = order.model
    config, codec, head = model.config, model.codec, model.network.head
    found: dict[str, Any] = {
        "arithmetic": ARITHMETIC,
        "codec": config.codec,
        "digest": model.digest,
        "end": model.end,
        "facts": public(config.facts),
        "framing": config.framing.model_dump(),
        "head": config.network.head.model_dump(),
        "licence": order.licence or "not said",
        "network": model.network.settings,
        "parameters": inspect.getdoc(inspect.getmodule(type(head))) or "",
        "reset": config.reset,
        "single": model.network.single,
        "start": np.asarray(codec.steps.start).tolist(),
    }
    if isinstance(codec, TextCodec):
        found["vocabulary"] = list(_vocabulary(codec))
    if isinstance(codec, RecordCodec) and model.text:
        found["text"] = {"alphabet": codec.alphabet, "end": model.text.end}
    return {name: value if isinstance(value, str) else dumps(value) for name, value in found.items()}


def _vocabulary(codec: TextCodec) -> Iterator[str | list[int] | None]:
    """What each symbol alone adds to a text: characters, or bytes if they are not UTF-8; None for nothing."""
    for symbol in range(codec.steps.size):
        data = codec.decoder().feed(symbol)
        try:
            yield data.decode() or None
        except UnicodeDecodeError:
            yield list(data)


TARGET = Target("a graph for ONNX Runtime and other programs, in float32", SUFFIX, make)
