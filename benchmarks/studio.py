"""How fast the studio's page for writing is, in Chromium.

    python benchmarks/studio.py MODEL TEXT
    python benchmarks/studio.py MODEL TEXT --training SOURCE
    python benchmarks/studio.py MODEL TEXT --picture write.png look.png

MODEL is a model of text; TEXT a file of more than 10,000 characters of its sort. The studio is started, and its page
opened. Prints one Markdown table, in milliseconds: until the first page is painted; until 4,000 characters are shaded;
from a key to the painted character, the median and the slowest of 40, in a text of 10,000 characters with 200
branches. Wanted: 1,000, 1,000, 50. With --training, also until a completion of 200 tokens is there, the median of
8; and this and the keys again while the studio trains on SOURCE for two minutes. The pictures are of a text that the
model continues, and of the units that mark its longest [[link]].
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

KEYS = """async ([place, count]) => {
  const area = document.querySelector("textarea");
  area.focus();
  area.setSelectionRange(place, place);
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  }));
  const found = [];
  for (let n = 0; n < count; n++) {
    const begun = performance.now();
    document.execCommand("insertText", false, "a tale"[n % 6]);
    await painted();
    found.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  return found;
}"""


ASK = """async (prompt) => {
  const begun = performance.now();
  const body = JSON.stringify({ model: "model", prompt, max_tokens: 200, seed: 1 });
  const headers = { "Content-Type": "application/json" };
  await (await fetch("/v1/completions", { method: "POST", headers, body })).json();
  return performance.now() - begun;
}"""
TRAIN = """async (source) => {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ name: "beside", sources: [source], minutes: 2 });
  const answer = await fetch("/api/runs", { method: "POST", headers, body });
  if (!answer.ok) throw new Error(await answer.text());
}"""
COUNT = "async () => (await (await fetch('/api/runs/beside')).json()).count"


def branching(text: str) -> dict[str, Any]:
    """A work of 200 branches."""
    nodes = [{"id": 1, "parent": 0, "at": 0, "drop": 0, "text": text, "by": 0}]
    for n in range(200):
        parent = 1 if n < 20 else 2 + n % 19
        nodes.append({"id": n + 2, "parent": parent, "at": 9000, "drop": 0, "text": f" and {n} more", "by": 1})
    contents = {"here": 1, "nodes": nodes}
    return {"format": "rhapsode work", "version": 1, "view": "write", "model": {}, "contents": contents}


def measured(page: Any, url: str, text: str) -> list[tuple[str, float]]:
    page.goto(url)
    page.locator(".card").first.wait_for()
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    rows = [("first page painted", page.evaluate(paint))]
    page.locator(".card a").first.click()
    page.locator("textarea").wait_for()
    page.locator("textarea").fill("a")
    expect(page.locator("#figures")).to_contain_text("bits")  # the model is loaded
    begun = time.perf_counter()
    page.locator("textarea").fill(text[:4000])
    expect(page.locator("#figures")).to_contain_text("4,000 characters")
    expect(page.locator("#figures")).to_contain_text("bits")
    rows.append(("4,000 characters shaded", 1000 * (time.perf_counter() - begun)))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(branching(text[:10_000]), file)
        file.flush()
        page.locator("input[type=file]").set_input_files(file.name)
        expect(page.locator("#figures")).to_contain_text("10,000 characters")
        expect(page.locator("#figures")).to_contain_text("bits")
    page.locator("details summary").click()
    page.locator("#suggest").uncheck()
    return [*rows, *keys(page)]


def keys(page: Any, when: str = "") -> list[tuple[str, float]]:
    rows = []
    for name, place in (("at the end", 10_000), ("in the middle", 5_000)):
        times = page.evaluate(KEYS, [place, 40])
        rows.append((f"a key {name}{when}, median", statistics.median(times)))
        rows.append((f"a key {name}{when}, slowest", max(times)))
    return rows


def beside(page: Any, text: str, source: Path) -> list[tuple[str, float]]:
    """What a training takes from who writes meanwhile."""

    def asked(when: str) -> tuple[str, float]:
        return f"200 tokens{when}", statistics.median(page.evaluate(ASK, text[:200]) for _ in range(8))

    rows = [asked("")]
    page.evaluate(TRAIN, str(source.resolve()))
    while not page.evaluate(COUNT):  # it prepares the data, and measures the machine
        page.wait_for_timeout(500)
    when = " while the studio trains"
    return [*rows, asked(when), *keys(page, when)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("text", type=Path)
    parser.add_argument("--picture", type=Path, nargs=2, metavar=("WRITE", "LOOK"), help="write pictures here instead")
    parser.add_argument("--training", type=Path, metavar="SOURCE", help="measure beside a training on this, too")
    options = parser.parse_args()
    text = options.text.read_text("utf-8", "replace")
    command = [sys.executable, "-m", "rhapsode", "studio", f"model={options.model}", "--no-browser"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as session:
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder)
        try:
            assert server.stderr is not None
            found = re.search(r"http\S+", server.stderr.readline())
            assert found is not None
            path = shutil.which("chromium") or shutil.which("google-chrome") or session.chromium.executable_path
            browser = session.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            if options.picture:
                pictures(page, found[0], text, *options.picture)
                return
            print("| | ms |\n|---|---|")
            for name, value in measured(page, found[0], text):
                print(f"| {name} | {value:.0f} |")
            for name, value in beside(page, text, options.training) if options.training else ():
                print(f"| {name} | {value:.0f} |")
            browser.close()
        finally:
            server.terminate()
            server.wait()


def pictures(page: Any, url: str, text: str, write: Path, look: Path) -> None:
    page.goto(url)
    page.locator(".card a").first.click()
    page.locator("textarea").fill(text[:220])
    page.locator("#seed").fill("7")
    for _ in range(2):
        page.locator("#again" if _ else "#go").click()
        expect(page.locator("#status")).to_contain_text("written", timeout=30_000)
        page.wait_for_timeout(1500)
    page.locator("textarea").press("Escape")
    box = page.locator(".back .model").nth(60).bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 8)
    page.mouse.move(box["x"] + 3, box["y"] + 8)
    page.locator(".choices button").first.wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=write)
    page.get_by_role("link", name="Look inside").click()
    page.locator("#unit").wait_for()
    page.locator("textarea").fill(text[:700])
    page.locator(".units button").first.wait_for()
    span = list(max(re.finditer(r"\[\[.*?\]\]", text[:700]), key=lambda link: len(link[0])).span())
    page.locator("textarea").evaluate("(area, span) => { area.focus(); area.setSelectionRange(...span); }", span)
    page.locator("#find").click()
    expect(page.locator("#about-units")).to_contain_text("mark the selected part")
    page.locator(".units button").nth(1).click()
    page.locator("textarea").evaluate("area => area.setSelectionRange(0, 0)")
    page.locator(".curve").hover(position={"x": 300, "y": 60})
    page.wait_for_timeout(500)
    page.screenshot(path=look)


if __name__ == "__main__":
    main()
