"""Texts that are not UTF-8: which encoding they have, and how they become UTF-8."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from rhapsode.data.encodings import SURE, Encoding, converted, detected, judged, named, wide
from rhapsode.data.sources import open_sources, read_one
from rhapsode.errors import UserError

TEXTS = {
    "French": "L’été dernier, nous étions à la plage où les élèves préféraient déjà rêver. « Ça va ? »\n",
    "German": "Über die Brücke fährt der müde Bär; draußen wächst schönes Grün für alle Gäste.\n",
    "Spanish": "¿Qué le pasó a la niña? Mañana comerá más jamón según su corazón, dijo el señor.\n",
    "Polish": "Zażółć gęślą jaźń; właśnie wrócił z łąki, gdzie rosły piękne kwiaty i trawy.\n",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy, když řeka přetékala přes břehy města.\n",
    "Turkish": "Güneş doğarken çocuklar şarkı söylüyor, yaşlı ağacın altında gülüşüyorlardı.\n",
    "Russian": "В чащах юга жил бы цитрус? Да, но фальшивый экземпляр! Он говорил о погоде.\n",
    "Ukrainian": "Їхній єдиний син поїхав до міста, і ґанок залишився порожнім цієї осені.\n",
    "Greek": "Η γρήγορη αλεπού πηδά πάνω από το τεμπέλικο σκυλί και φεύγει μακριά.\n",
    "Hebrew": "הילד הלך לבית הספר והמורה סיפר לו על הים ועל השמש הגדולה.\n",
    "Arabic": "ذهب الولد إلى المدرسة وقال المعلم إن الشمس كبيرة والبحر بعيد.\n",
    "Japanese": "昔々、あるところにおじいさんとおばあさんが住んでいました。今日はいい天気です。\n",
    "Korean": "옛날 옛적에 한 마을에 할머니와 할아버지가 살고 있었습니다. 오늘은 날씨가 좋다.\n",
    "Chinese": "从前有一个老人住在山里，他每天都去河边看书，生活过得很好。今天天气不错。\n",
    "Thai": "กาลครั้งหนึ่งนานมาแล้วมีชายชราคนหนึ่งอาศัยอยู่ในหมู่บ้านเล็กๆ วันนี้อากาศดี\n",
}
LATIN = ("cp1252", "iso8859_15", "mac_roman", "cp850")
CASES = {
    **dict.fromkeys(("French", "German", "Spanish"), LATIN),
    **dict.fromkeys(("Polish", "Czech"), ("cp1250", "iso8859_2")),
    "Turkish": ("cp1254",),
    "Russian": ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"),
    "Ukrainian": ("cp1251", "koi8_u"),
    "Greek": ("cp1253", "iso8859_7"),
    "Hebrew": ("cp1255",),
    "Arabic": ("cp1256",),
    "Japanese": ("cp932", "euc_jp"),
    "Korean": ("euc_kr", "cp949"),
    "Chinese": ("gb18030", "gbk"),
    "Thai": ("cp874",),
}
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


def read(path: Path, **options: str) -> bytes:
    return b"".join(piece.data for piece in open_sources([path], **options).pieces())  # type: ignore[arg-type]


def utf8(data: bytes) -> str:
    found = judged(lambda: iter([data])).encoding
    assert found is not None
    return b"".join(converted([data], found, "a")).decode()


@pytest.mark.parametrize(("language", "codec"), [(name, codec) for name, codecs in CASES.items() for codec in codecs])
def test_one_line_tells_its_encoding(language: str, codec: str) -> None:
    data = TEXTS[language].encode(codec, "ignore")
    best = detected(data)[0]
    assert best.sure >= SURE and data.decode(best.codec) == data.decode(codec)
    assert utf8(b"plain text\n" * 9 + data + b"and more\n") == "plain text\n" * 9 + data.decode(codec) + "and more\n"


@pytest.mark.parametrize("codec", WIDE)
@pytest.mark.parametrize("language", TEXTS)
def test_wide_encodings_with_and_without_marks(language: str, codec: str) -> None:
    data = TEXTS[language].encode(codec)
    assert wide(data) is not None and utf8(data) == TEXTS[language]


@pytest.mark.parametrize("language", TEXTS)
def test_utf8_stays_as_it_is(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any detection; also if some bytes of it are damaged."""
    data = TEXTS[language].encode()
    damaged = data + b"\xff" + data[-4:-2]
    assert judged(lambda: iter([damaged])).encoding is None
    monkeypatch.setattr("rhapsode.data.encodings.detected", None)
    for cut in (1, 2, 3, 7, len(data)):
        assert judged(lambda cut=cut: (data[at : at + cut] for at in range(0, len(data), cut))) == judged(
            lambda: iter([b""])
        )  # type: ignore[misc]
    assert judged(lambda: iter([data[:-2]])).encoding is None, "cut off within a character"


def test_what_is_no_text_stays_bytes(tmp_path: Path) -> None:
    for seed in range(20):
        noise = random.Random(seed).randbytes(600).replace(b"\0", b"\1")
        assert judged(lambda noise=noise: iter([noise])).encoding is None  # type: ignore[misc]
    (tmp_path / "a").write_bytes(noise)
    sources = open_sources([tmp_path / "a"])
    assert b"".join(piece.data for piece in sources.pieces()) == noise
    [note] = sources.notes
    assert "1 text with bytes that are not UTF-8, which are learnt one by one" in note and "--encoding NAME" in note
    assert wide(b"\0\1") is None and wide(bytes(64)) is None and wide(b"\xff\xfe\0\xd8\0\0" * 9) is None


def test_records_with_zero_bytes_between_are_not_utf16() -> None:
    for data in (b"abc\0def\n" * 100, b"/usr/bin/as\0/usr/lib/libc.so\0" * 50, b"id\0name\tage\0\0\n" * 30):
        assert wide(data) is None
    assert wide(b"a\0b\0c\0\n\0" * 9) == Encoding("utf-16-le", 1.0, "as its zero bytes say")


def test_what_is_not_sure_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("naïve".encode("latin-1"))
    [note] = open_sources([tmp_path / "a.txt"]).notes
    assert "a.txt (perhaps Windows-1252, 8" in note and "the first such byte is number 3" in note
    assert read(tmp_path / "a.txt") == b"na\xefve", "nothing is lost"
    assert read(tmp_path / "a.txt", encoding="latin-1") == "naïve".encode()


def test_what_a_text_says_itself() -> None:
    for head in ('<meta charset="koi8-r">', "# -*- coding: koi8-r -*-", '<?xml version="1.0" encoding="KOI8-R"?>'):
        data = f"{head}\nМы\n".encode("koi8-r")
        assert judged(lambda data=data: iter([data])).encoding == Encoding("koi8-r", 1.0, "as it says itself")  # type: ignore[misc]
    for head in ('charset="utf-8"', 'charset="none"', 'charset="hex"'):  # lies
        assert utf8(f"{head}\n{TEXTS['German']}".encode("cp1252")) == f"{head}\n{TEXTS['German']}"


def test_a_late_byte_decides_too() -> None:
    """The encoding that the beginning suggests does not fit the end."""
    data = TEXTS["Polish"].encode("iso8859_2") * 400 + "Š".encode("cp1252")
    found = judged(lambda: iter([data])).encoding
    assert found is None or data.decode(found.codec)


def test_a_file_with_a_byte_that_does_not_fit(tmp_path: Path) -> None:
    for name, place in (("a.txt", 7), ("b.txt", None)):
        text = "Grüße\n" * 40
        data = text.encode("utf-16-le")
        if place:
            data = data[: 2 * place] + b"\0\xd8" + data[2 * place :]
        (tmp_path / name).write_bytes(b"\xff\xfe" + data)
    with pytest.raises(UserError, match=r"a.txt: byte 17 is not UTF-16 \("):
        read(tmp_path / "a.txt", encoding="utf-16")
    sources = open_sources([tmp_path], encoding="utf-16")
    assert b"".join(piece.data for piece in sources.pieces()) == b"Gr\xc3\xbc\xc3\x9fe\nG" + text.encode()
    assert list(sources.damaged) == [f"{tmp_path}/a.txt"], "it costs that file, from there on"


def test_marks_are_no_text(tmp_path: Path) -> None:
    for codec in ("utf-8-sig", "utf-16", "utf-32"):
        (tmp_path / "a.txt").write_bytes(("Über\n" * 9).encode(codec))
        assert read(tmp_path / "a.txt") == read(tmp_path / "a.txt", encoding=codec) == ("Über\n" * 9).encode()
        assert read(tmp_path / "a.txt", encoding="bytes") == ("Über\n" * 9).encode(codec)
        assert read_one(str(tmp_path / "a.txt")) == ("Über\n" * 9).encode(codec), "compress takes the bytes"
        assert read_one(str(tmp_path / "a.txt"), text=True) == ("Über\n" * 9).encode()
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfa\xff")
    assert read(tmp_path / "b.txt") == b"a\xff"


@pytest.mark.parametrize("codec", ["cp932", "utf-16", "gb18030", "euc_kr", "utf-8-sig", "iso2022_jp"])
def test_pieces_may_be_cut_anywhere(codec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    language = {"gb18030": "Chinese", "euc_kr": "Korean"}.get(codec, "Japanese")
    (tmp_path / "a.txt").write_bytes(TEXTS[language].encode(codec) * (1 if codec == "utf-16" else 3))
    expected = TEXTS[language].encode() * (1 if codec == "utf-16" else 3)
    expected = expected if codec != "utf-8-sig" else b"\xef\xbb\xbf".join([TEXTS[language].encode()] * 3)
    for size in (1, 2, 3, 5, 1000):
        monkeypatch.setattr("rhapsode.data.streams.CHUNK", size)
        assert read(tmp_path / "a.txt", encoding=codec) == expected


def test_digests_know_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXTS["German"].encode("cp1252"))
    digests = {open_sources([tmp_path / "a.txt"], encoding=each).digest() for each in ("cp1252", "cp850", "bytes")}
    assert len(digests) == 3


@pytest.mark.parametrize("name", ["utf-9", "hex", "rot13", "a" * 99, "\0", ""])
def test_unknown_encodings(name: str) -> None:
    with pytest.raises(UserError, match="no encoding of this name is known"):
        named(name)


def test_noise_of_the_system_is_no_text() -> None:
    data = os.urandom(3000).replace(b"\0", b"\1")
    assert judged(lambda: iter([data])).encoding is None
