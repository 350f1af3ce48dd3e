"""A studio in this process, with small models in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rhapsode.files import checkpoint
from tests.conftest import MakeModel
from tests.made import PROSE
from tests.serving.conftest import Failures, running

pytest.importorskip("uvicorn")
pytest.importorskip("playwright")

from benchmarks.journeys import Given  # noqa: E402
from rhapsode.serving.guard import LOCAL, QUERY, Rules  # noqa: E402
from rhapsode.studio.app import UPLOADS, Studio  # noqa: E402
from rhapsode.studio.shelf import Shelf  # noqa: E402

KEY = "a key of the studio"


def violations(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds in a page that keeps people from using it: each rule, and the elements."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    # Style sheets are not loaded again: it would look for what they import beside the page.
    found = axe.Axe().run(page, options={"preload": False}).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


@contextmanager
def studio(below: Path, given: dict[str, str] | None = None) -> Iterator[str]:
    """The address of its page, with its key. given: models beside those below a folder, name → path. Fails if it failed
    at a request."""
    failures = Failures()
    with running(
        Studio(Shelf(given or {}, below), Rules(LOCAL, (KEY.encode(),), uploads=UPLOADS), failures)
    ) as address:
        yield f"{address}/?{QUERY}={KEY.replace(' ', '%20')}"
    assert failures.told == []


@pytest.fixture(scope="module")
def models(tiny_model: MakeModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models `book` and `old/letters`, of characters and of bytes."""
    folder = tmp_path_factory.mktemp("models")
    for name, codec in {"book": "chars", "old/letters": "bytes"}.items():
        (folder / name).mkdir(parents=True)
        tiny_model(codec=codec, arithmetic="integers", sharpness=1.5).save(folder / name / checkpoint.MODEL)
    (folder / "book" / "samples.txt").write_text(
        "--- update 1, valid 3 ---\nfirst\n\n--- update 2, valid 2 ---\nlast\n"
    )
    return folder


@pytest.fixture(scope="module")
def address(models: Path) -> Iterator[str]:
    with studio(models) as found:
        yield found


SAVED = Path(__file__).parents[1] / "saved"
BROUGHT = {
    "text": "text-documents",
    "ink": "pens-window",
    "music": "music-melody",
    "speech": "speech-voice",
    "series": "series-whole",
}
"""Modality → a model that every page of it can use, of tests/saved. It gets the modality's name."""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """What a person brings to the pages."""
    book = tmp_path_factory.mktemp("brought") / "book.txt"
    book.write_text((PROSE * 99)[:20_000])
    return Given((SAVED / "data" / "text.txt").read_text(), SAVED / "data" / "sales.csv", book, 0.1)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a studio with a model of each modality, which has its name."""
    models = {modality: str(SAVED / name) for modality, name in BROUGHT.items()}
    with studio(tmp_path_factory.mktemp("furnished"), models) as found:
        yield found


@contextmanager
def opened(browser: Any, address: str, name: str = "book", **options: Any) -> Iterator[Any]:
    """The page of a model. Nothing may go wrong in it, and it may ask only its own server."""
    base = address.partition("?")[0]
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce", **options)
    found = context.new_page()
    wrong: list[str] = []
    found.on("console", lambda message: wrong.append(f"{message.text} {message.location.get('url', '')}"))
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("request", lambda request: request.url.startswith((base, "blob:")) or wrong.append(request.url))
    found.goto(address)
    found.get_by_role("link", name=name).click()
    found.locator("textarea, #go").first.wait_for()
    yield found
    assert not wrong
    context.close()
