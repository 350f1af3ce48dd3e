"""The constraint `check`: a command of the user's decides."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from rhapsode.data.constraint import Verdict
from rhapsode.errors import UserError
from rhapsode.inference.generate import generate
from rhapsode.modalities.text.constraints import check
from rhapsode.modalities.text.constraints.check import Check
from tests.conftest import MakeModel

EVEN = f'"{sys.executable}" -c "import sys; sys.exit(len(sys.stdin.buffer.read().splitlines()) % 2)"'
"""Accepts an even number of lines."""


def test_a_command_is_asked_at_the_end_of_each_line(tmp_path: Path) -> None:
    place = Check(f"\"{sys.executable}\" -c \"import sys; sys.exit(b'x' in open(sys.argv[1], 'rb').read())\" {{}}")
    assert place.verdict is Verdict.VALID
    assert place.read(b"ab") is Verdict.INCOMPLETE and not place.settled
    copy = place.copy()
    assert place.read(b"c\n") is Verdict.VALID and place.settled and place.closing() == b""
    assert place.read(b"x\n") is Verdict.INCOMPLETE and place.closing() is None
    assert copy.read(b"\n") is Verdict.VALID
    assert copy.read(b"f();") is Verdict.INCOMPLETE and copy.closing() == b"\n"
    assert not list(tmp_path.iterdir())


def test_it_reads_stdin_and_is_patient() -> None:
    place = Check(EVEN)
    assert place.read(b"one\n") is Verdict.INCOMPLETE
    assert place.read(b"two\n") is Verdict.VALID
    never = Check("false")
    for _ in range(check.PATIENCE - 1):
        assert never.read(b"x\n") is Verdict.INCOMPLETE
    assert never.read(b"x\n") is Verdict.IMPOSSIBLE and "false still refuses it: exit status 1" in never.reason


def test_the_same_text_is_asked_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    place = Check(f"sh -c 'echo x >> {log}'")
    for _ in range(3):
        place.copy().read(b"a\n")
    assert log.read_text() == "x\n"


def test_what_cannot_run() -> None:
    with pytest.raises(UserError, match="cannot be run"):
        Check("no-such-command {}").read(b"a\n")
    with pytest.raises(UserError, match="cannot be cut into words"):
        Check("a 'b")
    with pytest.raises(UserError, match="empty"):
        Check("  ")


@pytest.mark.skipif(os.name != "posix", reason="sh")
def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "LIMIT", 0.3)
    monkeypatch.setattr(check, "PATIENCE", 1)
    child = tmp_path / "child"
    place, begun = Check(f"sh -c 'sleep 60 & echo $! > {child}; wait'"), time.perf_counter()
    assert place.read(b"a\n") is Verdict.IMPOSSIBLE and "more than 0.3 seconds" in place.reason
    assert time.perf_counter() - begun < 20
    for _ in range(100):
        if (
            not Path(f"/proc/{child.read_text().strip()}/cmdline").exists()
            or not Path(f"/proc/{child.read_text().strip()}/cmdline").read_bytes()
        ):
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the command's child still runs")


def test_what_a_command_accepts_is_written(tiny_model: MakeModel) -> None:
    model = tiny_model(sharpness=1.0, arithmetic="integers")
    (sample,) = generate(model, "a\n", length=120, seed=1, valid=f"check:{EVEN}")
    text = b"a\n" + sample.data
    assert len(text.splitlines()) % 2 == 0 and len(sample.steps) <= 120
