"""`rhapsode serve` under load: tokens a second, how long the first and the others take, and whether all are right.

    pip install 'rhapsode[serve]'
    python benchmarks/serving.py [MODEL] [--streams 1 8 32 128] [--seconds 10] [--off]
    python benchmarks/serving.py --overload
    python benchmarks/serving.py --soak 30
    python benchmarks/serving.py --beside

A server is started as a program of its own; the clients are this process. They keep what comes with its time, and read
it when the load is over, so that they cost little. (Clients and server should have a core each.) Each client asks again
as soon as it has an answer: streams of 100 to 300 tokens behind prompts of 10 to 60 characters, and, among twenty
requests, one that leaves in the middle, one that is wrong, one that scores a prompt of 500 characters, and one that is
not streamed. Beside each eight clients, but no more than four times, one asks for a long text, and never reads it.

First token: from sending a request to the first event with text. Between: from event to event of one stream, divided
by the characters of the later one. Of the answers that came to their end, 200 are compared with `model.generate` of the
same seed, byte by byte; the others must have their end, too. Memory, open files and threads are the server's. Without
MODEL, a network of 1 × 384 that was not trained, in whole numbers.

--off: the same with a server that draws one text at a time. --overload: clients for ten times what the server may
carry, running and waiting; those that are refused ask again after Retry-After. --soak: 32 clients for so many minutes,
in loads of --seconds; after each, when nothing runs, the server's memory, files and threads are noted. --beside: only
streams, and the same of another server (`beside.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rhapsode import registry
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.files.checkpoint import MODEL
from rhapsode.inference.model import Model
from rhapsode.nn.network import Network

TEXT = "It was the best of times, it was the worst of times, and nobody had told the printers. " * 20
HEAD = [
    "rows",
    "clients",
    "tokens a second",
    "first token p50, p99 (ms)",
    "between p50, p99 (ms)",
    "answers",
    "wrong",
    "cut short",
    "server: MB, files, threads",
    "besides",
]


def untrained(folder: Path) -> Path:
    """A model of 1 × 384 of 96 characters, with random weights."""
    letters = "".join(map(chr, range(32, 127))) + "\n"
    codec = registry.get("codec", "chars").fit([letters.encode() * 9])
    network = NetworkConfig(width=384, embedding=32)
    rng = np.random.default_rng(0)
    shapes = Network(network, codec.steps).shapes
    weights = {
        name: (rng.standard_normal(shape) * shape[-1] ** -0.5).astype(np.float32) for name, shape in shapes.items()
    }
    weights["output.bias"][len(letters) :] = -50  # no halves of bytes: a token is a character
    Model(
        ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="never"), weights
    ).quantised().save(folder / MODEL)
    return folder


class Asked(NamedTuple):
    """A request: what it is for, and its fields."""

    kind: str
    body: dict[str, Any]

    @property
    def bytes(self) -> bytes:
        body = json.dumps(self.body).encode()
        head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def requests(number: int, model: str, fields: dict[str, Any] | None) -> Iterator[Asked]:
    """What a client asks, one after another. fields: only streams, with these; None for all kinds."""
    chance = random.Random(number)
    kinds = ["wrong", "scored", "whole", "left", *["stream"] * 16]
    if fields is not None:
        kinds = ["stream"] * 20
    while True:
        at, kind = chance.randrange(200), kinds[chance.randrange(20)]
        body: dict[str, Any] = {"model": model, "prompt": TEXT[at : at + chance.randrange(10, 60)]}
        body |= {"seed": chance.randrange(1 << 30), "max_tokens": chance.randrange(100, 300)}
        if kind == "wrong":
            body["max_tokens"] = "many"
        elif kind == "scored":
            body |= {"prompt": TEXT[at : at + 500], "max_tokens": 0, "echo": True, "logprobs": 0}
        elif kind != "whole":
            body |= {"stream": True, **(fields or {})}
        yield Asked(kind, body)


class Came(NamedTuple):
    """An answer as it came. times: seconds, of each of the parts. ended: it came to its end."""

    asked: Asked
    begun: float
    times: list[float]
    parts: list[bytes]
    ended: bool

    @property
    def status(self) -> int:
        return int(self.parts[0][9:12]) if self.parts else 0

    @property
    def events(self) -> list[tuple[float, str]]:
        """When each text of a stream had come, and the text."""
        found, data, at = list[tuple[float, str]](), b"", 0
        for when, part in zip(self.times, self.parts, strict=True):
            data += part
            end = data.rfind(b"\n\n") + 2
            for line in data[at : max(at, end)].splitlines():
                if line.startswith(b"data: {"):
                    found += [(when, choice["text"]) for choice in json.loads(line[6:])["choices"]]
            at = max(at, end)
        return found

    @property
    def text(self) -> str:
        if self.asked.body.get("stream"):
            return "".join(text for _, text in self.events)
        return str(json.loads(b"".join(self.parts).partition(b"\r\n\r\n")[2])["choices"][0]["text"])


class Load:
    """Clients of one server, for some seconds, and what came."""

    def __init__(self, host: str, port: int, name: str, fields: dict[str, Any] | None = None) -> None:
        """fields: see `requests`."""
        self._address, self._name, self._fields = (host, port), name, fields
        self.came, self.took = list[Came](), 0.0

    async def run(self, clients: int, seconds: float) -> None:
        begun = time.perf_counter()
        self._until = begun + seconds
        count = min(4, -(-clients // 8)) if self._fields is None else 0
        deaf = [asyncio.create_task(self._never_read(number)) for number in range(count)]
        await asyncio.gather(*(self._client(number) for number in range(clients)))
        self.took += time.perf_counter() - begun
        for task in deaf:
            task.cancel()
        await asyncio.gather(*deaf, return_exceptions=True)

    async def _client(self, number: int) -> None:
        reader = writer = None
        for asked in requests(number, self._name, self._fields):
            while True:
                if time.perf_counter() > self._until:
                    if writer is not None:
                        writer.close()
                    return
                if writer is None or writer.is_closing():
                    reader, writer = await asyncio.open_connection(*self._address)
                assert reader is not None
                came = await self._ask(asked, reader, writer)
                self.came.append(came)
                if not came.ended:
                    writer.transport.abort()
                if came.status != 429:
                    break
                await asyncio.sleep(1)

    async def _ask(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Came:
        times, parts, left = list[float](), list[bytes](), -1
        begun = time.perf_counter()
        writer.write(asked.bytes)
        try:
            while data := await reader.read(1 << 16):
                times.append(time.perf_counter())
                parts.append(data)
                if len(parts) == 1 and (found := re.search(rb"content-length: (\d+)", data[:500])):
                    left = int(found[1]) + data.index(b"\r\n\r\n") + 4
                left -= len(data)
                if left == 0 or (left < 0 and (data.endswith(b"\n0\r\n\r\n") or data == b"0\r\n\r\n")):
                    return Came(asked, begun, times, parts, True)
                if asked.kind == "left" and len(parts) > 2:
                    break
        except ConnectionError:
            pass
        return Came(asked, begun, times, parts, False)

    async def _never_read(self, number: int) -> None:
        """Ask for megabytes, and read none, until the server cuts the connection or the load is over."""
        own = socket.socket()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        own.setblocking(False)
        body = {"model": self._name, "max_tokens": 50_000, "seed": number, "stream": True, "logprobs": 5}
        with own:
            await asyncio.get_running_loop().sock_connect(own, self._address)
            await asyncio.get_running_loop().sock_sendall(own, Asked("never reads", body).bytes)
            await asyncio.sleep(3600)

    def figures(self, model: Model | None) -> list[str]:
        """Cells of the table. model: that was served, if answers are to be compared with its own."""
        first, between, tokens, counts, cut = list[float](), list[float](), 0, Counter[str](), 0
        whole = list[Came]()
        for came in self.came:
            kind, status = came.asked.kind, came.status
            if status != (400 if kind == "wrong" else 200):
                counts[f"{kind}: status {status}"] += 1
                continue
            if kind in ("wrong", "scored", "left"):
                counts[kind] += 1
            if kind in ("stream", "left"):
                events = [(when, text) for when, text in came.events if text]
                first += [when - came.begun for when, _ in events[:1]]
                pairs = zip(events, events[1:], strict=False)
                between += [(later - before) / len(text) for (before, _), (later, text) in pairs]
                tokens += sum(len(text) for _, text in events)
            elif kind == "whole" and came.ended:
                tokens += len(came.text)
            if not came.ended and kind != "left":
                cut += 1
            elif kind in ("stream", "whole"):
                whole.append(came)
        some = random.Random(0).sample(whole, min(200, len(whole)))
        wrong = 0
        for came in some if model else []:
            body = came.asked.body
            sample = model.generate(body["prompt"], length=body["max_tokens"], seed=body["seed"])[0]
            wrong += sample.text != came.text
        return [
            f"{tokens / self.took:,.0f}",
            f"{per_cent(first, 50):.0f}, {per_cent(first, 99):.0f}",
            f"{per_cent(between, 50):.2f}, {per_cent(between, 99):.2f}",
            f"{len(whole):,}",
            f"{wrong} of {len(some)}" if model else "",
            f"{cut}",
            ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())),
        ]


def per_cent(values: list[float], part: float) -> float:
    """A percentile, in milliseconds."""
    return 1000 * float(np.percentile(values, part)) if values else float("nan")


class Server:
    """`rhapsode serve` as a program of its own; without a model, the other server."""

    def __init__(self, model: Path | None, *options: str) -> None:
        self._model = None if model is None else Model.load(model)
        command = ["-m", "rhapsode", "serve", f"model={model}", "--port", "0", *options]
        if model is None:
            command = [str(Path(__file__).with_name("beside.py"))]
        self._process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr
        found = None
        while not found:
            line = self._process.stderr.readline()
            assert line, "the server has ended"
            found = re.search(r"serving .*at http://(\S+):(\d+)/v1", line)
        self._address = found[1], int(found[2])
        threading.Thread(target=self._process.stderr.read, daemon=True).start()  # a full pipe would stop the server

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait()

    def load(self, label: str, clients: int, seconds: float, fields: dict[str, Any] | None = None) -> None:
        """Print a line of the table. fields: see `requests`."""
        load = Load(*self._address, "model", fields)
        asyncio.run(load.run(clients, seconds))
        cells = load.figures(self._model)
        print(f"| {' | '.join([label, str(clients), *cells[:-1], self._resources, cells[-1]])} |", flush=True)

    @property
    def _resources(self) -> str:
        """On Linux, soon after a load: megabytes in memory, open files, threads."""
        time.sleep(1)
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            [kilobytes], [threads] = (re.findall(rf"{name}:\s+(\d+)", status) for name in ("VmRSS", "Threads"))
            files = len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))
            return f"{int(kilobytes) / 1000:.0f}, {files}, {threads}"
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32, 128], help="clients of the loads")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--off", action="store_true", help="the same with one text at a time")
    parser.add_argument("--overload", action="store_true", help="ten times what the server may carry")
    parser.add_argument("--beside", action="store_true", help="only streams, of this server and another one")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="loads of 32 clients for so long")
    options = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    with tempfile.TemporaryDirectory() as scratch:
        model, seconds = options.model or untrained(Path(scratch)), options.seconds
        if options.overload:
            with Server(model, "--rows", "16", "--queue", "16") as server:
                for clients in (32, 320, 320, 320, 32):
                    server.load("16 + 16", clients, seconds)
        elif options.soak:
            with Server(model) as server:
                until = time.monotonic() + 60 * options.soak
                while time.monotonic() < until:
                    server.load("64", 32, seconds)
        elif options.beside:
            plain: dict[str, Any] = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}
            for label, path, fields in (("64", model, plain), ("llama.cpp", None, {**plain, "ignore_eos": True})):
                with Server(path) as server:
                    for clients in options.streams:
                        server.load(label, clients, seconds, fields)
        else:
            for rows in ("64", "1") if options.off else ("64",):
                with Server(model, "--rows", rows) as server:
                    for clients in options.streams:
                        server.load(rows, clients, seconds)


if __name__ == "__main__":
    main()
