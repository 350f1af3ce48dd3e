"""The codec of series: what goes in comes out, what is kept in model files, what is refused, what is given."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.data.codecs.stored import codec_from_json, codec_to_json
from rhapsode.data.guide import along
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.modalities.series import guide as guides
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.frequency import Frequency
from rhapsode.modalities.series.read import read
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.values import DISTANCE, LEVEL, SCALE, SEEN
from tests.modalities.series.tables import MONTHLY, made, table

FREQUENCIES = [
    MONTHLY,
    Frequency("month", 12.0, 1),
    Frequency("second", 86400.0, 7),
    Frequency("second", 3600.0, 24),
    Frequency("weekday", 1.0, 5),
    Frequency("number", 1.0, 1),
]


def fitted(*every: Series, **options: Any) -> Codec:
    given = every or (made(),)
    return Codec.fit(lambda: iter(given), **options)


def with_gaps(one: Series) -> Series:
    values = one.values.copy()
    values[[3, 20, 21]] = np.nan
    return replace(one, values=values)


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("frequency", FREQUENCIES, ids=lambda one: str(one.name))
def test_series_come_back_from_steps_and_from_files(frequency: Frequency, counts: bool, tmp_path: Path) -> None:
    """And give the same steps again, to the last bit, when they were written and read."""
    given = with_gaps(made(90, frequency=frequency, counts=counts))
    codec = fitted(given)
    assert codec.counts == counts and codec.network["head"] == ("negative_binomial" if counts else "student")
    steps = codec.encode(given)
    assert steps.shape == (90 - codec.known, 4) and not codec.refusal(given)
    back = codec.decode(steps, outline=given)
    assert back.start == given.start and np.array_equal(np.isnan(back.values), np.isnan(given.values))
    np.testing.assert_allclose(back.values, given.values, rtol=0 if counts else 1e-6)
    path = tmp_path / "one.csv"
    path.write_bytes(codec.dump(back))
    (again,) = read(path)
    assert np.array_equal(codec.encode(again), steps) and again.name == given.name
    assert again.frequency == replace(given.frequency, season=again.frequency.season)


def test_no_value_is_measured_by_those_after_it() -> None:
    one = made(100)
    codec = fitted(one)
    whole = codec.encode(one)
    for count in (20, 50, 99):
        assert np.array_equal(codec.encode(one.upto(count)), whole[: count - codec.known])


def test_series_of_any_size_look_alike() -> None:
    one, codec = made(100), fitted()
    for factor, more in ((1e-6, 0.0), (1e6, 0.0), (1.0, 1e6), (-3.0, 5.0)):
        other = codec.encode(replace(one, values=one.values * factor + more))
        sign = np.sign(factor)
        np.testing.assert_allclose(other[:, DISTANCE] * sign, codec.encode(one)[:, DISTANCE], rtol=2e-3, atol=2e-3)


def test_missing_values_move_nothing() -> None:
    steps = fitted().encode(with_gaps(made()))
    gaps = np.flatnonzero(steps[:, SEEN] == 0)
    assert gaps.tolist() == [20 - 12, 21 - 12] and (steps[gaps, DISTANCE] == 0).all()
    assert (steps[gaps[1:], LEVEL:] == steps[gaps[1:] + 1, LEVEL:]).all() and (steps[:, SCALE] > 0).all()


def test_the_end_of_a_single_table_is_held_out(tmp_path: Path) -> None:
    """Its beginning is the past of the end: together they are the whole series."""
    path = tmp_path / "table.csv"
    path.write_text(table(made(60, name="a"), made(90, 1, name="b")))
    parts = {part: list(Codec.read(path, part)) for part in ("train", "valid", None)}
    assert [len(one) for one in parts["train"]] == [54, 81] and [one.first for one in parts["valid"]] == [54, 81]
    codec = Codec.fit(lambda: iter(parts["train"]))
    for train, valid, whole in zip(*parts.values(), strict=True):
        steps = np.concatenate([codec.encode(train), codec.encode(valid)])
        assert np.array_equal(steps, codec.encode(whole))
        given = along(codec.guide(whole), steps)
        assert given.shape == (len(steps), codec.covariates)
        assert np.array_equal(along(codec.guide(valid), codec.encode(valid)), given[len(codec.encode(train)) :])


def test_what_is_given_is_the_calendar_and_the_past() -> None:
    one = made(60)
    codec = fitted(one)
    steps = codec.encode(one)
    guide = codec.guide(one)
    rows = along(guide, steps[:30])
    assert np.array_equal(rows[:, :12].argmax(axis=1), np.arange(12, 42) % 12)
    at = 20  # of the steps; what is measured is measured as the value to come is
    level, scale = steps[at, LEVEL] + one.values[:12].mean(), steps[at, SCALE]
    past = [(one.values[12 + at - lag] - level) / scale for lag in codec.lags if lag <= 12 + at]
    np.testing.assert_allclose(rows[at, 13 : 13 + len(past)], np.clip(past, -10, 10), rtol=1e-3, atol=1e-4)
    assert (rows[at, 13 + len(past) :] == 0).all()
    other = guide.copy()
    other.read(steps[30])
    assert not np.array_equal(other.covariates(), guide.covariates())
    assert np.array_equal(guide.covariates(), along(codec.guide(one), steps[:31])[30])


def test_a_season_is_found_where_the_calendar_knows_none() -> None:
    n = np.arange(300)
    noisy = np.sin(2 * np.pi * n / 11) + 0.3 * np.random.default_rng(0).standard_normal(300)
    one = Series("spots", noisy, 0.0, Frequency("number"))
    assert guides.season([one]) == 11 and fitted(one).frequency.season == 11
    assert fitted(one, season=7).frequency.season == 7
    flat = replace(one, values=np.random.default_rng(1).standard_normal(300))
    assert guides.season([flat]) == 1


def test_what_was_chosen_is_said(tmp_path: Path) -> None:
    every = [made(counts=True), made(name="w", frequency=Frequency("second", 604800.0, 52))]
    told = Codec.prepared(every, Cache(tmp_path), lambda *_: None).notes[0]
    assert "real numbers, head student; monthly" in told and "1 series of other frequencies" in told
    told = Codec.prepared(every[:1], Cache(tmp_path), lambda *_: None).notes[0]
    assert "taken as counts, head negative_binomial" in told and "the first 12 values" in told
    told = Codec.prepared(every[:1], Cache(tmp_path), lambda *_: None, values="real").notes[0]
    assert "real numbers (asked for)" in told


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (made(frequency=Frequency("month", 3.0, 4)), "of quarterly values, while the model's are monthly"),
        (made(12), "of 12 values or fewer"),
        (made(), "no counts"),
        (replace(made(counts=True), values=-made(counts=True).values), "no counts"),
    ],
)
def test_series_that_do_not_fit_are_refused(one: Series, why: str) -> None:
    assert why in fitted(made(counts=True)).refusal(one)


def test_a_series_that_does_not_change_at_first() -> None:
    one = made()
    assert "differ by less" in fitted().refusal(replace(one, values=np.r_[np.zeros(20), one.values]))
    assert not fitted(made(counts=True)).refusal(replace(made(counts=True), values=np.zeros(40)))


def test_options_are_checked() -> None:
    for options in ({"values": "words"}, {"season": -1}, {"colour": 1}):
        with pytest.raises(UserError, match=r"codec series|values"):
            fitted(**options)
    with pytest.raises(UserError, match="too short"):
        fitted(made(12))


@pytest.mark.parametrize("frequency", FREQUENCIES, ids=lambda one: str(one.name))
def test_model_files_keep_it(frequency: Frequency) -> None:
    one = made(90, frequency=frequency)
    codec = fitted(one)
    data = json.loads(json.dumps(codec_to_json(codec)))
    again = codec_from_json(data)
    assert isinstance(again, Codec) and codec_to_json(again) == data
    assert again.steps == codec.steps and np.array_equal(again.encode(one), codec.encode(one))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["frequency"], ["day", 1.0, 7]),
        (["scale"], 0.0),
        (["scale"], "x"),
        (["counts"], 1),
        (["settings"], {"season": "x"}),
        (["settings"], None),
        (["example"], {}),
        (["example", "values"], [1.0]),
        (["example", "values"], [None] * 12),
        (["example", "start"], "noon"),
        (["more"], 1),
    ],
    ids=str,
)
def test_damaged_data_is_refused(path: list[str], value: Any) -> None:
    data = copy.deepcopy(codec_to_json(fitted()))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError, match="damaged"):
        codec_from_json(data)


def test_a_line_shows_a_series() -> None:
    line, scale = fitted().show(made()).splitlines()
    assert len(line) == 60 and set(line) <= set("▁▂▃▄▅▆▇█") and scale.startswith("a: 2000-01-01 to 2004-12-01")
