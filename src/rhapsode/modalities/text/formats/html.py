"""HTML and XHTML: pages of the web, as they were saved."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.text.formats._decoded import decoded
from rhapsode.modalities.text.formats._markup import text_of

HEAD = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*){0,4}<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)


def read(source: Source, refused: Refusals) -> Iterator[str]:
    yield text_of(decoded(source.data()))


def recognises(head: bytes) -> bool:
    head = head.removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head[2:].replace(b"\0", b"")
    return HEAD.match(head) is not None


FORMAT = Format(title="HTML", recognises=recognises, read=read, markup=True)
