"""Help comes at once: it loads nothing that is heavy."""

import os
import subprocess
import sys
from pathlib import Path

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


def test_completion_is_light(tmp_path: Path) -> None:
    code = f"import sys; from rhapsode.cli import main; main([]); print(*{HEAVY} & set(sys.modules), file=sys.stderr)"
    asked = {"_RHAPSODE_COMPLETE": "complete_bash", "COMP_WORDS": "rhapsode\nwrite\ndemo\n:", "COMP_CWORD": "3"}
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, check=True, capture_output=True, text=True, cwd=tmp_path, env=os.environ | asked)
    assert done.stdout == "handwriting\n" and done.stderr.splitlines()[-1] == ""


def test_help_is_fast(tmp_path: Path) -> None:
    """0.1 s of a processor or so. It is compared with the import of typer, for machines differ and have other work."""
    resource = pytest.importorskip("resource")
    compiled = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    compiled["PYTHONPYCACHEPREFIX"] = str(tmp_path)  # as on every machine after the first time

    def seconds(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)  # `os.times` counts in hundredths
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=compiled)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    pairs = [(seconds("-m", "rhapsode", "--help"), seconds("-c", "import typer.main, rhapsode")) for _ in range(5)]
    ours, least = (min(each) for each in zip(*pairs, strict=True))
    assert ours < 3 * least, pairs
