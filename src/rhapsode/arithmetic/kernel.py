"""The kernel: the arithmetic in C, for the instructions of this machine's processor.

`kernel.c` has a variant for each set of instructions; all compute the same bits. The best one that this processor has
is used. The environment variable RHAPSODE_KERNEL names another one (`plain`, `sse4`, `avx2`, ...), or `numpy` for none.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from rhapsode.errors import choice

HERE = Path(__file__).parent
SOURCE, LEARNING = HERE / "kernel.c", HERE / "learning.c"
"""The kernel, and what a library has besides."""
VARIABLE = "RHAPSODE_KERNEL"
NUMPY = "numpy"
"""The value of RHAPSODE_KERNEL for no kernel."""


@dataclass(frozen=True)
class Kernel:
    """One variant of the kernel."""

    library: ctypes.CDLL
    name: str
    number: int


def kernel() -> Kernel | None:
    """The variant to use; None if numpy computes instead. Raises `UserError` if RHAPSODE_KERNEL is not one of them."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted == NUMPY:
        return None
    found = variants()
    if wanted and wanted not in found:
        raise choice(VARIABLE, wanted, [*found, NUMPY], "These are the variants that this processor can run.")
    return found[wanted] if wanted else next(reversed(found.values()), None)


@functools.cache
def variants() -> dict[str, Kernel]:
    """The variants that this processor can run, by name, best last. None of them, and a message, without a library."""
    try:
        library = opened()
    except OSError as error:
        print(
            f"The fast kernel is missing ({error}), so numpy computes, several times slower, with the same result. To "
            "get the kernel: python -m pip install ziglang && python -m rhapsode.arithmetic.build",
            file=sys.stderr,
        )
        return {}
    names = [library.rk_variant_name(number).decode() for number in range(library.rk_variants())]
    return {name: Kernel(library, name, i) for i, name in enumerate(names) if library.rk_supported(i)}


def opened(path: Path | None = None) -> ctypes.CDLL:
    """The library. Raises `OSError` if there is none, or if it is not made of the present sources."""
    path = path or HERE / library_name(sys.platform)
    if not path.exists():
        raise OSError(f"there is no {path}")
    library = ctypes.CDLL(str(path))
    try:
        library.rk_source_digest.restype = library.rk_variant_name.restype = ctypes.c_char_p
    except AttributeError:
        raise OSError(f"{path} is another library") from None
    if library.rk_source_digest().decode() != source_digest():
        raise OSError(f"{path} is not made of the present {SOURCE.name} and {LEARNING.name}")
    return library


def library_name(system: str) -> str:
    """system: the name of a system, by Python (`sys.platform`) or by zig. (Python would import a `kernel.so`.)"""
    return "libkernel" + {"darwin": ".dylib", "macos": ".dylib", "win32": ".dll", "windows": ".dll"}.get(system, ".so")


def source_digest(*sources: Path) -> str:
    """SHA-256 of these sources, one after another; by default of all that a library is made of. 64 hexadecimal digits.
    Each library has the one of its sources, and `kernel.wasm` that of `kernel.c`."""
    read = (source.read_bytes() for source in sources or (SOURCE, LEARNING))
    return hashlib.sha256(b"".join(read).replace(b"\r\n", b"\n")).hexdigest()
