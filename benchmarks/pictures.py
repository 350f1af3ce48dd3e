"""The pictures of README.md, one for each modality, from the models of the demos.

    python benchmarks/pictures.py FOLDER                # trains what FOLDER lacks, some two minutes each
    python benchmarks/pictures.py FOLDER --only text    # handwriting, music, speech, series

Each is 800 pixels wide and goes into docs/pictures. All seeds are fixed. A model is trained for so many minutes, so
another machine makes other pictures.
"""

from __future__ import annotations

import argparse
import io
import math
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageChops, ImageOps

from rhapsode.cli import main as rhapsode
from rhapsode.inference.model import Model
from rhapsode.modalities.music import roll
from rhapsode.modalities.music.read import read

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, LARGEST = 800, 80_000
"""Of each picture: pixels, and bytes."""
WORDS = "Hello! I was drawn\nby a small network."
SPOKEN = "I was trained for two minutes."
SHOP = "shop 1"
BARS = (25, 33)
LINES, LETTERS = 6, 52
"""Of the text that is shown."""


def trained(folder: Path, demo: str, minutes: float, name: str = "model") -> Path:
    """The model of a demo, from an earlier run if there is one. name: of its folder."""
    model = folder / demo / name
    if not (model / "model.safetensors").exists():
        assert rhapsode(["demo", demo, "-o", str(folder / demo), "--minutes", str(minutes)]) == 0
    return model


def png(figure: Figure) -> Image.Image:
    FigureCanvasAgg(figure)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return Image.open(data)


def drawn(*words: object) -> Image.Image:
    """The picture that a command makes; the command gets a name for it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        assert rhapsode([*map(str, words), str(path)]) == 0
        return Image.open(io.BytesIO(path.read_bytes()))


def text(folder: Path) -> Image.Image:
    """A paragraph of the manual that the model has not read: the more surprising a character, the darker behind it."""
    model = Model.load(trained(folder, "text", 2))
    contents = (folder / "text" / "topics.txt").read_text()
    new = contents.index("\n\n", int(0.9 * len(contents)))  # the last tenth is held out
    found = re.search(r"\n\n((?:[A-Za-z].*\n){6,})\n", contents[new:])
    assert found is not None
    steps = model.score(found[1], prompt=contents[:new][-2000:], end=False, per_step=True).surprises
    letters = [(step.data.decode().replace("\n", " "), step.nats / math.log(2)) for step in steps]
    figure = Figure(figsize=(8, 0.36 * LINES), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1, LETTERS + 1), ylim=(LINES + 0.4, -0.4))
    axes.axis("off")
    shades = matplotlib.colormaps["Oranges"]
    column = line = 0
    for n, (letter, bits) in enumerate(letters):
        word = "".join(one for one, _ in letters[n : n + LETTERS]).split(" ")[0]
        if column + len(word) > LETTERS:
            column, line = 0, line + 1
        if line == LINES:
            break
        axes.fill_between([column, column + 1], line + 0.06, line + 0.94, color=shades(0.6 * min(bits, 8) / 8), lw=0)
        axes.text(column + 0.5, line + 0.54, letter, family="DejaVu Sans Mono", size=17, ha="center", va="center")
        column += 1
    return png(figure)


def handwriting(folder: Path) -> Image.Image:
    return drawn("write", "demo:handwriting", WORDS, "--bias", "0.8", "--seed", "3", "--dpi", "300", "-o")


def music(folder: Path) -> Image.Image:
    """Some bars of what the demo has played: melody and chords."""
    trained(folder, "music", 2)
    tune = next(read(folder / "music" / "blues.mid"))
    begin, end = (tune.bars()[bar - 1] for bar in BARS)
    notes = tune.notes[(tune.notes["start"] >= begin) & (tune.notes["start"] < end)]
    notes["start"] -= begin
    notes["length"] = np.minimum(notes["length"], end - begin - notes["start"])
    chords = tuple(replace(one, tick=one.tick - begin) for one in tune.chords if begin <= one.tick < end)
    title = "Blues, played by a small network"
    return Image.open(io.BytesIO(roll.png(replace(tune, notes=notes, length=end - begin, chords=chords, title=title))))


def speech(folder: Path) -> Image.Image:
    model = trained(folder, "speech", 2, "voice")
    with tempfile.TemporaryDirectory() as sound:
        return drawn("speak", model, SPOKEN, "-o", Path(sound) / "words.wav", "--also")


def series(folder: Path) -> Image.Image:
    model = trained(folder, "series", 1)
    table = folder / "series" / "sales.csv"
    levels = "0.05,0.1,0.25,0.5,0.75,0.9,0.95"
    return drawn(
        "forecast", model, table, "--series", SHOP, "--horizon", "24", "--quantiles", levels, "--seed", 1, "-o"
    )


PARTS: dict[str, Any] = {one.__name__: one for one in (text, handwriting, music, speech, series)}


def trimmed(image: Image.Image, margin: int = 12) -> Image.Image:
    """Without most of the white around it, at the width of all pictures."""
    image = image.convert("RGB")
    box = ImageChops.difference(image, Image.new("RGB", image.size, "white")).getbbox()
    if box is not None:
        image = ImageOps.expand(image.crop(box), margin, "white")
    height = round(image.height * WIDTH / image.width)
    return image.resize((WIDTH, height), Image.Resampling.LANCZOS)


def small(image: Image.Image) -> bytes:
    """As PNG with as many colours as `LARGEST` allows."""
    for colours in (256, 128, 64, 32, 16):
        data = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(data, format="png", optimize=True)
        if data.tell() <= LARGEST:
            break
    return data.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the models")
    parser.add_argument("--only", choices=[*PARTS], help="one picture")
    options = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    for name, make in PARTS.items():
        if options.only in (None, name):
            path = PICTURES / f"{name}.png"
            path.write_bytes(small(trimmed(make(options.folder))))
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
