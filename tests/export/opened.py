"""Pages with models in them: made, and opened in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rhapsode.cli import main
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.files import checkpoint
from rhapsode.inference.trained import Trained
from rhapsode.nn.network import Network
from tests.conftest import random_weights

PHONE = {"width": 390, "height": 800}


def untrained(codec: RecordCodec, folder: Path, sharpness: float = 2.0, **network: Any) -> Path:
    """A model of random weights, in whole numbers."""
    config = NetworkConfig(**{"width": 12, **codec.network, **network})
    weights = random_weights(Network(config, codec.steps, codec.text, codec.covariates), 0, sharpness)
    known = ModelConfig(codec=codec_to_json(codec), network=config, framing=FramingConfig(), reset="document")
    Trained(known, weights).quantised().save(folder / checkpoint.MODEL)
    return folder


def exported(model: Path) -> Path:
    """Its page, beside the model."""
    page = model.with_name(f"{model.name}.html")
    assert main(["export", str(model), "-o", str(page), "--overwrite"]) == 0
    return page


@contextmanager
def opened(browser: Any, page: Path, **options: Any) -> Iterator[Any]:
    """The page in a browser, opened from disk. It must ask the network for nothing, and make no mistake."""
    context = browser.new_context(accept_downloads=True, **options)
    found, wrong = context.new_page(), list[str]()
    found.on(
        "request",
        lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "blob:", "data:")) else None,
    )
    found.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.goto(page.as_uri())
    yield found
    context.close()
    assert wrong == []


def saved(page: Any, selector: str = "#save") -> bytes:
    """The file that a button gives."""
    with page.expect_download() as download:
        page.click(selector)
    return Path(download.value.path()).read_bytes()
