"""General MIDI's instruments, by number and by name; and marks of loudness."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from rhapsode.errors import UserError

DRUMS = -1
"""In place of a program: the drum kit."""
KIT = "Drums"
NAMES = (
    "Acoustic Grand Piano", "Bright Acoustic Piano", "Electric Grand Piano", "Honky-tonk Piano",
    "Electric Piano 1", "Electric Piano 2", "Harpsichord", "Clavinet",
    "Celesta", "Glockenspiel", "Music Box", "Vibraphone", "Marimba", "Xylophone", "Tubular Bells", "Dulcimer",
    "Drawbar Organ", "Percussive Organ", "Rock Organ", "Church Organ", "Reed Organ", "Accordion", "Harmonica",
    "Tango Accordion",
    "Acoustic Guitar (nylon)", "Acoustic Guitar (steel)", "Electric Guitar (jazz)", "Electric Guitar (clean)",
    "Electric Guitar (muted)", "Overdriven Guitar", "Distortion Guitar", "Guitar Harmonics",
    "Acoustic Bass", "Electric Bass (finger)", "Electric Bass (pick)", "Fretless Bass", "Slap Bass 1", "Slap Bass 2",
    "Synth Bass 1", "Synth Bass 2",
    "Violin", "Viola", "Cello", "Contrabass", "Tremolo Strings", "Pizzicato Strings", "Orchestral Harp", "Timpani",
    "String Ensemble 1", "String Ensemble 2", "Synth Strings 1", "Synth Strings 2", "Choir Aahs", "Voice Oohs",
    "Synth Voice", "Orchestra Hit",
    "Trumpet", "Trombone", "Tuba", "Muted Trumpet", "French Horn", "Brass Section", "Synth Brass 1", "Synth Brass 2",
    "Soprano Sax", "Alto Sax", "Tenor Sax", "Baritone Sax", "Oboe", "English Horn", "Bassoon", "Clarinet",
    "Piccolo", "Flute", "Recorder", "Pan Flute", "Blown Bottle", "Shakuhachi", "Whistle", "Ocarina",
    "Lead 1 (square)", "Lead 2 (sawtooth)", "Lead 3 (calliope)", "Lead 4 (chiff)", "Lead 5 (charang)",
    "Lead 6 (voice)", "Lead 7 (fifths)", "Lead 8 (bass + lead)",
    "Pad 1 (new age)", "Pad 2 (warm)", "Pad 3 (polysynth)", "Pad 4 (choir)", "Pad 5 (bowed)", "Pad 6 (metallic)",
    "Pad 7 (halo)", "Pad 8 (sweep)",
    "FX 1 (rain)", "FX 2 (soundtrack)", "FX 3 (crystal)", "FX 4 (atmosphere)", "FX 5 (brightness)", "FX 6 (goblins)",
    "FX 7 (echoes)", "FX 8 (sci-fi)",
    "Sitar", "Banjo", "Shamisen", "Koto", "Kalimba", "Bagpipe", "Fiddle", "Shanai",
    "Tinkle Bell", "Agogo", "Steel Drums", "Woodblock", "Taiko Drum", "Melodic Tom", "Synth Drum", "Reverse Cymbal",
    "Guitar Fret Noise", "Breath Noise", "Seashore", "Bird Tweet", "Telephone Ring", "Helicopter", "Applause",
    "Gunshot",
)  # fmt: skip
"""Of programs 0 to 127."""
MEANT = {"strings": 48, "horn": 60, "bass": 33}
"""What is meant by words that several instruments have, where it is not the first of these."""
LOUDNESS = {"ppp": 16, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 126}
"""Velocities of dynamic marks, as notation programs play them."""


def name_of(program: int) -> str:
    """Of a program, 0 to 127, or `DRUMS`."""
    return KIT if program == DRUMS else NAMES[program]


def programs(text: str, option: str = "program") -> list[int]:
    """`piano,33,drums` as programs: numbers of 0 to 127 and names; `DRUMS` for drums. Raises `UserError`."""
    return [_program(each.strip(), option) for each in text.split(",")]


def _program(text: str, option: str) -> int:
    """A number, a whole name, or words of one: the first instrument that has them all."""
    if re.fullmatch(r"\d{1,9}", text):
        if int(text) >= len(NAMES):
            raise UserError(f"{option} {text}: General MIDI's programs are numbered 0 to {len(NAMES) - 1}.")
        return int(text)
    words = _words(text)
    if words in (["drums"], ["drum"]):
        return DRUMS
    if " ".join(words) in MEANT:
        return MEANT[" ".join(words)]
    spelled = [_words(name) for name in NAMES]
    if words in spelled:
        return spelled.index(words)
    found = [n for n, name in enumerate(spelled) if {*words} <= {*name} and re.search("[a-z]", text.lower())]
    if not found:
        close = get_close_matches(text.lower(), sorted({word for name in spelled for word in name}), n=1)
        raise UserError(
            f"{option}: {text!r} is no instrument of General MIDI."
            + (f" Did you mean {close[0]!r}?" if close else "")
            + " Give numbers from 0 to 127, names such as Violin, Electric Bass (finger) or String Ensemble 1, or a "
            "word of one: piano, organ, guitar, strings, choir, trumpet, sax, flute; or drums; several with commas."
        )
    return found[0]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def loudness(text: str, option: str = "loudness") -> int:
    """`mf`, or a velocity of 1 to 127, as a velocity. Raises `UserError`."""
    found = LOUDNESS.get(text.strip(), 0)
    if re.fullmatch(r"\s*\d{1,3}\s*", text):
        found = int(text)
    if not 1 <= found <= 127:
        raise UserError(f"{option} {text!r}: it must be a mark, {', '.join(LOUDNESS)}, or a velocity of 1 to 127.")
    return found


def listed(programs: Iterable[int]) -> str:
    """Programs with their names, for messages."""
    return ", ".join(KIT if each == DRUMS else f"{each} {NAMES[each]}" for each in programs)
