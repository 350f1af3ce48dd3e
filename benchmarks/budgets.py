"""What each page of the studio takes to be there and to do its main job, in Chromium.

    python benchmarks/budgets.py FOLDER              # of benchmarks/pages.py: `make pages` has made the models
    python benchmarks/budgets.py FOLDER --slow 4     # with a processor that is four times as slow, as in a phone

Each page is opened by its address, with nothing in the browser's cache; its model is in memory already. Prints one
Markdown table, a row for each page:

- paint, content: until the first, and until the largest part of it is painted (FCP, LCP), ms
- shift: how far the page moves under the eyes of who reads it (CLS: cumulative layout shift), while it opens; and,
  behind the comma, while its main job is done
- blocked: how long the page could not have answered a key (TBT: all tasks' time beyond 50 ms), the same two, ms
- kB, requests: what comes from the server until it can be used

Wanted: paint below 1,000, content below 2,500, shift below 0.1, blocked below 200 on opening.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from journeys import JOURNEYS, SEEN, Given, Journey, loaded, studio
from pages import DESK, MODELS, brought, chromium, made
from playwright.sync_api import sync_playwright

from rhapsode.studio.shelf import views


def row(page: Any, url: str, journey: Journey, given: Given, slow: float) -> str:
    """The figures of a page, and of its main job."""
    one = loaded(page, url, journey, MODELS.get(journey.modality, ""), slow)
    journey.do(page, given)
    then = page.evaluate(SEEN)
    shift = f"{one.shift:.3f}, {then['shift'] - one.shift:.3f}"
    blocked = f"{one.blocked:.0f}, {then['blocked'] - one.blocked:.0f}"
    size = f"{one.bytes / 1000:.0f} | {one.requests}"
    return f"| {journey.view or 'home'} | {one.paint:.0f} | {one.content:.0f} | {shift} | {blocked} | {size} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=1, help="of training, for each model that is not there")
    parser.add_argument("--slow", type=float, default=1, metavar="N", help="so many times as slow a processor")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    models = made(options.folder, options.minutes)
    print("| page | paint | content | shift | blocked | kB | requests |\n|---|---|---|---|---|---|---|")
    with sync_playwright() as session, studio(models) as url:
        browser = chromium(session)
        for journey in JOURNEYS:
            if journey.view not in {"", "train", *views()}:
                continue
            for counted in (False, True):  # the first time, the server reads the model
                context = browser.new_context(viewport=DESK, reduced_motion="reduce")
                page = context.new_page()
                page.set_default_timeout(90_000)
                if counted:
                    print(row(page, url, journey, brought(options.folder), options.slow), flush=True)
                else:
                    loaded(page, url, journey, MODELS.get(journey.modality, ""))
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
