import numpy as np
import pytest

from rhapsode.files.refusals import Refusals
from rhapsode.modalities.ink.read import read
from tests.modalities.ink.inkfiles import SVG, all_of, archive, one, put, refused, strokes


@pytest.mark.parametrize(
    ("d", "expected"),
    [
        ("M1 2 3 4L5 6", [[[1, 2], [3, 4], [5, 6]]]),
        ("m1,2 1 1 m1 0 l1 1", [[[1, 2], [2, 3]], [[3, 3], [4, 4]]]),
        ("M0 0H3V4h-1v-2z", [[[0, 0], [3, 0], [3, 4], [2, 4], [2, 2], [0, 0]]]),
        ("M0 0L1 0zL5 5", [[[0, 0], [1, 0], [0, 0]], [[0, 0], [5, 5]]]),
        ("M1-2.5.5 3e0", [[[1, -2.5], [0.5, 3]]]),
        ("M5 5", [[[5, 5]]]),
        ("M5 5z", [[[5, 5]]]),
        ("M.5.5h0", [[[0.5, 0.5], [0.5, 0.5]]]),
        ("", []),
        ("M0 0A0 0 0 0 1 3 4", [[[0, 0], [3, 4]]]),
    ],
)
def test_svg_lines(tmp_path, d, expected):
    assert strokes(one(tmp_path / "a.svg", SVG.format(f'<path d="{d}"/>'))) == expected


def test_svg_curves_are_near_the_true_ones(tmp_path):
    def points(d):
        return one(tmp_path / "a.svg", SVG.format(f'<path d="{d}"/>')).points

    for d in ("M10 0A10 10 0 1 1 0 -10", "m10 0a10 10 0 11-10-10", "M10 0A10,10,0,1,1,0,-10"):
        circle = points(d)
        assert np.abs(np.hypot(*circle.T) - 10).max() < 0.04 and 10 < len(circle) < 100
        assert circle[:, 1].max() > 9.9, "the long way round, clockwise, y being down"
    assert points("M10 0A10 10 0 0 0 0 -10")[:, 0].min() >= -1e-9
    assert np.allclose(points("M0 0A1 1 0 0 1 10 0")[:, 1].min(), -5, atol=0.05), "a radius that is too small grows"
    ellipse = points("M0 0A20 10 90 0 1 20 0")
    assert np.isclose(ellipse[-1], [20, 0]).all() and ellipse[:, 1].min() < -19
    cubic = points("M0 0C0 4 4 4 4 0S8 -4 8 0")
    t = np.linspace(0, 1, 2001)[:, None]
    true = np.concatenate([3 * t * (1 - t) ** 2 * [0, 4] + 3 * t**2 * (1 - t) * [4, 4] + t**3 * [4, 0]])
    true = np.concatenate([true, true * [1, -1] + [4, 0]])
    assert np.hypot(*(cubic[:, None] - true).transpose(2, 0, 1)).min(axis=1).max() < 0.01
    assert np.allclose(cubic, points("m0 0c0 4 4 4 4 0s4-4 4 0"))
    quadratic = points("M0 0Q2 4 4 0T8 0")
    assert np.allclose(quadratic, points("M0 0Q2 4 4 0Q6 -4 8 0")) and quadratic[:, 1].min() == pytest.approx(
        -2, abs=0.01
    )


def test_svg_shapes_transforms_and_texts(tmp_path):
    path = tmp_path / "a.svg"

    def found(inner):
        return strokes(one(path, SVG.format(inner)))

    assert found('<polyline points="1,2 3,4"/><polygon points="0 0 1 0 1 1"/><line x1="1" y2="2"/>') == [
        [[1, 2], [3, 4]],
        [[0, 0], [1, 0], [1, 1], [0, 0]],
        [[1, 0], [0, 2]],
    ]
    assert found('<defs><path d="M9 9"/></defs><path d="M1 1" display="none"/><rect/>') == []
    for transforms, expected in {
        "translate(3)": [4, 2],
        "translate(3, 4) scale(2)": [5, 8],
        "scale(2 3)": [2, 6],
        "matrix(1 2 3 4 5 6)": [12, 16],
        "rotate(90)": [-2, 1],
        "rotate(90 1 1)": [0, 1],
        "skewX(45)": [3, 2],
        "skewY(45)": [1, 3],
    }.items():
        (((x, y),),) = found(f'<g transform="{transforms}"><path d="M1 2"/></g>')
        assert [x, y] == pytest.approx(expected), transforms
    assert found('<g transform="translate(1 0)"><path transform="scale(2)" d="M1 2"/></g>') == [[[3, 4]]]
    assert one(path, SVG.format("<title>hi</title><desc>made by hand</desc>")).text == "hi"
    assert one(path, SVG.format("<title>hi…</title><desc>hi there</desc>")).text == "hi there"
    assert one(path, SVG.format("<title>Handwriting</title>")).text is None
    assert one(path, SVG.replace("<svg", '<svg aria-label="hi"').format("")).text == "hi"
    groups = all_of(path, SVG.format('<g data-text="a"><path d="M1 1"/></g><g data-text="b"><path d="M2 2"/></g>'))
    assert [(each.text, each.name) for each in groups] == [("a", "a.svg#1"), ("b", "a.svg#2")]


@pytest.mark.parametrize(
    ("inner", "word"),
    [
        ('<path d="L1 2"/>', "begin with M"),
        ('<path d="M1"/>', "takes 2 numbers"),
        ('<path d="M1 2 x"/>', "numbers"),
        ('<path d="M1 2z 3"/>', "not a command"),
        ('<path d="M1 2A1 1 0 2 0 3 3"/>', "takes 7 numbers"),
        ('<path d="M1 1e999"/>', "finite"),
        ('<polyline points="1 2 3"/>', "pairs"),
        ('<polyline points="1 nan"/>', "finite"),
        ('<line x1="10%"/>', "number"),
        ('<g transform="spin(3)"/>', "not known"),
        ('<g transform="scale(1 2 3)"/>', "does not take 3"),
        ('<g transform="scale(1e9) scale(1e9)"/>', "larger"),
        ("<g>" * 300, "deep"),
        ("<g>", "not well-formed"),
    ],
)
def test_svg_says_what_is_wrong(tmp_path, inner, word):
    refused(tmp_path / "a.svg", SVG.format(inner), word)


@pytest.mark.parametrize(
    ("inner", "count"),
    [
        ('<path d="{}" display="none"/>', 0),
        ('<path d="{}" style="display:none"/>', 0),
        ('<g style="stroke: red; display : none"><path d="{}"/></g>', 0),
        ('<path d="{}" display="none" style="display:inline"/>', 1),
        ('<g visibility="hidden"><path d="{}"/><path d="{}" visibility="visible"/></g>', 1),
        ('<style>.h, g.x > .i {{ display: none }}</style><path class="a h" d="{}"/><path class="i" d="{}"/>', 0),
        ('<style>/* .a{{display:none}} */ @media print {{ .b {{stroke:none}} }}</style><path class="a" d="{}"/>', 1),
        ('<style>path{{display:none}} #p{{display:inline}}</style><path id="p" d="{}"/><path d="{}"/>', 1),
        ('<path d="{}" stroke="none"/><path d="{}"/>', 1),
        ('<path d="{}" fill="none"/><path d="{}" fill="none" stroke="#000"/>', 1),
        ('<path d="{}" fill="#000"/><path d="{}" style="fill:red;stroke:blue"/>', 1),
        ('<g fill="none" stroke="currentColor"><path d="{}"/><path d="{}" stroke="none" fill="red"/></g>', 1),
        ('<g stroke="red"><path d="{}" stroke="inherit" fill="blue"/></g>', 1),
        ('<style>.s{{fill:none;stroke:#000 !important}}</style><path class="s" d="{}"/>', 1),
        ('<defs><path d="{}"/></defs><clipPath><path d="{}"/></clipPath><mask><path d="{}"/></mask><path d="{}"/>', 1),
        ('<symbol><path d="{}"/></symbol><marker><path d="{}"/></marker><pattern><path d="{}"/></pattern>', 0),
        ('<text>a</text><image href="a.png"/><g><a><switch><path d="{}"/></switch></a></g>', 1),
    ],
)
def test_svg_only_what_is_seen_as_a_line(tmp_path, inner, count):
    drawing = one(tmp_path / "a.svg", SVG.format(inner.replace("{}", "M1 2L3 4").replace("{{", "{").replace("}}", "}")))
    assert strokes(drawing) == [[[1, 2], [3, 4]]] * count


def test_svg_of_areas_only_is_refused(tmp_path):
    text = SVG.format('<path fill="#000" d="M0 0L1 1L0 1z"/><circle fill="red" r="3"/>')
    refused(tmp_path / "a.svg", text, "filled areas and no line")


def test_svg_shapes(tmp_path):
    def points(inner):
        (stroke,) = strokes(one(tmp_path / "a.svg", SVG.format(inner)))
        return np.array(stroke)

    circle = points('<circle cx="10" cy="20" r="5"/>')
    assert np.allclose(np.hypot(*(circle - [10, 20]).T), 5, atol=0.02) and len(circle) > 20
    assert circle[0].tolist() == [15, 20] and np.allclose(circle[-1], circle[0]) and circle[5, 1] > 20, "clockwise"
    ellipse = points('<ellipse cx="10" rx="4" ry="2"/>')
    assert np.allclose(((ellipse - [10, 0]) / [4, 2] ** np.ones(2)) ** 2 @ [1, 1], 1, atol=0.02)
    assert points('<rect x="1" y="2" width="3" height="4"/>').tolist() == [[1, 2], [4, 2], [4, 6], [1, 6], [1, 2]]
    rounded = points('<rect x="1" y="2" width="3" height="40mm" rx="9"/>')
    assert rounded[0].tolist() == [2.5, 2] and np.allclose(rounded.min(axis=0), [1, 2])
    assert np.allclose(rounded.max(axis=0), [4, 2 + 40 / 25.4 * 96]) and np.allclose(rounded[0], rounded[-1])
    assert points('<line x2="1in" y2="72pt"/>').tolist() == [[0, 0], [96, 96]]
    assert points('<polyline points="1,2-3,4.5.5-1e0"/>').tolist() == [[1, 2], [-3, 4.5], [0.5, -1]]
    nothing = '<rect width="3"/><rect width="-3" height="1"/><circle/><ellipse rx="3"/><polyline/><polygon/>'
    assert strokes(one(tmp_path / "a.svg", SVG.format(nothing))) == []


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ('<defs><path id="a" d="M1 2"/></defs><use href="#a"/><use xlink:href="#a" x="9" y="8"/>', [[1, 2], [10, 10]]),
        ('<g transform="scale(2)"><use href="#a" x="1" transform="translate(0 5)"/></g><defs><g id="a" '
         'transform="scale(3)"><path d="M1 1"/></g></defs>', [[8, 16]]),
        ('<symbol id="a"><path d="M1 2"/></symbol><use href="#a"/>', [[1, 2]]),
        ('<symbol id="a" viewBox="9 9 4 2"><path d="M9 9"/></symbol><use href="#a" width="8" height="8"/>', [[0, 2]]),
        ('<symbol id="a" viewBox="0 0 4 2" preserveAspectRatio="none"><path d="M1 1"/></symbol>'
         '<use href="#a" width="8" height="8"/>', [[2, 4]]),
        ('<svg x="5" width="8" height="8" viewBox="0 0 4 2" preserveAspectRatio="xMinYMax slice"><path d="M1 1"/>'
         "</svg>", [[9, 4]]),
        ('<svg x="5" y="6"><path d="M1 1"/></svg>', [[6, 7]]),
        ('<g id="b"><use href="#a"/><use href="#a" x="1"/></g><defs><path id="a" d="M0 0"/></defs>'
         '<use href="#b" y="1"/>', [[0, 0], [1, 0], [0, 1], [1, 1]]),
        ('<path id="a" d="M0 0" display="none"/><use href="#a"/><use href="#none"/><use href="b.svg#a"/><use/>', []),
        ('<g transform="translate(10-5),scale(2)"><path transform=" rotate(180) " d="M1 2"/></g>', [[8, -9]]),
    ],
)  # fmt: skip
def test_svg_what_is_used_and_where(tmp_path, inner, expected):
    text = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{inner}</svg>'
    found = [point for stroke in strokes(one(tmp_path / "a.svg", text)) for point in stroke]
    assert np.allclose(np.reshape(found, (-1, 2)), np.reshape(expected, (-1, 2))) and len(found) == len(expected)


def test_svg_uses_are_neither_endless_nor_too_many(tmp_path):
    path = tmp_path / "a.svg"
    refused(path, SVG.format('<g id="a"><use href="#a"/></g>'), "line 1", "#a, uses itself")
    refused(path, SVG.format('<g id="a"><use href="#b"/></g>\n<g id="b"><use href="#a"/></g>'), "uses itself")
    chain = "".join(f'<g id="g{n + 1}"><use href="#g{n}"/></g>' for n in range(40))
    refused(path, SVG.format(f'<path id="g0" d="M1 1"/>{chain}'), "more than 32 deep")
    laughs = "".join(f'<g id="g{n + 1}">{f"""<use href="#g{n}"/>""" * 10}</g>' for n in range(9))
    refused(path, SVG.format(f'<defs><path id="g0" d="M1 1"/>{laughs}</defs><use href="#g9"/>'), "more than 8 times")
    letters = '<path id="a" d="M1 1"/>' + '<use href="#a"/>' * 3000
    assert len(one(path, SVG.format(letters))) == 3001


KANJI = """<?xml version="1.0" encoding="UTF-8"?><!-- > -->
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.0//EN" "http://localhost/svg10.dtd" [
<!ATTLIST g
xmlns:kvg CDATA #FIXED "http://localhost/kvg"
kvg:element CDATA #IMPLIED
transform CDATA "scale(9)" >
<!ELEMENT path ANY>
]>
<svg xmlns="http://www.w3.org/2000/svg" width="109" height="109">
<g id="kvg:StrokePaths_04e8c" style="fill:none;stroke:#000000;stroke-width:3;">
<g id="kvg:04e8c" kvg:element="二"><g kvg:element="一"><path d="M25,30 85,30"/></g><path d="M10,80 100,80"/></g></g>
<g style="font-size:8;fill:#808080"><text transform="matrix(1 0 0 1 17 30)">1</text></g>
</svg>"""


def test_svg_of_kanjivg(tmp_path):
    drawing = one(tmp_path / "a.svg", KANJI)
    assert drawing.text == "二" and strokes(drawing) == [[[25, 30], [85, 30]], [[10, 80], [100, 80]]]
    whole = """<kanjivg xmlns:kvg="http://localhost/kvg"><kanji id="kvg:kanji_04e00"><g id="kvg:04e00" kvg:element="一">
    <path d="M1 1H3"/></g></kanji><kanji><g kvg:element="丨"><path d="M1 1V3"/></g></kanji></kanjivg>"""
    found = all_of(tmp_path / "kanjivg.xml", whole)
    assert [(each.text, each.name, strokes(each)) for each in found] == [
        ("一", "kanjivg.xml#1", [[[1, 1], [3, 1]]]),
        ("丨", "kanjivg.xml#2", [[[1, 1], [1, 3]]]),
    ]
    refused(tmp_path / "a.svg", KANJI.replace("<!ELEMENT", '<!ENTITY a "b"><!ELEMENT'), "line 7", "entities")
    refused(tmp_path / "a.svg", KANJI.replace("<!ELEMENT", '<!ENTITY % a "b"><!ELEMENT'), "line 7", "entities")
    many = "".join(f"a{n} CDATA #IMPLIED\n" for n in range(600))
    refused(tmp_path / "a.svg", KANJI.replace("xmlns:kvg CDATA", f"{many}xmlns:kvg CDATA"), "more than 512")


def test_svg_what_is_left_out_is_told(tmp_path):
    path = tmp_path / "a.svg"
    text = '<path stroke="#000" d="M0 0L1 1"/>\n<rect fill="red" width="1" height="1"/>\n<text>a</text><text>b</text>'
    path.write_text(SVG.format(f'{text}\n<image/><use href="#none"/><title>a</title><desc>b</desc>'))
    for file in (path, put(tmp_path / "a.zip", archive({"a.svg": path.read_bytes()}))):
        refused = Refusals()
        assert len(list(read(file, refused=refused))) == 1
        assert refused.left_out == {
            "areas without a stroke": 1,
            "typed words": 1,
            "images": 1,
            "what `use` names and the file does not have": 1,
        }
        assert refused.places["typed words"][0].endswith("a.svg, line 3")
