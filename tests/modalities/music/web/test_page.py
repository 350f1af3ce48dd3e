"""The page of a model of music in a browser: the same seed gives the same tune as the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.cli import main
from rhapsode.inference.model import Model
from rhapsode.modalities.music.shipped import shipped
from tests.export.opened import PHONE, drawn, exported, opened, saved, untrained
from tests.modalities.music.web.test_twins import CODECS, made

MADE: dict[str, Path] = {}


@pytest.fixture
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    def model(name: str, **network: Any) -> Path:
        key = f"{name} {network}"
        if key not in MADE:
            MADE[key] = untrained(made(name), tmp_path_factory.mktemp("music"), **network)
        return MADE[key]

    return model


FORMS = [(name, {}) for name in CODECS] + [
    ("rolls", {"head": {"name": "bernoulli"}}),
    ("chorales", {"head": {"name": "product"}}),
    ("chorales", {"autoregressive": False}),
    ("rolls", {"cell": "rnn", "layers": 2, "skip": True}),
]


@pytest.mark.parametrize("name", ["rolls", "melodies", "bands"])
def test_the_same_as_the_command(models: Any, browser: Any, name: str) -> None:
    model = models(name)
    with opened(browser, exported(model)) as page:
        for seed, temperature in ((1, "1"), (2**40 + 5, "0.7")):
            file = model / "tune.mid"
            options = ["--seed", str(seed), "--temperature", temperature, "--bars", "3"]
            assert main(["compose", str(model), *options, "-o", str(file), "--overwrite"]) == 0
            page.fill("#bars", "3")
            page.fill("#seed", str(seed))
            page.fill("#temperature", temperature)
            page.click("#generate")
            page.wait_for_selector("#save:enabled")
            assert saved(page) == file.read_bytes()
            assert f"--seed {seed}" in page.inner_text("#command")


def test_it_plays(models: Any, browser: Any) -> None:
    model = models("melodies")
    with opened(browser, exported(model), viewport=PHONE, has_touch=True) as page:
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#save:enabled")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        notes = page.locator("#body .note").count()
        assert f"{notes} notes" in page.inner_text("#said")
        page.click("#play")
        pytest.importorskip("playwright.sync_api").expect(page.locator("#time")).to_contain_text("0:01 /")
        assert page.inner_text("#play") == "Pause"
        page.click("#fresh")  # another tune, in silence
        page.wait_for_selector("#save:enabled")
        assert page.inner_text("#play") == "Play" and page.inner_text("#time").startswith("0:00")


@pytest.mark.parametrize(("name", "network"), FORMS)
def test_the_same_steps_in_node(models: Any, name: str, network: dict[str, Any]) -> None:
    body = """
        const [{ headOf }, { codecOf }] = await Promise.all(["../../../export/page/heads.js", "codecs.js"].map(use));
        const codec = codecOf(about.codec, data.usual);
        const guide = codec.guide(2);
        begin(reader, guide);
        const head = headOf(about, tensors, codec);
        const ends = (step) => codec.ends(step);
        const drawing = new Draw({ reader, head, guide, ends, sampling: { temperature: 0.9 }, seed: 7 });
        while (drawing.next());
        return drawing.steps.map((step) => (typeof step === "number" ? step : [...step]));
    """
    loaded = Model.load(models(name, **network))
    codec: Any = loaded.codec
    [sample] = loaded.generate(outline=codec.outline(2), seed=7, sampling=Sampling(temperature=0.9))
    assert drawn(loaded, "modalities/music/web", body, usual=shipped(codec)) == sample.steps.tolist()
