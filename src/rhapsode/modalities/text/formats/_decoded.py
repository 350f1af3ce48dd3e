"""The text of a whole document that is itself text, in whatever encoding."""

from __future__ import annotations

from rhapsode.data.encodings import converted, judged


def decoded(data: bytes) -> str:
    """By its byte order mark, by what it says itself, or as is detected. Bytes that nothing explains become U+FFFD."""
    found = judged(lambda: iter([data])).encoding
    if found is not None:
        data = b"".join(converted([data], found, "document"))
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
