"""What every codec of tunes shares: their files, and that no text goes with them."""

from __future__ import annotations

from rhapsode.codecs._records import RecordCodec
from rhapsode.music import read as files
from rhapsode.music.formats import own
from rhapsode.music.tune import Tune


class TuneCodec(RecordCodec):
    """Tunes ⇄ steps. Subclasses are one file each in this package."""

    record = "tune"

    recognises = staticmethod(files.recognised)
    parts = staticmethod(files.parts)
    read = staticmethod(files.read)

    def dump(self, record: Tune) -> bytes:
        return (own.dumps(record) + "\n").encode()

    @classmethod
    def text_of(cls, record: Tune) -> str | None:
        return None

    @property
    def alphabet(self) -> str:
        return ""
