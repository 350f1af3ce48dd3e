"""Training on small synthetic data: it learns, resumes exactly, survives trouble."""

import fcntl
import json
import math
import os
import pty
import random
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from rhapsode.config import FramingConfig
from rhapsode.errors import NotFinite, UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.nn.network import Network
from rhapsode.report import Report
from rhapsode.steps.symbols import Symbols
from rhapsode.training import auto
from rhapsode.training.plan import Budget, Plan
from rhapsode.training.run import Result, train
from tests.conftest import Stop

WORDS = ["sing", "muse", "the", "wrath", "of", "a", "man", "and", "sea", "ship"]
SMALL = {
    "network": {"width": 24, "embedding": 8},
    "plan": {"batch_size": 4, "sequence_length": 16, "precision": "fp32", "threads": 1},
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    rng = random.Random(1)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(rng.choices(WORDS, k=6)) for _ in range(400)))
    return path


def losses(folder: Path) -> list[tuple[int, float, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(r["update"], r["train"], r.get("valid")) for r in lines]


def weights(folder: Path) -> dict[str, np.ndarray]:
    path = folder / checkpoint.RESUME
    _, mark, found = checkpoint.load_info(path)
    return checkpoint.load_tensors(path, {n: shape for n, (shape, _) in found.items()}, mark)


def small(text: Path, folder: Path, **options: object) -> Result:
    return train([text], folder, **{**SMALL, "steps": 60, **options})  # type: ignore[arg-type]


def test_it_learns_and_leaves_a_model_a_log_and_a_picture(text: Path, tmp_path: Path) -> None:
    result = small(text, tmp_path / "m", steps=400)
    assert result.finished
    assert result.valid_nats < 1.2  # the words' own entropy is about 0.55 nats a character, uniform is 2.9
    assert (tmp_path / "m/loss.png").read_bytes().startswith(b"\x89PNG")
    assert Model.load(tmp_path / "m").config.facts["valid_nats_per_step"] == pytest.approx(result.valid_nats)


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
        "train([sys.argv[1]], sys.argv[2], steps=150, network={'width': 24, 'embedding': 8},"
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
    small(text, tmp_path / "whole", steps=150)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(np.array_equal(a[n], b[n]) for n in a)


SCRIPT = """
import sys
from rhapsode.cli import main
sys.exit(main(["train", sys.argv[1], "-o", sys.argv[2], "--updates", "20000", "--config", sys.argv[3]]))
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
    records = {"log.txt", "loss.png", "metrics.jsonl", "samples.txt"}
    assert set(os.listdir(tmp_path / "m")) == {".lock", ".mine", "model.safetensors", "resume.safetensors", *records}


def test_files_have_the_permissions_of_the_umask(text: Path, tmp_path: Path) -> None:
    old = os.umask(0o026)
    try:
        small(text, tmp_path / "m", steps=3)
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "m").iterdir() if path.name != ".lock"}
    assert set(modes.values()) == {0o640} and len(modes) == 6


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
    assert small(text, tmp_path / "m", steps=1).finished


def test_overfitting_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("".join(random.Random(1).choices("abcdefgh", k=500)))  # nothing to learn but by heart
    report = Report()
    warnings: list[str] = []
    report.warn = warnings.append  # type: ignore[method-assign]
    small(path, tmp_path / "m", steps=300, dropout={"output": 0.0}, report=report)
    assert [w[:23] for w in warnings] == ["overfitting has begun: "]


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


def test_lost_numbers_roll_back_and_give_up(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rhapsode.nn.heads.categorical import Categorical

    true_nll, calls = Categorical.nll, []

    def faulty(self, parameters, targets, weights):  # type: ignore[no-untyped-def]
        calls.append(int(parameters.requires_grad))
        if not calls[-1]:  # evaluation
            calls.pop()
            return true_nll(self, parameters, targets, weights)
        return true_nll(self, parameters, targets, weights) * (
            float("nan") if len(calls) == bad or bad < 0 < 30 < len(calls) else 1
        )

    monkeypatch.setattr(Categorical, "nll", faulty)
    bad = 40
    warnings: list[str] = []
    report = Report()
    report.warn = warnings.append  # type: ignore[method-assign]
    assert small(text, tmp_path / "m", report=report).finished
    assert any("half the learning rate" in w for w in warnings)
    bad, calls = -1, []
    with pytest.raises(NotFinite, match="3 times|4 times"):
        small(text, tmp_path / "n", report=report)


def test_fine_tuning_keeps_the_vocabulary(text: Path, tmp_path: Path) -> None:
    small(text, tmp_path / "m")
    other = tmp_path / "other.txt"
    other.write_text("Zeus ☂ thunders over the ship\n" * 100)
    small(other, tmp_path / "tuned", base=tmp_path / "m", network=None)
    a, b = Model.load(tmp_path / "m"), Model.load(tmp_path / "tuned")
    assert a.codec.to_json() == b.codec.to_json()
    assert b.codec.decode(b.codec.encode("Zeus ☂".encode())) == "Zeus ☂".encode()
    rates = [model.config.facts["plan"]["rate"] for model in (a, b)]
    assert rates[1] == pytest.approx(rates[0] / 5)  # what was learnt is not to be undone


def test_fine_tuning_keeps_what_is_the_models_own(text: Path, tmp_path: Path) -> None:
    small(text, tmp_path / "m", reset="line", steps=20)
    small(text, tmp_path / "tuned", base=tmp_path / "m", network=None, steps=20)
    assert Model.load(tmp_path / "tuned").config.reset == "line"
    with pytest.raises(UserError, match="keeps the model's own codec and framing"):
        train([text], tmp_path / "other", base=tmp_path / "m", codec="bytes", framing="one-to-one", steps=20)


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


def valid_nats(text: str, tmp_path: Path, reset: str, **options: object) -> float:
    path = tmp_path / f"{reset.replace(':', '')}.txt"
    path.write_text(text)
    return train(
        [path], tmp_path / f"m-{reset}", reset=reset, valid_by="tail", **{**SMALL, "steps": 250, **options}
    ).valid_nats  # type: ignore[arg-type]


def test_resetting_helps_independent_lines(tmp_path: Path) -> None:
    """Each line says three letters twice: to remember these, those of the lines before must be forgotten."""
    rng = random.Random(2)
    lines = ["".join(rng.choices("abcdefgh", k=3)) for _ in range(1500)]
    text = "\n".join(line + line for line in lines)
    options = {
        "steps": 600,
        "plan": {"batch_size": 8, "sequence_length": 16, "precision": "fp32", "threads": 1},
        "network": {"width": 48, "embedding": 8},
    }
    assert valid_nats(text, tmp_path, "line", **options) < valid_nats(text, tmp_path, "never", **options) - 0.01


def test_resetting_hurts_long_range_agreement(tmp_path: Path) -> None:
    """Each line repeats the one before it but for every eighth: a state reset at lines cannot know."""
    rng = random.Random(3)
    lines: list[str] = []
    for _ in range(100):
        lines += ["".join(rng.choices("abcdefgh", k=2))] * 12
    text = "\n".join(lines)
    assert valid_nats(text, tmp_path, "never", steps=600) < valid_nats(text, tmp_path, "line", steps=600) - 0.4


@pytest.mark.parametrize(
    "framing",
    [{"framing": "one-to-one"}, {"framing": "many-to-one", "window": 6}, {"framing": "one-to-many", "horizon": 6}],
)
def test_every_framing_trains(text: Path, tmp_path: Path, framing: dict) -> None:
    result = small(text, tmp_path / "m", steps=100, plan={"precision": "fp32", "threads": 1}, **framing)
    assert result.valid_nats < 2.4
    assert Model.load(tmp_path / "m").config.framing.name == framing["framing"]


def test_two_processes_make_the_loss_of_one(text: Path, tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(
        "import sys, torch; from rhapsode.training.run import train\n"
        "train([sys.argv[1]], sys.argv[2], steps=20, dropout={'output': 0.0}, network={'width': 24, 'embedding': 8},"
        " plan={'batch_size': 4, 'sequence_length': 16, 'precision': 'fp32', 'threads': 1})\n"
        "if torch.distributed.is_initialized(): torch.distributed.destroy_process_group()\n"
    )
    # --standalone: on a free port
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(script), str(text), str(tmp_path / "two")], check=True, env=env, timeout=120)
    small(text, tmp_path / "one", steps=20, dropout={"output": 0.0})
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert [s for s, *_ in one] == [s for s, *_ in two]
    np.testing.assert_allclose([t for _, t, _ in one], [t for _, t, _ in two], rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 1.0}, "one budget"),
        ({"network": {"widht": 3}}, "widht"),
        ({"params": 9000}, "params and width were given"),
        ({"valid": ["x"], "valid_by": "tail"}, "One of them must go"),
        ({"valid": ["x"], "valid_fraction": 0.2}, "One of them must go"),
        ({"plan": {"batch_size": 0}}, "batch_size"),
        ({"device": "tpu9"}, "device"),
        ({"reset": "lines"}, "Did you mean 'line'"),
        ({"codec": "char"}, "Did you mean 'chars'"),
        ({"network": {"tied": True, "width": 24, "embedding": 8}}, "embedding"),
        ({"base": "nowhere"}, "no model"),
        ({"valid_by": "chance"}, "document"),
    ],
)
def test_mistakes_are_clear_errors(text: Path, tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        small(text, tmp_path / "m", **options)


def test_tiny_data_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("abc")
    with pytest.raises(UserError, match="100"):
        small(path, tmp_path / "m")


def test_the_batch_is_settled_before_the_rest_is_reckoned() -> None:
    def chosen(framing: FramingConfig, data: int, processes: int = 1, **plan: int) -> Plan:
        return auto.choose(
            Symbols(50),
            data,
            Budget(steps=1000),
            framing,
            "never",
            network={"width": 512},
            dropout={},
            plan={"threads": 1, **plan},
            parameters=None,
            window=None,
            device=torch.device("cpu"),
            precision="fp32",
            processes=processes,
        )[0]

    stream, windows = FramingConfig(), FramingConfig(name="many-to-one", length=40)
    assert (chosen(stream, 10**6).batch_size, chosen(stream, 10**6).sequence_length) == (64, 32)
    assert chosen(stream, 10**6, processes=3).batch_size == 192
    assert chosen(windows, 10**6, processes=2).batch_size == 52
    assert chosen(stream, 300).batch_size * chosen(stream, 300).sequence_length * 2 <= 300
    # 1000 updates of 64 × 32 read 200,000 steps 10 times; of 51 windows with one target each, half of 100,000.
    assert chosen(stream, 2 * 10**5).dropout.output == pytest.approx(0.2 * math.log2(10.24 / 5), abs=0.01)
    assert chosen(stream, 2 * 10**5).dropout.recurrent == 0
    assert chosen(stream, 2 * 10**4).dropout.output == 0.4
    assert chosen(stream, 2 * 10**4).dropout.recurrent == pytest.approx(
        0.15 * math.log2(51.2 / 30), abs=0.01
    )  # half as many rows
    assert chosen(windows, 10**5).dropout.output == 0
    with pytest.raises(UserError, match="shared by 2 processes"):
        chosen(stream, 10**6, processes=2, batch_size=5)


@pytest.mark.parametrize("minutes", [1e-9, 0.5, 30.0, 1e300])
@pytest.mark.parametrize("data", [100, 10**6, 10**11])
def test_size_follows_budget_and_text(monkeypatch: pytest.MonkeyPatch, minutes: float, data: int) -> None:
    speed = 5e11
    monkeypatch.setattr(auto, "measure", lambda *_: speed)

    def parameters(budget: Budget) -> int:
        plan, _ = auto.choose(
            Symbols(96),
            data,
            budget,
            FramingConfig(),
            "never",
            network={},
            dropout={},
            plan={"threads": 1},
            parameters=None,
            window=None,
            device=torch.device("cpu"),
            precision="fp32",
        )
        return Network(plan.network, Symbols(96)).parameters

    found = parameters(Budget(minutes=minutes))
    # One or the other limits it, or both; the least width is 64, the largest 2048, and widths are multiples of 32.
    wanted = min(math.sqrt(speed * 60 * minutes / 6 / 5), 2000 * math.sqrt(data))
    if 40_000 < wanted < 17_000_000:
        assert 0.45 * wanted < found < 1.15 * wanted
    assert found <= parameters(Budget(minutes=2 * minutes))
    assert 30_000 < found < 18_000_000


def test_a_damaged_cache_changes_nothing_of_a_training(text: Path, tmp_path: Path) -> None:
    small(text, tmp_path / "first", steps=20)
    (steps,) = (tmp_path / "cache/steps").glob("*/train/steps.bin")
    whole = steps.read_bytes()
    steps.write_bytes(whole[:-900] + bytes([200]) + whole[-899:])  # a symbol that there is not
    notes: list[str] = []
    report = Report()
    report.note = notes.append  # type: ignore[method-assign]
    small(text, tmp_path / "again", steps=20, report=report)
    assert notes[0] == f"What was kept in {tmp_path}/cache/steps was damaged; it is made again."
    a, b = weights(tmp_path / "first"), weights(tmp_path / "again")
    assert all(np.array_equal(a[n], b[n]) for n in a)


def test_a_first_save_that_fails_leaves_nothing(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if target.name == checkpoint.RESUME:
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match=r"cannot write .*/resume.safetensors .*No space left"):
            train([text], tmp_path / "new/m", **{**SMALL, "steps": 3})  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
