"""A page on which a tune is seen and heard: one file, which needs nothing but a browser."""

from __future__ import annotations

import base64
import json
import re
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.export._html import bundle, styles
from rhapsode.modalities.music.facts import facts, grid
from rhapsode.modalities.music.roll import element
from rhapsode.modalities.music.rollplan import COLOURS, LEFT, plan
from rhapsode.modalities.music.synth import SPREAD
from rhapsode.modalities.music.timbre import PAD, Timbre, partials, timbre_of
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.voicing import held

HARMONICS = 32
"""Of the browser's oscillators."""
BYTES = 16 << 20
"""Of a MIDI file that is put into the page."""


def page(tune: Tune, *, midi: bytes | None = None, marks: np.ndarray | None = None, marked: str = "marked") -> bytes:
    """A page of HTML with the tune's piano roll that plays it. It asks the network for nothing.

    midi: what its link to download gives; without it there is no link. marks: [N] of bool, notes drawn hollow; marked:
    what these are called. Chord symbols are shown, and heard if one wants. Raises `UserError`.
    """
    if midi is not None and len(midi) > BYTES:
        raise UserError(f"a MIDI file of {len(midi):,} bytes is too large for a page: {BYTES >> 20} MiB at most.")
    roll = plan([tune], [marks], bars=None, heading=False)
    drawn = f'id="pitches" aria-hidden="true" width="{LEFT:g}" height="{roll.height:g}" '
    across = roll.width - LEFT
    body = f'width="{across:g}" height="{roll.height:g}" aria-label="Piano roll, {len(tune)} notes" '
    has_marks = marks is not None and bool(marks.any())
    name = tune.title or tune.name or "A tune"
    bars = len(grid(tune)[0])
    said = [*facts(tune), f"{bars} {'bar' if bars == 1 else 'bars'}", *([f"hollow: {marked}"] if has_marks else [])]
    values = {
        "title": escape(name),
        "facts": " · ".join(escape(each) for each in said),
        "length": _clock(tune.seconds),
        "parts": "".join(_button(n, part) for n, part in enumerate(sounds(tune))),
        "keys": element(roll, 0, LEFT - 1, drawn),
        "roll": element(roll, LEFT, roll.width, body),
        "download": "" if midi is None else _link(name, midi),
        # In a script, what ends it must not be written as such.
        "data": json.dumps(_data(tune, roll.scale), separators=(",", ":")).replace("<", "\\u003c"),
        "css": styles("modalities/music/page.css"),
        "script": bundle("modalities/music/page.js"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], _file("page.html")).encode(errors="replace")


def _data(tune: Tune, scale: float) -> dict[str, Any]:
    """All that the page's program knows. The notes that it draws come first; then those of the chords."""
    notes = [list(note) for note in tune.notes.tolist()]
    if tune.chords:
        notes += [[*note[:4], len(tune.parts)] for note in held(tune).tolist()]
    end = max(tune.length, 1)
    changes = sorted({0, end, *(tempo.tick for tempo in tune.tempos if 0 < tempo.tick < end)})
    seconds = np.round(tune.time(np.array(changes)), 6).tolist()
    return {
        "notes": notes,
        "parts": sounds(tune),
        "time": list(zip(changes, seconds, strict=True)),
        "bars": grid(tune)[0].tolist(),
        "scale": scale,
    }


def sounds(tune: Tune) -> list[dict[str, Any]]:
    """The tune's parts as the page wants them, and one for its chords."""
    places = np.linspace(-SPREAD, SPREAD, len(tune.parts)) if len(tune.parts) > 1 else np.zeros(1)
    found: list[dict[str, Any]] = []
    for n, (part, place) in enumerate(zip(tune.parts, places.tolist(), strict=True)):
        sound = {"drums": True} if part.drums else _sound(timbre_of(part))
        name = part.name or ("Drums" if part.drums else f"Part {n + 1}" if len(tune.parts) > 1 else "Notes")
        found.append({"name": name, "hue": f"p{n % len(COLOURS)}", "place": place, "heard": True, **sound})
    if tune.chords:
        found.append({"name": "Chords", "hue": "grey", "place": 0.0, "heard": len(tune.parts) == 1, **_sound(PAD)})
    return found


def _sound(timbre: Timbre) -> dict[str, Any]:
    """For an oscillator and its envelope; partials are moved to the nearest harmonics."""
    hertz, strength = partials(timbre, 60, 0.6, 12_000)
    wave = np.zeros(HARMONICS)
    nearest = np.rint(hertz / hertz[0]).astype(int)
    np.add.at(wave, nearest[nearest < HARMONICS], strength[nearest < HARMONICS])
    return {
        "wave": [round(each, 4) for each in wave.tolist()],
        "attack": timbre.attack,
        "release": timbre.release,
        "decay": timbre.decay,
        "gain": timbre.gain,
    }


def _button(number: int, part: dict[str, Any]) -> str:
    return (
        f'<button data-part="{number}" aria-pressed="{str(part["heard"]).lower()}">'
        f'<i class="{part["hue"]}"></i>{escape(part["name"])}</button>'
    )


def _link(name: str, midi: bytes) -> str:
    file = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "tune"
    data = base64.b64encode(midi).decode()
    return f'<a id="midi" download="{escape(file)}.mid" href="data:audio/midi;base64,{data}">Download MIDI</a>'


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _file(name: str) -> str:
    return (files("rhapsode.modalities.music") / name).read_text("utf-8")
