import numpy as np
import pytest
from inkfiles import SVG, all_of, one, refused, strokes


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
