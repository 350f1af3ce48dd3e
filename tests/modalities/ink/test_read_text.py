import numpy as np

from tests.modalities.ink.inkfiles import IAM, OMNIGLOT, UJI, UNIPEN, all_of, archive, one, refused, strokes


def test_uji(tmp_path):
    path = tmp_path / "uji.txt"
    first, second = all_of(path, UJI)
    assert (first.text, second.text) == ("a", "€") and strokes(first) == [[[500, 800], [490, 780]]]
    assert strokes(second) == [[[1, 2]], [[3, 4], [5, 6]]] and second.name == "uji.txt#2"
    refused(path, UJI.replace("POINTS 1 # 1 2", "POINTS 2 # 1 2"), "line 8", "2 points are announced, 1")
    refused(path, UJI.replace("NUMSTROKES 2", "NUMSTROKES 3"), "line 6", "3 strokes are announced, 2")
    refused(path, UJI.replace("# 1 2", "# 1 inf"), "line 8", "finite")
    refused(path, UJI + "rubbish\n", "line 10", "expected WORD")


def test_unipen(tmp_path):
    path = tmp_path / "a.unp"
    first, second = all_of(path, UNIPEN)
    assert (first.text, second.text) == ("to", '"be"')
    assert strokes(first) == [[[1, -5], [2, -6]]] and strokes(second) == [[[3, -7], [4, -8]]]
    assert first.seconds.tolist() == [0, 0.01] and first.pressure.tolist() == [0.5, 1]
    plain = UNIPEN.replace(".SEGMENT", ".COMMENT")
    assert one(path, plain).text is None and len(one(path, plain)) == 5
    follows = '.PEN_DOWN\n1 2\n.SEGMENT CHARACTER ? ? "a"\n.PEN_DOWN\n3 4\n.PEN_UP\n'
    follows += '.SEGMENT CHARACTER ? ? "b"\n.PEN_DOWN\n5 6\n'
    assert [(each.text, strokes(each)) for each in all_of(path, follows)] == [("a", [[[3, -4]]]), ("b", [[[5, -6]]])]
    refused(path, UNIPEN.replace("2 6 10 20", "2 6 10"), "line 6", "4 for each point")
    refused(path, UNIPEN.replace("2 6 10 20", "2 inf 10 9"), "line 6", "finite")
    refused(path, UNIPEN.replace("X Y T P", "X T P"), "line 2", ".COORD")
    refused(path, ".VERSION 1.0\n.COORD X Y\n.INCLUDE far.dat\n", ".INCLUDE")


def test_unipen_columns_hold_from_their_coord_on(tmp_path):
    later = UNIPEN.replace(".PEN_UP\n9 9 20 0\n", ".COORD Y X\n")
    later = later.replace("3 7 30 40\n4 8 40 0\n5 9 50 0", "7 3 8 4 9 5")
    first, second = all_of(tmp_path / "a.unp", later.replace("WORD 2:0-2:1", "WORD 1:0-1:1"))
    assert strokes(first) == [[[1, -5], [2, -6]]] and first.seconds.tolist() == [0, 0.01]
    assert strokes(second) == [[[3, -7], [4, -8]]] and second.seconds is None and second.pressure is None
    whole = all_of(tmp_path / "b.unp", later.replace(".SEGMENT", ".COMMENT"))
    assert [len(each.points) for each in whole] == [5] and whole[0].seconds is None


def test_omniglot(tmp_path):
    drawing = one(tmp_path / "o.txt", OMNIGLOT)
    assert strokes(drawing) == [[[1.5, 10], [2.5, 12]], [[3, 11]]] and drawing.text is None
    assert drawing.seconds.tolist() == [0, 0.04, 0.09]
    refused(tmp_path / "o.txt", OMNIGLOT + "1,2\n", "line 7", "x,y,t")
    refused(tmp_path / "o.txt", OMNIGLOT + "1,nan,2\n", "line 7", "finite")


def test_iam_lines_find_their_text(tmp_path):
    path = tmp_path / "lineStrokes/a01/a01-000/a01-000u-02.xml"
    drawing = one(path, IAM)
    assert strokes(drawing) == [[[10, 20], [11, 22]], [[12, 20]]]
    assert drawing.text is None and drawing.seconds.tolist() == [0, 0.25, 0.75]
    words = tmp_path / "ascii/a01/a01-000/a01-000u.txt"
    words.parent.mkdir(parents=True)
    words.write_text("OCR:\n\nwrong\nwrong too\n\nCSR: \n\nThe first line\nthe second , with ‘quotes’\n")
    assert one(path, IAM).text == "the second , with ‘quotes’"
    assert one(path.with_stem("a01-000u-03"), IAM).text is None
    packed = archive({"d/lineStrokes/b-1.xml": IAM, "d/ascii/b.txt": "CSR:\na line\n"})
    assert [each.text for each in all_of(tmp_path / "a.zip", packed)] == ["a line"]
    refused(path, IAM.replace('x="12"', 'x="nan"'), "line 3", "finite")
    refused(path, IAM.replace('x="12"', 'x=""'), "line 3", "number")
    refused(path, IAM.replace('x="12"', ""), "line 3", "without x")
    assert one(path, IAM.replace(' time="8.0"', "")).seconds is None
    assert len(one(path, "<WhiteboardCaptureSession/>")) == 0


def test_unipen_points_of_a_millimetre(tmp_path):
    path = tmp_path / "a.unp"
    head = ".COORD X Y\n.X_POINTS_PER_MM 10\n.Y_POINTS_PER_MM 20\n.PEN_DOWN\n30 40\n"
    drawing = one(path, head + ".X_POINTS_PER_INCH 508\n.Y_POINTS_PER_INCH 254\n.PEN_DOWN\n60 40\n")
    assert np.allclose(drawing.points, [[30, -20], [30, -40]])
    assert strokes(one(path, head.replace(".Y_POINTS", ".COMMENT"))) == [[[30, -40]]], "of one axis they say nothing"
    refused(path, head.replace("MM 20", "MM 0"), "line 3", "more than 0")
    refused(path, head.replace("MM 20", "MM x"), "line 3", "number")
