"""`/api/compose`: `rhapsode compose` over HTTP."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, Self, cast

import numpy as np
from pydantic import Field, model_validator

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import of_bytes
from rhapsode.inference.generate import Request
from rhapsode.inference.model import Model
from rhapsode.modalities.music.asked import PARTICLES, Known, Wish, compose, placed
from rhapsode.modalities.music.cli.copies import index_beside
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.copies import MelodyIndex
from rhapsode.modalities.music.facts import key_name
from rhapsode.modalities.music.formats import own
from rhapsode.modalities.music.instruments import DRUMS, programs
from rhapsode.modalities.music.read import read
from rhapsode.modalities.music.shown import shown
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.wishes import played_by
from rhapsode.modalities.music.write import NOTATION, contents
from rhapsode.report import Report
from rhapsode.serving.endpoint import Endpoint, Follow, Given, Sampled, Steps, embedded
from rhapsode.serving.requests import Asked

MEDIA = {
    "mid": "audio/midi",
    "abc": "text/vnd.abc",
    "musicxml": "application/vnd.recordare.musicxml+xml",
    "wav": "audio/wav",
    "svg": "image/svg+xml",
    "html": "text/html",
    "jsonl": "application/jsonl",
}
"""Format of a file → its type. The format is the suffix that the command's file would have."""
BARS = 512
NOTES = 20_000
"""The most notes of a tune in a request."""
FILE = 1 << 20
"""The most characters of a file in a request."""
DRAWN = 256
"""The most particles of a request, of all its tunes together: what they draw cannot be ended before its time."""

Form = Literal["mid", "abc", "musicxml", "wav", "svg", "html", "jsonl"]
Short = Annotated[str, Field(max_length=100)]
File = Annotated[str, Field(max_length=FILE)]
Row = Annotated[list[int], Field(min_length=5, max_length=5)]
Marks = Annotated[list[Annotated[list[Any], Field(min_length=2, max_length=3)]], Field(max_length=NOTES)]


class Notes(Asked):
    """A tune as numbers: a line of the package's own files. A note is [start, length, pitch, velocity, part]."""

    ticks: Annotated[int, Field(ge=1, le=100_000)]
    length: Annotated[int, Field(ge=0, le=2**31 - 1)]
    notes: Annotated[list[Row], Field(max_length=NOTES)]
    parts: Marks = Field(default_factory=list)
    metres: Marks = Field(default_factory=list)
    keys: Marks = Field(default_factory=list)
    tempos: Marks = Field(default_factory=list)
    chords: Marks = Field(default_factory=list)
    title: Short = ""
    name: Short = ""
    rhapsode: Literal["tune/1"] = "tune/1"


class Music(Asked):
    """A tune, in one of these forms: the text of ABC or of MusicXML, MIDI in base64, or numbers."""

    abc: File | None = None
    musicxml: File | None = None
    midi: File | None = None
    tune: Notes | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.abc, self.musicxml, self.midi, self.tune)) != 1:
            raise ValueError("give one of abc, musicxml, midi and tune.")
        return self

    def read(self, name: str, report: Report) -> Known:
        """Its (first) tune. report: is told if there are others. Raises `UserError`."""
        if self.tune is not None:
            data, kind = json.dumps(self.tune.model_dump()).encode(), "tune"
        elif self.midi is not None:
            try:
                data, kind = base64.b64decode(self.midi, validate=True), "midi"
            except (binascii.Error, ValueError):
                raise UserError(f"{name}: midi is not base64.") from None
        elif self.abc is not None:
            data, kind = self.abc.encode("utf-8", "replace"), "abc"
        else:
            data, kind = (self.musicxml or "").encode("utf-8", "replace"), "musicxml"
        refused = Refusals()
        found = cast(Generator[Tune], read(of_bytes(data, f"{name}.{kind}"), refused=refused))
        with closing(found) as tunes:  # so that what was refused is told
            tune = next(tunes)
            if next(tunes, None) is not None:
                report.note(f"{name}: there are several tunes; this is the first")
        for line in refused.lines():
            report.note(line)
        if tune.bar_count > BARS:
            raise UserError(f"{name}: it has {tune.bar_count:,} bars; {BARS:,} are the most.")
        return Known(tune)


PLAYED = ("tempo", "program", "transpose", "loudness")
"""Fields that say how a tune is played."""


class Compose(Sampled):
    """`POST /api/compose`. Fields are options of `rhapsode compose`, with their defaults.

    tune:  nothing is drawn: the answer is this tune, in another form, or played in another way.
    shown: samples of an answer as JSON have what a page needs to show and play them, see `music.shown`.
    files: samples of an answer as JSON have these, too, in base64.
    """

    format: Literal["json"] | Form = "json"
    files: Annotated[list[Form], Field(max_length=len(MEDIA))] = Field(default_factory=list)
    bars: Annotated[int, Field(ge=1, le=BARS)] | None = None
    length: Steps | None = None
    key: Short | None = None
    in_key: bool = False
    metre: Short | None = None
    chords: Annotated[str, Field(max_length=5000)] | None = None
    density: Annotated[float, Field(ge=0.01, le=100)] | None = None
    loop: bool = False
    max_copy: Annotated[int, Field(ge=0, le=10_000)] | None = None
    primer: Music | None = None
    no_echo: bool = False
    fill: Music | None = None
    fill_bars: Short | None = None
    fill_parts: Short | None = None
    tempo: Annotated[float, Field(ge=1, le=1000)] | None = None
    program: Short | None = None
    transpose: Short | None = None
    loudness: Short | None = None
    tune: Music | None = None
    shown: bool = False
    particles: Annotated[int, Field(ge=1, le=DRAWN)] | None = None
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.0
    typical: Annotated[float, Field(gt=0, le=1)] = 1.0
    repetition_penalty: Annotated[float, Field(gt=0, le=1000)] = 1.0
    sampled = ("temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty")

    @model_validator(mode="after")
    def _one_file(self) -> Self:
        if self.n > 1 and self.format != "json":
            raise ValueError(f"n: a file of {self.format} holds one tune; ask for json, or compose one by one.")
        if self.files and self.format != "json":
            raise ValueError("files: an answer as JSON has them; leave format out.")
        if self.stream and self.format != "json":
            raise ValueError("stream: events are JSON; leave format out.")
        particles = self.particles or (PARTICLES if self.fill is not None or self.loop else 1)
        if particles > 1 and particles * self.n > DRAWN:
            raise ValueError(f"n: with {particles} particles each, {DRAWN // particles} tunes are the most.")
        if self.tune is not None:
            named = {
                name for name in self.model_fields_set if getattr(self, name) != type(self).model_fields[name].default
            }
            if alien := sorted(named - {*PLAYED, "tune", "shown", "model", "format", "files", "seed", "loop"}):
                raise ValueError(
                    f"{alien[0]}: with tune, nothing is drawn. Of other fields, {', '.join(PLAYED)} say how "
                    "it is played."
                )
        if self.loudness is not None and {f".{form}" for form in (self.format, *self.files)} & {*NOTATION}:
            raise ValueError("loudness: it is not written into notation.")
        return self

    def wish(self, report: Report) -> Wish:
        """Raises `UserError`."""
        options = "bars chords key metre density in_key fill_bars fill_parts particles max_copy transpose loop tempo"
        names = [*options.split(), "program", "loudness"]
        primer, fill = (
            None if one is None else one.read(name, report)
            for name, one in (("primer", self.primer), ("fill", self.fill))
        )
        given = {name: getattr(self, name) for name in names}
        return Wish(**given, primer=primer, fill=fill, echo=not self.no_echo)


def answer(model: Model, index: MelodyIndex | None, asked: Compose, report: Report) -> Given:
    """See `Endpoint`."""
    tunes: Sequence[Tune]
    seed: int | None = None
    fields: dict[str, Any] = {"samples": [{}]}
    if asked.tune is not None:
        tunes = [_given(model, asked, asked.tune, report)]
    else:
        seed = chosen = asked.chosen
        sampling = Sampling(**asked.how)
        found = compose(model, asked.wish(report), index, sampling, lambda: chosen, asked.n, asked.length, report)
        tunes, fields = found.tunes, found.fields()
    if asked.format != "json":
        content = contents(tunes[0], f".{asked.format}", loop=asked.loop)
        return Given(seed, content=content, media=MEDIA[asked.format], name=f"tune.{asked.format}")
    for one, tune in zip(fields["samples"], tunes, strict=True):
        one["tune"] = json.loads(own.dumps(tune))
        if asked.shown:
            one["shown"] = shown(tune, index)
        if asked.files:
            one["files"] = embedded({form: contents(tune, f".{form}", loop=asked.loop) for form in asked.files})
    if asked.shown and index is not None:
        fields["held_out"] = asdict(index.rate)
    return Given(seed, fields)


def _given(model: Model, asked: Compose, music: Music, report: Report) -> Tune:
    """A tune that was sent, played as it is asked for. Raises `UserError`."""
    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    tune = replace(music.read("tune", report).tune, name="")
    if asked.program is not None:
        tune = played_by(tune, programs(asked.program, "--program"))
    tune = Wish(tempo=asked.tempo, loudness=asked.loudness).played(codec, tune)
    return tune if asked.transpose is None else placed(tune, 0, asked.transpose, report)


def follow(model: Model, prompt: str, request: Request) -> Follow:
    """New notes [start, length, pitch, velocity, part] as they end, in `ticks` to a quarter note, as the model draws
    them: not yet moved, and at no other tempo than its own; and `parts` that there are so far, [name, program, drums]
    each: where one is new among them, notes are told again, with the numbers that parts have now."""
    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    primer, outline = request.get("style"), request.get("outline")
    before = None if primer is None else codec.encode(primer, whole=False)
    told = set[tuple[int, ...]]()

    def new(steps: Sequence[Any]) -> Mapping[str, Any] | None:
        drawn = np.array(steps, codec.steps.dtype).reshape(-1, *codec.steps.shape)
        try:
            tune: Tune = codec.decode(drawn if before is None else np.concatenate([before, drawn]), outline=outline)
        except UserError:  # so far it is no tune
            return None
        notes = [tuple(each) for each in tune.notes.tolist()]
        latest = max((start + length for start, length, *_ in notes), default=0)
        fresh = [each for each in notes if each not in told and each[0] + each[1] < latest]  # others still sound
        told.update(fresh)
        parts = [[part.name, part.program, part.drums] for part in tune.parts]
        return {"ticks": tune.ticks, "notes": [list(each) for each in fresh], "parts": parts} if fresh else None

    return new


def about(model: Model) -> Mapping[str, Any]:
    """Which wishes (fields of a request) the model heeds, which of bars and parts it draws anew, and what is usual."""
    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    pitched, whole = list(codec.programs) != [DRUMS], codec.loops
    wishes = {
        "bars": True,
        "metre": whole,
        "key": codec.keyed and pitched,
        "in_key": pitched,
        "chords": codec.harmonic,
        "density": codec.paced,
        "loop": whole,
        "max_copy": pitched and model.path is not None and checkpoint.index(model.path.parent) is not None,
        "tempo": True,
        "program": True,
    }
    usual = codec.usual.tune(1, codec.grid)
    return {
        "codec": codec.name,
        "bars": codec.bars,
        "voices": codec.voices,
        "heeds": [name for name, heeds in wishes.items() if heeds],
        "fills": ["fill_bars"] * whole + ["fill_parts"] * (codec.voices > 1),
        "usual": {
            "metre": [usual.metres[0].beats, usual.metres[0].unit],
            "key": key_name(usual.keys[0]) if usual.keys and pitched else "",
            "tempo": usual.tempos[0].quarters if usual.tempos else None,
        },
        "formats": ["json", *MEDIA],
    }


ENDPOINT = Endpoint(
    "/api/compose",
    "Compose tunes, freely or around what is kept.",
    Compose,
    answer,
    tuple(MEDIA.values()),
    lambda model: index_beside(model, needed=False),
    about,
    follow,
    lambda model: {"bars": 8},
)
