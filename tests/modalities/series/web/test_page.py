"""The page of a model of series in a browser: the same seed gives the same forecast as the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.cli import main
from rhapsode.inference.model import Model
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.read import read
from tests.export.opened import PHONE, drawn, exported, opened, saved, untrained


def table(counts: bool, offset: int = 0) -> str:
    rng = np.random.default_rng(offset)
    n = np.arange(60)
    values = 50 + 20 * np.sin(n * np.pi / 6) + 0.5 * n + rng.standard_normal(60)
    cells = [f"{round(one)}" if counts else f"{one:.3f}" for one in values.tolist()]
    return "month,sales\n" + "".join(f"{2019 + at // 12}-{at % 12 + 1:02},{cell}\n" for at, cell in enumerate(cells))


@pytest.fixture(scope="module", params=[False, True], ids=["real", "counts"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    for number in range(3):
        (folder / f"{number}.csv").write_text(table(request.param, number))
    records = [one for number in range(3) for one in read(folder / f"{number}.csv")]
    codec = Codec.fit(lambda: iter(records))
    return untrained(codec, folder, 0.7)


def test_the_same_as_the_command(model: Path, browser: Any) -> None:
    file = model / "forecast.csv"
    with opened(browser, exported(model)) as page:
        for source, seed, temperature in ((model / "1.csv", 1, "1"), (None, 1000, "0.5")):
            options = ["--seed", str(seed), "--temperature", temperature, "--horizon", "7", "--samples", "20"]
            given = [str(source)] if source else []
            assert main(["forecast", str(model), *given, *options, "-o", str(file), "--overwrite"]) == 0
            page.fill("#table", source.read_text() if source else "")
            assert ("1 series: sales (60 values)" if source else "new series") in page.inner_text("#read")
            typed = "1e3" if seed == 1000 else seed
            for name, value in (("seed", typed), ("temperature", temperature), ("horizon", 7), ("samples", 20)):
                page.fill(f"#{name}", str(value))
            page.click("#generate")
            page.wait_for_selector("#save:enabled")
            assert saved(page).decode() == file.read_text()
            assert page.locator("#chart .band").count() == 1
            assert page.locator("#numbers tbody tr").count() == 7


def test_on_a_phone(model: Path, browser: Any) -> None:
    with opened(browser, exported(model), viewport=PHONE, has_touch=True) as page:
        page.fill("#table", "day,sales\n2024-01-01,1\n2024-01-02,2\n2024-01-03,5\n")
        assert "not monthly" in page.inner_text("#read")
        assert page.locator("#generate").is_disabled()
        page.set_input_files("#file", str(model / "2.csv"))
        page.wait_for_selector("#generate:enabled")
        page.fill("#samples", "5")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#save:enabled")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_same_steps_in_node(model: Path) -> None:
    body = """
        const [{ Series }, { headOf }] = await Promise.all(["series.js", "head.js"].map(use));
        const codec = new Series(about.codec);
        const head = headOf(codec);
        const { guide, steps } = codec.begin({ start: data.start, values: data.values });
        begin(reader, guide, steps);
        const place = reader.save();
        return Array.from({ length: 9 }, (_, row) => {
          reader.load(place);
          const how = { sampling: { temperature: 1.2 }, seed: 7, row, recent: steps, length: 7, ends: () => false };
          const path = new Draw({ reader, head, guide: guide.copy(), ...how });
          while (path.next());
          return path.steps.map((step) => [...step]);
        });
    """
    loaded = Model.load(model)
    [one] = read(model / "1.csv")
    wanted = loaded.generate(length=7, samples=9, seed=7, style=one, outline=one, sampling=Sampling(temperature=1.2))
    known = {"start": one.start.astype(np.int64).item(), "values": one.values.tolist()}
    assert drawn(loaded, "modalities/series/web", body, **known) == [each.steps.tolist() for each in wanted]
