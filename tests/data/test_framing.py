"""Every framing covers each step as often as it says, and resets stand where the data says."""

import numpy as np
import pytest

from rhapsode.config import FramingConfig
from rhapsode.data.batches import Batches
from rhapsode.data.framed import Framed
from rhapsode.data.framing import framing_of, parse
from rhapsode.errors import UserError
from rhapsode.modalities.ink.moves import Moves
from rhapsode.steps.covariates import Lookback
from rhapsode.steps.noise import uniform
from rhapsode.steps.sequence import Steps, Texts
from rhapsode.steps.sets import Sets
from rhapsode.steps.symbols import Symbols

KIND = Symbols(1000)
UNITS = [[0], [0, 1, 7, 30, 31, 32], [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]]


def framed(units: list[int], n: int = 101) -> Framed:
    return Framed(Steps(np.arange(n, dtype=np.uint16), np.array(units)), KIND)


def stream(framed: Framed, batch_size: int, sequence_length: int) -> Batches:
    return framing_of(FramingConfig()).batches(framed, batch_size, sequence_length)


@pytest.mark.parametrize("units", UNITS)
def test_positions_spell_out_units(units: list[int]) -> None:
    f = framed(units)
    b = f.at(np.arange(f.length)[:, None])
    inputs, targets, weight, reset = (x[:, 0] for x in (b.inputs, b.targets, b.weight, b.reset))
    expected_inputs, expected_targets = [], []
    for first, last in zip(units, [*units[1:], 101], strict=True):
        expected_inputs += [KIND.start, KIND.start, *range(first, last - 1)]
        expected_targets += [None, *range(first, last)]
    assert inputs.tolist() == expected_inputs
    assert [t if w else None for t, w in zip(targets, weight, strict=True)] == expected_targets
    assert (reset == (weight == 0)).all()


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize(
    ("config", "times"),
    [
        (FramingConfig(name="one-to-one"), 1),
        (FramingConfig(name="many-to-one", length=5), 1),
        (FramingConfig(name="one-to-many", length=4), 4),
    ],
)
def test_windows_cover_each_step_as_often_as_they_say(units: list[int], config: FramingConfig, times: int) -> None:
    f = framed(units)
    rows = 8
    framing = framing_of(config).batches(f, rows, 0, seed=3)
    count = np.zeros(101, int)
    whole, rest = divmod(f.length * rows, rows)  # `rows` epochs fill whole batches
    assert rest == 0
    for i in range(whole):
        b = framing.batch(i)
        np.add.at(count, b.targets[b.weight > 0], 1)
    assert (count == rows * times).all()


@pytest.mark.parametrize("units", UNITS)
def test_stream_covers_each_step_once_a_lap(units: list[int]) -> None:
    f = framed(units)
    rows = 1
    framing = stream(f, rows, f.length)
    b = framing.batch(0)
    assert sorted(b.targets[b.weight > 0].tolist()) == list(range(101))
    assert np.array_equal(framing.batch(1).targets, b.targets)


def test_stream_goes_on_where_the_batch_before_ended() -> None:
    f = framed([0, 50])
    framing = stream(f, 4, 6)
    long = stream(f, 4, 12).batch(0)
    assert np.array_equal(np.concatenate([framing.batch(0).inputs, framing.batch(1).inputs]), long.inputs)


def test_many_to_one_counts_only_the_last() -> None:
    b = framing_of(FramingConfig(name="many-to-one", length=5)).batches(framed([0]), 8, 0).batch(2)
    assert b.weight[:-1].sum() == 0
    n = b.targets[-1, 0]
    assert b.inputs[-1, 0] == (n - 1 if n else KIND.start)


def test_rows_are_a_share_of_the_batch() -> None:
    framing = framing_of(FramingConfig(name="one-to-many", length=3)).batches(framed([0, 7]), 8, 0, seed=1)
    assert np.array_equal(framing.batch(5, slice(2, 6)).inputs, framing.batch(5).inputs[:, 2:6])


@pytest.mark.parametrize(
    "arguments",
    [
        ("stroem",),
        ("many-to-one",),
        ("one-to-many",),
        ("one-to-one", 5),
        ("stream", None, 5),
        ("many-to-one", -1),
        ("one-to-many", None, 0),
    ],
)
def test_bad_framings_are_user_errors(arguments: tuple) -> None:
    with pytest.raises(UserError):
        parse(*arguments)


LENGTHS = [1, 5, 2, 9, 3]


def drawings(augment: bool, grid: float = 0.5) -> tuple[Framed, list[list[int]]]:
    """Units of moves with texts of 1 to 5 symbols, all different."""
    units = np.concatenate([[0], np.cumsum(LENGTHS)[:-1]])
    words = [list(range(10 * n, 10 * n + n + 1)) for n in range(len(LENGTHS))]
    begins = np.concatenate([[0], np.cumsum([len(word) for word in words])])
    values = np.random.default_rng(0).standard_normal((sum(LENGTHS), 3)).astype(np.float32)
    steps = Steps(values, units, Texts(np.concatenate(words).astype(np.uint8), begins))
    return Framed(steps, Moves((1.0, 0.0), (2.0, 3.0), (grid, 0.0), 0.1), augment), words


def test_each_step_has_the_text_of_its_unit() -> None:
    f, words = drawings(augment=False)
    framing = stream(f, 3, 4)
    for i in range(20):  # several times round
        texts = framing.batch(i).texts
        assert texts is not None
        starts = np.arange(3) * (f.length // 3) + i * 4
        for row, start in enumerate(starts):
            for t in range(4):
                unit = np.searchsorted(f.begins, (start + t) % f.length, side="right") - 1
                assert texts.symbols[texts.begin[t, row] : texts.end[t, row], row].tolist() == words[unit]
            assert not texts.symbols[texts.end[-1, row] :, row].any()


def test_moves_are_presented_with_noise_of_the_grid() -> None:
    f, _ = drawings(augment=True)
    plain = f.steps.values
    zero = f.kind.start[:2]
    for lap in (0, 3):
        positions = lap * f.length + np.arange(f.length)[:, None]
        b = f.at(positions)
        inner = ~b.reset[:-1, 0] & ~b.reset[1:, 0]
        assert np.array_equal(b.inputs[1:, 0][inner], b.targets[:-1, 0][inner])  # what is predicted is then read
        seen = b.targets[~b.reset]
        unit = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
        size = (seen[:, 1] - zero[1]) / (plain[:, 1] - zero[1])  # no grid there: only the size differs
        for n in range(len(LENGTHS)):
            assert size[unit == n] == pytest.approx(size[unit == n][0], rel=1e-4)
        assert (np.abs(size - 1) <= 0.1001).all() and np.ptp(size) > 0.01
        noise = (seen[:, 0] - zero[0]) / size + zero[0] - plain[:, 0]
        assert (np.abs(noise) <= 0.5 / 2 / 2 + 1e-5).all() and np.abs(noise).max() > 0.05
        assert np.array_equal(seen[:, 2], plain[:, 2])
        assert np.array_equal(f.at(positions).targets, b.targets)
    first, other = (f.at(lap * f.length + np.arange(f.length)[:, None]).targets for lap in (0, 1))
    assert not np.allclose(first, other)
    fixed, _ = drawings(augment=False)
    first, other = (fixed.at(lap * f.length + np.arange(f.length)[:, None]).targets for lap in (0, 1))
    assert np.array_equal(first, other)


def test_uniform_numbers_are_uniform() -> None:
    x = uniform(np.arange(100_000), np.zeros(100_000, int))
    assert x.min() >= 0 and x.max() < 1
    counts = np.histogram(x, 50, (0, 1))[0]
    assert ((counts - 2000) ** 2 / 2000).sum() < 100
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 0.01
    assert abs(np.corrcoef(x, uniform(np.arange(100_000), np.ones(100_000, int)))[0, 1]) < 0.01


def test_echoes_may_lie_further_back_than_the_data_is_long() -> None:
    values = np.arange(1, 31, dtype=np.uint8)[:, None] * np.ones(2, np.uint8)
    kind = Sets(2)
    f = Framed(Steps(values, np.array([0, 20]), None, Lookback(values, kind, (3, 64))), kind)
    b = f.at(np.arange(2 * f.length)[:, None])
    assert b.covariates is not None
    near, far = b.covariates[:, 0, 0], b.covariates[:, 0, 2]
    assert (far == 0).all()
    expected = [0, 0, 0, 0, *range(1, 18), 0, 0, 0, 0, *range(21, 28)]
    assert near.tolist() == 2 * expected
