"""The measurements of `rhapsode bench`, made small, and the allocator's setting."""

import json
import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rhapsode import registry
from rhapsode.cli import main
from rhapsode.demos import bench


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bench, "SHAPES", [(1, 16, 4, 8), (2, 8, 2, 4)])
    monkeypatch.setattr(bench, "CELL_SHAPE", (1, 16, 4, 8))
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench, "STEPS", 10)
    yield


def test_bench(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--precision", "fp32", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "1x16" in out and "2x8" in out and "4x8" in out and "GB/s" in out and "fed back" in out
    assert all(f" {name} " in out for name in registry.names("cell"))


def test_bench_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json", "--device", "cpu"]) == 0
    found = json.loads(capsys.readouterr().out)
    one = found["training"][0]
    # 6 operations for each weight of a matrix: 4 gates of 16 from 32 and 16 inputs, and 96 outputs, 4 × 8 steps.
    work = 6 * (4 * 16 * (32 + 16) + 96 * 16) * 4 * 8
    assert one["updates"] == pytest.approx(work * one["steps_per_second"] / (4 * 8))
    assert all(one["trained_per_second"] > 0 and one["drawn_per_second"] > 0 for one in found["modalities"])
    assert [one["modality"] for one in found["modalities"]] == ["ink", "ink"]
    cells = {each["cell"]: each for each in found["cells"]}
    assert set(cells) == set(registry.names("cell")) and all(each["cost"] > 0 for each in cells.values())
    assert cells["lstm"]["parameters"] == cells["lstm"]["cost"] == 1 and cells["gru"]["parameters"] < 0.8
    assert 0 < one["updates"] < one["peak"] and found["generation"]["steps_per_second"] > 0


def test_no_such_device_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--device", "abacus"]) == 2
    assert "--device cpu" in capsys.readouterr().err


KEPT = """
import resource
import numpy as np
from rhapsode.training import memory

def faults():
    'Pages made to fill 64 MB a second time.'
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(1 << 23)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

assert faults() > 20  # 16,384 small pages, or 32 huge ones
with memory.kept():
    assert faults() < 20
assert faults() > 20
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_is_kept() -> None:
    """In a process of its own: what another has allocated before makes a difference."""
    found = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
