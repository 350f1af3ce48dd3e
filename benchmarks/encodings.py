"""How often the encoding of a text is found out: by Rhapsode, and by charset-normalizer.

    python benchmarks/encodings.py FOLDER [--pieces 6]

FOLDER has texts in UTF-8, each named by its language: de.txt, fr.txt, ja.txt (the keys of `ENCODINGS` below; others are
passed over). Pieces of them are written in each encoding that people use for the language, and those that are
not ASCII are given to the detectors. Told is, for each length of a piece in characters:

    right     the same text came out
    wrong     another text came out
    bytes     it was not sure enough: the text would be learnt as bytes, which is said
    other     charset-normalizer: right and wrong of its best guess, which it gives whatever it is

And the same for UTF-8 of all these pieces, of which none may be changed.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from charset_normalizer import from_bytes

from rhapsode.data.encodings import converted, judged

WEST, EAST = ("cp1252", "iso8859_15", "mac_roman", "cp850"), ("cp1250", "iso8859_2")
ENCODINGS = {
    **dict.fromkeys(("ca", "de", "es", "fr", "it", "nl", "no", "pt_BR", "sv"), WEST),
    **dict.fromkeys(("bs", "pl", "sl"), EAST),
    "ar": ("cp1256", "utf-16"),
    "el": ("cp1253", "iso8859_7"),
    "he": ("cp1255",),
    "ja": ("cp932", "euc_jp", "utf-16"),
    "ko": ("euc_kr",),
    "ru": ("cp1251", "koi8_r", "cp866", "iso8859_5", "utf-16-le"),
    "th": ("cp874",),
    "tr": ("cp1254",),
    "uk": ("cp1251", "koi8_u"),
    "zh": ("gb18030", "utf-16"),
    "zh_TW": ("big5",),
}
LENGTHS = (50, 200, 1000, 5000)
MARKUP = re.compile(r"<[^>]*>|https?://\S+|\]\([^)]*\)|[`*#|\[\]_]")


def pieces(folder: Path, count: int) -> Iterator[tuple[int, str, bytes, str]]:
    """(length, encoding, bytes, text) of each piece that is not UTF-8 in its encoding."""
    random = Random(0)
    for language, encodings in ENCODINGS.items():
        path = folder / f"{language}.txt"
        text = MARKUP.sub("", path.read_text(encoding="utf-8")) if path.exists() else ""
        for length in LENGTHS if text else ():
            for _ in range(count):
                at = random.randrange(max(1, len(text) - length))
                for encoding in encodings:
                    data = text[at : at + length].encode(encoding, "ignore")
                    if not data.isascii():
                        yield length, encoding, data, data.decode(encoding)


def found(data: bytes) -> str | None:
    """What Rhapsode makes of it; None for bytes."""
    encoding = judged(lambda: iter([data])).encoding
    return None if encoding is None else b"".join(converted([data], encoding, "")).decode("utf-8", "surrogatepass")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pieces", type=int, default=6)
    given = parser.parse_args()
    counts = {length: Counter[str]() for length in LENGTHS}
    by_encoding: dict[str, Counter[str]] = {}
    for length, encoding, data, text in pieces(given.folder, given.pieces):
        made = found(data)
        outcome = "bytes" if made is None else "right" if made == text else "wrong"
        other = from_bytes(data).best()
        agrees = other is not None and str(other).removeprefix("\ufeff") == text
        utf8 = found(text.encode()) is None
        for counter in (counts[length], by_encoding.setdefault(encoding, Counter())):
            counter.update(
                [outcome, "other right" if agrees else "other wrong", "utf-8 kept" if utf8 else "utf-8 changed"]
            )
    columns = ("right", "wrong", "bytes", "other right", "other wrong", "utf-8 kept", "utf-8 changed")
    print(f"{'':<12}" + "".join(f"{column:>15}" for column in columns))
    for name, counter in [*counts.items(), *by_encoding.items()]:
        print(f"{name:<12}" + "".join(f"{counter[column]:>15,}" for column in columns))


if __name__ == "__main__":
    main()
