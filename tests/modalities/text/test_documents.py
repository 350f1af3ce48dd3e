"""The text of documents: what is taken out of each format, what is left out, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.data import documents
from rhapsode.data.sources import Sources, open_sources
from rhapsode.errors import UserError
from rhapsode.files import apart
from rhapsode.modalities.text.formats import pdf as pdf_format
from rhapsode.modalities.text.formats._markup import text_of
from tests.modalities.text.documents import (
    FILES,
    W,
    docx,
    epub,
    mail,
    mbox,
    notebook,
    odt,
    packed,
    page,
    paragraph,
    pdf,
)

TEXTS = {
    "a.docx": ["One two\n\na\n\nnote\n"],
    "a.pptx": ["One\n\nTwo\n"],
    "a.odt": ["One\n\na\n\nb\n"],
    "a.epub": ["One\n\nTwo\n"],
    "a.rtf": ["Café ’s one\n\ntwo\n"],
    "a.html": ["One\n\na & b\n\nc\nd\n\nx\n  y\n"],
    "a.md": ["One\n\nSome text link code\n\na\n\na\tb\n\n1\t2\n\nx\n\nc\n"],
    "a.eml": ["Grüße\n\nHallo\n"],
    "a.mbox": ["One\n\na\n", "Two\n\nb\n"],
    "a.ipynb": ["# One\n\nx = 1\n"],
    "a.pdf": ["It was the best\nof times, extraordinary.\n"],
}
BINARY = ("a.docx", "a.pptx", "a.odt", "a.epub", "a.rtf", "a.pdf")
ALL = FILES | {"a.pdf": pdf("It was the best", "of times, extra-", "ordinary.")}


ENTITY = "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"


def read(path: Path, as_text: bool = True) -> list[str]:
    return [b"".join(document).decode() for document in open_sources([path], as_text=as_text)]


def text(path: Path, data: bytes | str) -> str:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    [found] = read(path)
    return found


@pytest.mark.parametrize("name", ALL)
def test_the_text_is_taken_out(tmp_path: Path, name: str) -> None:
    """Whatever the file is called, but for texts that only their names tell from others."""
    path = tmp_path / name
    path.write_bytes(ALL[name])
    assert read(path) == TEXTS[name]
    renamed = path.rename(tmp_path / "renamed")
    assert read(renamed) == (TEXTS[name] if Path(name).suffix not in (".md", ".ipynb") else [ALL[name].decode()])


@pytest.mark.parametrize("name", ALL)
def test_texts_with_signs_are_taken_as_they_stand(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(ALL[name])
    found, sources = read(path, as_text=False), open_sources([path])
    assert found == (TEXTS[name] if name in BINARY else [ALL[name].decode()])
    [note] = sources.notes
    assert ("--as-text" in note) == (name not in BINARY)


def test_each_file_is_on_its_own(tmp_path: Path) -> None:
    for name, data in ALL.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "bad.docx").write_bytes(ALL["a.docx"][:200])
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 and no more")
    (tmp_path / "plain.txt").write_text("plain")
    sources = open_sources([tmp_path], as_text=True)
    found = [b"".join(document).decode() for document in sources]
    assert sorted(found) == sorted(["plain", *(text for texts in TEXTS.values() for text in texts)])
    assert set(sources.damaged) == {f"{tmp_path}/bad.docx", f"{tmp_path}/bad.pdf"}
    assert all(name in why for name, why in sources.damaged.items())
    [note] = sources.notes
    assert note.startswith("The text was taken out of 11 documents (")
    assert [d.name for d in sources if "a.mbox" in d.name] == [f"{tmp_path}/a.mbox#1", f"{tmp_path}/a.mbox#2"]
    divided = open_sources([tmp_path], as_text=True, separator="\n\n")
    assert b"x = 1\n" in [b"".join(document) for document in divided], "a separator divides their texts"


def test_temporary_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    (tmp_path / "a.odt").write_bytes(ALL["a.odt"])
    sources: Sources | None = open_sources([tmp_path / "a.odt"])
    assert len(list(place.iterdir())) == 1
    del sources
    (tmp_path / "b.odt").write_bytes(odt(""))
    with pytest.raises(UserError, match="b.odt: there is no text in it"):
        open_sources([tmp_path / "b.odt"])
    assert not list(place.iterdir())


def test_what_is_no_text_of_a_document(tmp_path: Path) -> None:
    deleted = (
        "<w:p><w:del><w:r><w:t>gone</w:t></w:r></w:del><w:r><w:instrText>PAGE</w:instrText><w:t>kept</w:t></w:r></w:p>"
    )
    twice = "<w:p><w:r><w:t>a</w:t></w:r><mc><Fallback><w:t>a</w:t></Fallback></mc></w:p>"
    assert text(tmp_path / "a.docx", docx(deleted + twice)) == "kept\n\na\n"
    tracked = "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
    comment = "<text:p>kept<office:annotation><text:p>who</text:p></office:annotation></text:p>"
    assert text(tmp_path / "a.odt", odt(tracked + comment)) == "kept\n"
    assert text(tmp_path / "a.html", page("<style>p{}</style><p>a<svg><text>b</text></svg>c")) == "ac\n"
    assert text(tmp_path / "a.eml", mail("", "", "<script>x</script><p>only HTML")) == "only HTML\n"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a<b", "a\n"),
        ("1 < 2 &lt; 3", "1 < 2 < 3\n"),
        ("a<!-- b", "a\n"),
        ("<script>a", ""),
        ('<a title="x > y">b</a>', "b\n"),
        ("<p>a<p>b<br>c<br><br>d", "a\n\nb\nc\n\nd\n"),
        ("<tr><td>1<td>2<tr><td>3", "1\t2\n3\n"),
        ("<pre>  a\n b</pre>c", "  a\n b\n\nc\n"),
        ("a <b> b </b> c", "a b c\n"),
        ("<HEAD><title>x</title></HEAD>a", "a\n"),
        ("<head>a", "a\n"),
    ],
)
def test_tag_soup(source: str, found: str) -> None:
    assert text_of(source) == found


def test_encodings_of_documents(tmp_path: Path) -> None:
    russian = '<html><head><meta charset="koi8-r"></head><body>Привет</body></html>'
    assert text(tmp_path / "a.html", russian.encode("koi8-r")) == "Привет\n"
    assert text(tmp_path / "b.html", page("Grüße, schöne Fälle").encode("utf-16")) == "Grüße, schöne Fälle\n"
    assert text(tmp_path / "c.rtf", rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8}") == "При\n"
    assert text(tmp_path / "d.rtf", rb"{\rtf1\ansi\ansicpg932\uc0 \'93\'fa\u-10179\u-8704}") == "日😀\n"
    letter = (
        b"From: a\nTo: b\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\nContent-Type: text/plain; charset=latin-1\n\n\xfcber"
    )
    assert text(tmp_path / "e.eml", letter) == "Grüße\n\nüber\n"


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.docx", ALL["a.docx"][:-30], "a.docx: .*damaged"),
        ("a.docx", packed({"[Content_Types].xml": "", "word/document.xml": ENTITY}), "entities"),
        ("a.docx", docx("<w:p>" * 300 + "</w:p>" * 300), "elements stand in one another"),
        ("a.epub", epub({"a": "b"}, ["a"], **{"META-INF/rights.xml": ""}), "protected against copying"),
        ("a.epub", packed({"META-INF/container.xml": "<a/>", "a.opf": "<a/>"}), "does not say what is in it"),
        ("a.pdf", b"%PDF-1.4", r"a.pdf: no PDF that can be read: .*\. Save it again"),
        ("a.pdf", pdf(""), "a.pdf: a PDF without text in it"),
        ("a.ipynb", b"{}", "a notebook without cells"),
        ("a.ipynb", b"{", "a.ipynb: not JSON"),
        ("a.eml", b"From: a\nTo: b\n" + b'X: boundary="a"\n' * 60 + b"\na", "its parts stand in one another"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=why):
        read(tmp_path / name)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("word/document.xml", f"<w:document {W}>" + " " * (1 << 27) + "</w:document>")
    with pytest.raises(UserError, match="honest archives do not"):
        read(tmp_path / "a.docx")


def test_a_pdf_has_a_limit_of_time_and_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pdf").write_bytes(ALL["a.pdf"])
    monkeypatch.setattr(pdf_format, "SECONDS", 0.001)
    with pytest.raises(UserError, match="a.pdf: not done after 0 s"):
        read(tmp_path / "a.pdf")
    monkeypatch.setattr(pdf_format, "LIBRARY", "no_such_library")
    monkeypatch.setattr(apart, "asked", None)
    with pytest.raises(UserError, match=r"pip install 'rhapsode\[documents\]'"):
        read(tmp_path / "a.pdf")


def test_a_message_that_cannot_be_read_costs_that_message(tmp_path: Path) -> None:
    bad = b"From: a\nTo: b\n" + b'X: boundary="a"\n' * 60 + b"\na\n"
    (tmp_path / "a.mbox").write_bytes(mbox(mail("One", "a"), bad, mail("Two", "b")))
    assert read(tmp_path / "a.mbox") == ["One\n\na\n", "Two\n\nb\n"]
    sources = open_sources([tmp_path / "a.mbox"], as_text=True)
    assert any("1 skipped: a message that cannot be read" in note for note in sources.notes)


def test_notebooks_of_old_and_odd_forms(tmp_path: Path) -> None:
    old = b'{"worksheets": [{"cells": [{"input": "x = 1"}, {"source": ["a\\n", "b"]}]}]}'
    assert text(tmp_path / "a.ipynb", old) == "x = 1\n\na\nb\n"
    assert text(tmp_path / "b.ipynb", notebook("", "a")) == "a\n"


def test_a_document_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(docx(paragraph("One")))))
    assert [b"".join(document) for document in open_sources(["-"])] == [b"One\n"]


def test_formats_are_found_by_content() -> None:
    found = documents.formats().by_name
    assert {"word", "opendocument", "epub", "pdf", "rtf", "html", "mail", "notebook", "markdown"} <= set(found)
