"""Pictures of every page of the studio, with its main job done: light, dark, and on a phone.

    python benchmarks/pages.py FOLDER              # trains the models that FOLDER lacks, a minute each
    python benchmarks/pages.py FOLDER --only ink   # one page: home, train, write, look, compose, forecast ...
    python benchmarks/pages.py FOLDER --docs       # and those of docs/studio.md, smaller, to docs/pictures

A real studio is started with real models, those of the demos, and gone through in Chromium. The pictures go to
FOLDER/pictures, three for each page. The second time, only they are made. Seeds are fixed where a page has one.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from journeys import JOURNEYS, Given, Journey, enter, opened, studio, t
from pictures import PICTURES, WIDTH, small, trained
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from rhapsode.studio.shelf import views

DEMOS = {"text": "model", "music": "model", "speech": "voice", "series": "model"}
"""Demo → the folder of its model."""
MODELS = {"text": "manual", "ink": "demo:handwriting", "music": "blues", "speech": "voice", "series": "sales"}
"""Modality → the name of its model."""
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


def made(folder: Path, minutes: float) -> dict[str, Path | str]:
    """Name → model, trained if it is not there."""
    return {MODELS[demo]: trained(folder, demo, minutes, name) for demo, name in DEMOS.items()}


def brought(folder: Path) -> Given:
    """What the pages are given: texts and tables of the demos."""
    text = (folder / "text" / "topics.txt").read_text()
    return Given(text[text.index("\n\n", len(text) // 2) :].strip(), shop(folder), folder / "text" / "topics.txt", 0.3)


def shop(folder: Path) -> Path:
    """The table of one series of the demo."""
    table = (folder / "series" / "sales.csv").read_text().splitlines(keepends=True)
    first = table[1].split(",")[1]
    path = folder / "shop.csv"
    path.write_text("".join(line for line in table if line is table[0] or line.split(",")[1] == first))
    return path


SHOWN = ("home", "train", "ink", "compose", "speak", "forecast")
"""In docs/studio.md."""


def chromium(session: Any) -> Any:
    path = shutil.which("chromium") or shutil.which("google-chrome") or session.chromium.executable_path
    return session.chromium.launch(executable_path=path, args=["--no-sandbox"])


def picture(page: Page, journey: Journey, url: str, given: Given, folder: Path) -> None:
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    opened(page, url, journey, MODELS.get(journey.modality, ""))
    seed = page.get_by_label(t("seed"), exact=True)
    if seed.is_visible():
        enter(seed, 7)
    journey.do(page, given)
    name = journey.view or "home"
    for kind, scheme, size in (("light", "light", DESK), ("dark", "dark", DESK), ("phone", "light", PHONE)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        page.mouse.move(0, 0)
        page.wait_for_timeout(400)  # what is drawn anew at another size
        page.wait_for_function(LOADED, timeout=60_000)
        page.screenshot(path=folder / f"{name}-{kind}.png", full_page=kind == "phone")
    print(f"{name}: {folder / name}-{{light,dark,phone}}.png", flush=True)


LOADED = """() => Array.from(document.images).every(
  (one) => one.complete || one.hidden || one.getBoundingClientRect().top > innerHeight)"""


def document(folder: Path, name: str) -> None:
    """The picture of a page by day, at the width of the others in docs/pictures."""
    with Image.open(folder / f"{name}-light.png") as image:
        height = round(image.height * WIDTH / image.width)
        data = small(image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS))
    (PICTURES / f"studio-{name}.png").write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the models and the pictures")
    parser.add_argument("--minutes", type=float, default=1, help="of training, for each model that is not there")
    parser.add_argument("--only", choices=[one.view or "home" for one in JOURNEYS], help="one page")
    parser.add_argument("--docs", action="store_true", help="make the pictures of docs/studio.md of them")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    folder = options.folder / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    models = made(options.folder, options.minutes)
    with sync_playwright() as session, studio(models) as url:
        browser = chromium(session)
        context = browser.new_context()
        for journey in JOURNEYS:
            if options.only in (None, journey.view or "home") and journey.view in {"", "train", *views()}:
                page = context.new_page()
                picture(page, journey, url, brought(options.folder), folder)
                page.close()
                if options.docs and (journey.view or "home") in SHOWN:
                    document(folder, journey.view or "home")
        browser.close()


if __name__ == "__main__":
    main()
