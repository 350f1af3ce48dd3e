"""Small files of drawings, one of each kind, and how tests read them."""

import gzip
import io
import json
import zipfile

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.ink.read import read

SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'


OMNIGLOT = "START\n1.5,-10.0,0\n2.5,-12.0,40\nBREAK\n3.0,-11.0,90\nBREAK\n"


UJI = """// a comment
WORD a trn_UJI_W01-01
  NUMSTROKES 1
  POINTS 2 # 500 800 490 780
// ASCII char: euro
WORD euro trn_UJI_W01-01
  NUMSTROKES 2
  POINTS 1 # 1 2
  POINTS 2 # 3 4 5 6
"""


UNIPEN = """.VERSION 1.0
.COORD X Y T P
.HIERARCHY TEXT WORD
.SEGMENT WORD 0 OK "to"
.SEGMENT WORD 2:0-2:1 OK "\\"be\\""
.PEN_DOWN
1 5 0 10
2 6 10 20
.PEN_UP
9 9 20 0
.PEN_DOWN
3 7 30 40
4 8 40 0
5 9 50 0
"""


INKML = """<ink xmlns="http://www.w3.org/2003/InkML">
<annotation type="truth">x+y</annotation>
<traceFormat><channel name="Y"/><channel name="X"/><channel name="F" max="100"/><channel name="T" units="s"/>
</traceFormat>
<trace>1 2 50 0, 3 4 100 0.5</trace><trace type="penUp">7 7 0 1</trace>
<trace> 5 6 0 2 </trace></ink>"""


IAM = """<?xml version="1.0"?><WhiteboardCaptureSession><WhiteboardDescription/><StrokeSet>
<Stroke start_time="1"><Point x="10" y="20" time="7.25"/><Point x="11" y="22" time="7.5"/></Stroke>
<Stroke><Point x="12" y="20" time="8.0"/></Stroke></StrokeSet></WhiteboardCaptureSession>"""


DRAWN = '{"word": "cat", "recognized": true, "drawing": [[[0, 1], [5, 6]], [[2], [3]]]}\n'


RAW = '{"word": "cat", "drawing": [[[0.5, 1], [5, 6], [100, 350]]]}\n'


BIGBANK = [
    {
        "metadata": {"author": "A", "asciiSequence": "hi", "pointCount": 5, "strokeCount": 2, "aspectRatio": 6},
        "points": [[0.1, 0.5, 1], [0.2, 0.6, 1], [0.2, 0.6, 0], [0.3, 0.4, 1], [0.3, 0.4, 0]],
    },
    {"metadata": {"author": "A", "asciiSequence": "j", "aspectRatio": 2}, "points": []},
]


XOURNAL = """<?xml version="1.0" standalone="no"?>
<xournal creator="xournalpp 1.2" fileversion="4"><title>Notes</title>
<page width="595" height="841"><background type="solid"/><layer>
<stroke tool="pen" color="#000000ff" width="1.41 0.5 1.0">10 20 11.5 22 12 23</stroke>
<stroke tool="highlighter" width="19">0 0 9 9</stroke><stroke tool="eraser" width="8">0 0 9 9</stroke>
<text font="Sans" size="12" x="1" y="2">typed</text></layer>
<layer><stroke tool="pen" width="1.41 0.8 nan">13 20 14 20</stroke></layer></page>
<page><layer><text x="1" y="2">only typed</text></layer></page>
<page><layer><stroke tool="pen" width="1.41 0.5 0.25">1 2 3 4 5 6</stroke></layer></page></xournal>"""
OWN = '{"rhapsode": "ink/1", "text": "hi", "strokes": [[[0, 1], [2, 3]], [], [[4, 5]]]}\n'


def all_of(path, data, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read(path, name=path.name, **options))


def one(path, data):
    (drawing,) = all_of(path, data)
    return drawing


def strokes(drawing):
    return [stroke.tolist() for stroke in drawing.strokes()]


def refused(path, data, *words, **options):
    with pytest.raises(UserError) as caught:
        all_of(path, data, **options)
    for word in (path.name, *words):
        assert word in str(caught.value)


def put(path, data):
    path.write_bytes(data)
    return path


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def objects(*drawings):
    made = np.empty(len(drawings), object)
    for at, each in enumerate(drawings):
        made[at] = each
    return made


def npy(header, data):
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


def pickled(data, shape=(1,)):
    return archive({"train.npy": npy(f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}", data)})


FILES = {
    "own.jsonl": OWN,
    "a.npz": npz(train=objects(np.ones((2, 3), np.int16))),
    "iam.xml": IAM,
    "a.inkml": INKML,
    "a.svg": SVG.format('<path d="M0 0L1 1"/>'),
    "a.ndjson": DRAWN,
    "uji.txt": UJI,
    "a.unp": UNIPEN,
    "o.txt": OMNIGLOT,
    "b.json": json.dumps(BIGBANK),
    "lists.json": json.dumps([[[[0, 1], [2, 3], [4, 5], [6, 7]], [[8, 9]]], [[[1, 2], [3, 4]]]]),
    "a.xopp": gzip.compress(XOURNAL.encode()),
    "b.xopp": archive({"mimetype": "application/xournal++", "META-INF/version": "current=1", "content.xml": XOURNAL}),
}


FILES["a.zip"] = archive({name: data for name, data in FILES.items() if name not in ("a.npz", "b.xopp")})
