"""From a table to a model to a forecast, as a user would."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.series import picture
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.demo import as_table, shops
from rhapsode.modalities.series.forecast import Forecast, forecast, levels, write
from rhapsode.modalities.series.measures import LEVELS, judged
from rhapsode.modalities.series.read import read
from rhapsode.training.run import train
from tests.modalities.series.tables import made, table

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of three series, and a model that has seen it for a moment; and one of counts."""
    folder = tmp_path_factory.mktemp("series")
    for name, counts in (("real", False), ("counts", True)):
        every = [made(60, seed, name=f"s{seed}", counts=counts) for seed in range(3)]
        (folder / f"{name}.csv").write_text(table(*every))
        small = {"network": {"layers": 1, "width": 8}, "plan": {"batch_size": 2, "sequence_length": 8, "threads": 1}}
        train([folder / f"{name}.csv"], folder / name, updates=3, **small)
    return folder


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        status = main([str(one) for one in arguments])
        out, err = capsysbinary.readouterr()
        return status, out.decode(), err.decode()

    return command


@pytest.mark.parametrize("name", ["real", "counts"])
def test_what_is_drawn_is_scored_as_it_was_drawn(work: Path, name: str) -> None:
    """A path, written to a file and read back, has the same nats; and so has what goes on from a series."""
    model = Model.load(work / name)
    (sample,) = model.generate(length=40, seed=1)
    path = work / f"{name}-path.csv"
    path.write_bytes(sample.data)
    (again,) = read(path)
    assert isinstance(model.codec, Codec) and len(again) == model.codec.known + 40
    (found,) = model.score_records([again])
    assert found.nats == pytest.approx(-sample.log_probs.sum(), abs=1e-9) and found.steps == 40


def test_raw_nats_are_of_the_values(work: Path) -> None:
    """Ten times as large: log 10 more a value. Of counts both are the same."""
    model, one = Model.load(work / "real"), read(work / "real.csv")[0]
    small, large = model.score_records([one, replace(one, values=10 * one.values)])
    assert large.nats == pytest.approx(small.nats, rel=1e-4)
    assert large.raw - small.raw == pytest.approx(small.steps * np.log(10), rel=1e-4)
    (counts,) = Model.load(work / "counts").score_records([read(work / "counts.csv")[0]])
    assert counts.raw == counts.nats


def test_paths_go_on_from_the_end_and_are_the_same_alone_and_together(work: Path) -> None:
    model, past = Model.load(work / "real"), read(work / "real.csv")[1]
    (several,) = forecast(model, [past], 5, 4, seed=3)
    assert several.paths.shape == (4, 5) and str(several.times[0])[:7] == "2005-01"
    (alone,) = forecast(model, [past], 5, 1, seed=3)
    assert np.array_equal(alone.paths[0], several.paths[0])
    (cold,) = forecast(model, [past], 5, 3, sampling=Sampling(temperature=0))
    assert (np.ptp(cold.paths, axis=0) == 0).all()
    counts = next(forecast(Model.load(work / "counts"), [read(work / "counts.csv")[0]], 5, 9)).paths
    assert (counts >= 0).all() and (counts == np.rint(counts)).all()


def test_a_table_a_chart_and_all(work: Path, run: Run, tmp_path: Path) -> None:
    given = (work / "real", work / "real.csv", "--horizon", 4, "--samples", 20)
    status, out, _ = run("forecast", *given)
    rows = list(csv.reader(out.splitlines()))
    assert status == 0 and rows[0] == ["series", "time", "mean", "q0.1", "q0.5", "q0.9"] and len(rows) == 1 + 3 * 4
    assert all(float(row[3]) <= float(row[4]) <= float(row[5]) for row in rows[1:])
    status, out, _ = run("forecast", *given, "--json", "--series", "s1", "--quantiles", "0.25,0.75")
    found = json.loads(out)
    assert [one["series"] for one in found["forecasts"]] == ["s1"] and len(found["forecasts"][0]["samples"]) == 20
    assert set(found["forecasts"][0]["quantiles"]) == {"0.25", "0.75"}
    status, out, _ = run("forecast", *given, "--paths", "--series", "s1", "--seed", found["seed"])
    rows = list(csv.reader(out.splitlines()))
    assert rows[0][:2] == ["time", "path 1"] and float(rows[1][1]) == found["forecasts"][0]["samples"][0][0]
    for name, mark in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.csv", b"series,"), ("a.json", b"[{")):
        status, out, err = run("forecast", *given, "-o", tmp_path / name)
        assert status == 0 and not out and "3 series, 4 values each" in err
        assert (tmp_path / name).read_bytes().startswith(mark)
    assert run("forecast", *given, "-o", tmp_path / "a.csv")[0] == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--quantiles", "0.5,2"], "numbers between 0 and 1"),
        (["--series", "nobody"], "'s0', 's1', 's2'"),
        (["-o", "a.xlsx"], "Its name must end in"),
        (["--horizon", "1000000"], "1 to 100,000"),
    ],
)
def test_what_cannot_be_is_refused(work: Path, run: Run, options: list[str], why: str) -> None:
    status, out, err = run("forecast", work / "real", work / "real.csv", *options)
    assert status == 2 and not out and why in err


def test_series_that_do_not_fit_are_told(work: Path, run: Run) -> None:
    short = work / "short.csv"
    short.write_text(table(made(60, name="long"), made(8, name="short")))
    status, out, err = run("forecast", work / "real", short, "--horizon", 2, "--samples", 2)
    assert status == 0 and len(out.splitlines()) == 3 and "left out: short, a series of 12 values or fewer" in err
    short.write_text(table(made(8, name="short")))
    status, _, err = run("forecast", work / "real", short)
    assert status == 2 and "cannot forecast it" in err


def test_score_and_inspect(work: Path, run: Run) -> None:
    status, out, _ = run("score", work / "real", work / "real.csv", "--json")
    assert status == 0 and json.loads(out)["steps"] == 3 * (60 - 12)
    status, out, _ = run("inspect", work / "real.csv")
    assert status == 0 and "3 series of 180 values: times in month (year-month), monthly; keys in name" in out
    assert "s0: 60 values, 2000-01-01 to 2004-12-01" in out and "codec series" in out
    status, out, _ = run("inspect", work / "counts", "--json")
    steps = json.loads(out)["steps"]
    assert steps["values"] == "counts" and steps["season"] == 12 and steps["not_predicted"] == 12


def test_new_series(work: Path, run: Run, tmp_path: Path) -> None:
    """Sample paths that go on from no series; they can be trained on again."""
    path = tmp_path / "new.csv"
    assert run("forecast", work / "real", "--paths", "--samples", 3, "--horizon", 20, "-o", path)[0] == 0
    found = read(path)
    assert [len(one) for one in found] == [20, 20, 20] and found[0].frequency.name == "monthly"


def test_levels() -> None:
    assert levels("0.9, .1") == (0.1, 0.9)
    for text in ("", "0", "x", "0.1,1"):
        with pytest.raises(UserError, match="between 0 and 1"):
            levels(text)


def test_a_forecast_is_judged() -> None:
    """By the mean absolute error, if it is sure; intervals by what they hold."""
    past, came = np.arange(20.0), np.array([20.0, 21.0, np.nan])
    sure = np.repeat(np.array([[21.0, 22.0, 23.0]]), len(LEVELS), axis=0)
    assert judged(sure, came, past, 1).loss == pytest.approx(1.0) and judged(sure, came, past, 1).inside == 0
    wide = np.linspace(-9, 49, len(LEVELS))[:, None] + np.zeros(3)
    assert (
        judged(wide, came, past, 1).inside == 1 and judged(wide, came, past, 2).loss < judged(wide, came, past, 1).loss
    )


def test_a_chart_of_many_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST", 1)
    every = [Forecast(made(30, n, name=f"{n}"), np.ones((2, 3))) for n in range(2)]
    assert "the first 1 of 2" in write(tmp_path / "a.svg", every, (0.1, 0.5))
    assert write(tmp_path / "a.csv", every, (0.1, 0.5)) == ""
    assert picture.chart(every[:1], "svg") == picture.chart(every[:1], "svg")


def test_the_demo_makes_sales() -> None:
    every = shops()
    assert len(every) == 24 and any(one.missing for one in every)
    assert as_table(every[:1]).startswith(b"month,shop,sales\n2010-01,shop 1,")


def other(work: Path) -> Any:
    (work / "text.txt").write_text("some text " * 300)
    train(
        [work / "text.txt"], work / "text", updates=1, network={"width": 8}, plan={"rows": 1, "window": 8, "threads": 1}
    )
    return work / "text"


def test_other_models_forecast_nothing(work: Path, run: Run) -> None:
    status, _, err = run("forecast", other(work), work / "real.csv")
    assert status == 2 and "rhapsode generate" in err
