"""PDF: the text that its pages have, by PDFium, in a process of its own with limits of time and memory."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from rhapsode.errors import UserError
from rhapsode.files import apart
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source

SECONDS = 120.0
LIBRARY = "pypdfium2"
HYPHEN = re.compile(r"[\ufffe\ufffd\x02\xad-]\n(?=[a-zß-öø-ÿ])")
"""A hyphen at the end of a line, within a word. PDFium marks some of its own."""
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


def read(source: Source, refused: Refusals) -> Iterator[str]:
    if find_spec(LIBRARY) is None:
        raise UserError(f"{source.name}: to read PDF, install a library: pip install 'rhapsode[documents]'")
    try:
        text = apart.asked(__name__, source.data(), what=source.name, seconds=SECONDS).decode()
    except UserError as error:
        raise error if source.name in str(error) else UserError(f"{source.name}: {error}") from None
    if not text.strip():
        raise UserError(
            f"{source.name}: a PDF without text in it; its pages may be pictures. Recognise their letters first: "
            "ocrmypdf FILE NEW"
        )
    yield text


def work(data: bytes) -> bytes:
    """The text of a PDF. Raises `UserError`."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        pages = [page.get_textpage().get_text_bounded() for page in document]
    except pypdfium2.PdfiumError as error:
        why = "it asks for a password" if "assword" in str(error) else str(error)
        raise UserError(f"no PDF that can be read: {why.strip('.')}. Save it again, or leave it out.") from None
    return "\n".join(filter(None, map(_page, pages))).encode()


def _page(text: str) -> str:
    """With newlines, and with words whole that were hyphenated at the end of a line."""
    text = HYPHEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line.rstrip() for line in CONTROLS.sub("", text).split("\n")]
    return "\n".join(lines).strip("\n") + "\n" if any(lines) else ""


FORMAT = Format(title="PDF", recognises=lambda head: head.startswith(b"%PDF-"), read=read)

if __name__ == "__main__":
    sys.exit(apart.answered(work))
