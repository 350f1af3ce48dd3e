"""`/api/speak`: `rhapsode speak` over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import audio, labels
from rhapsode.modalities.speech.asked import (
    HIGHEST,
    LATEST,
    QUIET,
    SILENCE,
    Beside,
    Speaking,
    beside,
    check,
    contour_of,
    entry,
    said,
    streamed,
)
from rhapsode.modalities.speech.codecs.speech import Speech
from rhapsode.modalities.speech.formats import own
from rhapsode.modalities.speech.lexicon import WORD, pronunciation
from rhapsode.modalities.speech.speaking import LIVELINESS, Manner
from rhapsode.modalities.speech.utterance import Spoken, joined
from rhapsode.report import Report
from rhapsode.serving.endpoint import Endpoint, Given, Sampled, embedded

MEDIA = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "textgrid": "text/plain",
    "lab": "text/plain",
    "csv": "text/csv",
}
"""Format of a file → its type."""
SUFFIXES = {"textgrid": ".TextGrid", "lab": ".lab"}
SEMITONES = 24
PHONES = 2000
"""The most phones in a request."""
LINES = 20_000
"""The most lines of an F0."""
LONGEST = 120.0
"""Seconds that phones in a request may last, all together."""
CHARACTERS = 5000
"""The most characters of a text."""
SECONDS = 600.0
"""The most seconds of an answer that does not come piece by piece, all samples together."""

File = Literal["wav", "flac", "ogg", "textgrid", "lab", "csv"]
Name = Annotated[str, Field(max_length=200)]
Row = Annotated[list[Any], Field(min_length=3, max_length=4)]
Line = Annotated[list[Annotated[float, Field(ge=0, le=LATEST)]], Field(min_length=2, max_length=2)]


class Speak(Sampled):
    """`POST /api/speak`. Fields are options of `rhapsode speak`, with their defaults.

    phones: what is said instead of a text: each [symbol, begin, end], in seconds or null, perhaps with a fourth: an
    object with stress, syllable, word, phrase and f0, as an answer's `utterance` has them. f0: lines [seconds, hertz].
    lexicon: words and how they are said. stream: the sound comes sentence by sentence. files: an answer as JSON has
    these, too, of each sample, in base64.
    """

    text: Annotated[str, Field(max_length=CHARACTERS)] = ""
    format: Literal["json"] | File = "json"
    files: Annotated[list[File], Field(max_length=len(MEDIA))] = Field(default_factory=list)
    speed: Annotated[float, Field(ge=0.2, le=5)] = 1.0
    pitch: Annotated[float, Field(ge=-SEMITONES, le=SEMITONES)] = 0.0
    speaker: Name | None = None
    liveliness: Annotated[float, Field(ge=0, le=2)] = LIVELINESS
    sentences: Literal["auto", "line"] = "auto"
    pause: Annotated[float, Field(ge=0, le=QUIET)] | None = None
    lexicon: Annotated[dict[Name, Name], Field(max_length=1000)] = Field(default_factory=dict)
    phones: Annotated[list[Row], Field(min_length=1, max_length=PHONES)] | None = None
    f0: Annotated[list[Line], Field(min_length=2, max_length=LINES)] | None = None
    temperature: Annotated[float, Field(ge=0, le=100)] = 0.0

    @model_validator(mode="after")
    def _one_file(self) -> Self:
        if self.n > 1 and self.format != "json":
            raise ValueError(f"n: a file of {self.format} holds one sample; ask for json, or speak again.")
        if self.stream and self.format != "wav":
            raise ValueError("stream: only sound comes piece by piece: ask for wav.")
        if self.files and self.format != "json":
            raise ValueError("files: an answer as JSON has them; leave format out.")
        if max((hertz for _, hertz in self.f0 or ()), default=0) > HIGHEST:
            raise ValueError(f"f0: Hz are up to {HIGHEST}.")
        return self

    @property
    def order(self) -> Speaking:
        """Raises `UserError`."""
        manner = Manner(self.speed, 2 ** (self.pitch / 12), self.temperature, self.liveliness, self.speaker)
        phones = None if self.phones is None else [own.loads({"phones": self.phones}, "phones")]
        times = [each for row in self.phones or () for each in row[1:3] if isinstance(each, int | float)]
        if max(times, default=0) > LONGEST:
            raise UserError(f"phones: they end after more than {LONGEST:g} seconds. Say them in several requests.")
        words = {}
        for word, how in self.lexicon.items():
            if not WORD.fullmatch(word.lower()):
                raise UserError(f"lexicon: {word!r} is no word.")
            words[word.lower()] = pronunciation(how, f"lexicon, {word!r}")
        contour = None if self.f0 is None else [(second, hertz) for second, hertz in self.f0]
        return Speaking(manner, self.text, phones, contour, self.sentences, self.pause, words, "phones")


def answer(model: Model, known: Beside, asked: Speak, report: Report) -> Given:
    """See `Endpoint`."""
    order = asked.order
    check(model, order, asked.n)
    seed = asked.chosen if asked.seed is not None or asked.temperature else 0
    made = said(model, known, order, seed, asked.n, report)
    form = asked.format
    name = f"speech{_suffix(form)}"
    if asked.stream:
        parts = streamed(made[0])
        return Given(seed, content=chain([next(parts)], parts), media=MEDIA[form], name=name)
    wholes, left = list[Spoken](), SECONDS
    for one in made:
        wholes.append(_whole(one, left))
        left -= float(wholes[-1].times[-1])
    if form == "json":
        return Given(seed, {"samples": [_object(one, asked.files) for one in wholes]})
    return Given(seed, content=_file(wholes[0], form), media=MEDIA[form], name=name)


def _suffix(form: str) -> str:
    return SUFFIXES.get(form, f".{form}")


def _file(whole: Spoken, form: str) -> bytes:
    if form in ("wav", "flac", "ogg"):
        return audio.encoded(whole.sound(), _suffix(form))
    if form == "csv":
        return contour_of(whole)
    return labels.dumps(whole, _suffix(form)).encode(errors="replace")


def _whole(sentences: Iterator[Spoken], most: float) -> Spoken:
    """All sentences. Raises `UserError` if they last more than so many seconds."""
    spoken, seconds = list[Spoken](), 0.0
    for one in sentences:
        spoken.append(one)
        seconds += float(one.times[-1])
        if seconds > most:
            raise UserError(f"this is more than {SECONDS:g} seconds of speech: ask for less, or for a stream of wav.")
    if not spoken:
        raise UserError(SILENCE)
    return joined(spoken)


def _object(whole: Spoken, files: Sequence[str]) -> dict[str, Any]:
    """As the command's JSON; and the F0 of each frame, the utterance as the package's own files have it, and files."""
    frames = whole.acoustics()
    f0 = {"hop": frames.hop, "hertz": [round(each, 2) for each in frames.f0.tolist()]}
    found = {**entry(whole), "f0": f0, "utterance": json.loads(own.dumps(whole))}
    return {**found, "files": embedded({form: _file(whole, form) for form in files})} if files else found


def about(model: Model) -> Mapping[str, Any]:
    """language: of texts; speakers: their names, if there are several; phones: those that the voice says."""
    codec = model.codec
    assert isinstance(codec, Speech)
    speakers = [name for name in codec.features.speakers if name]
    phones = list(codec.features.symbols)
    language = codec.settings["language"]
    return {"language": language, "speakers": speakers, "phones": phones, "formats": ["json", *MEDIA]}


ENDPOINT = Endpoint(
    "/api/speak",
    "Speak a text, or phones.",
    Speak,
    answer,
    tuple(dict.fromkeys(MEDIA.values())),
    beside,
    about,
)
