"""Small documents of every format that text is taken out of."""

from __future__ import annotations

import io
import json
import zipfile
from email.message import EmailMessage

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OPEN = 'xmlns:office="o" xmlns:text="t" xmlns:table="b"'


def packed(members: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return file.getvalue()


def docx(body: str, notes: str = "") -> bytes:
    members = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
    }
    return packed(members | ({"word/footnotes.xml": f"<w:footnotes {W}>{notes}</w:footnotes>"} if notes else {}))


def paragraph(*runs: str) -> str:
    return "<w:p>" + "".join(f'<w:r><w:t xml:space="preserve">{run}</w:t></w:r>' for run in runs) + "</w:p>"


def pptx(*slides: str) -> bytes:
    shown = {
        f"ppt/slides/slide{n}.xml": f'<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>'
        for n, text in enumerate(slides, 1)
    }
    return packed({"[Content_Types].xml": "<Types/>", **shown})


def odt(body: str) -> bytes:
    inside = f"<office:body><office:text>{body}</office:text></office:body>"
    content = f"<office:document-content {OPEN}>{inside}</office:document-content>"
    kind = "application/vnd.oasis.opendocument.text"
    return packed({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": "<manifest/>"})


def epub(chapters: dict[str, str], order: list[str], **more: str) -> bytes:
    items = "".join(f'<item id="{name}" href="{name.replace(" ", "%20")}.xhtml"/>' for name in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in order)
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="O/c.opf"/></rootfiles></container>',
            "O/c.opf": f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"O/{name}.xhtml": page(text) for name, text in chapters.items()},
            **more,
        }
    )


def page(body: str) -> str:
    return f"<!DOCTYPE html><html><head><title>no</title></head><body>{body}</body></html>"


def pdf(*lines: str) -> bytes:
    """One page with these lines, in a font that every reader has."""
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 50 700 Td {shown} ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj{each}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 6\n0000000000 65535 f \n{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF"
    return data + end.encode()


def mail(subject: str, text: str, html: str = "") -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "a@example.org", "b@example.org"
    if text:
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        message.add_attachment(b"\0\1", maintype="application", subtype="octet-stream", filename="a.bin")
    else:
        message.set_content(html, subtype="html")
    return bytes(message)


def mbox(*messages: bytes) -> bytes:
    return b"\n".join(b"From a@example.org Thu Jan  1 00:00:00 1970\n" + each for each in messages)


def notebook(*cells: str) -> bytes:
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": [cell], "outputs": ["no"]} for cell in cells]}
    ).encode()


FILES: dict[str, bytes] = {
    "a.docx": docx(
        paragraph("One ", "two") + "<w:tbl><w:tr><w:tc>" + paragraph("a") + "</w:tc></w:tr></w:tbl>", paragraph("note")
    ),
    "a.pptx": pptx("One", "Two"),
    "a.odt": odt('<text:h>One</text:h><text:p>a<text:s text:c="2"/><text:note><text:p>b</text:p></text:note></text:p>'),
    "a.epub": epub({"a": "<p>One</p>", "b b": "<p>Two</p>"}, ["a", "b b"]),
    "a.rtf": rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}}\uc1 Caf\'e9 \u8217?s \b one\b0 {\*\x no}\par two\cell\row}",
    "a.html": page(
        "<h1>One</h1><p>a &amp; <b>b</b><ul><li>c<li>d</ul><pre>x\n  y</pre><!-- no --><script>no</script>"
    ).encode(),
    "a.md": b"# One\n\nSome *text* [link](http://x) `code`\n\n- a\n\n|a|b|\n|-|-|\n|1|2|\n\n```\nx\n```\n<b>c</b>\n",
    "a.eml": mail("Gr\u00fc\u00dfe", "Hallo\n", "<p>no</p>"),
    "a.mbox": mbox(mail("One", "a\n"), mail("Two", "", "<p>b</p>")),
    "a.ipynb": notebook("# One", "x = 1"),
}
