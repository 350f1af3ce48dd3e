import numpy as np
import pytest

from tests.modalities.ink.inkfiles import INKML, all_of, one, refused, strokes


def test_inkml_channels(tmp_path):
    path = tmp_path / "a.inkml"
    drawing = one(path, INKML)
    assert drawing.text == "x+y" and strokes(drawing) == [[[2, 1], [4, 3]], [[6, 5]]]
    assert drawing.pressure.tolist() == [0.5, 1, 0] and drawing.seconds.tolist() == [0, 0.5, 2]
    refused(path, INKML.replace('name="X"', 'name="Z"'), "line 5", "no channels X and Y")
    refused(path, INKML.replace("3 4 100", "NaN 4 100"), "line 5", "not a point")
    refused(path, INKML.replace("3 4 100", "1e400 4 100"), "line 5", "finite")
    refused(path, INKML.replace(" 5 6 0 2 ", "5"), "line 6", "fewer")


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ("1 2, 3 4", [[1, 2], [3, 4]]),
        ("1125 18432, '23'43, \"7\"-8, 3-5, 7 -3, 6 2, 6 8, 3 6", None),
        ("10 0, '1'2, 1 2, !5 6", [[10, 0], [11, 2], [12, 4], [5, 10]]),
        ("10 0, * 1, * *", [[10, 0], [10, 1], [10, 1]]),
        ("10-1,1.5.5", [[10, -1], [1.5, 0.5]]),
        ("", []),
        ("5 6", [[5, 6]]),
    ],
)
def test_inkml_values(tmp_path, trace, expected):
    drawing = one(tmp_path / "a.inkml", f"<ink><trace>{trace}</trace></ink>")
    if expected is None:  # the example of the standard
        expected = [[1125, 18432], [1148, 18475], [1178, 18510], [1211, 18540]]
        expected += [[1251, 18567], [1297, 18596], [1349, 18633], [1404, 18676]]
    assert drawing.points.tolist() == expected and drawing.text is None


def test_inkml_groups_contexts_and_continued_traces(tmp_path):
    text = """<i:ink xmlns:i="x"><i:definitions><i:traceFormat xml:id="f"><i:channel name="X" orientation="-ve"/>
    <i:channel name="Y"/></i:traceFormat><i:context xml:id="c" traceFormatRef="#f"/><i:context xml:id="d">
    <i:traceFormat>    <i:channel name="Y"/><i:channel name="X"/></i:traceFormat></i:context></i:definitions>
    <i:traceGroup><i:annotation type="truth">one</i:annotation>
    <i:trace contextRef="#c" continuation="begin">1 2</i:trace>
    <i:trace contextRef="#c" continuation="end">3 4</i:trace></i:traceGroup>
    <i:traceGroup><i:annotation type="truth">two</i:annotation>
    <i:trace contextRef="#d">1 2</i:trace></i:traceGroup></i:ink>"""
    first, second = all_of(tmp_path / "a.inkml", text)
    assert (first.text, second.text, second.name) == ("one", "two", "a.inkml#2")
    assert strokes(first) == [[[-1, 2], [-3, 4]]] and strokes(second) == [[[2, 1]]]


def test_inkml_what_is_declared_between_traces_holds_from_there_on(tmp_path):
    text = """<ink><traceFormat><channel name="X"/><channel name="Y"/></traceFormat><definitions>
    <context id="d"><traceFormat><channel name="Y" orientation="-ve"/><channel name="X"/></traceFormat></context>
    <context id="e" contextRef="#d"/></definitions>
    <trace>1 2</trace><trace contextRef="#d">1 2</trace>
    <traceFormat><channel name="F"/><channel name="X"/><channel name="Y"/></traceFormat><trace>0 3 4</trace>
    <traceGroup contextRef="#e"><trace>5 6</trace><traceGroup><trace>7 8</trace></traceGroup></traceGroup>
    <trace>0 9 9</trace><context contextRef="#d"/><trace>9 1</trace><context id="none"/><trace>9 2</trace></ink>"""
    found = strokes(one(tmp_path / "a.inkml", text))
    assert found == [[[1, 2]], [[2, -1]], [[3, 4]], [[6, -5]], [[8, -7]], [[9, 9]], [[1, -9]], [[2, -9]]]


def test_inkml_units_are_those_of_the_first(tmp_path):
    def declared(x, y):
        return f'<traceFormat><channel name="X" units="{x}"/><channel name="Y" units="{y}"/></traceFormat>'

    for first, expected in (("cm", [[1, 2], [2.54, 2]]), ("dev", [[1, 2], [25.4, 20]])):
        text = f"<ink>{declared(first, first)}<trace>1 2</trace>{declared('in', 'cm')}<trace>1 2</trace></ink>"
        assert np.allclose(one(tmp_path / "a.inkml", text.replace("dev", "mm")).points, expected)
