"""Arrays out of a pickle, without unpickling it.

A pickle is a program, and one from elsewhere may do anything. So it is not run: the few operations that numpy writes
for arrays are carried out on stand-ins, which only keep what they are given. Nothing is imported, nothing is called,
and no array is made before its size was compared with the bytes that are there.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rhapsode.files.values import PARTS

NAMES = {
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    "_codecs encode": "bytes",
}
DTYPE = re.compile(r"f[248]|[iu][1248]|b1")
DIMENSIONS = 8
OPERATIONS = 2 * PARTS
"""Of a pickle, at most. An array takes some twenty, and each may leave a hundred bytes in memory."""


class Refused(Exception):
    """The pickle is damaged, or is not of arrays alone."""


@dataclass(slots=True)
class Name:
    """Something the pickle wants to be imported; one of the values of `NAMES`."""

    means: str


@dataclass(slots=True)
class Dtype:
    code: Any
    order: Any = "="


@dataclass(slots=True)
class PickledArray:
    """As in the state of a numpy array: shape, dtype, whether in Fortran's order, the bytes or the list of objects."""

    shape: Any = ()
    dtype: Any = None
    fortran: Any = False
    data: Any = b""


def arrays(data: bytes, count: int) -> list[np.ndarray]:
    """The `count` arrays of numbers in the pickle of an object array. Raises `Refused`."""
    outer = _Machine().run(data)
    if not isinstance(outer, PickledArray) or not isinstance(outer.data, list) or len(outer.data) != count:
        raise Refused("it is not an array of arrays of the announced size")
    found = [_numbers(inner) for inner in outer.data]
    if sum(each.nbytes for each in found) > len(data):
        raise Refused("it has one array many times")
    return found


def _numbers(value: Any) -> np.ndarray:
    if not isinstance(value, PickledArray) or not isinstance(value.dtype, Dtype):
        raise Refused("an element is not an array")
    code, order, raw, shape = value.dtype.code, value.dtype.order, value.data, value.shape
    if isinstance(code, bytes):
        code = code.decode("latin-1")
    if not isinstance(code, str) or not DTYPE.fullmatch(code) or order not in ("<", ">", "|", "="):
        raise Refused("an element is an array of something else than numbers")
    if isinstance(raw, str):  # what Python 2 wrote for bytes
        raw = raw.encode("latin-1", "replace")
    dtype = np.dtype(order + code)
    if not isinstance(shape, tuple) or len(shape) > DIMENSIONS:
        raise Refused("an element has no valid shape")
    if not all(type(size) is int and 0 <= size < 1 << 40 for size in shape):
        raise Refused("an element has no valid shape")
    if not isinstance(raw, bytes) or math.prod(shape) * dtype.itemsize != len(raw):
        raise Refused("an element has more or fewer bytes than its shape calls for")
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if value.fortran else "C")


class _Machine:
    """The stack machine of pickles, with the operations that arrays need."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        operations: dict[str, Callable[[Any], None]] = {
            "GLOBAL": self._global,
            "STACK_GLOBAL": lambda _: self._global(" ".join(_text(each) for each in self._pop(2))),
            "REDUCE": lambda _: self._reduce(*self._pop(2)),
            "BUILD": lambda _: self._build(*self._pop(2)),
            "MARK": lambda _: self.marks.append(len(self.stack)),
            "TUPLE": lambda _: self.stack.append(tuple(self._marked())),
            "LIST": lambda _: self.stack.append(self._marked()),
            "APPEND": lambda _: self._append(self._pop(1)),
            "APPENDS": lambda _: self._append(self._marked()),
            "MEMOIZE": lambda _: self._put(len(self.memo)),
        }
        operations |= dict.fromkeys(("PROTO", "FRAME"), lambda _: None)
        operations |= dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put)
        operations |= dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda at: self.stack.append(self.memo[at]))
        operations |= {f"TUPLE{count}": self._tuple(count) for count in (1, 2, 3)}
        operations["EMPTY_LIST"] = lambda _: self.stack.append([])
        for name, value in (("EMPTY_TUPLE", ()), ("NONE", None), ("NEWTRUE", True), ("NEWFALSE", False)):
            operations[name] = self._constant(value)
        literals = "INT BININT BININT1 BININT2 LONG LONG1 STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE "
        literals += "SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8"
        self.operations = operations | dict.fromkeys(literals.split(), self.stack.append)

    def run(self, data: bytes) -> Any:
        try:
            for count, (operation, argument, _) in enumerate(pickletools.genops(data)):
                if count == OPERATIONS:
                    raise Refused(f"it has more than {OPERATIONS:,} operations; save fewer drawings in one array")
                if operation.name == "STOP":
                    return self._pop(1)[0]
                known = self.operations.get(operation.name)
                if known is None:
                    raise Refused(f"it has the operation {operation.name}, which arrays do not need")
                known(argument)
        except (ValueError, KeyError, IndexError, UnicodeError) as error:
            raise Refused(f"it is damaged ({error})") from None
        raise Refused("it has no end")

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("nothing left to take")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _constant(self, value: Any) -> Callable[[Any], None]:
        return lambda _: self.stack.append(value)

    def _tuple(self, count: int) -> Callable[[Any], None]:
        return lambda _: self.stack.append(tuple(self._pop(count)))

    def _marked(self) -> list[Any]:
        at = self.marks.pop()
        taken = self.stack[at:]
        del self.stack[at:]
        return taken

    def _put(self, at: int) -> None:
        self.memo[at] = self.stack[-1]

    def _append(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise Refused("it appends to what is not a list")
        self.stack[-1].extend(values)

    def _global(self, name: str) -> None:
        if name not in NAMES:
            raise Refused(f"it asks for {name.replace(' ', '.', 1)[:60]!r}, which could run anything")
        self.stack.append(Name(NAMES[name]))

    def _reduce(self, what: Any, arguments: Any) -> None:
        means = what.means if isinstance(what, Name) else None
        if not isinstance(arguments, tuple) or not arguments or means not in ("array", "dtype", "bytes"):
            raise Refused("it calls what arrays do not need")
        if means == "array":
            self.stack.append(PickledArray())
        elif means == "dtype":
            self.stack.append(Dtype(arguments[0]))
        elif isinstance(arguments[0], str):
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            raise Refused("it encodes what is not text")

    def _build(self, what: Any, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5:
            raise Refused("it has a state that is not one of an array")
        if isinstance(what, PickledArray):
            what.shape, what.dtype, what.fortran, what.data = state[1:5]
        elif isinstance(what, Dtype):
            order = state[1]
            what.order = order.decode("latin-1") if isinstance(order, bytes) else order
        else:
            raise Refused("it sets the state of what is not an array")
        self.stack.append(what)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused("it names something by what is not text")
    return value
