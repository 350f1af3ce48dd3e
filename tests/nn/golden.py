"""Digests of small networks in whole numbers, to which all implementations are held: `golden.json`.

All inputs are words of the specification's random numbers (seed n for network n, row 0), so any implementation can make
them anew: first the float32 weights, in the order of `weights`, each array row by row; then the inputs [T, B], and the
covariates [T, B, D]. A weight is ((word >> 40) - 2^23) * 2^-23 * `scale`; a symbol is word mod (V + 1), a real number
that is read is a weight with scale 2.

`tensors` are the SHA-256 of the integer tensors that the weights become, `parameters` and `state` those of the output
and of the state at the end, by their parts, all little-endian; `first` are the first eight parameters.

`python -m tests.nn.golden` writes the file. A change of it breaks the promise of all models: it needs a new name of the
arithmetic.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode import registry
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.config import NetworkConfig
from rhapsode.nn import quantised
from rhapsode.nn.integers import Integers
from rhapsode.nn.network import Network
from rhapsode.nn.program import encoder_program, program
from rhapsode.steps.text import Text

FILE = Path(__file__).with_name("golden.json")
T, B, V, U = 12, 3, 19, 7
NETWORKS: list[dict[str, Any]] = [
    {"width": 24, "embedding": 8},
    {"width": 20, "layers": 2, "embedding": 0, "skip": True},
    {"width": 16, "layers": 3, "embedding": 16, "residual": True, "tied": True, "cell": "peephole"},
    {"width": 12, "layers": 2, "embedding": 5, "cell": "rnn"},
    {"width": 16, "embedding": 0, "head": "product", "given": 3},
    {"width": 24, "layers": 2, "head": "gaussians", "skip": True},
    {"width": 16, "layers": 2, "head": "gaussians", "attention": {"name": "window", "components": 3}},
    {
        "width": 12,
        "head": "gaussians",
        "attention": {"name": "window", "components": 3, "feedback": True},
        "cell": "peephole",
    },
    {
        "width": 16,
        "head": "gaussians",
        "given": 4,
        "encoder": {"feedforward": 1, "feedforward_width": 9, "bidirectional": 2, "bidirectional_width": 7},
    },
    {"layers": 0, "head": "gaussians", "given": 4, "autoregressive": False},
]


def made() -> list[dict[str, Any]]:
    """Everything, computed by the reference."""
    return [one(number, case) for number, case in enumerate(NETWORKS)]


def one(number: int, case: dict[str, Any]) -> dict[str, Any]:
    options = dict(case)
    covariates = options.pop("given", 0)
    config = NetworkConfig(**options)
    kind = registry.get("head", config.head.name).kind.example(V)
    network = Network(config, kind, Text(V) if config.attention else None, covariates)
    random = Randomness(number)
    weights = {name: real(random, shape, scale(name)) for name, shape in network.shapes.items()}
    if np.issubdtype(kind.input_dtype, np.integer):
        words = random.words(T * B * max(1, len(kind.shape) and kind.shape[0])).reshape(T, B, *kind.shape)
        sizes = getattr(kind, "sizes", V + 1)
        inputs = (words % np.array(sizes, np.uint64)).astype(np.int64)
    else:
        inputs = real(random, (T, B, *kind.shape), 2)
    known = real(random, (T, B, covariates), 2) if covariates else None
    text = None
    if config.attention:
        text = (random.words(U * B).reshape(U, B) % np.uint64(V)).astype(np.int64), np.arange(U - B, U) + 1
    tensors = quantised.quantise(network, weights)
    found: dict[str, Any] = {
        "network": case,
        "weights": [[name, *shape] for name, shape in network.shapes.items()],
        "tensors": {name: digest(tensor) for name, tensor in sorted(tensors.items())},
    }
    if network.encoder:
        encoder = Integers(network, tensors, encoder_program(network.encoder))
        assert known is not None
        known, _ = encoder.run(known, encoder.zeros(B))
        found["encoded"] = digest(known)
    engine = Integers(network, tensors, program(network))
    parameters, state = engine.run(inputs, engine.zeros(B), text, known)
    return found | {
        "first": parameters.ravel()[:8].tolist(),
        "parameters": digest(parameters),
        "state": [digest(one) for one in state],
    }


def scale(name: str) -> float:
    """Windows that hurry would leave their texts at once."""
    return 0.125 if name == "attention.weight" else 0.5


def real(random: Randomness, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Numbers between -scale and scale: float32."""
    words = random.words(int(np.prod(shape))).reshape(shape)
    whole = (words >> np.uint64(40)).astype(np.int64) - (1 << 23)
    return (whole * 2.0**-23 * scale).astype(np.float32)


def digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()).hexdigest()


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(map(json.dumps, made())) + "\n]\n")
