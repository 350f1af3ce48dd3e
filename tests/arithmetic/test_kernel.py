"""The library of the kernel: how it is found and chosen. What it computes, other tests say."""

from __future__ import annotations

from pathlib import Path

import pytest
from numpy._core import _multiarray_umath

from rhapsode.arithmetic import kernel
from rhapsode.errors import UserError

needs_kernel = pytest.mark.skipif(not kernel.variants(), reason="there is no compiler for the kernel")


@needs_kernel
def test_the_best_variant_is_used_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def used() -> str | None:
        found = kernel.kernel()
        return found and found.name

    monkeypatch.delenv(kernel.VARIABLE, raising=False)
    assert used() == list(kernel.variants())[-1]
    monkeypatch.setenv(kernel.VARIABLE, "plain")
    assert used() == "plain"
    monkeypatch.setenv(kernel.VARIABLE, "numpy")
    assert used() is None
    monkeypatch.setenv(kernel.VARIABLE, "planar")
    with pytest.raises(UserError, match="RHAPSODE_KERNEL: 'planar' is not known. Did you mean 'plain'"):
        kernel.kernel()


@pytest.fixture
def nothing_known() -> object:
    """Libraries are looked for again."""
    kernel.variants.cache_clear()
    yield
    kernel.variants.cache_clear()


def test_without_a_library_numpy_computes_and_it_is_said_once(
    nothing_known: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(kernel.VARIABLE, raising=False)
    monkeypatch.setattr(kernel, "HERE", tmp_path)
    assert kernel.kernel() is None
    assert kernel.kernel() is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "numpy computes" in said
    assert "python -m rhapsode.arithmetic.build" in said


@needs_kernel
def test_a_library_of_another_source_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "source_digest", lambda *sources: "0" * 64)
    with pytest.raises(OSError, match="is not made of the present kernel.c"):
        kernel.opened()


def test_another_library_in_its_place_is_not_used() -> None:
    with pytest.raises(OSError, match="is another library"):
        kernel.opened(Path(_multiarray_umath.__file__))


def test_a_source_with_the_ends_of_lines_of_windows_is_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest, windows = kernel.source_digest(), tmp_path / "kernel.c"
    windows.write_bytes(kernel.SOURCE.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(kernel, "SOURCE", windows)
    assert kernel.source_digest() == digest
