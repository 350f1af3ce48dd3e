"""E-mail: one message (.eml), or a mailbox of many (.mbox). Of each its subject and its text; no attachments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.text.formats._decoded import decoded
from rhapsode.modalities.text.formats._markup import text_of

FIELD = rb"(?:received|return-path|from|to|subject|date|message-id|mime-version|delivered-to|reply-to|x-[\w-]{1,40})"
HEAD = re.compile(
    rb"(?:From \S[^\n]{0,300}\r?\n)?(?:" + FIELD + rb":[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){2}", re.IGNORECASE
)
BEGIN = re.compile(rb"(?:\A|\n\r?\n)From [^\n]{0,300}\n")
"""The line before each message of a mailbox."""
LONGEST = 1 << 26
"""Bytes of a message, at most."""
NESTED = 50
"""Boundaries that a message may have: each is looked for in each line."""


def read(source: Source, refused: Refusals) -> Iterator[str]:
    data = source.data()
    places = [match.end() for match in BEGIN.finditer(data)] or [0]
    ends = [match.start() for match in BEGIN.finditer(data)][1:] if places != [0] else []
    for number, (begin, end) in enumerate(zip(places, [*ends, len(data)], strict=True), 1):
        where = source.name if len(places) == 1 else f"{source.name}, message {number}"
        try:
            text = _text(data[begin:end], where)
        except UserError as error:
            if len(places) == 1:
                raise
            refused.skip("a message that cannot be read", str(error))
            continue
        if text:
            yield text


def _text(data: bytes, where: str) -> str:
    if data.lower().count(b"boundary=") > NESTED:
        raise UserError(f"{where}: its parts stand in one another more than {NESTED} deep.")
    try:
        message = message_from_bytes(data)
        parts = [part for part in message.walk() if not part.is_multipart()]
        own = [part for part in parts if part.get_content_disposition() != "attachment"]
        plain = [part for part in own if part.get_content_type() == "text/plain"]
        chosen = plain or [part for part in own if part.get_content_type() == "text/html"]
        body = "\n".join(_body(part) for part in chosen).strip("\n")
        subject = _header(message.get("subject"))
    except (MessageError, RecursionError, LookupError, ValueError, AssertionError, AttributeError, TypeError) as error:
        raise UserError(f"{where}: no message that can be read ({type(error).__name__}). Leave it out.") from None
    return "\n\n".join(filter(None, (subject, body))) + "\n" if subject or body else ""


def _body(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = part.get_content_charset("")
    try:
        text = data.decode(charset).replace("\r\n", "\n") if charset else decoded(data)
    except (LookupError, UnicodeError):
        text = decoded(data)
    return text_of(text) if part.get_content_type() == "text/html" else text


def _header(value: object) -> str:
    if value is None:
        return ""
    found = []
    for text, charset in decode_header(str(value)):
        if isinstance(text, bytes):
            try:
                text = text.decode(charset or "ascii", "replace")
            except LookupError:
                text = text.decode("latin-1")
        found.append(text)
    return " ".join("".join(found).split())


FORMAT = Format(title="mail", recognises=lambda head: HEAD.match(head) is not None, read=read, markup=True)
