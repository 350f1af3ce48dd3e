"""The structures of `kernel.c`, and models as the kernel reads them."""

from __future__ import annotations

import ctypes as c
from collections.abc import Sequence
from typing import Any

import numpy as np

LINE = 64
"""Places in an image are counted in so many bytes."""
SUMS, UNITS = 64, 16
"""A group of a layer has so many sums, and so many units if it has gates."""
EMBEDDING, COVARIATES, ATTENDED = -1, -2, -3
ACTIVATIONS, NUMBERS, HOT, TABLE = range(4)
LSTM, PEEPHOLE, TANH, LOGITS, DOUBLES = range(5)

POINTER = c.c_void_p


def _whole(*names: str) -> list[tuple[str, Any]]:
    return [(name, c.c_int32) for name in names]


def _places(*names: str) -> list[tuple[str, Any]]:
    return [(name, c.c_uint32) for name in names]


def _pointers(*names: str) -> list[tuple[str, Any]]:
    return [(name, POINTER) for name in names]


class Part(c.Structure):
    """What a layer reads of one source."""

    _fields_ = [*_whole("source", "form", "columns", "shift"), *_places("weights", "multipliers")]


class Layer(c.Structure):
    """A layer."""

    _fields_ = [
        *_whole("cell", "width", "groups", "first", "parts", "own", "tables", "shift", "peephole_shift"),
        *_places("start", "multipliers", "bias", "peepholes"),
    ]


class Model(c.Structure):
    """The beginning of an image."""

    _fields_ = [
        *_whole("variant", "fine", "flip", "layers", "steering", "feedback", "outputs", "whole", "fields"),
        *_whole("embedded", "covariates", "attended", "components"),
        *_places("layer", "part", "sigmoid", "tanh", "frequencies", "embedding", "fields_begin"),
    ]


class Run(c.Structure):
    """Known steps."""

    _fields_ = [
        *_whole("steps", "rows"),
        *_pointers("symbols", "values", "covariates", "fresh", "text", "lengths"),
        *_whole("longest"),
        *_pointers("state", "logits", "parameters", "attention", "next", "nats"),
    ]


SAMPLING = np.dtype(
    [(name, np.float64) for name in ("temperature", "top_p", "min_p", "typical", "penalty")]
    + [(name, np.int32) for name in ("top_k", "window", "late", "masked", "frequency", "presence", "biases", "unused")]
    + [(name, np.uintp) for name in ("biased", "bias", "counts")]
)
"""How a row is drawn."""


class Policy(c.Structure):
    """What is read after a symbol."""

    _fields_ = [*_whole("every", "period", "start"), *_pointers("begins", "in_unit", "predicted")]


class Generate(c.Structure):
    """Symbols to be drawn."""

    _fields_ = [
        *_whole("steps", "rows"),
        *_pointers("state", "logits", "keys", "drawn", "recent", "place", "ends", "symbols", "log_probs", "counts"),
        *_pointers("seen", "sampling", "allowed"),
        ("stride", c.c_int64),
        *_pointers("trail", "trail_logits"),
        ("policy", Policy),
    ]


class Choose(c.Structure):
    """Symbols to be drawn from known logits."""

    _fields_ = [
        *_whole("rows"),
        *_pointers("logits", "words", "recent", "sampling", "allowed"),
        ("stride", c.c_int64),
        *_pointers("symbols", "log_probs", "log_masses"),
    ]


class Coder(c.Structure):
    """The state of the range coder."""

    _fields_ = [
        ("low", c.c_uint64),
        ("range", c.c_uint64),
        *_pointers("code"),
        ("size", c.c_int64),
        ("length", c.c_int64),
    ]


class Decode(c.Structure):
    """Symbols to be decoded."""

    _fields_ = [*_whole("steps"), *_pointers("state", "logits", "symbols"), ("coder", Coder), ("policy", Policy)]


def declare(library: c.CDLL) -> None:
    """The types of the kernel's functions."""
    size, whole = c.c_size_t, c.c_int
    library.rk_packed.restype, library.rk_packed.argtypes = size, [whole, whole, whole]
    library.rk_pack.restype, library.rk_pack.argtypes = None, [whole, POINTER, whole, whole, whole, POINTER]
    library.rk_memory.restype, library.rk_memory.argtypes = size, [POINTER, whole]
    for name, count in (("run", 3), ("generate", 3), ("choose", 3), ("encode", 4), ("decode", 3)):
        function = getattr(library, f"rk_{name}")  # an attribute is made once, an item anew each time
        function.restype, function.argtypes = None, [POINTER] * count


def array(structures: Sequence[c.Structure]) -> np.ndarray:
    """Structures side by side: [bytes] uint8."""
    return np.frombuffer(b"".join(map(bytes, structures)), np.uint8)


def lines(size: int) -> np.ndarray:
    """[size] uint8, zeros, from the beginning of a line on."""
    room = np.zeros(size + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + size]


class Image:
    """Arrays put one after another, each at the beginning of a line."""

    def __init__(self, begin: type[c.Structure]) -> None:
        """begin: what stands at the beginning."""
        self._size = _lines(c.sizeof(begin))
        self._arrays: list[tuple[int, np.ndarray]] = []

    def put(self, array: np.ndarray, before: int = 0) -> int:
        """The place of an array. before: lines left free before it."""
        self._size += before
        place, array = self._size, np.ascontiguousarray(array)
        self._arrays.append((place, array))
        self._size += _lines(array.nbytes) + 1
        return place

    def finished(self, begin: c.Structure) -> np.ndarray:
        """The image: [bytes] uint8."""
        image = lines(self._size * LINE)
        image[: c.sizeof(begin)] = array([begin])
        for place, one in self._arrays:
            image[place * LINE : place * LINE + one.nbytes] = one.reshape(-1).view(np.uint8)
        return image


def _lines(size: int) -> int:
    return -(-size // LINE)
