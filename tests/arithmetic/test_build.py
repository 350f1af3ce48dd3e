"""How the kernel is built, alone and in wheels."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

from rhapsode.arithmetic import kernel
from rhapsode.arithmetic.build import TARGETS, WASM, CannotBuild, build, compiler

ROOT = Path(__file__).parents[2]


def test_without_a_compiler_building_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("rhapsode.arithmetic.build.find_spec", lambda name: None)
    with pytest.raises(CannotBuild, match="no C compiler was found, and the package ziglang is not installed"):
        build(folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_fails_is_told_and_leaves_what_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "kernel.c"
    broken.write_text("int nothing(void) { return missing; }\n")
    monkeypatch.setattr("rhapsode.arithmetic.build.SOURCE", broken)
    try:
        build(folder=tmp_path)
    except CannotBuild as error:
        assert re.search("missing|no C compiler", str(error))
    assert list(tmp_path.iterdir()) == [broken]


def test_kernel_wasm_is_made_of_the_present_source() -> None:
    """If not: python -m pip install ziglang && python -m rhapsode.arithmetic.build --wasm"""
    assert kernel.source_digest(kernel.SOURCE).encode() in kernel.SOURCE.with_suffix(".wasm").read_bytes()


def test_kernel_wasm_is_what_zig_makes(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="ziglang is not installed")
    version = metadata.version("ziglang")
    if f"\nziglang=={version}\n" not in (ROOT / "constraints.txt").read_text():
        pytest.skip(f"ziglang is {version}, not that of constraints.txt")
    assert build(WASM, tmp_path).read_bytes() == kernel.SOURCE.with_suffix(".wasm").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_zig_builds_for_all_systems_without_a_libc(target: str, tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="ziglang is not installed")
    data = build(target, tmp_path).read_bytes()
    assert kernel.source_digest().encode() in data
    assert not re.search(rb"libc\.|msvcrt|ucrt", data)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a wheel is built of."""
    if not (find_spec("setuptools") and find_spec("pip")):
        pytest.skip("setuptools is not installed")
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def wheel(tree: Path, folder: Path, **environment: str) -> Path:
    call = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(tree),
    ]
    subprocess.run(call, check=True, env=os.environ | environment, capture_output=True)
    (made,) = folder.iterdir()
    return made


def libraries(made: Path) -> list[str]:
    return [name.split("/")[-1] for name in ZipFile(made).namelist() if "libkernel" in name]


@pytest.mark.slow
def test_a_wheel_has_the_kernel_and_is_for_each_python(tree: Path, tmp_path: Path) -> None:
    if compiler() is None:
        pytest.skip("there is no compiler for the kernel")
    made = wheel(tree, tmp_path)
    assert "-py3-none-" in made.name
    assert not made.name.endswith("-any.whl")
    assert libraries(made) == [kernel.library_name(sys.platform)]
    assert {"kernel.c", "learning.c", "kernel.wasm"} <= {name.split("/")[-1] for name in ZipFile(made).namelist()}


@pytest.mark.slow
def test_a_wheel_for_another_machine(tree: Path, tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="ziglang is not installed")
    made = wheel(tree, tmp_path, RHAPSODE_TARGET="aarch64-windows-gnu")
    assert made.name.endswith("-py3-none-win_arm64.whl")
    assert libraries(made) == ["libkernel.dll"]


@pytest.mark.slow
@pytest.mark.parametrize("why", ["there is no compiler", "it is not wanted"])
def test_without_a_compiler_a_wheel_has_no_kernel(tree: Path, tmp_path: Path, why: str) -> None:
    module = tmp_path / "modules" / "ziglang.py"
    module.parent.mkdir()
    module.write_text("raise SystemExit(1)\n")
    none = {"PATH": "", "CC": "", "PYTHONPATH": str(module.parent)}
    made = wheel(tree, tmp_path / "dist", **none if "compiler" in why else {kernel.VARIABLE: kernel.NUMPY})
    assert made.name.endswith("-py3-none-any.whl")
    assert not libraries(made)
