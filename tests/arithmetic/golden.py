"""Digests of the arithmetic on fixed inputs, to which the implementations in all languages are held: `golden.json`.

All inputs are words of the specification's random numbers, so any implementation can make them anew:

tables      SHA-256 of each table, its numbers in little-endian order.
random      The first eight words, as hexadecimal numbers, for a seed, a row and (perhaps) a particle: decimal strings,
            because JSON in JavaScript has no such large numbers.
choices     One generator (seed, row 0) gives the inputs of all rows, in this order for each row: V logits, each
            top - word mod span; then, if there is a repetition penalty, 8 words: the last symbols, word mod V; then, if
            `mask`, V words, of which the even ones forbid their symbol (the last symbol is always allowed). Row n,
            counted from 0, is drawn with the first word of (seed, row n + 1). `first` are the first eight symbols,
            `symbols` is the SHA-256 of all as uint32, `frequencies` that of all rows' frequencies after the options as
            uint32, `log_probs` that of the drawn symbols' log p as doubles, in nats, before the options. All
            little-endian.
codes       The symbols drawn in a choice without options, coded with their frequencies, row after row: the code's
            length and SHA-256. `known` are small codes in full: frequencies for each symbol, and the bytes.

`python -m tests.arithmetic.golden` writes the file. A change of it breaks the promise of all models: it needs a new
name of the arithmetic.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.arithmetic import choice, tables
from rhapsode.arithmetic.coder import Encoder
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling

FILE = Path(__file__).with_name("golden.json")
GENERATORS: list[dict[str, int]] = [
    {"seed": 0, "row": 0},
    {"seed": 42, "row": 0},
    {"seed": 42, "row": 3},
    {"seed": 42, "row": 3, "particle": 0},
    {"seed": 42, "row": 3, "particle": 5},
    {"seed": 2**64 - 1, "row": 2**64 - 1},
    {"seed": 2**64, "row": 1},
    {"seed": 2**130 + 7, "row": 0},
]
CHOICES: list[dict[str, Any]] = [
    {"V": 65, "span": 12000},
    {"V": 1, "span": 10},
    {"V": 2, "span": 200},
    {"V": 257, "span": 60000},
    {"V": 5000, "span": 20000},
    {"V": 65, "span": 4000000000, "top": 2000000000},
    {"V": 65, "span": 2000, "options": {"temperature": 0.7}},
    {"V": 65, "span": 20000, "options": {"temperature": 3.3}},
    {"V": 65, "span": 2000, "options": {"temperature": 0.0}},
    {"V": 65, "span": 20, "options": {"temperature": 0.0, "repetition_penalty": 1.3}},
    {"V": 65, "span": 2000, "options": {"temperature": 1e-300}},
    {"V": 65, "span": 6000, "options": {"top_k": 7}},
    {"V": 65, "span": 20, "options": {"top_k": 7}},
    {"V": 65, "span": 6000, "options": {"top_p": 0.8}},
    {"V": 65, "span": 20, "options": {"top_p": 0.3}},
    {"V": 65, "span": 6000, "options": {"min_p": 0.2}},
    {"V": 65, "span": 6000, "options": {"typical": 0.7}},
    {"V": 5000, "span": 30000, "options": {"typical": 0.2}},
    {"V": 65, "span": 6000, "options": {"repetition_penalty": 1.5}},
    {"V": 65, "span": 6000, "options": {"repetition_penalty": 0.5}},
    {"V": 12, "span": 6000, "options": {"repetition_penalty": 1000.0}},
    {"V": 65, "span": 6000, "mask": True},
    {"V": 4, "span": 90000, "mask": True},
    {
        "V": 257,
        "span": 9000,
        "mask": True,
        "options": {
            "temperature": 1.2,
            "top_k": 100,
            "top_p": 0.95,
            "min_p": 0.01,
            "typical": 0.9,
            "repetition_penalty": 1.2,
        },
    },
]
RECENT = 8
KNOWN: list[dict[str, Any]] = [
    {"frequencies": [], "symbols": []},
    {"frequencies": [[1, 1]] * 20, "symbols": [1, 0, 1, 1, 0, 0, 1, 0] * 2 + [1] * 4},
    {"frequencies": [[1, 2**28]] * 5, "symbols": [1] * 5},
    {"frequencies": [[2**28, 1]] * 8, "symbols": [1] * 8},
    # Around one half, until it is known on which side: the carry runs through bytes of ones.
    {"frequencies": [[2**26, 1, 2**26], [1, 1]], "symbols": [1, 0]},
    {"frequencies": [[2**26, 1, 2**26], [1, 1]], "symbols": [1, 1]},
    {"frequencies": [[3, 0, 5], [7], [1, 1, 2**28, 4]] * 3, "symbols": [2, 0, 3, 0, 0, 2, 2, 0, 0]},
]


def text(found: dict[str, Any]) -> str:
    """As JSON, with a line for each thing."""
    parts = [
        f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, part)) + "\n]"
        if isinstance(part, list)
        else f"{json.dumps(name)}: {json.dumps(part, indent=0)}"
        for name, part in found.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def digest(values: np.ndarray, dtype: str) -> str:
    return hashlib.sha256(values.astype(dtype).tobytes()).hexdigest()


def inputs(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None, list[int]]:
    """Logits [N, V] int32; which symbols were seen, and which are allowed, [N, V] bool or None; the words [N] of the
    draws."""
    rows, size, random = case["rows"], case["V"], Randomness(case["seed"])
    logits = np.empty((rows, size), np.int32)
    seen, allowed = np.zeros((rows, size), bool), np.ones((rows, size), bool)
    penalty, mask = "repetition_penalty" in case["options"], case["mask"]
    for n in range(rows):
        logits[n] = [case["top"] - word % case["span"] for word in random.words(size).tolist()]
        if penalty:
            seen[n, [word % size for word in random.words(RECENT).tolist()]] = True
        if mask:
            allowed[n] = random.words(size) & np.uint64(1)
            allowed[n, -1] = True
    words = [Randomness(case["seed"], n + 1).word() for n in range(rows)]
    return logits, seen if penalty else None, allowed if mask else None, words


def made() -> dict[str, Any]:
    """Everything, computed by this code."""
    choices, codes = [], []
    for number, short in enumerate(CHOICES):
        case = {"seed": number, "rows": 64, "top": 0, "mask": False, "options": {}, **short}
        logits, seen, allowed, words = inputs(case)
        distance = choice.distances(logits)
        frequency = choice.frequencies(distance)
        changed = choice.frequencies(choice.adjusted(distance, Sampling(**case["options"]), allowed, seen))
        symbols = choice.draw(changed, words)
        choices.append(
            case
            | {
                "first": symbols[:8].tolist(),
                "symbols": digest(symbols, "<u4"),
                "frequencies": digest(changed, "<u4"),
                "log_probs": digest(choice.log_probs(frequency, symbols), "<f8"),
            }
        )
        if not case["options"] and not case["mask"]:
            code = coded(frequency, symbols.tolist())
            codes.append({"choice": number, "length": len(code), "sha256": hashlib.sha256(code).hexdigest()})
    return {
        "tables": {
            "sigmoid": digest(tables.sigmoid(), "<i2"),
            "tanh": digest(tables.tanh(), "<i2"),
            "frequencies": digest(tables.frequencies(), "<u4"),
        },
        "random": [
            {**{name: str(value) for name, value in one.items()}, "words": [f"{word:016x}" for word in first(one)]}
            for one in GENERATORS
        ],
        "choices": choices,
        "codes": codes,
        "known": [{**one, "code": coded(one["frequencies"], one["symbols"]).hex()} for one in KNOWN],
    }


def first(generator: dict[str, int]) -> list[int]:
    """Its first eight words."""
    found: list[int] = Randomness(**generator).words(8).tolist()
    return found


def coded(frequencies: Any, symbols: list[int]) -> bytes:
    encoder = Encoder()
    for one, symbol in zip(frequencies, symbols, strict=True):
        encoder.put(np.asarray(one), symbol)
    return encoder.finish()


if __name__ == "__main__":
    FILE.write_text(text(made()))
