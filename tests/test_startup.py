"""Help comes at once: it loads nothing that is heavy."""

import subprocess
import sys
import time

import pytest

HEAVY = {"torch", "numpy", "onnx", "onnxruntime", "matplotlib", "pooch", "rich.console"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["data", "--help"], ["--version"], ["nonsense"]]
)
def test_help_is_light(arguments: list[str]) -> None:
    # typer itself needs pydantic to read a command's arguments
    heavy = HEAVY | {"pydantic"} if arguments == ["--help"] else HEAVY
    code = f"import sys; from rhapsode.cli import main; main({arguments})\n"
    code += f"print(*{heavy} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == ""


def test_help_is_fast() -> None:
    """Less than 0.2 s: the best of some runs, since the machine may have other work."""
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "rhapsode", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.2, times
