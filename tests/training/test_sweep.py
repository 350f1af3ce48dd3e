"""Sweeps: which trainings they are, what is compared, how they go on, what cannot be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rhapsode.cli import main
from rhapsode.cli import sweep as command
from rhapsode.errors import NotFinite, UserError
from rhapsode.training import sweep
from rhapsode.training.folder import claimed
from rhapsode.training.sweep import STUDENT, Finished, Range, Row, Sweep, Trial, table, trials
from tests.conftest import TEXT

SMALL = '[plan]\nbatch_size = 4\nsequence_length = 16\nthreads = 1\nprecision = "fp32"\n[network]\nwidth = 8\n'


def test_all_combinations_with_all_seeds() -> None:
    found = trials({"width": [8, 16], "cell": ["lstm", "rnn", "gru"]}, [4, 5])
    assert len(found) == 12 and len({one.name for one in found}) == 12
    assert {(one.settings["width"], one.settings["cell"], one.seed) for one in found} == {
        (w, c, s) for w in (8, 16) for c in ("lstm", "rnn", "gru") for s in (4, 5)
    }
    assert [one.seed for one in trials({}, range(3))] == [0, 1, 2]


def test_random_choices_are_distinct_and_in_range() -> None:
    choices: dict[str, Any] = {"lr": Range(1e-4, 1e-1), "width": Range(8, 12), "layers": [1, 2]}
    found = trials(choices, [0], random=20, seed=3)
    assert found == trials(choices, [0], random=20, seed=3) != trials(choices, [0], random=20, seed=4)
    assert len({json.dumps(one.settings) for one in found}) == 20
    rates = np.array([one.settings["lr"] for one in found])
    assert (rates >= 1e-4).all() and (rates <= 1e-1).all() and 3 < (rates < 3e-3).sum() < 17  # half of them, about
    assert {one.settings["width"] for one in found} <= set(range(8, 13))
    assert len(trials({"layers": [1, 2]}, [0], random=9)) == 2  # there are no more


@pytest.mark.parametrize(
    ("choices", "seeds", "random", "message"),
    [
        ({}, 1, None, "this is one"),
        ({"width": [8]}, 1, None, "this is one"),
        ({"lr": Range(0.1, 0.2)}, 3, None, "a range has values without end"),
        ({"width": list(range(1, 600))}, 2, None, "the most are 1,000"),
    ],
)
def test_sweeps_that_cannot_be(choices: Any, seeds: int, random: int | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        trials(choices, range(seeds), random)


def test_intervals_are_those_of_student() -> None:
    np.testing.assert_allclose(STUDENT, stats.t.ppf(0.975, np.arange(1, len(STUDENT) + 1)), atol=6e-4)
    values = [1.5, 1.7, 1.6, 1.9]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    row = Row({}, values, 0, 0)
    assert row.mean - row.half == pytest.approx(low, abs=1e-3) and row.mean + row.half == pytest.approx(high, abs=1e-3)
    assert math.isnan(Row({}, [1.0], 0, 0).half) and Row({}, [], 0, 0).mean == math.inf


def fake(nats: dict[int, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A training that ends as it is told, by width."""
    last: list[float] = []

    def train(trial: Trial, folder: Path, going_on: bool) -> bool:
        end = nats[trial.settings["width"]]
        if isinstance(end, Exception):
            raise end
        last.append(end)
        return end is not None

    monkeypatch.setattr(sweep, "_measured", lambda name, folder: Finished(name, last[-1], None, 7, 2.0, 3))
    return train


def test_failures_are_results_but_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Sweep(tmp_path, trials({"width": [1, 2, 3]}, [0]), {})
    heard: list[str] = []
    ends = {1: 2.0, 2: NotFinite("lost its numbers"), 3: 1.0}
    assert found.run(fake(ends, monkeypatch), heard.append)
    assert [row.settings["width"] for row in found.rows] == [3, 1, 2] and found.rows[-1].failed == ["lost its numbers"]
    assert table(found.rows, found.unit).splitlines()[0].split("\t")[:2] == ["width", "nats_per_step"]
    assert any("lost its numbers" in line for line in heard) and (tmp_path / sweep.PICTURE).exists()
    with pytest.raises(UserError, match="no such"):
        Sweep(tmp_path, trials({"width": [1, 2]}, [0]), {}).run(fake({1: UserError("no such")}, monkeypatch), print)


def test_it_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Sweep(tmp_path, trials({"width": [1, 2]}, [0]), {"sources": ["a"]})
    found.save()
    assert not found.run(fake({1: 2.0, 2: None}, monkeypatch), lambda text: None)
    again = Sweep.open(tmp_path)
    assert again.finished == found.finished and again.trials == found.trials and again.asked == {"sources": ["a"]}
    heard: list[str] = []
    assert again.run(fake({2: 1.0}, monkeypatch), heard.append) and len(again.rows) == 2 and "2 of 2" in heard[0]
    (tmp_path / sweep.SPEC).write_text("{")
    with pytest.raises(UserError, match="damaged"):
        Sweep.open(tmp_path)


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text(TEXT * 3)
    Path("small.toml").write_text(SMALL)
    arguments = ["sweep", "text", "-o", "out", "--config", "small.toml", "--updates", "2", "--device", "cpu"]
    assert main([*arguments, "--try", "width=8,12", "--try", "network.cell=lstm,rnn", "--json"]) == 0
    out, error = capfd.readouterr()
    found = json.loads(out)
    assert found["finished"] and found["unit"] == "bits_per_char" and len(found["rows"]) == 4
    assert {row["settings"]["network.cell"] for row in found["rows"]} == {"lstm", "rnn"}
    assert len({row["parameters"] for row in found["rows"]}) == 4 and "4 of 4" in error
    assert main(arguments) == 2 and "--resume" in capfd.readouterr().err
    assert main(["sweep", "-o", "out", "--resume"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 5 and lines[0].split()[:3] == ["width", "network.cell", "bits_per_char"]
    rows = Path("out", sweep.TABLE).read_text().splitlines()
    assert len({line.count("\t") for line in rows}) == 1

    # Killed when a training had ended, and before its result was written: it counts, and is not made again.
    results = Path("out", sweep.RESULTS)
    whole = results.read_text()
    results.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    assert main(["sweep", "-o", "out", "--resume"]) == 0
    assert results.read_text() == whole and "failed" not in capfd.readouterr().err


def test_one_process_at_a_time_writes_a_sweep(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Another one changes nothing of it, and removes nothing."""
    Path(tmp_path, "text").write_text(TEXT)
    Path(tmp_path, "out").mkdir()
    found = Sweep(tmp_path / "out", trials({"width": [8, 16]}, [0]), {})
    with claimed(found.folder, leads=True):
        found.save()
        for options in (["--resume"], [str(tmp_path / "text"), "--overwrite", "--seeds", "2", "--updates", "1"]):
            assert main(["sweep", "-o", str(found.folder), *options]) == 2
            assert "another training" in capfd.readouterr().err
        assert Sweep.open(found.folder).trials == found.trials


def test_what_cannot_go_on_stays(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Before its first training has ended, a sweep goes on while its source is not there."""
    asked = {"sources": [str(tmp_path / "none")], "settings": {}, "budget": {"updates": 1}, "device": None}
    found = Sweep(tmp_path / "out", trials({}, [0, 1]), asked)
    found.folder.mkdir()
    found.save()
    assert main(["sweep", "-o", str(found.folder), "--resume"]) == 2 and "no such file" in capfd.readouterr().err
    assert Sweep.open(found.folder).trials == found.trials


def test_files_of_others_stay(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = Sweep(tmp_path, trials({}, [0, 1]), {})
    found.save()
    (tmp_path / "notes.md").write_text("mine")
    none = str(tmp_path / "none")
    assert main(["sweep", none, "-o", str(tmp_path), "--seeds", "2", "--updates", "1", "--overwrite"]) == 2
    assert "no such file" in capfd.readouterr().err and (tmp_path / "notes.md").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--try", "width"], "NAME=VALUE"),
        (["--try", "width=8,8"], "given twice"),
        (["--try", "width=8", "--try", "width=9"], "given twice"),
        (["--try", "lr=2..1", "--random", "3"], "from the lower"),
        (["--try", "wdth=1,2"], "Did you mean 'width'"),
        (["--try", "width=1,x"], "width"),
        (["--try", "plan.decya=1,2"], "decay"),
        (["--seeds", "2", "--minutes", "1", "--updates", "2"], "--minutes and --updates"),
        ([], "this is one"),
        (["--resume", "--seeds", "2"], "-o FOLDER only"),
        (["--resume", "--minutes", "2"], "-o FOLDER only"),
        (["--try", "seed=1,2"], "--seeds N"),
        (["--try", "minutes=1,2", "--minutes", "3"], "--try minutes, and --minutes"),
        (["--try", "minutes=1,2", "--updates", "3"], "--try minutes, and --updates"),
        (["--try", "device=cpu,cuda", "--device", "cpu"], "--try device, and --device"),
        (["--try", "cell=lstm,gru"], "network.cell"),
        (["--try", "width=8,0"], "width"),
    ],
)
def test_mistakes(
    options: list[str],
    message: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "_run", lambda found: pytest.fail("it must not begin"))
    Path("text").write_text(TEXT)
    assert main(["sweep", "text", "-o", "out", *options]) == 2
    error = capfd.readouterr().err
    assert message in error and error.count("\n") == 1 and not Path("out").exists()


def test_a_sweep_that_cannot_begin_leaves_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["sweep", str(tmp_path / "none"), "-o", str(out), "--seeds", "2", "--updates", "1"]) == 2
    assert "no such file" in capfd.readouterr().err and not out.exists()
