"""What is read takes time and memory in proportion to its size: inputs that grow fourfold, and small ones that claim to
be large."""

from __future__ import annotations

import gc
import io
import json
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from rhapsode.cli._settings import parse
from rhapsode.data import documents
from rhapsode.data.sources import open_sources
from rhapsode.errors import UserError
from rhapsode.files import archive, xml
from rhapsode.files import json as json_files
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import of_file
from rhapsode.modalities.ink import read as ink
from rhapsode.modalities.ink.formats import _pickled
from rhapsode.modalities.music import chords
from rhapsode.modalities.music import read as music
from rhapsode.modalities.series import read as series
from rhapsode.modalities.speech import labels, metadata
from tests.modalities.text.documents import docx, epub, mail, mbox, notebook, odt, page, paragraph, pptx

GROWN = 4
SLOWER = 9
"""Times, at most, where linear is 4 and quadratic is 16."""
ENOUGH = 0.02
"""Seconds of the small input; below, it is made larger."""
SOON = 0.5
"""Seconds of the large input in which nothing is said of growth: on a busy machine such times differ by much."""
ATTEMPTS = 5
A_BYTE = 1000
"""Bytes of memory for each of the file, at most; and `FREE` for all."""
FREE = 4_000_000

Make = Callable[[int], str | bytes]
ABC = "X:1\nT:a\nM:4/4\nL:1/8\nK:C\n"
NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
REPEAT = '<barline><repeat direction="backward"/></barline>'
TIED = NOTE.replace("</note>", '<tie type="start"/><tie type="stop"/></note>')


def svg(inside: str) -> str:
    return f"<svg>{inside}</svg>"


BREAK = "</layer></page><page><layer>"


def xournal(strokes: str) -> str:
    return f"<xournal><page><layer>{strokes}</layer></page></xournal>"


def captured(points: str) -> str:
    return f"<WhiteboardCaptureSession><Stroke>{points}</Stroke></WhiteboardCaptureSession>"


def score(parts: str, listed: str = "") -> str:
    return f"<score-partwise><part-list>{listed}</part-list>{parts}</score-partwise>"


def kern(lines: str, spines: int = 1) -> str:
    return "\t".join(["**kern"] * spines) + f"\n{lines}\n" + "\t".join(["*-"] * spines) + "\n"


def lead_sheet(words: str) -> str:
    return f"(title a) (part (type chords)) (part (type melody))\n{words}"


def textgrid(n: int) -> str:
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    head += f'0\n{n}\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n{n}\n{n}\n' + "\n" * (200 * n)
    return head + "".join(f'{at}\n{at + 1}\n"a"\n' for at in range(n))


def utterance(*symbols: str) -> str:
    return json.dumps({"phones": [[symbol, None, None] for symbol in symbols]})


def tune(**values: object) -> str:
    return json.dumps({"rhapsode": "tune/1", "ticks": 480, "length": 480_000, "notes": [[0, 480, 60, 80, 0]], **values})


def midi(events: bytes) -> bytes:
    track = events + b"\x00\xff\x2f\x00"
    return b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + struct.pack(">I", len(track)) + track


def drawn(*strokes: object) -> str:
    return json.dumps({"rhapsode": "ink/1", "text": None, "strokes": strokes}) + "\n"


def npz(n: int) -> bytes:
    drawings = np.empty(n, object)
    for at in range(n):
        drawings[at] = np.ones((5, 3), np.int16)
    out = io.BytesIO()
    np.savez(out, train=drawings)
    return out.getvalue()


def one_array(n: int) -> bytes:
    """It is there n times, and in the file once."""
    drawings = np.empty(n, object)
    drawings[:] = [np.ones((n, 3), np.int16)] * n
    out = io.BytesIO()
    np.savez(out, train=drawings)
    return out.getvalue()


def letter(field: str) -> str:
    return f"From: a\nTo: b\n{field}\n\na"


def zipped(n: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for at in range(n):
            made.writestr(f"{at}.svg", '<svg><path d="M0 0L1 1"/></svg>')
    return out.getvalue()


CASES: dict[str, tuple[str, int, Make]] = {
    "svg, lines of a path": ("a.svg", 3000, lambda n: svg(f'<path d="M0 0{"l1 1" * n}"/>')),
    "svg, long numbers": ("a.svg", 2500, lambda n: svg(f'<path d="M0 0{("l" + "0" * 1000 + "1 1") * n}"/>')),
    "svg, curves of a path": ("a.svg", 4000, lambda n: svg(f'<path d="M0 0q1 1 1 0t{"1 1 " * n}"/>')),
    "svg, subpaths": ("a.svg", 3000, lambda n: svg(f'<path d="{"M0 0l1 1" * n}"/>')),
    "svg, paths": ("a.svg", 1500, lambda n: svg('<path d="M0 0q1 1 1 0"/>' * n)),
    "svg, points": ("a.svg", 10000, lambda n: svg(f'<polyline points="{"1,2 " * n}"/>')),
    "svg, drawings": ("a.svg", 100, lambda n: svg('<g data-text="a"><line/></g>' * n)),
    "svg, transforms": ("a.svg", 2000, lambda n: svg(f'<path transform="{"rotate(3)" * n}" d="M0 0L1 1"/>')),
    "svg, uses": ("a.svg", 300, lambda n: svg('<path id="a" d="M0 0L1 1"/>' + '<use href="#a"/>' * n)),
    "svg, uses of a group": (
        "a.svg",
        300,
        lambda n: svg(f'<g id="a">{"<line/>" * n}</g>' + '<use href="#a"/>' * n),
    ),
    "svg, uses of uses": (
        "a.svg",
        25,
        lambda n: svg(
            '<path id="a0" d="M0 0L1 1"/>'
            + "".join(f'<g id="a{at + 1}"><use href="#a{at}"/><use href="#a{at}"/></g>' for at in range(n))
        ),
    ),
    "svg, styles": (
        "a.svg",
        1000,
        lambda n: svg(f"<style>{'.a,.b{fill:none}' * n}</style>" + '<path class="a b" d="M0 0L1 1"/>' * n),
    ),
    "svg, comments in styles": ("a.svg", 20000, lambda n: svg(f"<style>{'/*{' * n}</style>")),
    "svg, kanji": ("a.xml", 200, lambda n: "<kanjivg>" + '<kanji><path d="M0 0L1 1"/></kanji>' * n + "</kanjivg>"),
    "svg, declared attributes": (
        "a.svg",
        500,
        lambda n: (
            "<!DOCTYPE svg [<!ATTLIST a " + "".join(f"b{at} CDATA 'c' " for at in range(n)) + ">]>" + svg("<a/>" * n)
        ),
    ),
    "svg, a declared value": (
        "a.svg",
        2000,
        lambda n: f'<!DOCTYPE svg [<!ATTLIST a b CDATA "{"c" * n}">]>' + svg("<a/>" * n),
    ),
    "svg, an order of points": (
        "a.svg",
        2000,
        lambda n: svg(
            f'<g data-rhapsode-unit="1" data-rhapsode-thin="{" ".join(f"{at}:{at + 1}" for at in range(n))}">'
            f'<path d="M0 0{"h1" * (n - 1)}"/></g>'
        ),
    ),
    "svg, groups": ("a.svg", 5000, lambda n: svg("<g>" * 190 + "<a/>" * n + "</g>" * 190)),
    "svg, texts between elements": ("a.svg", 4000, lambda n: svg("ab<a/>" * n)),
    "inkml, points": ("a.inkml", 3000, lambda n: f"<ink><trace>{'1 2,' * n}1 2</trace></ink>"),
    "inkml, spaces": ("a.inkml", 5000, lambda n: f"<ink><trace>1{' ' * n}x</trace></ink>"),
    "inkml, continued traces": (
        "a.inkml",
        1500,
        lambda n: (
            f"<ink><trace>{'1 2,' * (20 * n)}1 2</trace>" + '<trace continuation="middle">1 2</trace>' * n + "</ink>"
        ),
    ),
    "inkml, channels and traces": (
        "a.inkml",
        1500,
        lambda n: (
            f'<ink><traceFormat><channel name="X"/><channel name="Y"/>{"<channel/>" * n}</traceFormat>'
            f"{'<trace/>' * n}</ink>"
        ),
    ),
    "inkml, contexts": (
        "a.inkml",
        2000,
        lambda n: f"<ink>{'<context>' * 150}{'<a/>' * n}{'</context>' * 150}<trace>1 2</trace></ink>",
    ),
    "iam": (
        "a.xml",
        2000,
        lambda n: captured('<Point x="1" y="2" time="3"/>' * n),
    ),
    "unipen, points": ("a.unp", 10000, lambda n: ".COORD X Y\n.PEN_DOWN\n" + "1 2\n" * n),
    "unipen, segments": (
        "a.unp",
        300,
        lambda n: (
            ".COORD X Y\n"
            + ".PEN_DOWN\n1 2\n" * n
            + "".join(f'.SEGMENT WORD {at} OK "a"\n' for at in range(n))
        ),
    ),
    "unipen, segments of all": (
        "a.unp",
        150,
        lambda n: (
            ".COORD X Y\n"
            + ".PEN_DOWN\n1 2\n" * n
            + f'.SEGMENT WORD 0-{n - 1} OK "a"\n' * n
        ),
    ),
    "unipen, quotes": (
        "a.unp",
        2000,
        lambda n: ".COORD X Y\n.PEN_DOWN\n1 2\n.SEGMENT WORD 0 OK " + '"\\' * n,
    ),
    "uji": ("a.txt", 300, lambda n: "WORD a b\n  NUMSTROKES 1\n  POINTS 2 # 1 2 3 4\n" * n),
    "omniglot": ("a.txt", 5000, lambda n: "START\n" + "1,2,3\n" * n + "BREAK\n"),
    "quick draw": ("a.ndjson", 300, lambda n: '{"word":"a","drawing":[[[1,2],[3,4]]]}\n' * n),
    "quick draw, a text among numbers": (
        "a.ndjson",
        1000,
        lambda n: json.dumps({"word": "a", "drawing": [[[*([1] * n), "a" * n], [1] * (n + 1)]]}),
    ),
    "plain lists, drawings": ("a.json", 1000, lambda n: json.dumps([[[[1, 2], [3, 4]]]] * n)),
    "plain lists, points": ("a.json", 10000, lambda n: json.dumps([[[[1, 2]] * n]])),
    "plain lists, columns": ("a.json", 10000, lambda n: json.dumps([[[[1] * n, [2] * n]]])),
    "xournal, points": ("a.xoj", 10000, lambda n: xournal(f'<stroke width="1 2">{"1 2 " * n}</stroke>')),
    "xournal, widths": (
        "a.xoj",
        10000,
        lambda n: xournal(f'<stroke width="1{" 2" * n}">{"1 2 " * n}</stroke>'),
    ),
    "xournal, strokes": ("a.xoj", 1000, lambda n: xournal('<stroke width="1">1 2 3 4</stroke>' * n)),
    "xournal, pages": ("a.xoj", 300, lambda n: xournal(f'<stroke width="1">1 2</stroke>{BREAK}' * n)),
    "own ink, drawings": ("a.jsonl", 300, lambda n: drawn([[1, 2], [3, 4]]) * n),
    "own ink, points": ("a.jsonl", 10000, lambda n: drawn([[1, 2]] * n)),
    "own ink, strokes": ("a.jsonl", 1500, lambda n: drawn(*[[[1, 2]]] * n)),
    "words": (
        "a.json",
        300,
        lambda n: json.dumps([{"metadata": {"asciiSequence": "a"}, "points": [[1, 2, 1], [3, 4, 1]]}] * n),
    ),
    "stroke-3": ("a.npz", 400, npz),
    "stroke-3, one array": ("a.npz", 1000, one_array),
    "zip": ("a.zip", 50, zipped),
    "abc, notes": ("a.abc", 800, lambda n: ABC + "CDEF|" * (n // 4)),
    "abc, bar lines": ("a.abc", 1000, lambda n: ABC + "c" + "|z" * n),
    "abc, marks": ("a.abc", 500, lambda n: ABC + "c|" + "[K:G][K:C]|" * n),
    "abc, repeats": ("a.abc", 150, lambda n: ABC + "|:c|1 c:|2 c|]" * n),
    "abc, tunes": ("a.abc", 60, lambda n: f"{ABC}c\n\n" * n),
    "abc, what holds for all tunes": ("a.abc", 500, lambda n: f"{ABC}c\n\n" + "\n" * n),
    "abc, voices in lines": ("a.abc", 4000, lambda n: f"{ABC}c\n{'[V:' * n}\n"),
    "abc, a broken rhythm": ("a.abc", 4000, lambda n: f"{ABC}a{'>' * n}b{'c' * n}\n"),
    "abc, broken rhythms": ("a.abc", 4000, lambda n: f"{ABC}a{'> ' * n}b\n"),
    "abc, odd lengths": ("a.abc", 700, lambda n: ABC + "".join(f"c/{9999 - at % 900}" for at in range(n))),
    "abc, a long chord symbol": ("a.abc", 8000, lambda n: f'{ABC}"C{"m" * n}"c\n'),
    "abc, what is played again": ("a.abc", 500, lambda n: ABC + "c|" * n + "d!D.C.!|" * 2),
    "abc, parts in an order": ("a.abc", 700, lambda n: f"X:1\nP:A(AB)2\nK:C\nP:A\n{'c|' * n}\nP:B\n" + "P:C\nd|\n" * n),
    "abc, bars that cannot be read": ("a.abc", 800, lambda n: ABC + "c|" + "c]c|" * n),
    "abc, colons": ("a.abc", 800, lambda n: ABC + "c" + ": c " * n),
    "abc, ties": ("a.abc", 800, lambda n: ABC + "c-" * n),
    "musicxml, repeats": (
        "a.musicxml",
        300,
        lambda n: score(f"<part>{f'<measure>{NOTE}{REPEAT}</measure>' * n}</part>"),
    ),
    "musicxml, notes": ("a.musicxml", 700, lambda n: score(f"<part><measure>{NOTE * n}</measure></part>")),
    "musicxml, measures": ("a.musicxml", 500, lambda n: score(f"<part>{f'<measure>{NOTE}</measure>' * n}</part>")),
    "musicxml, parts": (
        "a.musicxml",
        1000,
        lambda n: score(
            "".join(f'<part id="a{at}"/>' for at in range(n)), "".join(f'<score-part id="a{at}"/>' for at in range(n))
        ),
    ),
    "musicxml, parts and measures": (
        "a.musicxml",
        4000,
        lambda n: score(f"{'<part/>' * n}<part>{'<measure/>' * n}</part>"),
    ),
    "musicxml, metres": (
        "a.musicxml",
        300,
        lambda n: score(
            "<part>"
            + "<measure><attributes><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
            f"{NOTE}</measure>" * n
            + "</part>"
        ),
    ),
    "musicxml, divisions": (
        "a.musicxml",
        300,
        lambda n: score(
            "<part>"
            + "".join(
                f"<measure><attributes><divisions>{10**9 + at}</divisions></attributes>{NOTE}</measure>"
                for at in range(n)
            )
            + "</part>"
        ),
    ),
    "musicxml, ties": ("a.musicxml", 500, lambda n: score(f"<part><measure>{TIED * n}</measure></part>")),
    "kern, notes": ("a.krn", 1000, lambda n: kern("4c\n" * n + "=")),
    "kern, bars and metres": ("a.krn", 250, lambda n: kern("*M3/4\n4c\n=\n*M2/4\n4c\n=\n" * n)),
    "kern, spines": ("a.krn", 2500, lambda n: kern("\t".join(["4c"] * n), n)),
    "kern, sections": ("a.krn", 500, lambda n: kern(f"*>[A{',A' * n}]\n*>A\n4c\n" + "*>B\n4c\n" * n)),
    "kern, ties": ("a.krn", 400, lambda n: kern("[4c\n" * n + "4c_\n" * n)),
    "lead sheet, notes": ("a.ls", 1000, lambda n: lead_sheet("c4 " * n)),
    "lead sheet, chords": ("a.ls", 1500, lambda n: lead_sheet("C | " * n + "c4")),
    "lead sheet, melodies": (
        "a.ls",
        200,
        lambda n: lead_sheet("(part (type melody)) c4 " * (256 + n) + "C | " * n),
    ),
    "lead sheet, a long length": ("a.ls", 2000, lambda n: lead_sheet(f"c4{'+1' * n}")),
    "own tunes": ("a.jsonl", 100, lambda n: f"{tune()}\n" * n),
    "own tunes, notes": ("a.jsonl", 3000, lambda n: tune(notes=[[at, 1, 60, 80, 0] for at in range(n)])),
    "own tunes, metres": ("a.jsonl", 3000, lambda n: tune(metres=[[at, 4, 4] for at in range(n)])),
    "midi, notes": ("a.mid", 20000, lambda n: midi(b"\x00\x90\x3c\x40\x01\x80\x3c\x40" * n)),
    "midi, tempos": ("a.mid", 5000, lambda n: midi(b"\0\xff\x51\3\7\xa1\x20" * n + b"\x00\x90\x3c\x40\1\x80\x3c\x40")),
    "textgrid": ("a.TextGrid", 600, textgrid),
    "textgrid, a long text": ("a.TextGrid", 20000, lambda n: textgrid(1).replace('"a"', f'"{"a" * n}""b"')),
    "labels": ("a.lab", 1000, lambda n: "".join(f"{at}0000000 {at + 1}0000000 a\n" for at in range(n))),
    "labels, a long one": ("a.lab", 5000, lambda n: f"0 10000000 {'-' * n}\n"),
    "own utterances": ("a.jsonl", 500, lambda n: utterance(*"a" * n)),
    "own utterances, pauses": ("a.jsonl", 500, lambda n: utterance(*"_" * n, *"_a" * n)),
    "list of recordings": ("metadata.csv", 400, lambda n: "".join(f"{at}|a\n" for at in range(n))),
    "list of LibriSpeech": ("a.trans.txt", 400, lambda n: "".join(f"1-2-{at} A B\n" for at in range(n))),
    "list of Festival": ("txt.done.data", 400, lambda n: "".join(f'( a{at} "A b." )\n' for at in range(n))),
    "list of Festival, a long line": ("txt.done.data", 5000, lambda n: '( a "' + '"  ' * n),
    "list of speakers": ("metadata.csv", 400, lambda n: "".join(f"{at}|ann|a b\n" for at in range(n))),
    "table, rows": ("a.csv", 2000, lambda n: "x\n" + "".join(f"{at * at % 97}\n" for at in range(n))),
    "table, keys": ("a.csv", 700, lambda n: "t,k,x\n" + "".join(f"{at % 5},k{at // 5},{at}\n" for at in range(n))),
    "table, gaps": (
        "a.csv",
        700,
        lambda n: "t,k,x\n" + "".join(f"{at % 3 * n + at // 3},k{at // 3},{at}\n" for at in range(n)),
    ),
    "table, columns": (
        "a.csv",
        300,
        lambda n: "".join(",".join(f"{'c' * (not row)}{row * at}" for at in range(n)) + "\n" for row in range(5)),
    ),
    "table, texts": ("a.csv", 700, lambda n: "a,x\n" + "".join(f"name {at},{at}\n" for at in range(n))),
    "list with commas": ("metadata.csv", 400, lambda n: "file,text\n" + "".join(f"{at},a\n" for at in range(n))),
    "document html, tags": ("a.html", 5000, lambda n: page("<p>a<td>b" * n)),
    "document html, comments": ("a.html", 20000, lambda n: page("<!--" * n)),
    "document html, scripts": ("a.html", 20000, lambda n: page("<script>" * n)),
    "document html, heads": ("a.html", 20000, lambda n: page("<head>" * n)),
    "document html, quotes": ("a.html", 20000, lambda n: page('<a "' * n)),
    "document html, closed quotes": ("a.html", 10000, lambda n: page('<a b="c>" ">' * n)),
    "document html, names": ("a.html", 20000, lambda n: page("<" + "a" * n + "<!" * n)),
    "document html, entities": ("a.html", 10000, lambda n: page("&#x41;&am&" * n)),
    "document html, signs": ("a.html", 20000, lambda n: page("< " * n)),
    "document html, lines": ("a.html", 10000, lambda n: page("<pre>a\n<br>" * n)),
    "document html, before it": ("a.html", 5000, lambda n: "<!--" * n + page("a")),
    "document docx, runs": ("a.docx", 2000, lambda n: docx(paragraph(*["a"] * n))),
    "document docx, paragraphs": ("a.docx", 2000, lambda n: docx(paragraph("a") * n)),
    "document docx, rows": ("a.docx", 1000, lambda n: docx(f"<w:tr><w:tc>{paragraph('a')}</w:tc></w:tr>" * n)),
    "document docx, boxes": (
        "a.docx", 1000,
        lambda n: docx("<w:p>" + f"<w:txbxContent>{paragraph()}</w:txbxContent>" * n + "</w:p>"),
    ),
    "document pptx, slides": ("a.pptx", 100, lambda n: pptx(*["a"] * n)),
    "document odt, spaces": ("a.odt", 2000, lambda n: odt('<text:p>a<text:s text:c="99"/>b</text:p>' * n)),
    "document odt, notes": (
        "a.odt", 2000,
        lambda n: odt("<text:p><text:note><text:p>b</text:p></text:note></text:p>" * n),
    ),
    "document epub, chapters": (
        "a.epub", 100,
        lambda n: epub({str(at): "a" for at in range(n)}, [str(at) for at in range(n)]),
    ),
    "document epub, one chapter": ("a.epub", 1000, lambda n: epub({"a": "b" * n}, ["a"] * n)),
    "document rtf, groups": ("a.rtf", 20000, lambda n: "{\\rtf1 " + "{" * n),
    "document rtf, words": ("a.rtf", 5000, lambda n: "{\\rtf1 " + "\\u1 \\'e4\\par " * n),
    "document rtf, code pages": ("a.rtf", 5000, lambda n: "{\\rtf1 " + "\\ansicpg932 \\'8e" * n),
    "document mail, fields": ("a.eml", 5000, lambda n: "From: a\nTo: b\n" + "X: y\n" * n + "\na"),
    "document mail, a long field": ("a.eml", 5000, lambda n: "From: a\nTo: b\nSubject: " + "a\n " * n + "\n\na"),
    "document mail, words of a field": (
        "a.eml", 2000,
        lambda n: "From: a\nTo: b\nSubject: " + "=?utf-8?b?YQ==?= " * n + "\n\na",
    ),
    "document mail, parameters": (
        "a.eml", 2000,
        lambda n: "From: a\nTo: b\nContent-Type: text/plain" + '; a="b' * n + "\n\na",
    ),
    "document mail, numbered": (
        "a.eml", 1000,
        lambda n: letter("Content-Type: text/plain" + "".join(f"; a*{at}=b" for at in range(n))),
    ),
    "document mail, parts": (
        "a.eml", 1000,
        lambda n: letter('Content-Type: multipart/mixed; boundary="c"') + "--c\n\na\n" * n,
    ),
    "document mail, lines": ("a.eml", 10000, lambda n: "From: a\nTo: b\n\n" + "\r\n" * n),
    "document mbox": ("a.mbox", 200, lambda n: mbox(*[mail("a", "b")] * n)),
    "document notebook": ("a.ipynb", 2000, lambda n: notebook(*["a"] * n)),
    "document markdown, brackets": ("a.md", 2000, lambda n: "[" * n + "](" * n),
    "document markdown, stars": ("a.md", 2000, lambda n: "*a **a " * n),
    "document markdown, ticks": ("a.md", 300, lambda n: "".join("`" * at + " " for at in range(n % 200)) * (n // 100)),
    "document markdown, quotes": ("a.md", 1000, lambda n: "> " * n),
    "document markdown, lists": ("a.md", 1000, lambda n: "- a\n" * n),
    "document markdown, rows": ("a.md", 300, lambda n: "|a|b|\n|-|-|\n" + "|1|2|\n" * n),
    "document markdown, html": ("a.md", 2000, lambda n: "a <!-- <b " * n),
    "sources, Latin letters": ("a.txt", 20000, lambda n: "für alle Fälle\n".encode("latin-1") * n),
    "sources, kanji": ("a.txt", 10000, lambda n: "日本語の文章。\n".encode("cp932") * n),
    "sources, no lines": ("a.txt", 10000, lambda n: "日本語の文章。".encode("euc-jp") * n),
    "sources, wide": ("a.txt", 10000, lambda n: ("für alle\n" * n).encode("utf-16")),
    "sources, noise": ("a.txt", 5000, lambda n: bytes(at * at * 7 % 255 + 1 for at in range(n))),
}  # fmt: skip
SPEECH = ("textgrid", "labels", "own utterances")
SERIES = ("table",)
MUSIC = ("abc", "musicxml", "kern", "lead", "own tunes", "midi")


def read_all(path: Path, case: str) -> None:
    """Read it, or have it refused in words."""
    try:
        if case.startswith("list"):
            metadata.entries(path, path.name)
        elif case.startswith(SERIES):
            series.recognised(path)
            series.read(path, refused=Refusals())
        elif case.startswith("document"):
            if format := documents.format_of(path, b"", as_text=True):
                for _ in format.read(of_file(path, path.name), Refusals()):
                    pass
        elif case.startswith("sources"):
            for _ in open_sources([path]).pieces():
                pass
        elif case.startswith(SPEECH):
            labels.read(path)
        elif case.startswith(MUSIC):
            for _ in music.read(path, refused=Refusals()):
                pass
        else:
            for _ in ink.read(path):
                pass
    except UserError:
        pass


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    """What is there before the tests of this file is not looked through in each of them."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def seconds(path: Path, case: str) -> float:
    """Without Python's collector of cycles: how often it runs depends on what other tests left."""
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        read_all(path, case)
        return time.process_time() - begun
    finally:
        gc.enable()


def memory(path: Path, case: str) -> int:
    tracemalloc.start()
    try:
        read_all(path, case)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", CASES)
def test_time_and_memory_grow_with_the_size(case: str, tmp_path: Path) -> None:
    name, n, make = CASES[case]

    def written(size: int) -> Path:
        path = tmp_path / str(size) / name
        path.parent.mkdir(exist_ok=True)
        made = make(size)
        path.write_bytes(made.encode() if isinstance(made, str) else made)
        return path

    small, large = written(n), written(GROWN * n)
    peak = memory(small, case)  # of the small one: it takes several times as long. And it makes what is made once only
    assert peak <= A_BYTE * small.stat().st_size + FREE, f"{peak:,} bytes of memory"
    if seconds(large, case) <= SOON:
        return
    best = [np.inf, np.inf]
    for _ in range(ATTEMPTS):
        best = [min(so_far, seconds(path, case)) for so_far, path in zip(best, (small, large), strict=True)]
        if best[1] <= max(SLOWER * max(best[0], ENOUGH / GROWN), SOON):
            break
    else:
        pytest.fail(f"{best[0]:.3f} s, and {best[1]:.3f} s for {GROWN} times as much")


HEADS = {
    "spaces": b" ",
    "lines": b"\n",
    "numbers of tunes": b"X:\n",
    "a number of a tune": b"X: ",
    "parentheses": b"(a",
    "words": b"WORD a b\n",
    "declarations": b"<!",
    "objects": b'{"word":',
    "spines": b"**a\t",
}


@pytest.mark.parametrize("head", HEADS)
def test_to_tell_what_a_file_is_takes_no_time(head: str) -> None:
    for first in (b"", b"X:", b"(", b"WORD a"):
        begun = time.process_time()
        for each in (*ink.FORMATS.by_name.values(), *music.FORMATS.by_name.values()):
            each.recognises((first + HEADS[head] * (1 << 16))[: 1 << 16])
        assert time.process_time() - begun < 1


def test_elements_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "PARTS", 1000)
    path = tmp_path / "a.svg"
    path.write_text(svg('<a b=""/>' * 400 + '<path d="M0 0L1 1"/>'))
    assert len(list(ink.read(path))) == 1
    path.write_text(svg("\n<a/>" * 2000))
    with pytest.raises(UserError, match=r"a\.svg, line 1001: more than 1,000 elements and attributes.* Cut it"):
        list(ink.read(path))


def test_lists_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "PARTS", 1000)
    path = tmp_path / "a.jsonl"
    path.write_text(drawn([[1, 2]] * 900) * 3)
    assert len(list(ink.read(path))) == 3
    path.write_text(drawn([[1, 2]]) + drawn([[1, 2]] * 1100))
    with pytest.raises(UserError, match=r"line 2: 1,10\d lists and objects; at most 1,000"):
        list(ink.read(path))


def test_operations_of_a_pickle_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pickled, "OPERATIONS", 1000)
    path = tmp_path / "a.npz"
    path.write_bytes(npz(20))
    assert len(list(ink.read(path))) == 20
    path.write_bytes(npz(60))
    with pytest.raises(UserError, match="more than 1,000 operations; save fewer drawings"):
        list(ink.read(path))


def test_drawings_without_points_are_not_endless(tmp_path: Path) -> None:
    head = io.BytesIO()
    npy.write_array_header_1_0(head, {"descr": "<i2", "fortran_order": False, "shape": (1 << 60, 0, 3)})
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("train.npy", head.getvalue())
    with pytest.raises(UserError, match="cannot be"):
        next(ink.read(path))


def test_an_archive_in_an_archive_is_no_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed score is read from an archive, but not one that the archive has packed again."""
    monkeypatch.setattr(archive, "INSIDE", 1000)
    container = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'

    def packed(inside: str) -> Path:
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("META-INF/container.xml", container)
            made.writestr("a.xml", inside)
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("a.mxl", inner.getvalue())
        return path

    assert len(list(music.read(packed(score(f"<part><measure>{NOTE}</measure></part>"))))) == 1
    with pytest.raises(UserError, match="200 times as many"):
        list(music.read(packed(score(f"<part><measure>{NOTE}{' ' * 3_000_000}</measure></part>"))))


def test_files_of_an_archive_do_not_share_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a.svg", svg('<path d="M0 0L1 1"/>') + " " * 5000)
        shared = made.infolist()[0]
        for at in range(5):
            other = zipfile.ZipInfo(f"{at}.svg")
            for field in ("CRC", "compress_size", "file_size", "header_offset"):
                setattr(other, field, getattr(shared, field))
            made.filelist.append(other)
    with pytest.raises(UserError, match="lie over one another"):
        list(ink.read(path))


def test_what_is_beside_a_file_is_small(tmp_path: Path) -> None:
    line = tmp_path / "lineStrokes" / "a01" / "a01-1.xml"
    text = tmp_path / "ascii" / "a01" / "a01.txt"
    for path in (line, text):
        path.parent.mkdir(parents=True)
    line.write_text(captured('<Point x="1" y="2" time="3"/>'))
    text.write_text("CSR:\n\nhello\n")
    assert next(ink.read(line)).text == "hello"
    text.write_text("CSR:\n\nhello\n" + " " * (1 << 20))
    with pytest.raises(UserError, match=r"a01\.txt: larger than 1 MiB"):
        next(ink.read(line))


def test_a_chord_symbol_is_short() -> None:
    assert chords.is_known("C" + "b5" * 8)
    with pytest.raises(UserError, match=r"'Cmmm.*'…: 2,000,001 characters; a symbol has at most 64"):
        chords.parse("C" + "m" * 2_000_000)


def test_bars_are_not_shorter_than_notes(tmp_path: Path) -> None:
    """A metre of 1/2^30 in a file of some bytes would make a bar of each tick."""
    path = tmp_path / "a.mid"
    path.write_bytes(midi(b"\0\xff\x58\4\1\x1e\x18\x08" + b"\x00\x90\x3c\x40\xff\xff\x7f\x80\x3c\x40"))
    (found,) = music.read(path)
    assert len(found.bars()) <= 4 * found.length / found.ticks


@pytest.mark.parametrize(
    ("data", "said"), [(b"a" + b".a" * 40_000 + b"=1", "65,536"), (b"a=" + b"[" * 9000, "too deep")]
)
def test_settings_are_small(data: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(data, "settings.toml")
