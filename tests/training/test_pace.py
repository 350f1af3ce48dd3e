"""How many threads training goes on with, when updates take this long."""

import itertools
from pathlib import Path

import pytest
import torch

from rhapsode.report import Report
from rhapsode.training import loop
from rhapsode.training.pace import LONGEST, USUAL, WAIT, Pace
from rhapsode.training.run import train


def run(pace: Pace, updates: int, together: float, alone: float = 1.5) -> list[int]:
    """Threads after each of some updates that take so many seconds with all threads and with one."""
    return [pace.heard(together if pace.threads > 1 else alone) for _ in range(updates)]


def test_a_quiet_machine_keeps_all_threads() -> None:
    assert set(run(Pace(4), 1000, 1.0)) == {4}


def test_one_thread_stays_one() -> None:
    pace = Pace(1)
    assert set(run(pace, 100, 1.0) + run(pace, 100, 50.0, 50.0)) == {1}


def test_a_short_disturbance_is_forgotten() -> None:
    pace = Pace(2)
    run(pace, USUAL, 1.0)
    assert run(pace, USUAL, 15.0)[-1] == 1
    assert run(pace, USUAL + int(WAIT), 1.0)[-1] == 2
    assert set(run(pace, 1000, 1.0)) == {2}


def test_a_long_disturbance_costs_little() -> None:
    pace = Pace(2)
    run(pace, USUAL, 1.0)
    run(pace, USUAL, 15.0)
    threads = run(pace, 20_000, 15.0)
    # A trial ends when there can be no gain any more: here at the second update. The waits double up to LONGEST.
    assert 2 in threads
    assert sum(n == 2 for n in threads) < 2 * (6 + 20_000 * 1.5 / LONGEST)
    assert run(pace, 2 * int(LONGEST), 1.0)[-1] == 2  # and in the end it is over


def test_two_threads_no_better_than_one_are_left() -> None:
    pace = Pace(2)
    run(pace, USUAL, 1.0)
    run(pace, USUAL, 15.0)
    threads = run(pace, 3 * USUAL, 2.0, alone=1.5)
    assert 2 in threads and threads[-1] == 1


def test_a_machine_that_is_slow_from_now_on_gets_its_threads_back() -> None:
    pace = Pace(2)
    run(pace, USUAL, 1.0)
    threads = run(pace, 1000, 3.0, alone=5.0)
    assert 1 in threads and threads[-1] == 2
    assert set(run(pace, 1000, 3.0, alone=5.0)) == {2}


def test_threads_kept_for_later_are_tried() -> None:
    pace = Pace(1, most=2)
    assert set(run(pace, int(WAIT / 1.5), 1.0)) == {1}
    assert run(pace, 3 * USUAL, 1.0)[-1] == 2
    assert set(run(pace, 1000, 1.0)) == {2}


def test_threads_kept_for_later_that_gain_too_little_are_left() -> None:
    pace = Pace(1, most=2)
    threads = run(pace, 20_000, 1.4)
    assert 2 in threads and threads[-1] == 1
    assert sum(n == 2 for n in threads) < 0.03 * len(threads)


class Scripted:
    """Wants these threads, one after the other."""

    def __init__(self, threads: int, most: int = 1) -> None:
        self.threads = threads
        self._wanted = itertools.chain([2, 1, 1, 2, 1], itertools.repeat(2))

    def heard(self, seconds: float) -> int:
        assert seconds > 0
        self.threads = next(self._wanted)
        return self.threads


class Warnings(Report):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def warn(self, text: str) -> None:
        self.heard.append(text)


@pytest.mark.parametrize(("begins", "told"), [(2, 1), (1, 0)])
def test_the_trainer_does_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: int, told: int
) -> None:
    """And says once that it has slowed down, unless it began so."""
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(loop, "Pace", Scripted)
    before, used = torch.get_num_threads(), list[int]()
    update = loop.Loop._update

    def watched(self: loop.Loop) -> torch.Tensor:
        used.append(torch.get_num_threads())
        return update(self)

    monkeypatch.setattr(loop.Loop, "_update", watched)
    (tmp_path / "text").write_text("sing, muse, the wrath\n" * 100)
    report = Warnings()
    plan = {"batch_size": 2, "sequence_length": 8, "precision": "fp32", "threads": begins, "most": 2}
    network = {"width": 8, "embedding": 4}
    train([tmp_path / "text"], tmp_path / "m", network=network, plan=plan, updates=8, report=report, device="cpu")
    assert used == [begins, 2, 1, 1, 2, 1, 2, 2]
    assert sum("other work" in text for text in report.heard) == told
    assert torch.get_num_threads() == before
