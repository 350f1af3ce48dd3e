"""EPUB: books of web pages, in the order in which they are read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote
from zipfile import ZipFile

from rhapsode.errors import UserError
from rhapsode.files.archive import members, opened
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.xml import parse
from rhapsode.modalities.text.formats._decoded import decoded
from rhapsode.modalities.text.formats._markup import text_of

CONTAINER, PROTECTED = "META-INF/container.xml", ("META-INF/rights.xml", "META-INF/license.lcpl")


def read(source: Source, refused: Refusals) -> Iterator[str]:
    with opened(source) as archive:
        found = {str(member.path): member for member in members(archive, source.name)}
        if any(name in found for name in PROTECTED):
            raise UserError(f"{source.name}: protected against copying (DRM). Only books without it can be read.")
        container = found.get(CONTAINER)
        root = container and next((n for n in parse(container).walk() if n.name == "rootfile"), None)
        listed = root and found.get(root.attributes.get("full-path", ""))
        if not listed:
            raise UserError(f"{source.name}: an EPUB that does not say what is in it. Fetch it again.")
        package, home = parse(listed), posixpath.dirname(str(listed.path))
        files, order = {}, []
        for node in package.walk():
            if node.name == "item":
                files[node.attributes.get("id")] = node.attributes.get("href", "")
            elif node.name == "itemref":
                order.append(node.attributes.get("idref"))
        texts = []
        for name in dict.fromkeys(
            posixpath.normpath(posixpath.join(home, unquote(files.get(each, "")))) for each in order
        ):
            if name in found:
                texts.append(text_of(decoded(found[name].data())))
            else:
                refused.leave_out("chapters that an EPUB names and does not have", f"{source.name}, {name}")
    yield "\n".join(filter(None, texts))


def packed(archive: ZipFile) -> bool:
    names = archive.namelist()
    return CONTAINER in names and any(name.endswith(".opf") for name in names)


FORMAT = Format(title="EPUB", packed=packed, read=read)
