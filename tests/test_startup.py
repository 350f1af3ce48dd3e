"""Help comes at once: it loads nothing that is heavy."""

import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "numpy", "onnx", "onnxruntime", "pydantic", "matplotlib", "pooch", "rich.console")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["data", "--help"], ["--version"], ["nonsense"]]
)
def test_help_is_light(arguments: list[str]) -> None:
    code = f"""
import sys
from rhapsode.cli import main
main({arguments!r})
loaded = set({HEAVY!r}) & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_help_is_fast() -> None:
    """Less than 0.2 s: the best of some runs, since the machine may have other work."""
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "rhapsode", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.2, times
