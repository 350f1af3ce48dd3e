"""How many threads training goes on with, when updates take this long."""

from rhapsode.training.pace import LONGEST, USUAL, WAIT, Pace


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
    # A trial ends when one thread would have been done: here at the second update. The waits double up to LONGEST.
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
