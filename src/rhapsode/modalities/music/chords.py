"""Chord symbols as folk, jazz and MusicXML write them: what sounds, what scale goes with it, another key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rhapsode.errors import UserError
from rhapsode.modalities.music.pitch import SEMITONES, letters, name, nearby

KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "aug": (0, 4, 8),
    "dim": (0, 3, 6),
    "5": (0, 7),
    "add9": (0, 4, 7, 2),
    "madd9": (0, 3, 7, 2),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "69": (0, 4, 7, 9, 2),
    "m69": (0, 3, 7, 9, 2),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mMaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "aug7": (0, 4, 8, 10),
    "7sus4": (0, 5, 7, 10),
    "7alt": (0, 4, 10, 1, 3, 6, 8),
    "9": (0, 4, 7, 10, 2),
    "maj9": (0, 4, 7, 11, 2),
    "m9": (0, 3, 7, 10, 2),
    "mMaj9": (0, 3, 7, 11, 2),
    "9sus4": (0, 5, 7, 10, 2),
    "11": (0, 4, 7, 10, 2, 5),
    "maj11": (0, 4, 7, 11, 2, 5),
    "m11": (0, 3, 7, 10, 2, 5),
    # A fourth would clash with the major third, and is left out of thirteenths by custom.
    "13": (0, 4, 7, 10, 2, 9),
    "maj13": (0, 4, 7, 11, 2, 9),
    "m13": (0, 3, 7, 10, 2, 5, 9),
    "13sus4": (0, 5, 7, 10, 2, 9),
}
"""Semitones above the root, by the ending of the symbol as it is spelled here."""
DEGREES = {2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 10, 9: 2, 11: 5, 13: 9}
SCALES: tuple[tuple[int, ...], ...] = (
    (0, 2, 4, 5, 7, 9, 11),  # ionian
    (0, 2, 4, 5, 7, 9, 10),  # mixolydian
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 2, 4, 6, 7, 9, 11),  # lydian
    (0, 2, 3, 5, 7, 8, 10),  # aeolian
    (0, 1, 3, 5, 7, 8, 10),  # phrygian
    (0, 1, 3, 5, 6, 8, 10),  # locrian
    (0, 2, 3, 5, 7, 9, 11),  # melodic minor
    (0, 2, 4, 6, 7, 9, 10),  # lydian dominant
    (0, 1, 3, 4, 6, 7, 9, 10),  # diminished, half-tone first
    (0, 1, 4, 5, 7, 8, 10),  # phrygian dominant
    (0, 1, 3, 4, 6, 8, 10),  # altered
    (0, 2, 4, 6, 8, 10),  # whole-tone
    (0, 2, 4, 6, 8, 9, 11),  # lydian augmented
    (0, 2, 3, 5, 6, 8, 9, 11),  # diminished, whole tone first
)
"""Of chord-scale theory, the commonest first."""
LONGEST = 64
"""Characters of a symbol, at most."""
LOWEST = -8
"""On the line of fifths: F flat. Flatter ones are not written."""
NONE = ("", "NC", "N.C.", "N.C", "none")
SYMBOL = re.compile(r"([A-G])(##?|bb?)?(.*?)(?:/([A-Ga-g])(##?|bb?|\+)?)?", re.DOTALL)
CHANGE = re.compile(r"(add|no|omit|sus|b|#|\+|-)(#|b)?(\d+)?|(?:maj|Maj|M|\^|Δ)7")


@dataclass(frozen=True)
class Harmony:
    """root, bass: pitch classes, 0 is C, -1 if there is no chord; tones: pitch classes of all of it, with its bass.

    kind: one of `KINDS`; changes: what else its ending says, each as `b9`, `add9`, `no3`, `sus4` or `maj7`.
    """

    root: int
    tones: frozenset[int]
    bass: int
    symbol: str
    kind: str = ""
    changes: tuple[str, ...] = ()


def _endings() -> dict[str, str]:
    """Kinds by all the ways to spell them."""
    found = {kind: kind for kind in KINDS}
    minors, majors = ("m", "min", "mi", "-"), ("maj", "Maj", "M", "ma", "^", "Δ", "j")
    for word in minors:
        found |= {word + number: f"m{number}" for number in ("", "6", "69", "7", "9", "11", "13")}
        found |= {f"{word}7b5": "m7b5", f"{word}6/9": "m69", f"{word}7-5": "m7b5"}
        found |= {f"{word}{major}{number}": f"mMaj{number}" for major in (*majors, "Major") for number in ("7", "9")}
    for word in majors:
        found |= {word + number: f"maj{number}" for number in ("7", "9", "11", "13")}
        found |= {f"{word}6": "6", f"{word}69": "69"}
    found |= {"maj": "", "M": "", "ma": "", "major": "", "minor": "m", "^": "maj7", "Δ": "maj7", "6/9": "69"}
    found |= {"+": "aug", "a": "aug", "+7": "aug7", "7+": "aug7", "a7": "aug7"}
    # The d of the Nottingham database.
    found |= {each + number: f"dim{number}" for each in ("o", "°", "d") for number in ("", "7")}
    found |= {"h": "m7b5", "h7": "m7b5", "ø": "m7b5", "ø7": "m7b5"}
    found |= {"sus": "sus4", "4": "sus4", "7sus": "7sus4", "sus7": "7sus4", "9sus": "9sus4", "13sus": "13sus4"}
    return found | {"alt": "7alt", "dom7": "7", "dom": "7", "2": "add9"}


ENDINGS = _endings()


@lru_cache(maxsize=4096)
def parse(symbol: str) -> Harmony:
    """Raises `UserError`, which names the ending that is not known."""
    if len(symbol) > LONGEST:
        raise UserError(
            f"chord {symbol[:20]!r}…: {len(symbol):,} characters; a symbol has at most {LONGEST}. Correct it."
        )
    if symbol.strip() in NONE:
        return Harmony(-1, frozenset(), -1, symbol)
    found = _match(symbol)
    if not found:
        raise UserError(f"chord {symbol!r}: it must begin with a letter A to G, or be NC for none. Correct it.")
    letter, accidental, ending, bass_letter, bass_accidental = found.groups()
    root = _pitch_class(letter, accidental)
    bass = root if bass_letter is None else _pitch_class(bass_letter.upper(), bass_accidental)
    kind, changes = _read(re.sub(r"[() ,]", "", ending), symbol)
    tones = _changed(set(KINDS[kind]), changes)
    return Harmony(root, frozenset((root + tone) % 12 for tone in tones) | {bass}, bass, symbol, kind, changes)


def transposed(symbol: str, semitones: int, sharps: int) -> str:
    """The symbol so many semitones higher, spelled as in a key of so many sharps (or, negative, flats). Raises
    `UserError`.

    Roots are those about the key: in C from D flat to F sharp, of diminished chords, which lead upwards, from B flat to
    D sharp. A bass is an interval of its root: E7/G#, not E7/Ab.
    """
    harmony = parse(symbol)
    if harmony.root < 0:
        return symbol
    diminished = harmony.kind in ("dim", "dim7", "m7b5")
    lowest = min(max(sharps - (2 if diminished else 5), LOWEST), 1 if diminished else 0)
    root = nearby((harmony.root + semitones) % 12, lowest)
    _, ending, bass = written(symbol)
    if not bass:
        return letters(root) + ending
    minor = 3 in KINDS[harmony.kind]
    lowest = min(max(root - (6 if minor else 5), LOWEST), 1)
    return f"{letters(root)}{ending}/{letters(nearby((harmony.bass + semitones) % 12, lowest))}"


def written(symbol: str) -> tuple[str, str, str]:
    """Root, ending and bass (empty if there is none) of a symbol that is a chord, as it is spelled."""
    found = _match(symbol)
    assert found is not None
    letter, accidental, ending, bass, bass_accidental = (each or "" for each in found.groups())
    return letter + accidental, ending, bass.upper() + bass_accidental.replace("+", "#")


def is_known(symbol: str) -> bool:
    """Whether `parse` knows it."""
    try:
        parse(symbol)
    except UserError:
        return False
    return True


def plain(symbol: str) -> str:
    """Root and kind alone, without changes and bass, black keys as flats; empty for no chord. Raises `UserError`."""
    harmony = parse(symbol)
    return "" if harmony.root < 0 else name(harmony.root, True) + harmony.kind


@lru_cache(maxsize=4096)
def nearest(symbol: str, among: tuple[str, ...]) -> int:
    """Which of some `plain` symbols is most like this one: itself; else that of the same root with most tones in common
    and fewest others; else of any root. No chord, which must be among them, is like itself alone. Raises `UserError`.
    """
    wanted = parse(symbol)
    if plain(symbol) in among:
        return among.index(plain(symbol))

    def likeness(other: str) -> tuple[bool, float]:
        found = parse(other)
        both = len(found.tones & wanted.tones) / len(found.tones | wanted.tones) if other else -1.0
        return found.root == wanted.root, both

    return max(range(len(among)), key=lambda n: likeness(among[n]))


def scale(harmony: Harmony) -> frozenset[int]:
    """Pitch classes that go with a chord; none without a chord, and its tones alone where no scale has them all.

    This is chord-scale theory as jazz schools teach it: of `SCALES` on the root, the first that holds the chord. So a
    major chord has its major scale, a dominant mixolydian, a minor one dorian, a half-diminished one locrian, a
    dominant with a flat ninth the diminished scale, one with more alterations the altered scale. The bass is no part
    of the choice.
    """
    chord = _changed(set(KINDS[harmony.kind]), harmony.changes) if harmony.root >= 0 else set()
    for each in SCALES if chord else ():
        if chord <= set(each):
            return frozenset((harmony.root + tone) % 12 for tone in each)
    return harmony.tones


def _match(symbol: str) -> re.Match[str] | None:
    return SYMBOL.fullmatch(symbol.strip().replace("♯", "#").replace("♭", "b"))


def _pitch_class(letter: str, accidental: str | None) -> int:
    marks = accidental or ""
    return (SEMITONES[letter] + marks.count("#") + marks.count("+") - marks.count("b")) % 12


def _read(ending: str, symbol: str) -> tuple[str, tuple[str, ...]]:
    """The kind with the longest spelling that leaves changes only."""
    for size in range(len(ending), -1, -1):
        kind = ENDINGS.get(ending[:size])
        changes = _changes(ending[size:]) if kind is not None else None
        if kind is not None and changes is not None:
            return kind, changes
    raise UserError(
        f"chord {symbol!r}: the ending {ending!r} is not known. Known are m, 7, maj7, m7, m7b5, dim, aug, sus4, 6, 9, "
        "11, 13, alt and many spellings of these, with b5, #9, add9, no3 and the like after them. Correct it."
    )


def _changes(text: str) -> tuple[str, ...] | None:
    """None if there is anything else in the text."""
    found, at = [], 0
    while at < len(text):
        match = CHANGE.match(text, at)
        if not match:
            return None
        at = match.end()
        word, inner, number = match.groups()
        degree = int(number or 0)
        if word is None:
            found.append("maj7")
        elif word == "sus" and not inner and degree in (0, 2, 4):
            found.append(f"sus{degree or 4}")
        elif degree not in DEGREES or (inner and word != "add"):
            return None
        elif word == "add":
            found.append(f"{inner}{degree}" if inner else f"add{degree}")
        elif word in ("no", "omit"):
            found.append(f"no{degree}")
        else:
            found.append({"b": "b", "-": "b", "#": "#", "+": "#"}[word] + str(degree))
    return tuple(found)


def _changed(tones: set[int], changes: tuple[str, ...]) -> set[int]:
    """Semitones above the root after the changes."""
    fifths = [each for each in changes if each in ("b5", "#5")]
    if fifths:
        tones.discard(7)
    for each in changes:
        degree = DEGREES[int(re.sub(r"\D", "", each))]
        if each == "maj7":
            tones = tones - {10} | {11}
        elif each.startswith("sus"):
            tones = tones - {3, 4} | {degree}
        elif each.startswith("no"):
            tones = tones - ({3, 4} if degree == 4 else {degree})
        elif each.startswith("add"):
            tones = tones | {degree}
        else:
            tones = tones | {(degree + (1 if each[0] == "#" else -1)) % 12}
    return tones
