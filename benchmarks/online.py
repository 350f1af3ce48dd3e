"""Compression that learns beside compressors that do not: bits per byte, and bytes a second.

    python benchmarks/online.py SOURCE [--size 1e6 3e6] [--model MODEL] [--no-decoding] [--json FILE]

SOURCE is a file, or data:NAME/PART, e.g. data:enwik8/train; the first --size bytes of it are packed, once by a fresh
network and, with --model, by a trained model as it is and by one that learns (train it on other text). Each result is
unpacked and compared. All beside are given the same bytes and nothing else: LZMA as `xz -9e`, Zstandard as
`zstd --ultra -22`, and `bzip2 -9`, from Python. Everything runs in one thread; seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import bz2
import json
import lzma
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rhapsode.arithmetic.kernel import kernel
from rhapsode.data.sources import open_sources
from rhapsode.inference.compress import compress, decompress
from rhapsode.inference.model import Model

XZ: dict[str, Any] = {"preset": 9 | lzma.PRESET_EXTREME}


def read(source: str, size: int) -> bytes:
    """The first bytes of a source."""
    data = bytearray()
    for document in open_sources([source]):
        for piece in document:
            data += piece
            if len(data) >= size:
                return bytes(data[:size])
    raise SystemExit(f"{source} has {len(data):,} bytes, not {size:,}")


def zstandard() -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    import zstandard as library

    window = library.ZstdCompressionParameters.from_level(22, window_log=27)
    return library.ZstdCompressor(compression_params=window).compress, library.ZstdDecompressor().decompress


def ways(model: Model | None) -> Iterator[tuple[str, Callable[[bytes], bytes], Callable[[bytes], bytes]]]:
    """Name, packing and unpacking."""
    yield "xz -9e", lambda data: lzma.compress(data, **XZ), lzma.decompress
    yield "zstd --ultra -22", *zstandard()
    yield "bzip2 -9", bz2.compress, bz2.decompress
    yield "rhapsode, fresh, learns", lambda data: compress(None, data, online=True), lambda data: decompress(None, data)
    if model is not None:
        yield "rhapsode, trained, fixed", model.compress, model.decompress
        yield "rhapsode, trained, learns", lambda data: model.compress(data, online=True), model.decompress


def measured(name: str, pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes] | None, data: bytes) -> Any:
    begun = time.process_time()
    packed = pack(data)
    seconds = time.process_time() - begun
    row = {"name": name, "size": len(data), "bits_per_byte": 8 * len(packed) / len(data)}
    row["packs"] = len(data) / max(seconds, 1e-9)
    if unpack is not None:
        begun = time.process_time()
        if unpack(packed) != data:
            raise SystemExit(f"{name} did not give back what it packed")
        row["unpacks"] = len(data) / max(time.process_time() - begun, 1e-9)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--size", type=float, nargs="+", default=[1e6, 3e6], help="bytes from the beginning")
    parser.add_argument("--model", help="a model that was trained on other text")
    parser.add_argument("--no-decoding", action="store_true", help="do not unpack")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    model = Model.load(options.model) if options.model else None
    found = kernel()
    print(f"kernel: {found.name if found else 'numpy'}")
    rows = []
    for size in map(int, options.size):
        data = read(options.source, size)
        print(f"\n{f'first {size:,} bytes':28}{'bits per byte':>14}{'packs kB/s':>12}{'unpacks kB/s':>14}")
        for name, pack, unpack in ways(model):
            row = measured(name, pack, None if options.no_decoding else unpack, data)
            back = f"{row['unpacks'] / 1000:14,.1f}" if "unpacks" in row else ""
            print(f"{name:28}{row['bits_per_byte']:14.3f}{row['packs'] / 1000:12,.1f}{back}", flush=True)
            rows.append(row)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
