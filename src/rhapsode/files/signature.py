"""Recognising files by their first bytes: recordings, and common formats that Rhapsode does not read.
One table, for messages: who gives such files should hear what they are, and what makes them readable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from rhapsode.errors import UserError
from rhapsode.files.archive import is_zip, opened
from rhapsode.files.source import of_file, reading
from rhapsode.files.xml import root

HEAD = 1 << 12
"""How many first bytes the table needs."""
PACKED = (".m4a", ".m4b", ".aac", ".mp4", ".3gp", ".amr", ".wma", ".webm")
"""Suffixes of recordings that libsndfile cannot read, but PyAV can."""
TEXTS = (".txt", ".text", ".lab", ".textgrid", ".srt", ".vtt", ".lrc", ".caption")
"""Suffixes of texts that may go with a file of the same name: what is said, lyrics, captions."""
TO_WAV = "Convert it: ffmpeg -i {file} {stem}.wav"
TO_TEXT = "Convert it: pandoc {file} -o {stem}.txt"
EXPORT = "Save it as MusicXML or MIDI from the program that wrote it"
UNPACK = "Unpack it, and give the folder"
AS_LINES = "Write what you want of it as text, or as lines of JSON"
NO_PICTURES = "Handwriting is read as strokes of a pen (InkML, SVG, lines of JSON), other text as files of text"


class Signature(NamedTuple):
    """sort: `recording`, `film`, `picture`, `document`, `score`, `archive`, `table`, `drawing` or `text`.

    name:   of the format, e.g. `M4A`.
    remedy: what makes a file of it readable, with {file} for its path and {stem} for that without its suffix; empty
            for sound that is read.
    """

    sort: str
    name: str
    remedy: str = ""

    @property
    def noun(self) -> str:
        """For messages, with {s} for its plural."""
        return f"{self.sort}{{s}} ({self.name})"

    @property
    def joined(self) -> bool:
        """Whether texts may go with such files, in files of the same names: see `TEXTS`."""
        return self.sort in ("recording", "film", "picture", "score")

    @property
    def moving(self) -> bool:
        """Whether there is more to such files than a codec could want."""
        return self.sort == "film"

    def may_be_read(self, suffix: str) -> bool:
        """Whether a codec may read such a file, whatever its remedy: one that holds files, text, a table or sound."""
        packed = suffix in PACKED and self.sort in ("recording", "film")
        return not self.remedy or self.sort in ("archive", "text", "table") or packed


M4A = Signature("recording", "M4A", TO_WAV)
OFFICE = Signature("document", "Office", TO_TEXT)
MUSESCORE = Signature("score", "MuseScore", EXPORT)
GUITAR_PRO = Signature("score", "Guitar Pro", EXPORT)

TABLE: tuple[tuple[bytes, Signature], ...] = (
    (rb"RIFF.{4}WAVE|RF64.{4}WAVE|riff\x2e\x91\xcf\x11", Signature("recording", "WAV")),
    (rb"fLaC", Signature("recording", "FLAC")),
    (rb"OggS\0", Signature("recording", "Ogg")),
    (rb"ID3[\x02-\x04]\0|\xff[\xf2\xf3\xfa\xfb][^\0\xff]", Signature("recording", "MP3")),
    (rb"FORM.{4}AIF[FC]", Signature("recording", "AIFF")),
    (rb"\.snd\0", Signature("recording", "AU")),
    (rb"caff\0\x01", Signature("recording", "CAF")),
    (rb".{4}ftypM4[ABP]", M4A),
    (rb".{4}ftyp(?:hei[cfmsx]|mif1|msf1|avif)", Signature("picture", "HEIF", NO_PICTURES)),
    (rb".{4}ftyp", Signature("film", "MP4", TO_WAV)),
    (rb"\xff[\xf0\xf1\xf8\xf9][^\0\xff]", Signature("recording", "AAC", TO_WAV)),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Signature("recording", "WMA", TO_WAV)),
    (rb"#!AMR", Signature("recording", "AMR", TO_WAV)),
    (rb"MAC \x96\x0f", Signature("recording", "Monkey's Audio", TO_WAV)),
    (rb"wvpk", Signature("recording", "WavPack", TO_WAV)),
    (rb"\x1a\x45\xdf\xa3", Signature("film", "Matroska or WebM", TO_WAV)),
    (rb"RIFF.{4}AVI ", Signature("film", "AVI", TO_WAV)),
    (rb"\0\0\x01[\xb3\xba]", Signature("film", "MPEG", TO_WAV)),
    (rb"\x89PNG\r\n\x1a\n", Signature("picture", "PNG", NO_PICTURES)),
    (rb"\xff\xd8\xff", Signature("picture", "JPEG", NO_PICTURES)),
    (rb"GIF8[79]a", Signature("picture", "GIF", NO_PICTURES)),
    (rb"RIFF.{4}WEBP", Signature("picture", "WebP", NO_PICTURES)),
    (rb"II\*\0|MM\0\*", Signature("picture", "TIFF", NO_PICTURES)),
    (rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x6c\x7c]\0\0\0", Signature("picture", "BMP", NO_PICTURES)),
    (rb"8BPS\0\x01", Signature("picture", "Photoshop", NO_PICTURES)),
    (rb"%PDF-", Signature("document", "PDF", "Convert it: pdftotext {file} {stem}.txt")),
    (rb"%!PS-Adobe", Signature("document", "PostScript", "Convert it: ps2ascii {file} {stem}.txt")),
    (rb"\{\\rtf1", Signature("document", "RTF", TO_TEXT)),
    (
        rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Signature("document", "old or locked Office", "Save it as text from an office program, without a password"),
    ),
    (rb"AT&TFORM.{4}DJV", Signature("document", "DjVu", "Convert it: djvutxt {file} {stem}.txt")),
    (rb".{3}\0{5}\{", Signature("model", "safetensors", "Only models that Rhapsode trained can be used")),
    (rb"PAR1[\0-\x1f]", Signature("table", "Parquet", AS_LINES)),
    (rb"ARROW1\0\0", Signature("table", "Arrow", AS_LINES)),
    (rb"SQLite format 3\0", Signature("table", "SQLite", AS_LINES)),
    (rb"\x89HDF\r\n\x1a\n", Signature("table", "HDF5", AS_LINES)),
    (rb"\x93NUMPY", Signature("table", "NumPy", AS_LINES)),
    (rb".FICHIER GUITAR PRO|BCF[SZ]", GUITAR_PRO),
    (rb"\x0fSIBELIUS", Signature("score", "Sibelius", EXPORT)),
    (rb"ENIGMA BINARY FILE", Signature("score", "Finale", EXPORT)),
    (rb"RIFF.{4}RMID", Signature("score", "MIDI within RIFF", "Save it as plain MIDI")),
    (rb".{257}ustar", Signature("archive", "tar", f"{UNPACK}: tar xf {{file}}")),
    (rb"7z\xbc\xaf\x27\x1c", Signature("archive", "7z", UNPACK)),
    (rb"Rar!\x1a\x07", Signature("archive", "RAR", UNPACK)),
    (rb"\x1f\x8b", Signature("archive", "gzip", "Unpack it: gunzip {file}")),
    (rb"BZh[1-9]1AY&SY", Signature("archive", "bzip2", "Unpack it: bunzip2 {file}")),
    (rb"\xfd7zXZ\0", Signature("archive", "xz", "Unpack it: unxz {file}")),
    (rb"\x28\xb5\x2f\xfd", Signature("archive", "Zstandard", "Unpack it: unzstd {file}")),
)
_TABLE = [(re.compile(pattern, re.DOTALL), format) for pattern, format in TABLE]
ROOTS = {
    "museScore": MUSESCORE,
    "mei": Signature("score", "MEI", "Convert it to MusicXML, e.g. with Verovio or MuseScore"),
}
"""Outermost elements of XML."""
INSIDE = (
    (re.compile(r"\[Content_Types\]\.xml"), OFFICE),
    (re.compile(r".*\.opf"), Signature("document", "EPUB", TO_TEXT)),
    (re.compile(r"META-INF/manifest\.xml"), OFFICE),
    (re.compile(r".*\.mscx"), MUSESCORE),
    (re.compile(r"Content/score\.gpif"), GUITAR_PRO),
)
"""Members that tell what a zip archive is."""
ZIP = Signature("archive", "zip without drawings or tunes", f"{UNPACK}: python -m zipfile -e {{file}} {{stem}}")
DAMAGED = Signature("archive", "damaged zip", "Fetch or make it again")
BY_NAME = {
    ".m4a": M4A,
    ".aac": Signature("recording", "AAC", TO_WAV),
    ".wma": Signature("recording", "WMA", TO_WAV),
    ".amr": Signature("recording", "AMR", TO_WAV),
}
"""For files whose first bytes are not enough."""


def of_head(head: bytes, suffix: str = "") -> Signature | None:
    """The format that these first bytes belong to; None if the table does not have it (plain text, for example).
    suffix: of the file's name; it decides where the bytes do not, since an M4A file may begin as an MP4 file does."""
    found = next((format for pattern, format in _TABLE if pattern.match(head)), None)
    if found is None and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return ROOTS.get(root(head))
    if found is None and b"\0" in head or found is not None and found.sort == "film":
        return BY_NAME.get(suffix.lower(), found)
    return found


def of(path: Path) -> Signature | None:
    """The format of a file, see `of_head`. An archive is recognised by its members. None if the file cannot be read."""
    source = of_file(path, path.name)
    try:
        with reading(path.name):
            with source.open() as file:
                head = file.read(HEAD)
            if not is_zip(head):
                return of_head(head, path.suffix)
            with opened(source) as archive:
                names = archive.namelist()
        return next((format for pattern, format in INSIDE if any(map(pattern.fullmatch, names))), ZIP)
    except UserError:
        return DAMAGED if path.is_file() else None
