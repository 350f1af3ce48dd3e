import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from rhapsode.errors import UserError
from rhapsode.modalities.ink.drawing import from_strokes
from rhapsode.modalities.ink.page import Page, lay_out
from rhapsode.modalities.ink.picture import png, preview
from rhapsode.modalities.ink.wrap import Paragraph
from rhapsode.modalities.ink.write import SUFFIXES, encode, save
from tests.modalities.ink.letters import write
from tests.modalities.ink.test_svg import odd

PAGE = Page.named("card", ruled=True)
LAYOUT = lay_out([Paragraph((write("the moon"), write("is in")))], PAGE)
PAGES = lay_out([Paragraph((write("no"),) * (PAGE.rows + 1))], PAGE)


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"), float)


def test_png_shows_the_ink_where_it_is():
    data = png(LAYOUT, dpi=127, colour="black")  # 5 pixels per mm
    assert Image.open(io.BytesIO(data)).info["dpi"] == pytest.approx((127, 127), abs=0.1)
    image = pixels(data)
    assert image.shape == (525, 740)
    points = np.concatenate([stroke.points for stroke in LAYOUT.sheets[0].strokes()])
    x, y = np.floor(points * 5).astype(int).T
    assert image[y, x].max() < 160
    assert image[int(LAYOUT.sheets[0].rules[-1] * 5), 370] < 250  # ruled
    assert image[5, 5] == 255
    assert len(np.unique(image)) > 20  # smooth edges


def test_png_is_the_same_each_time():
    assert png(LAYOUT, dpi=60) == png(LAYOUT, dpi=60)


def test_straight_lines_have_the_breadth_of_the_nib():
    line = from_strokes([np.array([[0, 0], [50, 0], [100, 0.0]])])
    image = 255 - pixels(png(line, dpi=254, nib=1.0, colour="black"))
    assert image[:, 500].sum() / 255 == pytest.approx(10, abs=0.5)


def test_lines_are_of_one_breadth_or_as_a_nib_leaves_them():
    """Of two strokes, in the second the pen is three times as fast."""
    drawing = from_strokes([np.array([[step * n, 20.0 * step] for n in range(100 // step)]) for step in (1, 3)])
    slow, fast = (
        np.split(255 - pixels(png(drawing, dpi=254, nib=1.0, colour="black", mode=mode)), 2)
        for mode in ("plotter", "ink")
    )
    assert slow[0].sum() == pytest.approx(slow[1].sum(), rel=0.05)
    assert fast[0].sum() > 1.2 * fast[1].sum()


@pytest.mark.parametrize(
    "options", [{"dpi": 0}, {"dpi": 9000}, {"colour": "bluu"}, {"paper": "x"}, {"nib": -1}, {"mode": "x"}]
)
def test_mistakes(options):
    with pytest.raises(UserError):
        png(LAYOUT, **options)


def raised(text):
    """Dots of a preview, [height, width]."""
    bits = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
    rows = text.split("\n")[:-1]
    width = max(map(len, rows))
    codes = np.array([[ord(c) - 0x2800 for c in row.ljust(width, "\u2800")] for row in rows])
    return (codes[:, None, :, None] & np.array(bits)[None, :, None, :]).reshape(len(rows) * 4, -1) > 0


def test_preview_of_a_square():
    square = from_strokes([np.array([[0, 0], [0, 7], [0, 0], [7, 0], [7, 7], [0, 7.0]])])
    dots = raised(preview(square, columns=4))
    assert dots.shape == (8, 8)
    assert dots[0].all() and dots[-1].all() and dots[:, 0].all() and dots[:, -1].all()
    assert not dots[2:-2, 2:-2].any()


def test_preview_breaks_long_lines_between_letters():
    text = preview(write("the moon is in the hall and the man in the hut"), columns=40)
    assert max(map(len, text.splitlines())) <= 40
    dots = raised(preview(write("nono"), columns=80, x_height=9))
    assert dots.any(axis=1).sum() == 10
    whole, broken = (raised(preview(write("no no no no no"), columns=columns)) for columns in (80, 20))
    assert whole.sum() == broken.sum()
    assert max(map(len, preview(from_strokes([np.array([[0, 0], [300, 9.0]])], "-"), 20, 9).splitlines())) == 20


def test_preview_of_pages_and_of_nothing():
    assert preview(LAYOUT, columns=60).count("\n") > 6
    assert preview(from_strokes([])) == "\n"
    with pytest.raises(UserError):
        preview(LAYOUT, columns=0)


@settings(max_examples=30)
@given(odd)
def test_odd_drawings(drawing):
    assert pixels(png(drawing, dpi=20)).size
    assert max(map(len, preview(drawing, columns=10).splitlines())) <= 10


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_can_be_saved(tmp_path, suffix):
    drawing = write("the moon")
    (path,) = save(drawing, tmp_path / "new" / f"a{suffix.upper()}")
    assert path.read_bytes() == encode(drawing, suffix)
    assert path.stat().st_size > 100
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_pages_go_to_numbered_files(tmp_path):
    assert [p.name for p in save(PAGES, tmp_path / "a.svg", mode="ink")] == ["a-1.svg", "a-2.svg"]
    assert [p.name for p in save(PAGES, tmp_path / "b.svg", sheet=1)] == ["b.svg"]
    assert (tmp_path / "a-2.svg").read_text() != (tmp_path / "a-1.svg").read_text()
    (lines,) = save(PAGES, tmp_path / "a.jsonl")
    rows = [json.loads(row) for row in lines.read_text().splitlines()]
    assert len(rows) == PAGE.rows + 1
    with pytest.raises(UserError, match="2 pages"):
        encode(PAGES, ".png")
    with pytest.raises(UserError, match=r"\.jsonl"):
        save(PAGES, tmp_path / "a.json")


def test_unknown_suffixes_and_options(tmp_path):
    with pytest.raises(UserError, match=r"Did you mean '\.svg'.*\.gcode, .*\.svg"):
        save(LAYOUT, tmp_path / "a.svgg")
    with pytest.raises(UserError, match="kind of file"):
        save(LAYOUT, tmp_path / "a")
    with pytest.raises(UserError, match=r"option for \.svg files"):
        save(LAYOUT, tmp_path / "a.svg", animate=True)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        save(LAYOUT, tmp_path / "file" / "a.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]
