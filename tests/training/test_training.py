"""Training: it learns, in every framing, and says what is wrong."""

import math
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rhapsode.config import FramingConfig
from rhapsode.errors import NotFinite, UserError
from rhapsode.inference.model import Model
from rhapsode.nn.network import Network
from rhapsode.report import Report
from rhapsode.steps.symbols import Symbols
from rhapsode.training import auto, loop
from rhapsode.training.plan import Budget, Plan
from rhapsode.training.run import train
from tests.training.small import SMALL, losses, small, weights


def test_it_learns_and_leaves_a_model_a_log_and_a_picture(text: Path, tmp_path: Path) -> None:
    result = small(text, tmp_path / "m", updates=400)
    assert result.finished
    assert result.valid_nats < 1.2  # the words' own entropy is about 0.55 nats a character, uniform is 2.9
    assert (tmp_path / "m/loss.png").read_bytes().startswith(b"\x89PNG")
    assert Model.load(tmp_path / "m").config.facts["valid_nats_per_step"] == pytest.approx(result.valid_nats)


def test_files_have_the_permissions_of_the_umask(text: Path, tmp_path: Path) -> None:
    old = os.umask(0o026)
    try:
        small(text, tmp_path / "m", updates=3)
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "m").iterdir() if path.name != ".lock"}
    assert set(modes.values()) == {0o640} and len(modes) == 8


def test_overfitting_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("".join(random.Random(1).choices("abcdefgh", k=500)))  # nothing to learn but by heart
    report = Report()
    warnings: list[str] = []
    report.warn = warnings.append  # type: ignore[method-assign]
    small(path, tmp_path / "m", updates=300, dropout={"output": 0.0}, report=report)
    assert [w[:23] for w in warnings] == ["overfitting has begun: "]


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
    small(text, tmp_path / "m", reset="line", updates=20)
    small(text, tmp_path / "tuned", base=tmp_path / "m", network=None, updates=20)
    assert Model.load(tmp_path / "tuned").config.reset == "line"
    with pytest.raises(UserError, match="keeps the model's own codec and framing"):
        train([text], tmp_path / "other", base=tmp_path / "m", codec="bytes", framing="one-to-one", updates=20)


def valid_nats(text: str, tmp_path: Path, reset: str, **options: object) -> float:
    path = tmp_path / f"{reset.replace(':', '')}.txt"
    path.write_text(text)
    return train(
        [path], tmp_path / f"m-{reset}", reset=reset, valid_by="tail", **{**SMALL, "updates": 250, **options}
    ).valid_nats  # type: ignore[arg-type]


def test_resetting_helps_independent_lines(tmp_path: Path) -> None:
    """Each line says three letters twice: to remember these, those of the lines before must be forgotten."""
    rng = random.Random(2)
    lines = ["".join(rng.choices("abcdefgh", k=3)) for _ in range(1500)]
    text = "\n".join(line + line for line in lines)
    options = {
        "updates": 300,
        "plan": {"batch_size": 8, "sequence_length": 16, "precision": "fp32", "threads": 1},
        "network": {"width": 48, "embedding": 8},
    }
    assert valid_nats(text, tmp_path, "line", **options) < valid_nats(text, tmp_path, "never", **options) - 0.01


def test_resetting_hurts_long_range_agreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line repeats the one before it but for every eighth: a state reset at lines cannot know."""
    monkeypatch.setattr(loop, "EVALUATIONS", 4)
    rng = random.Random(3)
    lines: list[str] = []
    for _ in range(100):
        lines += ["".join(rng.choices("abcdefgh", k=2))] * 12
    text = "\n".join(lines)
    assert valid_nats(text, tmp_path, "never", updates=600) < valid_nats(text, tmp_path, "line", updates=600) - 0.4


@pytest.mark.parametrize(
    "framing",
    [{"framing": "one-to-one"}, {"framing": "many-to-one", "window": 6}, {"framing": "one-to-many", "horizon": 6}],
)
def test_every_framing_trains(text: Path, tmp_path: Path, framing: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "EVALUATIONS", 2)  # which take most of the time
    result = small(text, tmp_path / "m", updates=100, plan={"precision": "fp32", "threads": 1}, **framing)
    assert result.valid_nats < 2.4
    assert Model.load(tmp_path / "m").config.framing.name == framing["framing"]


def test_two_processes_make_the_loss_of_one(text: Path, tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(
        "import sys; from rhapsode.training.run import train\n"
        "train([sys.argv[1]], sys.argv[2], updates=20, dropout={'output': 0.0}, network={'width': 24, 'embedding': 8},"
        " plan={'batch_size': 4, 'sequence_length': 16, 'precision': 'fp32', 'threads': 1})\n"
    )
    # --standalone: on a free port
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = [*command, str(script), str(text), str(tmp_path / "two")]
    run = subprocess.run(process, check=True, env=env, timeout=120, capture_output=True, text=True)
    assert "Error" not in run.stderr  # at the end of a process, either
    small(text, tmp_path / "one", updates=20, dropout={"output": 0.0})
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
            Budget(updates=1000),
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
    small(text, tmp_path / "first", updates=20)
    (steps,) = (tmp_path / "cache/steps").glob("*/train/steps.bin")
    whole = steps.read_bytes()
    steps.write_bytes(whole[:-900] + bytes([200]) + whole[-899:])  # a symbol that there is not
    notes: list[str] = []
    report = Report()
    report.note = notes.append  # type: ignore[method-assign]
    small(text, tmp_path / "again", updates=20, report=report)
    assert notes[0] == f"What was kept in {tmp_path}/cache/steps was damaged; it is made again."
    a, b = weights(tmp_path / "first"), weights(tmp_path / "again")
    assert all(np.array_equal(a[n], b[n]) for n in a)
