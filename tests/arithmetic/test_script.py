"""The arithmetic in JavaScript gives the same bits as the reference in numpy: in node, and in Chromium."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from rhapsode import registry
from rhapsode.config import NetworkConfig
from rhapsode.export._model import described
from rhapsode.nn.integers import Integers
from rhapsode.nn.network import Network
from rhapsode.nn.program import program
from rhapsode.nn.quantised import quantise
from rhapsode.steps.kind import Kind
from rhapsode.steps.symbols import Symbols
from rhapsode.steps.text import Text
from tests import node
from tests.arithmetic import golden
from tests.nn.forms import FORMS

Run = Callable[..., Any]
SEED = 1


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of the package's files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(node.PACKAGE)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", params=["node", "browser"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """As `node.run`, in both."""
    if request.param == "node":
        yield node.run
        return
    served, browser = request.getfixturevalue("served"), request.getfixturevalue("browser")
    page = browser.new_page()
    page.goto(f"{served}/arithmetic/kernel.js")

    def inside(folder: str, body: str, data: Any = None) -> Any:
        address = json.dumps(f"{served}/{folder}/")
        return page.evaluate(f"async (data) => {{ const use = (name) => import({address} + name); {body} }}", data)

    yield inside
    page.close()


GOLDEN = """
const { Choice } = await use("choice.js");
const { Randomness } = await use("randomness.js");
const { FREQUENCY, SIGMOID, TANH } = await use("tables.js");
const digest = async (values) => {
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", values));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
};
const tables = {};
for (const [name, table] of Object.entries({ sigmoid: SIGMOID, tanh: TANH, frequencies: FREQUENCY })) {
  tables[name] = await digest(table);
}
const random = data.random.map(({ words, ...known }) => {
  const one = new Randomness(known.seed, known.row, known.particle ?? null);
  return { ...known, words: words.map(() => one.word().toString(16).padStart(16, "0")) };
});
const choices = [];
for (const known of data.choices) {
  const { seed, rows, top, V, span, mask, options } = known;
  const words = new Randomness(seed);
  const next = (count, made) => Array.from({ length: count }, () => made(words.word()));
  const symbols = new Uint32Array(rows), logProbs = new Float64Array(rows), frequencies = new Uint32Array(rows * V);
  for (let n = 0; n < rows; n++) {
    const logits = next(V, (word) => top - Number(word % BigInt(span)));
    const recent = options.repetition_penalty ? next(8, (word) => Number(word % BigInt(V))) : [];
    const allowed = mask ? next(V, (word) => Boolean(word & 1n)) : null;
    if (allowed) allowed[V - 1] = true;
    const changed = new Choice(logits).adjust(options, recent, allowed);
    symbols[n] = changed.draw(new Randomness(seed, n + 1).word());
    logProbs[n] = 0 - new Choice(logits).nats(symbols[n]);
    frequencies.set(changed.f, n * V);
  }
  const digests = await Promise.all([symbols, frequencies, logProbs].map(digest));
  const found = { symbols: digests[0], frequencies: digests[1], log_probs: digests[2] };
  choices.push({ ...known, first: Array.from(symbols.slice(0, 8)), ...found });
}
return { tables, random, choices };
"""


def test_tables_random_numbers_and_choices(run: Run) -> None:
    known = json.loads(golden.FILE.read_text())
    wanted = {name: known[name] for name in ("tables", "random", "choices")}
    assert run("arithmetic", GOLDEN, wanted) == wanted


NETWORK = """
const { Network } = await use("arithmetic/kernel.js");
const { CompiledNetwork, known } = await use("arithmetic/wasm.js");
const { bytes, unpacked } = await use("export/page/model.js");
const { about, tensors } = unpacked(bytes(data.model));
const networks = { JavaScript: new Network(about, tensors) };
if (known(about)) {
  const kernel = new WebAssembly.Module(bytes(data.kernel));
  for (let variant = 0, count = 1; variant < count; variant++) {
    const { exports } = new WebAssembly.Instance(kernel);
    count = exports.rk_variants();
    const one = new CompiledNetwork(about, tensors, exports, variant);
    networks[one.variant] = one;
  }
}
return Object.entries(networks).map(([name, network]) => {
  if (data.text.length) network.text = data.text;
  const seen = [];
  const found = data.steps.map((step, t) => {
    const one = Array.from(network.read(step, data.covariates[t]));
    seen.push(data.text.length ? Array.from(network.attention) : []);
    const place = network.state.save();
    network.state.reset();
    network.read(data.steps[0], data.covariates[0]);
    network.state.load(place);
    return one;
  });
  return [name, found, Array.from(network.state.parameters), seen];
});
"""


def packed(network: Network, tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """A model, and the kernel, as base64."""
    whole = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    parts = {
        "model": save(whole, {"about": json.dumps(described(network))}),
        "kernel": (node.PACKAGE / "arithmetic" / "kernel.wasm").read_bytes(),
    }
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}


def agrees(
    run: Run, kind: Kind, covariates: int = 0, steps: int = 9, text: Sequence[int] = (), **settings: Any
) -> None:
    """A network with random weights, step by step."""
    network = Network(NetworkConfig(**settings), kind, Text(11) if text else None, covariates)
    rng = np.random.default_rng(SEED)
    fresh = network.initialise(torch.Generator().manual_seed(SEED))
    weights = {name: (w.numpy() + 0.5 * rng.normal(size=w.shape)).astype(np.float32) for name, w in fresh.items()}
    if text:  # random windows would leave their texts at once
        weights["attention.bias"][2 * network.attention.state[0] :] = -2
    tensors, reference = quantise(network, weights), program(network)
    engine = Integers(network, tensors, reference)
    inputs = kind.inputs(kind.random(rng, (steps, 1)))
    inputs[0] = kind.start
    known = rng.normal(size=(steps, 1, covariates)).astype(np.float32)
    read = (np.array(text)[:, None], np.array([len(text)])) if text else None
    expected, _, seen = engine.attend(inputs, engine.zeros(1), read, known if covariates else None)
    data = {
        **packed(network, tensors),
        "text": list(text),
        "steps": inputs[:, 0].tolist(),
        "covariates": known[:, 0].tolist(),
    }
    for name, found, last, attention in run(".", NETWORK, data):
        assert found == expected[:, 0].tolist(), name
        assert last == found[-1], name
        assert attention == seen[:, 0].tolist(), name


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_symbols(run: Run, form: dict[str, Any]) -> None:
    agrees(run, Symbols(21), steps=19, **form)


@pytest.mark.parametrize("embedding", [0, 3])
def test_large_vocabularies_have_no_table_of_shares(run: Run, embedding: int) -> None:
    agrees(run, Symbols(9000), steps=4, layers=1, width=20, embedding=embedding)


LOADED = """
const { loaded } = await use("arithmetic/wasm.js");
const { bytes, unpacked } = await use("export/page/model.js");
const { about, tensors } = unpacked(bytes(data.model));
const kernel = bytes(data.kernel);
const found = [await loaded(about, tensors, kernel), await loaded(about, tensors, kernel.slice(0, 100))];
return found.map(({ engine, network }) => [engine, Array.from(network.read(data.step))]);
"""


def test_javascript_computes_where_webassembly_cannot(run: Run) -> None:
    network = Network(NetworkConfig(width=9, embedding=3), Symbols(5))
    tensors = quantise(network, {name: np.ones(shape, np.float32) for name, shape in network.shapes.items()})
    (one, known), (other, same) = run(".", LOADED, {**packed(network, tensors), "step": 5})
    assert one.startswith("WebAssembly") and other.startswith("JavaScript, several times slower")
    assert known == same


@pytest.mark.parametrize("name", sorted(head.name for head in registry.every("head")))
@pytest.mark.parametrize("covariates", [0, 3])
def test_heads(run: Run, name: str, covariates: int) -> None:
    head = registry.get("head", name)
    settings = {"name": name, **head.example}
    agrees(run, head.kind.example(), covariates, layers=2, width=19, skip=True, head=settings)


@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_attention(run: Run, layers: int, feedback: bool) -> None:
    head, attention = registry.get("head", "mixture"), {"name": "window", "components": 3, "feedback": feedback}
    settings = {"layers": layers + (not feedback), "width": 19, "skip": layers > 1, "attention": attention}
    agrees(
        run, head.kind.example(), text=[1, 4, 2, 2, 0, 9, 3, 10], head={"name": "mixture", "mixtures": 3}, **settings
    )
