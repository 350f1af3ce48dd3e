"""`/api/forecast`: what the command forecasts."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from rhapsode.cli import main  # noqa: E402
from rhapsode.inference.model import Model  # noqa: E402
from tests.modalities.series.tables import folder_of_sales, made, table  # noqa: E402
from tests.serving.asking import about, post  # noqa: E402
from tests.serving.conftest import serving  # noqa: E402

PATH = "/api/forecast"
TABLE = table(*(made(60, seed, name=f"s{seed}") for seed in range(3)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    assert folder_of_sales(folder) == TABLE
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving({"sales": Model.load(folder / "sales")}, rows=16, waiting=8) as (found, _):
        yield found


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"n": 100, "horizon": 3}, ["--samples", "100", "--horizon", "3"]),
        ({"n": 5, "paths": True, "series": ["s1"]}, ["--samples", "5", "--paths", "--series", "s1"]),
        (
            {"n": 9, "horizon": 2, "quantiles": [0.9, 0.2], "temperature": 0.5},
            ["--samples", "9", "--horizon", "2", "--quantiles", "0.2,0.9", "--temperature", "0.5"],
        ),
    ],
)
def test_the_table_of_the_command(
    address: str, folder: Path, tmp_path: Path, fields: dict[str, Any], options: list[str]
) -> None:
    out = tmp_path / "out.csv"
    command = ["forecast", str(folder / "sales"), str(folder / "table.csv"), "--seed", "3"]
    assert main([*command, "-o", str(out), *options]) == 0
    rows = list(csv.reader(TABLE.splitlines()))
    columns = {name: [row[n] for row in rows[1:]] for n, name in enumerate(rows[0])}
    numbers = {**columns, "value": [float(cell) for cell in columns["value"]]}
    for given in (TABLE, columns, numbers):
        reply = post(address, PATH, table=given, seed=3, format="csv", **fields)
        assert reply.status == 200 and reply.data == out.read_bytes(), reply.data


def test_numbers(address: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["forecast", str(folder / "sales"), "--seed", "3", "--samples", "4", "--json"]
    assert main(command) == 0
    expected = json.loads(capsys.readouterr().out)
    found = post(address, PATH, seed=3, n=4).json
    assert {name: found[name] for name in expected} == expected, "new series"
    found = post(address, PATH, table=TABLE + "x,y,z\n", n=4, horizon=1).json
    assert any("no numbers" in note for note in found["notes"]) or any(
        "without a time" in note for note in found["notes"]
    )


@pytest.mark.parametrize("form", ["png", "svg"])
def test_fan_charts(address: str, folder: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"out.{form}"
    command = ["forecast", str(folder / "sales"), str(folder / "table.csv"), "--seed", "3", "--samples", "9"]
    assert main([*command, "-o", str(out)]) == 0
    reply = post(address, PATH, table=TABLE, seed=3, n=9, format=form)
    assert reply.status == 200 and reply.data == out.read_bytes()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"table": ""}, "it is empty"),
        ({"table": "/etc/passwd"}, "table"),
        ({"table": "a,b\nx,y\n"}, "table"),
        ({"table": "a" * 200_000}, "no table"),
        ({"table": {"": []}}, "no row that is not empty"),
        ({"table": {"a": [1, 2], "b": [1]}}, "same number of cells"),
        ({"table": TABLE, "series": ["none"]}, "is not in the table"),
        ({"table": TABLE, "quantiles": [1.5]}, "quantiles"),
        ({"table": TABLE, "quantiles": "0.1,0.5"}, "quantiles"),
        ({"table": TABLE, "horizon": 0}, "horizon"),
        ({"table": TABLE, "n": 1000, "horizon": 5000}, "are the most"),
        ({"table": TABLE, "stream": True}, "stream"),
        ({"table": {"t": ["2000-01-01"] * 5, "x": [1e308, -1e308, 1, 2, 3]}}, "table"),
    ],
)
def test_mistakes(address: str, fields: dict[str, Any], message: str) -> None:
    reply = post(address, PATH, **fields)
    assert reply.status == 400 and message in reply.message, reply.data
    assert "--" not in reply.message


def test_what_is_said_of_a_model(address: str) -> None:
    found = about(address, "sales")
    assert (found["endpoint"], found["frequency"], found["horizon"], found["counts"]) == (PATH, "monthly", 12, False)
