"""A format is one file that is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rhapsode
from rhapsode.errors import UserError
from rhapsode.files.formats import Formats
from rhapsode.modalities.ink import formats
from rhapsode.modalities.ink.drawing import Drawing, from_strokes

NAME = "modalities/ink/formats/points.py"
CODE = r"""from rhapsode.files.formats import Format
from rhapsode.files.values import number
from rhapsode.modalities.ink.formats._checks import array, drawing

MARK = "# points\n"


def recognises(head):
    return head.startswith(MARK.encode())


def read(source, refused):
    strokes = [part.splitlines() for part in source.text().removeprefix(MARK).split("\n\n")]
    values = [[[number(each, source.name) for each in line.split()] for line in stroke] for stroke in strokes]
    yield drawing([array(stroke, source.name, 2) for stroke in values], None, source.name)


def write(drawing):
    strokes = ("\n".join(f"{x} {y}" for x, y in stroke.tolist()) for stroke in drawing.strokes())
    return MARK + "\n\n".join(strokes) + "\n"


FORMAT = Format("lists of points", recognises, read=read, writes={".points": write})
"""
STROKES = [np.array([[0.0, 1.0], [2.0, 3.5]]), np.array([[4.0, 4.0]])]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Formats[Drawing]]:
    """Formats of drawings, with one that is in another folder."""
    (tmp_path / NAME).parent.mkdir(parents=True)
    (tmp_path / NAME).write_text(CODE)
    monkeypatch.setattr(rhapsode, "__path__", [*rhapsode.__path__, str(tmp_path)])
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str((tmp_path / NAME).parent)])
    yield Formats[Drawing]("ink", "a file of drawings")


def test_a_new_format_is_read_and_written(found: Formats[Drawing], tmp_path: Path) -> None:
    assert "points" in found.by_name and ".points" in found.suffixes and "lists of points" in found.known
    path = tmp_path / "a.txt"
    path.write_bytes(found.encode(from_strokes(STROKES), ".POINTS"))
    assert found.recognised(path) and found.parts(path) == ()
    [back] = found.read(path)
    assert [stroke.tolist() for stroke in back.strokes()] == [stroke.tolist() for stroke in STROKES]
    path.write_text("# points\n1 x\n")
    with pytest.raises(UserError, match="a.txt: expected a number, found 'x'"):
        list(found.read(path))


def test_what_cannot_be_written_is_named(found: Formats[Drawing]) -> None:
    with pytest.raises(UserError, match="kind of file: '.pdf'"):
        found.encode(from_strokes(STROKES), ".pdf")
    with pytest.raises(UserError, match="option for .points files: 'nib'"):
        found.encode(from_strokes(STROKES), ".points", nib=1)
