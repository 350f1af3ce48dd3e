"""Trainings that are stopped, killed or out of space lose nothing."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.report import Report
from rhapsode.training.run import train
from tests.conftest import Stop
from tests.training.small import SMALL, losses, small, weights


@pytest.mark.parametrize(
    "dropout", [{}, {"output": 0.3, "recurrent": 0.2, "between": 0.1, "input": 0.1, "locked": True}]
)
def test_interrupted_and_resumed_is_the_same_run(text: Path, tmp_path: Path, dropout: dict) -> None:
    options = {"dropout": dropout or {"output": 0.0}, "reset": "line"}
    small(text, tmp_path / "whole", **options)
    first = small(text, tmp_path / "parts", report=Stop(0.4), **options)
    assert not first.finished
    assert train([], tmp_path / "parts", resume=True).finished
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert a.keys() == b.keys()
    assert all(np.array_equal(a[n], b[n]) for n in a)


def test_killed_and_resumed_is_the_same_run(text: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from rhapsode.training.run import train\n"
        "train([sys.argv[1]], sys.argv[2], updates=150, network={'width': 24, 'embedding': 8},"
        " plan={'batch_size': 4, 'sequence_length': 16, 'precision': 'fp32', 'threads': 1})"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(text), str(tmp_path / "parts")])
    deadline = time.time() + 60
    log = tmp_path / "parts" / "metrics.jsonl"
    while time.time() < deadline and not (log.exists() and log.read_text().count('"valid"') >= 3):
        time.sleep(0.01)
    process.kill()
    process.wait()
    info, _, _ = checkpoint.load_info(tmp_path / "parts" / checkpoint.RESUME)
    assert 0 < info["update"] < 150
    train([text], tmp_path / "parts", resume=True)
    small(text, tmp_path / "whole", updates=150)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(np.array_equal(a[n], b[n]) for n in a)


SCRIPT = """
import sys
from rhapsode.cli import main
status = main(["train", sys.argv[1], "-o", sys.argv[2], "--updates", "20000", "--config", sys.argv[3]])
assert "torch._dynamo" not in sys.modules  # a second and more, for nothing
sys.exit(status)
"""


def test_a_terminal_that_closes_saves(text: Path, tmp_path: Path) -> None:
    config = tmp_path / "small.toml"
    config.write_text(
        '[network]\nwidth = 24\n[plan]\nbatch_size = 4\nsequence_length = 16\nprecision = "fp32"\nthreads = 1\n'
    )
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(text), str(tmp_path / "m"), str(config)],
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(its)
    shown = b""
    while b"steps/s" not in shown:
        shown += os.read(ours, 1 << 16)
    process.send_signal(signal.SIGHUP)  # as a shell does before the system does
    os.close(ours)
    assert process.wait(60) == 130
    info, _, _ = checkpoint.load_info(tmp_path / "m" / checkpoint.RESUME)
    assert 0 < info["update"] < 20_000 and not info["finished"]
    assert losses(tmp_path / "m")[-1][0] == info["update"]
    assert train([], tmp_path / "m", resume=True, report=Stop(0.0)).seconds > info["seconds"]


@pytest.mark.parametrize("signals", ["SIGHUP", "SIGTERM SIGTERM", "SIGHUP SIGTERM SIGHUP"])
def test_signals_save(text: Path, tmp_path: Path, signals: str) -> None:
    class Signalled(Report):
        heard = False

        def progress(self, done: float, **values: object) -> None:
            if "valid" in values and done >= 0.3 and not self.heard:
                self.heard = True
                for name in signals.split():
                    signal.raise_signal(getattr(signal, name))

    assert not small(text, tmp_path / "m", report=Signalled()).finished
    assert 0 < checkpoint.load_info(tmp_path / "m" / checkpoint.RESUME)[0]["update"] < 60
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    assert train([], tmp_path / "m", resume=True).finished


def test_nohup_stays_deaf(text: Path, tmp_path: Path) -> None:
    class Signalled(Report):
        def progress(self, done: float, **values: object) -> None:
            signal.raise_signal(signal.SIGHUP)

    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert small(text, tmp_path / "m", report=Signalled()).finished
    finally:
        signal.signal(signal.SIGHUP, old)


def test_what_a_killed_save_left_is_swept(text: Path, tmp_path: Path) -> None:
    small(text, tmp_path / "m", report=Stop(0.3))
    left = [tmp_path / "m" / name for name in (".model.safetensors.abcd1234", ".resume.safetensors.host.7.01234567")]
    for path in (*left, tmp_path / "m/.mine"):
        path.write_bytes(b"half")
    assert train([], tmp_path / "m", resume=True).finished
    records = {"log.txt", "loss.png", "metrics.jsonl", "samples.txt", "learning.html"}
    kept = {f"{name}.safetensors" for name in ("model", "resume", "index")}
    assert set(os.listdir(tmp_path / "m")) == {".lock", ".mine", *kept, *records}


def test_interrupted_in_preparation_leaves_nothing(text: Path, tmp_path: Path) -> None:
    class Interrupted(Report):
        def stage(self, what: str, fraction: float | None = None) -> None:
            if what == "encoding":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(text, tmp_path / "m", report=Interrupted())
    assert not (tmp_path / "m").exists() and not list((tmp_path / "cache/steps").iterdir())
    (tmp_path / "m").mkdir()  # the user's own folder stays
    with pytest.raises(KeyboardInterrupt):
        small(text, tmp_path / "m", report=Interrupted())
    assert small(text, tmp_path / "m", updates=1).finished


def test_a_stopped_run_is_not_overwritten(text: Path, tmp_path: Path) -> None:
    small(text, tmp_path / "m", report=Stop(0.3))
    with pytest.raises(UserError, match="--resume"):
        small(text, tmp_path / "m")


def test_resume_refuses_other_data(text: Path, tmp_path: Path) -> None:
    small(text, tmp_path / "m", report=Stop(0.3))
    text.write_text(text.read_text() + "and more")
    with pytest.raises(UserError, match="other data"):
        train([], tmp_path / "m", resume=True)


def test_two_trainers_on_one_folder_are_refused(text: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / "m").mkdir()
    with FileLock(tmp_path / "m" / ".lock"), pytest.raises(UserError, match="another training"):
        small(text, tmp_path / "m")


def test_full_disk_keeps_the_old_checkpoint(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(text, tmp_path / "m", report=Stop(0.3))
    before = (tmp_path / "m" / checkpoint.RESUME).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        train([], tmp_path / "m", resume=True)
    assert (tmp_path / "m" / checkpoint.RESUME).read_bytes() == before
    monkeypatch.undo()
    assert Model.load(tmp_path / "m")


def test_a_first_save_that_fails_leaves_nothing(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if target.name == checkpoint.RESUME:
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match=r"cannot write .*/resume.safetensors .*No space left"):
            train([text], tmp_path / "new/m", **{**SMALL, "updates": 3})  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
