"""`rhapsode serve` under load: tokens a second, how long the first and the others take, and whether all are right.

    pip install 'rhapsode[serve]' httpx
    python benchmarks/serving.py [MODEL] [--streams 1 8 32 128] [--seconds 10] [--rows 64 1] [--soak MINUTES]

A server is started as a program of its own; the clients are one other process. Each client asks again as soon as it
has an answer: streams of 100 to 300 tokens behind prompts of 10 to 60 characters, and, among twenty requests, one that
leaves in the middle, one that is wrong, one that scores a prompt of 500 characters, and one that is not streamed. Of
the answers that came to their end, 200 are compared with `model.generate` of the same seed, byte by byte. First token:
from sending the request to the first event with text. Between: from event to event of one stream, divided by the
characters of the later one. Without MODEL, a network of 1 × 384 that was not trained, in whole numbers. With `--soak`,
for so many minutes, 32 streams: the server's memory, open files and threads after a tenth of the time, and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from rhapsode import registry
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.files.checkpoint import MODEL
from rhapsode.inference.model import Model
from rhapsode.nn.network import Network

TEXT = "It was the best of times, it was the worst of times, and nobody had told the printers. " * 20


def untrained(folder: Path) -> Path:
    """A model of 1 × 384 of 96 characters, with random weights."""
    letters = "".join(map(chr, range(32, 127))) + "\n"
    codec = registry.get("codec", "chars").fit([letters.encode() * 3])
    network = NetworkConfig(width=384, embedding=32)
    rng = np.random.default_rng(0)
    shapes = Network(network, codec.steps).shapes
    weights = {
        name: (rng.standard_normal(shape) * shape[-1] ** -0.5).astype(np.float32) for name, shape in shapes.items()
    }
    Model(
        ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="never"), weights
    ).quantised().save(folder / MODEL)
    return folder


class Load:
    """Clients of one server."""

    def __init__(self, address: str, name: str) -> None:
        self.address, self.name = address, name
        self.first: list[float] = []
        self.between: list[float] = []
        self.answers: list[tuple[str, int, int, str]] = []
        self.tokens, self.counts = 0, Counter[str]()

    async def run(self, clients: int, seconds: float) -> None:
        limits = httpx.Limits(max_connections=None)
        until = time.monotonic() + seconds
        async with httpx.AsyncClient(base_url=self.address, timeout=60, limits=limits) as client:
            await asyncio.gather(*(self._client(client, number, until) for number in range(clients)))

    async def _client(self, client: httpx.AsyncClient, number: int, until: float) -> None:
        chance = random.Random(number)
        while time.monotonic() < until:
            at = chance.randrange(200)
            body = {
                "model": self.name,
                "prompt": TEXT[at : at + chance.randrange(10, 60)],
                "seed": chance.randrange(1 << 30),
            }
            body["max_tokens"] = chance.randrange(100, 300)
            kind = chance.randrange(20)
            if kind == 0:
                answer = await client.post("/v1/completions", json=body | {"max_tokens": "many"})
                self.counts["wrong, refused" if answer.status_code == 400 else "wrong, not refused"] += 1
            elif kind == 1:
                scored = {"prompt": TEXT[at : at + 500], "max_tokens": 0, "echo": True, "logprobs": 0}
                answer = await client.post("/v1/completions", json=body | scored)
                self.counts[f"scored, status {answer.status_code}"] += 1
            elif kind == 2:
                answer = await client.post("/v1/completions", json=body)
                if answer.status_code == 200:
                    self._ended(body, answer.json()["choices"][0]["text"])
                else:
                    self.counts[f"status {answer.status_code}"] += 1
            else:
                await self._stream(client, body, leave=kind == 3)

    async def _stream(self, client: httpx.AsyncClient, body: dict[str, Any], leave: bool) -> None:
        begun, text, before = time.perf_counter(), "", 0.0
        async with client.stream("POST", "/v1/completions", json=body | {"stream": True}) as answer:
            if answer.status_code != 200:
                self.counts[f"status {answer.status_code}"] += 1
                await asyncio.sleep(float(answer.headers.get("retry-after", 0)))
                return
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                added = json.loads(line[6:])["choices"][0]["text"]
                now = time.perf_counter()
                if added and not text:
                    self.first.append(now - begun)
                elif added:
                    self.between.append((now - before) / len(added))
                text, before = text + added, now
                if leave and len(text) > 20:
                    self.counts["left"] += 1
                    self.tokens += len(text)
                    return
        self._ended(body, text)

    def _ended(self, body: dict[str, Any], text: str) -> None:
        self.counts["answered"] += 1
        self.tokens += len(text)
        self.answers.append((body["prompt"], body["max_tokens"], body["seed"], text))


def per_cent(values: list[float], part: float) -> float:
    """A percentile, in milliseconds."""
    return 1000 * float(np.percentile(values, part)) if values else float("nan")


def resources(process: subprocess.Popen[str]) -> tuple[float, int, int]:
    """Of a process on Linux: megabytes in memory, open files, threads."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    [kilobytes], [threads] = (re.findall(rf"{name}:\s+(\d+)", status) for name in ("VmRSS", "Threads"))
    return int(kilobytes) / 1000, len(list(Path(f"/proc/{process.pid}/fd").iterdir())), int(threads)


def measured(server: subprocess.Popen[str], address: str, model: Model, streams: int, options: Any) -> list[str]:
    """A load: cells of the table, and a line about it."""
    load, seconds = Load(address, "model"), options.seconds
    begun, kept = time.perf_counter(), ""
    if options.soak:
        asyncio.run(load.run(streams, 6 * options.soak))
        kept, seconds = f"; memory (MB), files, threads: {resources(server)}", 54 * options.soak
    asyncio.run(load.run(streams, seconds))
    took = time.perf_counter() - begun
    if options.soak:
        kept += f", at the end {resources(server)}"
    answers = random.Random(0).sample(load.answers, min(200, len(load.answers)))
    wrong = sum(model.generate(prompt, length=many, seed=seed)[0].text != text for prompt, many, seed, text in answers)
    return [
        f"{streams}",
        f"{load.tokens / took:,.0f}",
        f"{per_cent(load.first, 50):.0f}, {per_cent(load.first, 99):.0f}",
        f"{per_cent(load.between, 50):.2f}, {per_cent(load.between, 99):.2f}",
        f"{load.counts['answered']:,}",
        f"{wrong} of {len(answers)}",
        ", ".join(f"{name} {count:,}" for name, count in sorted(load.counts.items()) if name != "answered") + kept,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--rows", type=int, nargs="+", default=[64, 1], help="of the server; 1 is without batching")
    parser.add_argument("--soak", type=float, help="minutes; one load of 32 streams")
    options = parser.parse_args()
    if options.soak:
        options.streams, options.rows = [32], options.rows[:1]
    head = [
        "rows",
        "streams",
        "tokens a second",
        "first token p50, p99 (ms)",
        "between p50, p99 (ms)",
        "answers",
        "wrong",
    ]
    print(f"| {' | '.join([*head, 'besides'])} |\n|{'---|' * 8}")
    with tempfile.TemporaryDirectory() as scratch:
        model = options.model or untrained(Path(scratch))
        loaded = Model.load(model)
        for rows in options.rows:
            command = [sys.executable, "-m", "rhapsode", "serve", f"model={model}", "--port", "0", "--rows", str(rows)]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
                assert server.stderr
                found = re.search(r"at (http://\S+)/v1", server.stderr.readline())
                assert found
                threading.Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop the server
                try:
                    for streams in options.streams:
                        cells = measured(server, found[1], loaded, streams, options)
                        print(f"| {rows} | {' | '.join(cells)} |", flush=True)
                finally:
                    server.terminate()
                    server.wait()


if __name__ == "__main__":
    main()
