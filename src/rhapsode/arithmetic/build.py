"""Builds the kernel: `kernel.c` and `learning.c` become a library for this machine or for others, and `kernel.c` alone
`kernel.wasm`.

    python -m rhapsode.arithmetic.build                  # for this machine, beside kernel.c
    python -m rhapsode.arithmetic.build --wasm           # kernel.wasm, for browsers
    python -m rhapsode.arithmetic.build --wheels dist    # one wheel for each system and processor

Compilers: $CC, cc, gcc or clang; else, and for other machines, `ziglang`, which is a package (`pip install ziglang`).
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from rhapsode.arithmetic.kernel import HERE, LEARNING, SOURCE, library_name, source_digest

FLAGS = "-O3 -g0 -ffp-contract=off -fno-math-errno -fno-trapping-math -ffreestanding -fvisibility=hidden"
"""`-ffp-contract=off`: no fused products, which round otherwise. `-fno-trapping-math`: comparisons of doubles need not
raise the processor's flags for NaN, and so loops that have some can become vectors; it changes no result."""
SYSTEMS = {
    "linux": "-nostdlib -shared -s -fPIC -Wl,-Bsymbolic",
    "macos": "-shared -fPIC",  # with its libc: each process there has it, and libraries without it are not usual
    "windows": "-nostdlib -shared -s",
    "freestanding": "-Os -nostdlib -s -msimd128 -Wl,--no-entry -Wl,--export-dynamic -Wl,--export=__heap_base",
}
"""More flags for each system."""
TARGETS = {
    "x86_64-linux-none": "manylinux_2_17_x86_64.musllinux_1_1_x86_64",
    "aarch64-linux-none": "manylinux_2_17_aarch64.musllinux_1_1_aarch64",
    "x86_64-macos.11.0-none": "macosx_11_0_x86_64",
    "aarch64-macos.11.0-none": "macosx_11_0_arm64",
    "x86_64-windows-gnu": "win_amd64",
    "aarch64-windows-gnu": "win_arm64",
}
"""The platforms of a wheel, for each target of zig. A library without a libc serves Linux with any."""
WASM = "wasm32-freestanding"


class CannotBuild(Exception):
    """There is no compiler, or none that could. `str(error)` says what was tried."""


def build(target: str | None = None, folder: Path = HERE) -> Path:
    """Build the kernel into a folder; a library that is there is replaced at once.

    target: a target of zig: one of `TARGETS`, or `WASM`. Without one, the kernel is for this machine.
    Raises `CannotBuild`.
    """
    system = _system(target or _here())
    name = "kernel.wasm" if target == WASM else library_name(system)
    sources = [SOURCE] if target == WASM else [SOURCE, LEARNING]
    flags = [*FLAGS.split(), *SYSTEMS.get(system, SYSTEMS["linux"]).split(), f"-DRK_SOURCE={source_digest(*sources)}"]
    tried = []
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary, name)
        for compiler in _compilers(target):
            call = [*compiler, *flags, *map(str, sources), "-o", str(made)]
            done = subprocess.run(call, capture_output=True, text=True, errors="replace")
            if done.returncode == 0 and target is None:  # it may be a compiler for other machines
                loads = [sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", str(made)]
                done = subprocess.run(loads, capture_output=True, text=True, errors="replace")
            if done.returncode == 0:
                beside = folder / f".{name}.{os.getpid()}"
                try:
                    shutil.copyfile(made, beside)
                    os.replace(beside, folder / name)
                except OSError as error:
                    raise CannotBuild(f"{folder / name} cannot be written: {error.strerror}") from error
                finally:
                    beside.unlink(missing_ok=True)
                return folder / name
            tried.append(f"{' '.join(compiler)}: {done.stderr.strip()[-500:]}")
    raise CannotBuild("; ".join(tried) or "no C compiler was found, and the package ziglang is not installed")


def compiler() -> str | None:
    """The C compiler of this system."""
    if sys.platform == "darwin" and subprocess.run(["xcode-select", "-p"], capture_output=True).returncode:
        return None  # its cc would open a window that asks for a compiler
    return next(filter(None, map(shutil.which, filter(None, (os.environ.get("CC"), "cc", "gcc", "clang")))), None)


def requires(target: str | None = None) -> list[str]:
    """The packages that `build` needs."""
    return ["ziglang"] if target or (_here() and not compiler()) else []


def _compilers(target: str | None) -> Iterator[list[str]]:
    """Commands of compilers, to try one after the other."""
    if target is None and (own := compiler()):
        yield [own]
    triple = target or _here()
    if triple and find_spec("ziglang"):
        yield [sys.executable, "-m", "ziglang", "cc", "-target", triple, "-fno-sanitize=all"]


def _here() -> str | None:
    """The target of zig for this machine; None for machines that are none of `TARGETS`."""
    processor = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    mine = (processor, _system(None))
    return next((target for target in TARGETS if (target.split("-")[0], _system(target)) == mine), None)


def _system(target: str | None) -> str:
    """The system of a target of zig, or this machine's, by zig's name."""
    if target is None:
        return {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return target.split("-")[1].split(".")[0]


def _wheels(folder: str) -> None:
    """Build a wheel of the source tree for each of `TARGETS`."""
    tree = HERE.parents[2]
    for target in TARGETS:
        call = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(tree)]
        subprocess.run(call, check=True, env=os.environ | {"RHAPSODE_TARGET": target})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rhapsode.arithmetic.build", description=__doc__.split("\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--wasm", action="store_true", help="build kernel.wasm; needs ziglang")
    what.add_argument(
        "--wheels", metavar="FOLDER", help="build wheels for all systems from a source tree; needs ziglang"
    )
    options = parser.parse_args()
    try:
        if options.wheels:
            _wheels(options.wheels)
        else:
            print(build(WASM if options.wasm else None))
    except CannotBuild as error:
        sys.exit(f"The kernel cannot be built: {error}.")


if __name__ == "__main__":
    main()
