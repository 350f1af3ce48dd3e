"""Tables as people have them → series; what is amiss is told with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from rhapsode.data.recognition import codec_for
from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.series.read import flaw, read, recognised
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import parsed

MONTHS = [f"20{year:02}-{month:02}" for year in range(3) for month in range(1, 13)]


def given(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def of(folder: Path, text: str, refused: Refusals | None = None) -> list[Series]:
    path = given(folder, text)
    assert recognised(path) and codec_for([path]) == "series"
    return read(path, "table.csv", refused)


def rows(*lines: str) -> str:
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ; "])
def test_columns_are_series(tmp_path: Path, delimiter: str) -> None:
    text = rows(
        *(delimiter.join(row) for row in [("month", "a", "b"), *((m, f"{n}.5", f"{-n}") for n, m in enumerate(MONTHS))])
    )
    a, b = of(tmp_path, text)
    assert (a.name, b.name) == ("a", "b") and a.frequency.name == "monthly" and a.start == np.datetime64("2000-01")
    assert np.array_equal(a.values, np.arange(36) + 0.5) and np.array_equal(b.values, -np.arange(36.0))
    assert "2 series of 72 values: times in month (year-month), monthly; values in a, b." in a.about


def test_a_key_makes_several_series(tmp_path: Path) -> None:
    """One of text, or of whole numbers where times repeat; not where times tell rows apart."""
    text = rows("day,shop,sold,price", *(f"2024-01-{d:02},{s},{d},{d * s}.5" for d in range(1, 29) for s in (1, 2)))
    found = of(tmp_path, text)
    assert [one.name for one in found] == ["shop 1 sold", "shop 1 price", "shop 2 sold", "shop 2 price"]
    text = rows("day,shop,sold", *(f"2024-01-{d:02},{s},{d}" for d in range(1, 29) for s in ("north", "south")))
    assert [one.name for one in of(tmp_path, text)] == ["north", "south"]
    refused = Refusals()
    (single,) = of(
        tmp_path,
        rows("day,sky,t", *(f"2024-01-{d:02},{'sun' if d % 2 else 'rain'},{d}" for d in range(1, 29))),
        refused,
    )
    assert single.name == "t" and "told from another by (sky)" in " ".join(refused.lines())


def test_what_is_missing_is_missing(tmp_path: Path) -> None:
    (one,) = of(tmp_path, rows("year,x", *(f"{1990 + n},{'' if n == 3 else 'NA' if n == 4 else n}" for n in range(9))))
    assert np.isnan(one.values[[3, 4]]).all() and one.missing == 2 and one.frequency.name == "yearly"


def test_what_is_amiss_is_told_with_its_line(tmp_path: Path) -> None:
    days = [f"2024-01-{day:02},{day}" for day in range(1, 29)]
    days[3], days[4] = days[4], days[3]
    days[9] = days[8].replace(",9", ",90")
    days[12] = "2024-01-13,many"
    days[14] = "2024-01-15"
    days[20] = "whenever,7"
    refused = Refusals()
    (one,) = of(tmp_path, rows("day,x", *days), refused)
    told = " ".join(refused.lines())
    for part in (
        "line 14, column x: 'many'",
        "rows that have not 2 cells, as the first has (table.csv, line 16: 1)",
        "rows without a time (table.csv, line 22)",
        "not in the order of time, put in order (table.csv, line 6: 2024-01-04)",
        "of which the first counts (table.csv, line 11: 2024-01-09)",
        "gaps between rows, filled with missing values (table.csv, 1 after line 10,",
    ):
        assert part in told, part
    expected = np.arange(1.0, 29)
    expected[[9, 12, 14, 20]] = np.nan
    assert np.array_equal(one.values, expected, equal_nan=True)


def test_other_ways_to_write_numbers(tmp_path: Path) -> None:
    (one,) = of(tmp_path, rows("jahr;wert", *(f"{1990 + n};1.234,{n}" for n in range(9))))
    assert np.allclose(one.values, 1234 + np.arange(9) / 10)
    (one,) = of(tmp_path, rows("year,value", *(f'{1990 + n},"1,23{n}"' for n in range(9))))
    assert np.array_equal(one.values, 1230.0 + np.arange(9))
    (one,) = of(tmp_path, rows("# made by hand", "x", *(f"{n}e-3" for n in range(9))))
    assert np.allclose(one.values, np.arange(9) / 1000) and not one.dated and one.frequency.unit == "number"
    (one,) = of(tmp_path, rows(*(f"{n},{n * n}" for n in range(2, 40, 3))))
    assert (one.name, one.start, one.frequency.every) == ("column 2", 2, 3)


@pytest.mark.parametrize(
    "forms",
    [
        ["2024-01-31", "2024-02-01"],
        ["2024/1/31", "2024/2/1"],
        ["20240131", "20240201"],
        ["31.01.2024", "1.2.2024"],
        ["01/31/2024", "02/01/2024"],
        ["31/01/2024", "01/02/2024"],
        ["Jan 31 2024", "Feb 1, 2024"],
        ["31 January 2024", "1 February 2024"],
        ["2024-01-31T00:00:00Z", "2024-02-01 02:00+02:00"],
    ],
    ids=lambda forms: str(forms[0]),
)
def test_dates(forms: list[str]) -> None:
    found = parsed(forms * 3)
    assert found is not None and [str(one)[:10] for one in found.values[:2]] == ["2024-01-31", "2024-02-01"]


def test_months_quarters_weeks_and_years(tmp_path: Path) -> None:
    for form in ("{y}Q{q}", "{y}-Q{q}", "{y} q{q}"):
        text = rows("when,x", *(form.format(y=2000 + n // 4, q=n % 4 + 1) + f",{n}" for n in range(12)))
        assert of(tmp_path, text)[0].frequency.name == "quarterly"
    text = rows("year,quarter,x", *(f"{2000 + n // 4}.0,{n % 4 + 1}.0,{n}" for n in range(12)))
    assert of(tmp_path, text)[0].start == np.datetime64("2000-01")
    assert of(tmp_path, rows("w,x", *(f"2024-W{n:02},{n}" for n in range(1, 30))))[0].frequency.name == "weekly"
    assert of(tmp_path, rows("d,x", *(f"{month} 2001,{n}" for n, month in enumerate(("Jan", "Feb", "Mar", "Apr")))))
    assert (
        of(tmp_path, rows("timestamp,x", *(f"{1700000000 + 3600 * n},{n}" for n in range(9))))[0].frequency.name
        == "hourly"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("a,b\n", "rows of numbers: 1"),
        ("name,of\nx,y\nz,w\nq,r\n", "no column of numbers"),
        ("year,x\n1990,1\n1991,1\n1992,1\n", "no column of numbers that change ('x' is one number"),
        (
            rows("day,x", "2024-01-01,1", "2024-01-02,3", "2024-03-09,4", "2025-07-01,9", "2025-07-02,9"),
            "regular times",
        ),
    ],
)
def test_what_is_no_table_of_series_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UserError, match="table") as error:
        read(given(tmp_path, text))
    assert why in str(error.value)


def test_other_tables_are_not_taken_for_series(tmp_path: Path) -> None:
    texts = rows(
        "id,text,stars",
        *(f"{n},This is what somebody wrote about thing number {n} last week,{n % 5}" for n in range(20)),
    )
    assert not recognised(given(tmp_path, texts))
    assert not recognised(given(tmp_path, rows("a,b", *["1,2"] * 9), "table.txt"))
    assert not recognised(given(tmp_path, "a, b\n"))


def test_packed_and_parquet(tmp_path: Path) -> None:
    text = rows("month,a", *(f"{m},{n}" for n, m in enumerate(MONTHS)))
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert recognised(packed) and len(read(packed)[0]) == 36
    polars = pytest.importorskip("polars")
    path = tmp_path / "table.parquet"
    frame = polars.read_csv(given(tmp_path, text)).with_columns(polars.col("month").str.to_date("%Y-%m"))
    frame.write_parquet(path)
    assert codec_for([path]) == "series" and np.array_equal(read(path)[0].values, np.arange(36.0))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="damaged"):
        read(path)


def test_a_table_with_a_flaw_is_no_text(tmp_path: Path) -> None:
    """What looks like a table of series, but is none, says why; a table of texts is text."""
    days = [f"2024-01-{day:02}" for day in range(1, 31)]
    for name, cells, why in (
        ("same", ["5"] * 30, "'v' is one number in all rows"),
        ("mixed", ["x", *(f"{n}" for n in range(14)), *"abcdefghijklmno"], ""),
        ("texts", [f"A sentence about {n} things." for n in range(30)], ""),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text("day,v\n" + "".join(f"{day},{cell}\n" for day, cell in zip(days, cells, strict=True)))
        assert why in flaw(path) and bool(why) == bool(flaw(path)), name
