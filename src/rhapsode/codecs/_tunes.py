"""What every codec of tunes shares: their files, that no text goes with them, and that models know their tunes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rhapsode.codecs._records import RecordCodec, Records, Sidecar
from rhapsode.music import read as files
from rhapsode.music.copies import Known
from rhapsode.music.formats import own
from rhapsode.music.tune import Tune


class TuneCodec(RecordCodec):
    """Tunes ⇄ steps. Subclasses are one file each in this package."""

    record = "tune"

    recognises = staticmethod(files.recognised)
    parts = staticmethod(files.parts)
    read = staticmethod(files.read)

    def sidecar(self, training: Records, held_out: Records) -> Sidecar | None:
        """The melodies of the training tunes and the rate of those held out, see `rhapsode.music.copies`."""

        def seen(tunes: Records) -> Iterator[Tune]:
            return (self.seen(tune) for tune in tunes() if not self.refusal(tune))

        known = Known.of(seen(training), seen(held_out))
        return known.info, known.arrays

    def seen(self, tune: Tune) -> Tune:
        """A tune as a model sees it, in its own metres: what is too fine for the steps is lost. One that the codec
        refuses stays as it is."""
        if self.refusal(tune):
            return tune
        found = self.decode(self.encode(tune))
        metres = tuple(replace(each, tick=round(each.tick * found.ticks / tune.ticks)) for each in tune.metres)
        return replace(found, metres=metres, title=tune.title, name=tune.name)

    def dump(self, record: Tune) -> bytes:
        return (own.dumps(record) + "\n").encode()

    @classmethod
    def text_of(cls, record: Tune) -> str | None:
        return None

    @property
    def alphabet(self) -> str:
        return ""
