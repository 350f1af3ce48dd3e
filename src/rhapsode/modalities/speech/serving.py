"""`/api/speak`: `rhapsode speak` over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
from rhapsode.modalities.speech.formats import bare, own
from rhapsode.modalities.speech.lexicon import WORD, pronunciation
from rhapsode.modalities.speech.speaking import LIVELINESS, Manner
from rhapsode.modalities.speech.utterance import Spoken, Utterance, joined
from rhapsode.report import Report
from rhapsode.serving.endpoint import Endpoint, Given, Heard, Sampled, as_fields, embedded
from rhapsode.serving.openapi import EVENTS
from rhapsode.serving.requests import Asked

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
"""The most phones of an utterance."""
LINES = 20_000
"""The most lines of an F0."""
UTTERANCES, ALL_PHONES, ALL_LINES = 500, 10_000, 200_000
"""The most utterances in a request, with so many phones and lines of F0 in all."""
LONGEST = 120.0
"""Seconds that an utterance in a request may last."""
CHARACTERS = 5000
"""The most characters of a text."""
SECONDS = 600.0
"""The most seconds of an answer that does not come piece by piece, all samples together."""

File = Literal["wav", "flac", "ogg", "textgrid", "lab", "csv"]
Name = Annotated[str, Field(max_length=200)]
Row = Annotated[list[Any], Field(min_length=3, max_length=4)]
Contour = Sequence[tuple[float, float]]
Line = Annotated[list[Annotated[float, Field(ge=0, le=LATEST)]], Field(min_length=2, max_length=2)]


Rows = Annotated[list[Row], Field(min_length=1, max_length=PHONES)]
Symbols = Annotated[str, Field(min_length=1, max_length=CHARACTERS)]


class Track(Asked):
    """The F0 of frames, one each `hop` seconds: hertz, 0 where unvoiced."""

    hop: Annotated[float, Field(ge=0.001, le=1)]
    hertz: Annotated[list[Annotated[float, Field(ge=0, le=HIGHEST)]], Field(min_length=2, max_length=LINES)]


class Uttered(Asked):
    """An utterance, as an answer's `utterances` has it. f0: of phones with times, instead of the voice's own."""

    text: Annotated[str, Field(max_length=CHARACTERS)] = ""
    speaker: Name = ""
    phones: Rows
    f0: Track | None = None


class Speak(Sampled):
    """`POST /api/speak`. Fields are options of `rhapsode speak`, with their defaults.

    phones: what is said instead of a text: each [symbol, begin, end], in seconds or null, perhaps with a fourth: an
    object with stress, syllable, word, phrase and f0, as an answer's `utterance` has them. Or symbols with spaces
    between, `|` between words, each line an utterance. f0: lines [seconds, hertz].
    utterances: several of them, one after another. Those of an answer are said again as they were.
    lexicon: words and how they are said. stream: WAV, or JSON as events, comes sentence by sentence. files: an answer
    as JSON has these, too, of each sample, in base64.
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
    phones: Rows | Symbols | None = None
    f0: Annotated[list[Line], Field(min_length=2, max_length=LINES)] | None = None
    utterances: Annotated[list[Uttered], Field(min_length=1, max_length=UTTERANCES)] | None = None
    temperature: Annotated[float, Field(ge=0, le=100)] = 0.0

    @model_validator(mode="after")
    def _one_file(self) -> Self:
        if self.n > 1 and self.format != "json":
            raise ValueError(f"n: a file of {self.format} holds one sample; ask for json, or speak again.")
        if self.stream and self.format not in ("wav", "json"):
            raise ValueError("stream: only wav and json come piece by piece: ask for one of them.")
        if self.stream and self.n > 1:
            raise ValueError("n: a stream is of one sample; leave n out, or stream.")
        if self.files and self.format != "json":
            raise ValueError("files: an answer as JSON has them; leave format out.")
        if max((hertz for _, hertz in self.f0 or ()), default=0) > HIGHEST:
            raise ValueError(f"f0: Hz are up to {HIGHEST}.")
        if self.utterances is not None and (self.phones is not None or self.f0 is not None):
            raise ValueError("utterances: they have phones and f0 of their own; leave out those beside them.")
        if self.utterances is not None and self.text.strip():
            raise ValueError("a text and utterances were given; one of them must go.")
        given = self.utterances or ()
        for what, count, most in (
            ("phones", sum(len(one.phones) for one in given), ALL_PHONES),
            ("frames of F0", sum(len(one.f0.hertz) for one in given if one.f0), ALL_LINES),
        ):
            if count > most:
                raise ValueError(f"utterances: {count:,} {what}, and {most:,} are allowed. Ask for fewer at a time.")
        return self

    @property
    def order(self) -> Speaking:
        """Raises `UserError`."""
        manner = Manner(self.speed, 2 ** (self.pitch / 12), self.temperature, self.liveliness, self.speaker)
        name = "utterances" if self.utterances is not None else "phones"
        phones, contours = self._said()
        words = {}
        for word, how in self.lexicon.items():
            if not WORD.fullmatch(word.lower()):
                raise UserError(f"lexicon: {word!r} is no word.")
            words[word.lower()] = pronunciation(how, f"lexicon, {word!r}")
        return Speaking(manner, self.text, phones, contours, self.sentences, self.pause, words, name)

    def _said(self) -> tuple[list[Utterance] | None, list[Contour | None]]:
        """What is said instead of a text, and F0 of each of them if any is given. Raises `UserError`."""
        if self.utterances is not None:
            each = enumerate(self.utterances, 1)
            phones = [_utterance(one.phones, f"utterances, {n}", text=one.text, speaker=one.speaker) for n, one in each]
            tracks = [one.f0 for one in self.utterances]
            contours: list[Contour | None] = [
                None if one is None else [(n * one.hop, hertz) for n, hertz in enumerate(one.hertz)] for one in tracks
            ]
            return phones, contours if any(tracks) else []
        lines = [] if self.f0 is None else [[(second, hertz) for second, hertz in self.f0]]
        if isinstance(self.phones, str):
            return bare.loads(self.phones, "phones"), [*lines]
        return None if self.phones is None else [_utterance(self.phones, "phones")], [*lines]


def _utterance(rows: list[Any], where: str, **others: str) -> Utterance:
    """Raises `UserError`."""
    if max((each for row in rows for each in row[1:3] if isinstance(each, int | float)), default=0) > LONGEST:
        raise UserError(f"{where}: they end after more than {LONGEST:g} seconds. Say them in several utterances.")
    return own.loads({**others, "phones": rows}, where)


def answer(model: Model, known: Beside, asked: Speak, report: Report) -> Given:
    """See `Endpoint`."""
    order = asked.order
    check(model, order, asked.n)
    seed = asked.chosen if asked.seed is not None or asked.temperature else 0
    made = said(model, known, order, seed, asked.n, report)
    form = asked.format
    name = f"speech{_suffix(form)}"
    if asked.stream:
        if form == "json":
            parts = _events(made[0], asked, seed, report)
            return Given(seed, content=chain([next(parts)], parts), media=EVENTS)
        parts = streamed(made[0])
        return Given(seed, content=chain([next(parts)], parts), media=MEDIA[form], name=name)
    wholes, left = list[list[Spoken]](), SECONDS
    for one in made:
        wholes.append(_all(one, left))
        left -= sum(each.seconds for each in wholes[-1])
    if form == "json":
        return Given(seed, {"samples": [_object(one, asked.files) for one in wholes]})
    return Given(seed, content=_file(joined(wholes[0]), form), media=MEDIA[form], name=name)


def _events(sentences: Iterator[Spoken], asked: Speak, seed: int, report: Report) -> Iterator[bytes]:
    """Server-sent events: of each sentence what an answer has of all. An error after the first is an event, too."""
    told = 0
    first = next(sentences, None)
    if first is None:
        raise UserError(SILENCE)
    rest = chain([first], sentences)
    while True:
        try:
            one = next(rest, None)
            value: dict[str, Any] = {} if one is None else {"samples": [_object([one], asked.files)]}
        except UserError as error:
            value = {"error": {"message": as_fields(str(error), list(Speak.model_fields))}}
        notes = report.notes[told:] if isinstance(report, Heard) else []
        told += len(notes)
        if not value:
            yield b"data: [DONE]\n\n"
            return
        value = {"object": "speak.part", "seed": seed, **value, **({"notes": notes} if notes else {})}
        yield f"data: {json.dumps(value, separators=(',', ':'))}\n\n".encode()
        if "error" in value:
            return


def _suffix(form: str) -> str:
    return SUFFIXES.get(form, f".{form}")


def _file(whole: Spoken, form: str) -> bytes:
    if form in ("wav", "flac", "ogg"):
        return audio.encoded(whole.sound(), _suffix(form))
    if form == "csv":
        return contour_of(whole)
    return labels.dumps(whole, _suffix(form)).encode(errors="replace")


def _all(sentences: Iterator[Spoken], most: float) -> list[Spoken]:
    """At least one. Raises `UserError` if they last more than so many seconds."""
    spoken, seconds = list[Spoken](), 0.0
    for one in sentences:
        spoken.append(one)
        seconds += one.seconds
        if seconds > most:
            raise UserError(f"this is more than {SECONDS:g} seconds of speech: ask for less, or for a stream of wav.")
    if not spoken:
        raise UserError(SILENCE)
    return spoken


def _object(spoken: list[Spoken], files: Sequence[str]) -> dict[str, Any]:
    """As the command's JSON; and the F0 of each frame, the utterance as the package's own files have it, each by
    itself, with all that it takes to say it again, the words of each, from its beginning on, and files."""
    whole = joined(spoken)
    found = {
        **entry(whole),
        "f0": _track(whole, 2),
        "utterance": own.value_of(whole),
        "words": [one.words() for one in spoken],
        "utterances": [
            {**own.value_of(replace(one, melody=one.given), digits=None), "f0": _track(one, None)} for one in spoken
        ],
    }
    return {**found, "files": embedded({form: _file(whole, form) for form in files})} if files else found


def _track(spoken: Spoken, digits: int | None) -> dict[str, Any]:
    frames = spoken.acoustics()
    hertz = frames.f0.tolist()
    return {"hop": frames.hop, "hertz": hertz if digits is None else [round(each, digits) for each in hertz]}


def about(model: Model) -> Mapping[str, Any]:
    """language: of texts; speakers: their names, if there are several; phones: those that the voice says; timed:
    whether it says phones at times that are given."""
    codec = model.codec
    assert isinstance(codec, Speech)
    speakers = [name for name in codec.features.speakers if name]
    phones = list(codec.features.symbols)
    language = codec.settings["language"]
    formats = ["json", *MEDIA]
    timed = bool(codec.auxiliary)
    return {"language": language, "speakers": speakers, "phones": phones, "timed": timed, "formats": formats}


ENDPOINT = Endpoint(
    "/api/speak",
    "Speak a text, or phones.",
    Speak,
    answer,
    (EVENTS, *dict.fromkeys(MEDIA.values())),
    beside,
    about,
)
