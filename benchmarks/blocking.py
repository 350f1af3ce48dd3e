"""How long a large request holds up the other clients of `rhapsode serve`.

    pip install 'rhapsode[serve]'
    python benchmarks/blocking.py

Two models of 1 × 384 that were not trained, one by character and one by tokens of BPE, are served in this process,
without sockets. While a large request is answered, the event loop beats every half millisecond. Printed for each
request: the processor time that its answer takes; the longest time between two beats; and the size of the answer. Times
are those of this process, so that other programs on the machine make no difference.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode import registry
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.files.checkpoint import MODEL
from rhapsode.inference.model import Model
from rhapsode.inference.states import States
from rhapsode.nn.network import Network
from rhapsode.report import Report
from rhapsode.serving.app import Server
from rhapsode.serving.guard import Rules
from rhapsode.serving.served import Served

WORDS = "it was the best of times and nobody had told the printers why they should not have known"


def text(size: int) -> str:
    random, words = np.random.default_rng(0), WORDS.split()
    return " ".join(f"{words[n]}{n * k % 97}" for k, n in enumerate(random.integers(0, len(words), size)))[:size]


def untrained(folder: Path, name: str) -> Model:
    codec = registry.get("codec", name).fit([text(100_000).encode()], **({"size": 1000} if name == "bpe" else {}))
    network = NetworkConfig(width=384, embedding=32)
    shapes, random = Network(network, codec.steps).shapes, np.random.default_rng(0)
    weights = {one: (random.standard_normal(s) * s[-1] ** -0.5).astype(np.float32) for one, s in shapes.items()}
    config = ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="never")
    Model(config, weights).quantised().save(folder / MODEL)
    return Model.load(folder)


async def ask(server: Server, path: str, body: Any) -> tuple[int, bytes]:
    """A request without sockets."""
    data, sent, asked = json.dumps(body).encode(), list[Any](), list[bool]()

    async def receive() -> dict[str, Any]:
        if asked:
            await asyncio.sleep(1000)
        asked.append(True)
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "http_version": "1.1", "scheme": "http", "method": "POST", "path": path, "root_path": ""}
    scope |= {"raw_path": path.encode(), "query_string": b""}
    scope["headers"] = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    await server.app(scope, receive, send)  # type: ignore[arg-type]
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def held_up(server: Server, path: str, body: Any) -> tuple[float, float, int, bytes]:
    """The longest time between two beats of the event loop while a request is answered; the time that it takes; the
    status, and the answer. In seconds of this process, whatever others do at the time."""
    gaps, done = list[float](), False

    async def beat() -> None:
        before = time.process_time()
        while not done:
            await asyncio.sleep(0.0005)
            now = time.process_time()
            gaps.append(now - before)
            before = now

    beating, begun = asyncio.ensure_future(beat()), time.process_time()
    await asyncio.sleep(0.01)
    status, answer = await ask(server, path, body)
    took, done = time.process_time() - begun, True
    await beating
    return max(gaps), took, status, answer


async def measured(server: Server, what: str, path: str, body: Any) -> None:
    longest, took, status, answer = await held_up(server, path, body)
    print(f"{what:42} {status:6} {took * 1000:9.0f} {longest * 1000:11.1f} {len(answer) / 1e6:9.1f}", flush=True)


async def run(server: Server) -> None:
    long = text(1_000_000)
    tokens = json.loads((await ask(server, "/tokenize", {"model": "bpe", "prompt": long}))[1])["tokens"]
    scored = {"model": "chars", "max_tokens": 0, "echo": True}
    refused = scored | {"model": "bpe", "logprobs": 20}  # once it is encoded: the answer would be too large
    cases: list[tuple[str, str, Any]] = [
        ("1 MB, /tokenize by character", "/tokenize", {"model": "chars", "prompt": long}),
        ("1 MB, /tokenize by BPE", "/tokenize", {"model": "bpe", "prompt": long}),
        ("its tokens, /detokenize by BPE", "/detokenize", {"model": "bpe", "tokens": tokens}),
        ("1 MB is encoded as a prompt, and refused", "/v1/completions", refused | {"prompt": long}),
        ("its tokens as a prompt, and refused", "/v1/completions", refused | {"prompt": tokens}),
        ("1 MB is read for a session, by BPE", "/api/sessions", {"model": "bpe", "prompt": long}),
        ("20 kB are scored, five alternatives", "/v1/completions", scored | {"logprobs": 5, "prompt": long[:20_000]}),
        ("100 kB are scored", "/v1/completions", scored | {"logprobs": 0, "prompt": long[:100_000]}),
        ("20 kB, /api/read", "/api/read", {"model": "chars", "prompt": long[:20_000]}),
        ("10 kB, /api/states", "/api/states", {"model": "chars", "prompt": long[:10_000]}),
    ]
    print(f"{'request':42} {'status':>6} {'takes, ms':>9} {'longest, ms':>11} {'MB answer':>9}")
    for case in cases:
        await measured(server, *case)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        served = [Served(one, untrained(Path(folder), one), 8, 8, States()) for one in ("chars", "bpe")]
        server = Server(served, Rules(), Report())
        gc.collect()
        gc.freeze()  # as `rhapsode.serving.run` does
        asyncio.run(run(server))
        server.close(10)


if __name__ == "__main__":
    main()
