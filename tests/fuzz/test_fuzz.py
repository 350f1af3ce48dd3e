"""Damaged files of every kind, in processes of their own: what comes out is a result or a `UserError`, soon and in
little memory. Some seconds here; RHAPSODE_FUZZ=600 is ten minutes a group, with other inputs each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.targets import GROUPS

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("RHAPSODE_FUZZ", 2))
SEED = int(time.time()) if "RHAPSODE_FUZZ" in os.environ else 0
GRACE = 120
"""Seconds for the start and for the last input."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of this kind for a process")
@pytest.mark.timeout(SECONDS + 2 * GRACE)
@pytest.mark.parametrize("group", GROUPS)
def test_damaged_files(group: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.child", group, str(SECONDS), str(SEED), str(tmp_path)]
    with open(tmp_path / "out", "w") as out:
        child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        try:
            status = child.wait(SECONDS + GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            status = None
    said = (tmp_path / "out").read_text()
    now = tmp_path / "now"
    where = f"{group}, seed {SEED}, {now.read_text() if now.exists() else 'before the first input'}"
    assert status == 0, f"the process ended with {status} ({where}), its input is {tmp_path}/input: {said[-2000:]}"
    found = tmp_path / "found.jsonl"
    wrong = [json.loads(line) for line in found.read_text().splitlines()] if found.exists() else []
    told = "\n\n".join(f"{each['what']} (seed {SEED}, input {each['input']})\n{each['trace']}" for each in wrong)
    assert not wrong, told
    counts = json.loads(said.splitlines()[-1])
    assert counts["read"] and counts["refused"], counts
