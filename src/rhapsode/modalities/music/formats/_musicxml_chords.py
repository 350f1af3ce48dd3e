"""Chord symbols as MusicXML's <harmony>, and back."""

from __future__ import annotations

import re

from rhapsode.files.xml import Node
from rhapsode.modalities.music.chords import parse
from rhapsode.modalities.music.pitch import accidental

KINDS = {
    "": "major",
    "m": "minor",
    "aug": "augmented",
    "dim": "diminished",
    "5": "power",
    "sus4": "suspended-fourth",
    "sus2": "suspended-second",
    "6": "major-sixth",
    "m6": "minor-sixth",
    "7": "dominant",
    "maj7": "major-seventh",
    "m7": "minor-seventh",
    "mMaj7": "major-minor",
    "m7b5": "half-diminished",
    "dim7": "diminished-seventh",
    "aug7": "augmented-seventh",
    "9": "dominant-ninth",
    "maj9": "major-ninth",
    "m9": "minor-ninth",
    "11": "dominant-11th",
    "maj11": "major-11th",
    "m11": "minor-11th",
    "13": "dominant-13th",
    "maj13": "major-13th",
    "m13": "minor-13th",
}
"""MusicXML's by those of `chords.KINDS`."""
BUILT = {
    "69": ("6", ("add9",)),
    "m69": ("m6", ("add9",)),
    "add9": ("", ("add9",)),
    "madd9": ("m", ("add9",)),
    "7sus4": ("sus4", ("add7",)),
    "9sus4": ("sus4", ("add7", "add9")),
    "13sus4": ("sus4", ("add7", "add9", "add13")),
    "mMaj9": ("mMaj7", ("add9",)),
    "7alt": ("7", ("b5", "b9", "#9", "b13")),
}
"""Kinds that MusicXML has no name for, as others with degrees added."""
NAMES = {name: kind for kind, name in KINDS.items()}
Degree = tuple[int, int, str]
"""Number, alteration, and `add`, `alter` or `subtract`."""


def harmony(symbol: str) -> tuple[str, list[Degree]]:
    """The kind and the degrees of a symbol that is a chord. Raises `UserError`."""
    found = parse(symbol)
    kind, added = BUILT.get(found.kind, (found.kind, ()))
    degrees: list[Degree] = []
    for change in (*added, *found.changes):
        number = int(re.sub(r"\D", "", change))
        if change == "maj7":
            # Degrees that are added are those of a dominant chord.
            degrees.append((7, 1, "add"))
        elif change.startswith("sus"):
            degrees += [(3, 0, "subtract"), (number, 0, "add")]
        elif change.startswith("no"):
            degrees.append((number, 0, "subtract"))
        else:
            alteration = {"b": -1, "#": 1}.get(change[0], 0)
            degrees.append((number, alteration, "alter" if number == 5 and alteration else "add"))
    return KINDS[kind], degrees


def symbol(node: Node) -> str | None:
    """Of a <harmony>; "" where there is none; None if it is not one that has a root and a known kind."""
    root, kind = _pitch(node, "root"), node.text_of("kind", "").strip()
    if kind == "none":
        return ""
    if not root or kind not in NAMES:
        return None
    changes = []
    for degree in node.all("degree"):
        number, how = degree.text_of("degree-value", "").strip(), degree.text_of("degree-type", "").strip()
        alteration = degree.text_of("degree-alter", "0").strip()
        if how == "subtract":
            changes.append(f"no{number}")
        elif number == "7" and alteration == "1":
            changes.append("maj7")
        else:
            changes.append({"-1": "b", "1": "#"}.get(alteration, "add") + number)
    ending = NAMES[kind]
    if ending == "sus4" and changes[:1] == ["add7"]:
        ending, changes = "7sus4", changes[1:]
    bass = _pitch(node, "bass")
    return root + ending + "".join(changes) + (f"/{bass}" if bass else "")


def _pitch(node: Node, what: str) -> str:
    found = node.first(what)
    if found is None:
        return ""
    alteration = found.text_of(f"{what}-alter", "0").strip()
    return found.text_of(f"{what}-step", "").strip() + accidental({"-1": -1, "1": 1}.get(alteration, 0))
