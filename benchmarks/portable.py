"""Whether models give the same everywhere: with all variants of the kernel, on old processors, on other architectures.

    python benchmarks/portable.py                       # this machine: the variants that it can run, and numpy
    python benchmarks/portable.py --emulated            # and machines that qemu plays
    python benchmarks/portable.py --emulated --tests    # and the conformance tests there

Models of text, handwriting, tunes and series are trained here, for seconds. Each machine loads these files, and runs
commands that generate, score and compress. The digests of what they print and write are compared with those that numpy
gives on this machine. The exit status is 1 if one differs, or fails.

qemu plays processors: for an x86-64 one it runs this Python; for ARM a Python of Debian 12, which is unpacked into a
folder with the packages that models need (`--folder`; 200 MB). For that:

    apt-get install qemu-user && dpkg --add-architecture arm64 && apt-get update
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhapsode.arithmetic import kernel
from rhapsode.arithmetic.build import build
from rhapsode.cli import main as rhapsode

ROOT = Path(__file__).parents[1]
DEBIAN = (
    "python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 libexpat1 zlib1g libffi8 libssl3 libgcc-s1 "
    "libstdc++6 libbz2-1.0 liblzma5 libuuid1"
)
PACKAGES = (
    "numpy pydantic safetensors xxhash zstandard google-re2 filelock platformdirs typer rich pooch requests "
    "Hershey-Fonts symusic pytest pytest-timeout"
)
TESTS = (
    "--noconftest",
    *(f"tests/arithmetic/test_{name}.py" for name in ("doubles", "golden", "kernel", "learning")),
    "tests/nn/test_heads_portable.py",
)
NETWORK = "--updates 60 --width 32"
TRAINED = {
    "text": f"train text.txt {NETWORK} --layers 2",
    "words": f"train text.txt {NETWORK} --codec words --config peephole.toml",
    "pens": f"train pens.jsonl {NETWORK}",
    "tunes": f"train tunes --codec pianoroll {NETWORK}",
    "series": f"train series.csv {NETWORK}",
}
SAMPLE = "generate MODEL --seed 1"
COMMANDS = {
    "text": (
        f"{SAMPLE} --samples 3 --length 60 --json",
        f"{SAMPLE} Rhap --length 60 --temperature 0.8 --top-k 20 --top-p 0.95 --repetition-penalty 1.2 --json",
        f"{SAMPLE} --length 60 --min-p 0.02 --typical 0.9 --json",
        "score MODEL short.txt --json",
        "compress MODEL short.txt -o OUT",
        "compress MODEL short.txt --online -o OUT",
    ),
    "words": (f"{SAMPLE} --length 30 --json", "score MODEL short.txt --json"),
    "pens": ("write MODEL tub --seed 1 --tries 1 --json", "score MODEL pens.jsonl --json"),
    "tunes": ("compose MODEL --seed 1 --bars 1 -o OUT.mid", "score MODEL tunes/0.mid --json"),
    "series": ("forecast MODEL series.csv --horizon 5 --seed 1 --json", "score MODEL series.csv --json"),
}


@dataclass(frozen=True)
class Machine:
    """What runs Python there, and where modules and the source tree are."""

    name: str
    python: tuple[str, ...] = (sys.executable,)
    tree: Path = ROOT
    packages: Path | None = None

    def run(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        path = [str(each) for each in (self.tree / "src", self.packages) if each]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
        return subprocess.run([*self.python, *words], cwd=cwd, env=environment, capture_output=True, text=True)


def emulated(folder: Path) -> Iterator[Machine]:
    """The machines that qemu plays, and AVX-VNNI, which it does not know. folder: of the Python of ARM."""
    if "avx512vnni" in kernel.variants():
        yield avxvnni(folder / "avxvnni")
    for processor, year in (("Nehalem", 2008), ("Haswell", 2013)):
        yield Machine(f"x86-64 of {year} ({processor})", ("qemu-x86_64", "-cpu", processor, sys.executable))
    root, packages, tree = arm(folder)
    for processor, noted in (("cortex-a53", "without dotprod"), ("max", "with dotprod")):
        python = ("qemu-aarch64", "-cpu", processor, "-L", str(root), str(root / "usr/bin/python3.11"))
        yield Machine(f"ARM {noted} ({processor})", python, tree, packages)


def arm(folder: Path) -> tuple[Path, Path, Path]:
    """The roots of a system, of packages and of a source tree, for ARM."""
    root, packages, tree = folder / "root", folder / "packages", folder / "tree"
    if not packages.exists():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            subprocess.run(
                ["apt-get", "-qq", "download", *(f"{name}:arm64" for name in DEBIAN.split())], check=True, cwd=temporary
            )
            for each in Path(temporary).glob("*.deb"):
                subprocess.run(["dpkg", "-x", str(each), str(root)], check=True)
        for_arm = [f"--platform=manylinux_2_{minor}_aarch64" for minor in (17, 26, 27, 28)]
        options = ["--quiet", "--only-binary=:all:", "--python-version=3.11", f"--target={packages}", *for_arm]
        options += ["-c", str(ROOT / "constraints.txt")]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, *PACKAGES.split()], check=True)
    copied(tree)
    build("aarch64-linux-none", tree / "src/rhapsode/arithmetic")
    return root, packages, tree


def copied(tree: Path) -> None:
    """Copy the source tree, without the kernel's library."""
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "libkernel.*"))
    shutil.copy(ROOT / "pyproject.toml", tree)


def avxvnni(tree: Path) -> Machine:
    """The instructions of AVX-VNNI are among those of AVX-512, in another encoding."""
    copied(tree)
    source = tree / "src/rhapsode/arithmetic/kernel.c"
    text = source.read_text()
    for old, new in {
        'target("avx2,avxvnni")': 'target("avx2,avx512f,avx512vl,avx512vnni")',
        "ROW(avxvnni, AVXVNNI": "ROW(avxvnni, AVX512VNNI",
        "_avx_epi32": "_epi32",
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    source.write_text(text)
    machine = Machine("this machine, AVX-VNNI encoded as AVX-512", tree=tree)
    machine.run("-m", "rhapsode.arithmetic.build", cwd=tree)
    return machine


def prepare(folder: Path) -> None:
    """Data, and models of them."""
    from rhapsode.modalities.music.blues import corpus
    from rhapsode.modalities.music.formats import midi

    generator = np.random.default_rng(0)
    text = (ROOT / "README.md").read_bytes()
    (folder / "text.txt").write_bytes(text)
    (folder / "short.txt").write_bytes(text[:1500])
    (folder / "peephole.toml").write_text('[network]\ncell = "peephole"\nskip = true\n')
    (folder / "tunes").mkdir()
    for n, tune in enumerate(corpus(8, 0)):
        (folder / "tunes" / f"{n}.mid").write_bytes(midi.dumps(tune))
    t = np.linspace(0, 6, 9)
    drawings = []
    for _ in range(40):
        word = "".join(generator.permutation(list("tub"))[: generator.integers(2, 4)])
        strokes = [np.stack([4 * n + np.cos(t * (1 + ord(c) % 3)), np.sin(t)], 1) * 5 for n, c in enumerate(word)]
        moved = [(each + generator.normal(size=each.shape) / 9).tolist() for each in strokes]
        drawings.append(json.dumps({"rhapsode": "ink/1", "text": word, "strokes": moved}) + "\n")
    (folder / "pens.jsonl").write_text("".join(drawings))
    days = np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]")
    counts = generator.poisson(9 + 5 * np.sin(np.arange(len(days)) / 9))
    (folder / "series.csv").write_text(
        "day,visitors\n" + "".join(f"{d},{n}\n" for d, n in zip(days, counts, strict=True))
    )
    for name, command in TRAINED.items():
        said = io.StringIO()
        with chdir(folder), redirect_stdout(said), redirect_stderr(said):
            status = rhapsode([*command.split(), "-o", name])
        if status:
            sys.exit(f"{said.getvalue()}\n{command}: status {status}")


def work(folder: Path) -> None:
    """Print the digest of each command with each variant, as lines of JSON."""
    for variant in (kernel.NUMPY, *kernel.variants()):
        os.environ[kernel.VARIABLE] = variant
        for name, commands in COMMANDS.items():
            for number, command in enumerate(commands):
                digest, begun = hashlib.sha256(), time.perf_counter()
                printed = io.TextIOWrapper(io.BytesIO())
                with chdir(folder), redirect_stdout(printed):
                    status = rhapsode(shlex.split(command.replace("MODEL", name)))
                for written in sorted(folder.glob("OUT*")):
                    digest.update(written.read_bytes())
                    written.unlink()
                printed.flush()
                digest.update(printed.buffer.getvalue())
                found = digest.hexdigest() if status == 0 else f"status {status}"
                seconds = time.perf_counter() - begun
                print(json.dumps([variant, f"{name} {command.split()[0]} {number}", found, seconds]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emulated", action="store_true", help="on machines that qemu plays, too")
    parser.add_argument("--tests", action="store_true", help="run the conformance tests, too")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "rhapsode-arm"))
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return
    failed = False
    expected: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder)
        for machine in (Machine("this machine"), *(emulated(options.folder) if options.emulated else ())):
            print(machine.name)
            done = machine.run(str(Path(__file__).resolve()), "--work", temporary, cwd=folder)
            found: dict[str, dict[str, str]] = {}
            for variant, what, digest, _ in map(json.loads, done.stdout.splitlines()):
                found.setdefault(variant, {})[what] = digest
            expected = expected or found[kernel.NUMPY]
            for variant, digests in found.items():
                other = [f"{what}: {digest[:16]}" for what, digest in digests.items() if digest != expected[what]]
                together = hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:16]
                print(f"  {variant:12} {together}  {'; '.join(other) or 'the same'}", flush=True)
                failed |= bool(other)
            if done.returncode:
                print(done.stderr)
                failed = True
            if options.tests:
                tests = machine.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, cwd=machine.tree)
                print(f"  tests        {tests.stdout.strip().splitlines()[-1]}", flush=True)
                failed |= bool(tests.returncode)
                if tests.returncode:
                    print(tests.stdout)
    sys.exit(failed)


if __name__ == "__main__":
    main()
