"""Which encoding a text has that is not UTF-8; and its way to UTF-8, piece by piece.

A text that is UTF-8 (or ASCII) is never touched. For others, each encoding that can explain the bytes says how likely
the text is that comes out, by the letters of the languages that are written in it: Bayes' rule then says how sure one
can be. One more explanation is always tried: that it is no text. What is not sure enough stays bytes.
`benchmarks/encodings.py` measures how often that is right.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from rhapsode.data.alphabets import weights
from rhapsode.errors import UserError
from rhapsode.files.values import shown

SURE = 0.9
"""The least probability of an encoding by which a text is converted."""
SAMPLE = 1 << 14
"""Bytes that are looked at, from the first one that is not ASCII."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks. (That of UTF-32 begins with that of UTF-16.)"""
BYTES = "bytes"
"""Instead of an encoding: the bytes as they are."""
WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
WEST = [
    "French",
    "German",
    "Spanish",
    "Portuguese",
    "Italian",
    "Catalan",
    "Swedish and Finnish",
    "Danish and Norwegian",
]
WEST += ["Dutch", "Icelandic", "Albanian"]
EAST = ["Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Croatian and Slovenian", "German"]
CYRILLIC = ["Russian", "Ukrainian", "Bulgarian", "Serbian"]
CHINESE = ["Chinese", "Chinese in traditional characters"]
ENCODINGS: dict[str, tuple[str, float, list[str]]] = {
    "cp1252": ("Windows-1252", 0, WEST),
    "iso8859_15": ("ISO-8859-15", -4, WEST),
    "mac_roman": ("Mac Roman", -3, WEST),
    "cp850": ("code page 850", -3, WEST),
    "cp1250": ("Windows-1250", -1, EAST),
    "iso8859_2": ("ISO-8859-2", -2, EAST),
    "cp852": ("code page 852", -4, EAST),
    "cp1254": ("Windows-1254", -2, ["Turkish"]),
    "cp1257": ("Windows-1257", -2, ["Lithuanian", "Latvian", "Estonian"]),
    "cp1251": ("Windows-1251", 0, CYRILLIC),
    "koi8_r": ("KOI8-R", -1, ["Russian"]),
    "koi8_u": ("KOI8-U", -2, ["Ukrainian"]),
    "cp866": ("code page 866", -1, ["Russian"]),
    "cp855": ("code page 855", -4, CYRILLIC),
    "iso8859_5": ("ISO-8859-5", -3, CYRILLIC),
    "mac_cyrillic": ("Mac Cyrillic", -3, CYRILLIC),
    "cp1253": ("Windows-1253", 0, ["Greek"]),
    "iso8859_7": ("ISO-8859-7", -1, ["Greek"]),
    "cp1255": ("Windows-1255", 0, ["Hebrew"]),
    "cp1256": ("Windows-1256", 0, ["Arabic", "Persian"]),
    "cp874": ("Windows-874", 0, ["Thai"]),
    "cp932": ("Shift-JIS", 0, ["Japanese"]),
    "euc_jp": ("EUC-JP", -1, ["Japanese"]),
    "euc_kr": ("EUC-KR", 0, ["Korean"]),
    "cp949": ("Windows-949", -5, ["Korean"]),
    "gb18030": ("GB 18030", 0, CHINESE),
    "big5hkscs": ("Big5", 0, CHINESE),
}
"""Python's name → (name, logarithm of how often it is met, languages)."""
NAMES = {
    "bytes": "bytes",
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
}
PUNCTUATION = frozenset("“”‘’«»„‚–—…¿¡\xa0")
SIGNS = frozenset("•·°§©®™€£¥ªº′″×÷½¼¾²³±µ¶†‹›№\xad，。、！？：；（）「」『』《》")
ASCII = math.log(1 / 40)
"""The logarithm of the probability of each ASCII character, in any text."""
NO_TEXT = math.log(1 / 44), math.log(1 / 200)
"""The same of bytes that are no text: of each in ASCII, and of each other one."""
OUTSIDE = math.log(0.5)
"""Of the listed letters all together."""
ODD = -5.0
"""What a place costs that no text has: a capital within a word, a sign within a word, two scripts in one word."""
FEWEST = 16
"""Fewer bytes than these are not taken for UTF-16 or UTF-32 without a byte order mark."""
SEPARATED = re.compile(rb"[\t\n\r\f -~\0]*")
"""ASCII with zero bytes. Text in a wide encoding has about as many of these as others, or bytes that are not ASCII."""
DECLARED = re.compile(rb"(?:charset|encoding|coding)\s*[=:]\s*[\"']?\s*([A-Za-z][\w.:-]{1,30})")
"""An encoding that a text names in its beginning: HTML, XML, Python and others do."""
HEAD = 1024


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file are text.

    codec: Python's name. sure: how probable it is, 0 to 1. why: for messages.
    mark:  how many bytes of a byte order mark the file begins with.
    """

    codec: str
    sure: float = 1.0
    why: str = ""
    mark: int = 0

    @property
    def name(self) -> str:
        return NAMES.get(self.codec) or (ENCODINGS[self.codec][0] if self.codec in ENCODINGS else self.codec)

    def __str__(self) -> str:
        return f"{self.name}, {self.why}" if self.why else self.name


def marked(head: bytes) -> Encoding | None:
    """The encoding that a byte order mark at the beginning says."""
    for mark, codec in MARKS:
        if head.startswith(mark):
            return Encoding(codec, 1.0, "as its byte order mark says", len(mark))
    return None


def wide(head: bytes) -> Encoding | None:
    """UTF-16 or UTF-32, by the first bytes of a file, with a byte order mark or without; None where it is neither."""
    found = marked(head)
    if found is not None:
        return found if found.codec in WIDE and _plain(head[found.mark :], found.codec) else None
    if b"\0" not in head or (SEPARATED.fullmatch(head) and 5 * head.count(0) < 2 * len(head)):
        return None
    plain = {codec: share for codec in WIDE if (share := _plain(head, codec)) and len(head) >= FEWEST}
    return Encoding(max(plain, key=plain.__getitem__), 1.0, "as its zero bytes say") if plain else None


def _plain(head: bytes, codec: str) -> float:
    """How much of the text that these bytes are in a wide encoding is ASCII, or 0.1 if that is less; 0 if they are no
    text. They may end within a character."""
    try:
        text = codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeDecodeError:
        return 0.0
    kinds = Counter(map(unicodedata.category, text))
    wrong = sum(kinds[kind] for kind in ("Cn", "Co", "Cs")) + sum(c < " " and c not in "\t\n\r\f\v" for c in text)
    known = sum(count for kind, count in kinds.items() if kind[0] in "LNPZM") + text.count("\n")
    if not text or wrong or known < 0.8 * len(text):
        return 0.0
    return max(0.1, sum(map(str.isascii, text)) / len(text))


def named(name: str) -> Encoding:
    """The encoding that the user names; `bytes` stands for none at all. Raises `UserError` for one that Python does not
    know."""
    if name.lower() == BYTES:
        return Encoding(BYTES)
    try:
        codec = codecs.lookup(name)
        "".encode(codec.name)  # refuses codecs that are no encodings of text, such as `hex`
        codecs.getincrementaldecoder(codec.name)()
    except (LookupError, TypeError, ValueError):
        raise UserError(
            f"encoding {shown(name)}: no encoding of this name is known. Known are utf-8, utf-16, windows-1252, "
            "latin-1, shift-jis, euc-kr, gb18030, big5, koi8-r and all others of Python; and bytes, to convert nothing."
        ) from None
    return Encoding({"iso8859-1": "latin_1", "utf-8-sig": "utf-8"}.get(codec.name, codec.name))


def fitted(encoding: Encoding, head: bytes) -> Encoding:
    """An encoding that the user named, for a file that begins with `head`: a byte order mark is not a part of its
    text."""
    codec = encoding.codec.replace("_", "-")
    found = marked(head)
    if found is not None and found.codec.startswith(codec):
        return Encoding(found.codec, mark=found.mark)
    if codec in ("utf-16", "utf-32"):  # without a mark
        guess = wide(head)
        return guess if guess is not None and guess.codec.startswith(codec) else Encoding(f"{codec}-le")
    return encoding


def detected(sample: bytes, head: bytes = b"", without: Collection[str] = ()) -> list[Encoding]:
    """The encodings that may explain bytes which are not UTF-8, the most probable first; none where it is no text.

    sample: a part of the bytes, with some that are not ASCII. head: the first bytes of the file, which may say what
    encoding it has. without: encodings that other bytes of the file do not have.
    """
    found = declared(head, sample)
    if found is not None and found.codec not in without:
        return [found]
    texts: dict[str, list[str]] = {}
    for codec in [each for each in ENCODINGS if each not in without]:
        text = _decoded(sample, codec)
        if text is not None:
            texts.setdefault(text, []).append(codec)
    high = sum(byte >= 0x80 for byte in sample)
    scores = {"": (len(sample) - high) * NO_TEXT[0] + high * NO_TEXT[1] - 2}
    for text, explained in texts.items():
        common = _Text(text)
        for codec in explained:
            _, prior, languages = ENCODINGS[codec]
            scores[codec] = prior + max(map(common.score, languages))
    most = max(scores.values())
    total = sum(math.exp(score - most) for score in scores.values())
    chances = {codec: math.exp(score - most) / total for codec, score in scores.items()}
    groups = []
    for explained in texts.values():  # which differ nowhere in the sample
        first = max(explained, key=lambda codec: scores[codec])
        chance = sum(chances[codec] for codec in explained)
        groups.append(Encoding(first, chance, f"{_percent(chance)} sure"))
    groups.sort(key=lambda each: -each.sure)
    return [each for each in groups if each.sure > chances[""]]


def _percent(chance: float) -> str:
    return "more than 99 %" if chance > 0.99 else f"{math.floor(100 * chance)} %"


def declared(head: bytes, sample: bytes) -> Encoding | None:
    """The encoding that the beginning of a text names, if the bytes agree."""
    match = DECLARED.search(head[:HEAD])
    if match is None:
        return None
    try:
        codec = named(match[1].decode()).codec
    except UserError:
        return None
    codec = {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}.get(
        codec, codec
    )  # as browsers do, which read the larger one
    if codec.startswith(("utf", "ascii")) or _decoded(sample, codec) is None:
        return None
    return Encoding(codec, 1.0, "as it says itself")


def _decoded(sample: bytes, codec: str) -> str | None:
    """The text of a part of a file, which may end within a character; None where the bytes do not fit."""
    try:
        return codecs.getincrementaldecoder(codec)().decode(sample)
    except UnicodeDecodeError:
        return None


class _Text:
    """What is counted once for all languages that a text may be in."""

    def __init__(self, text: str) -> None:
        self._ascii = sum(map(str.isascii, text))
        self._others = Counter(c for c in text if not c.isascii())
        shapes = text.translate({ord(c): _shape(c) for c in set(text)})
        self._odd = sum(len(pattern.findall(shapes)) for pattern in ODDITIES)

    def score(self, language: str) -> float:
        """The logarithm of the text's probability, about."""
        letters = weights(language)
        total = self._ascii * ASCII + self._odd * ODD
        for c, count in self._others.items():
            total += count * (OUTSIDE + math.log(letters[c]) if c in letters else _other(c, LARGE.get(language)))
        return total


LARGE = {
    "Japanese": ("shift_jis", 0x98),
    "Korean": ("euc_kr", 0xC8),
    "Chinese": ("gb2312", 0xD7),
    "Chinese in traditional characters": ("big5", 0xC6),
}
"""Languages of many characters → (an encoding, the largest first byte of those that are common)."""


@cache
def _other(c: str, large: tuple[str, int] | None) -> float:
    """The logarithm of the probability of a character that is no common letter of the language."""
    if c in PUNCTUATION:
        return math.log(1 / 60)
    if c in SIGNS:
        return math.log(1 / 1000)
    kind = unicodedata.category(c)
    if kind in ("Cc", "Cn", "Co", "Cs"):
        return math.log(1e-9)
    if ord(c) >= 0x2E80:
        if large is None:
            return math.log(1e-9)
        try:
            return math.log(1 / 3000 if c.encode(large[0])[0] <= large[1] else 1e-6)
        except UnicodeEncodeError:
            return math.log(1e-7)
    return math.log(1e-4 if kind[0] == "L" else 3e-5)


ODDITIES = [
    re.compile(pattern)
    for pattern in (
        "[al](?=U)|l(?=A)|x(?=X)",
        "[alLA](?=s[al])",
        "[aAlU](?=[xX])|[xX](?=[aAlU])",
        "(?<![aAlUxX])(?:q(?=[aAlUxX])|s(?=[xX]))",
    )
]
"""Capitals after small letters, of which one is not ASCII; signs in words; a change of script in a word; a word that
begins with an apostrophe."""


def _shape(c: str) -> str:
    """One letter for what a character is: small or capital, in ASCII (a, A), in other Latin letters (l, U), in other
    alphabets (x, X), a sign (s), all else."""
    if c.isascii():
        return "a" if c.islower() else "A" if c.isupper() else " "
    kind = unicodedata.category(c)
    if c == "’":
        return "q"
    if kind[0] != "L":
        return " " if c in "‘‐‑\xad·" or kind in ("Mn", "Mc") else "s"
    if ord(c) >= 0x370:
        return " " if ord(c) >= 0x3000 else "X" if c.isupper() else "x"
    return "U" if c.isupper() else "l"


@dataclass(frozen=True)
class Judged:
    """What was found out of a file: its encoding, None for UTF-8 or bytes that stay as they are; and what is to be said
    of such bytes, for messages."""

    encoding: Encoding | None = None
    doubt: str = ""


def judged(read: Callable[[], Iterator[bytes]]) -> Judged:
    """The encoding of a whole file. read: gives its bytes, in pieces, each time from the beginning."""
    sample = _Sample()
    for data in read():
        sample.add(data)
        if sample.full:
            break
    else:
        sample.close()
    if (found := marked(sample.head)) is not None and (
        found.codec == "utf-8" or _plain(sample.head[found.mark :], found.codec)
    ):
        return Judged(found)
    if (found := wide(sample.head)) is not None:
        return Judged(found)
    if sample.place is None:
        return Judged()
    place = f"the first such byte is number {sample.place + 1:,}"
    if sample.good > sample.bad:
        return Judged(doubt=f"most of it is UTF-8; {place}")
    unfit = set[str]()
    while found := next(iter(detected(bytes(sample.bytes), sample.head, unfit)), None):
        if found.sure < SURE:
            return Judged(doubt=f"perhaps {found}; {place}")
        try:
            for _ in converted(read(), found, ""):
                pass
            return Judged(found)
        except UserError:
            unfit.add(found.codec)
    return Judged(doubt=place)


class _Sample:
    """What is not UTF-8 in a file that comes in pieces: where that begins, and some of the lines there."""

    def __init__(self) -> None:
        self.head = b""
        self.place: int | None = None
        self.good = self.bad = self._seen = 0
        self.bytes = bytearray()
        self._rest = b""  # a line that is not complete
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    @property
    def full(self) -> bool:
        return len(self.bytes) >= SAMPLE

    def add(self, data: bytes) -> None:
        if len(self.head) < HEAD:
            self.head += data[: 1 << 13]
        if self.place is None:
            held = self._decoder.getstate()[0]
            if not held and data.isascii():
                self._seen += len(data)
                return
            try:
                self.good += sum(not c.isascii() for c in self._decoder.decode(data)) if self.good < SAMPLE else 0
                self._seen += len(data)
                return
            except UnicodeDecodeError as error:
                self.place = self._seen - len(held) + error.start
                data = held + data
        self._take(data)

    def _take(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) >= SAMPLE:
            whole, self._rest = [*whole, self._rest], b""
        self._keep(whole)

    def close(self) -> None:
        """The file is over."""
        self._keep([self._rest])

    def _keep(self, lines: list[bytes]) -> None:
        taken = b"".join(b"\n" + line for line in lines if not line.isascii())[: SAMPLE - len(self.bytes)]
        text = taken.decode("utf-8", "surrogateescape")
        bad = len(re.findall("[\udc80-\udcff]", text))
        self.bad += bad
        self.good += sum(not c.isascii() for c in text) - bad
        self.bytes += taken


def converted(pieces: Iterable[bytes], encoding: Encoding, name: str) -> Iterator[bytes]:
    """The same text in UTF-8, in pieces. Raises `UserError` at the first byte that does not fit, after the text before
    it."""
    left = encoding.mark
    if encoding.codec == "utf-8" and encoding.mark:  # the rest may be what it likes
        for data in pieces:
            if cut := data[left:]:
                yield cut
            left = max(0, left - len(data))
        return
    if encoding.codec == BYTES:
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    seen = 0
    for data, last in _with_last(pieces):
        data, left, seen = data[left:], max(0, left - len(data)), seen + min(left, len(data))
        held = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data, last)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding.codec, "ignore")
            if before:
                yield before.encode("utf-8", "surrogatepass")
            raise UserError(
                f"{name}: byte {seen - held + error.start + 1:,} is not {encoding.name} ({error.reason}). Give another "
                "--encoding, or --encoding bytes to learn bytes as they are."
            ) from None
        seen += len(data)
        if text:
            yield text.encode("utf-8", "surrogatepass")


def _with_last(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The pieces, each with False; then an empty one with True."""
    for data in pieces:
        yield data, False
    yield b"", True
