"""Speech Synthesis Markup Language (W3C, 1.1) → a text with marks. What is not done is told; no tag is read aloud."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from io import BytesIO
from math import log2
from pathlib import PurePath

from rhapsode.errors import UserError
from rhapsode.files.source import Source
from rhapsode.files.xml import Node, parse, root
from rhapsode.modalities.speech.alphabets import ARPABET, IPA, XSAMPA
from rhapsode.modalities.speech.lexicon import MNEMONICS, pronunciation
from rhapsode.modalities.speech.script import Break, Script, Style

ROOT = "speak"
BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
"""Seconds."""
LONGEST = 60.0
"""Seconds of a break."""
RATES = {"x-slow": 0.5, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
"""Semitones."""
EMPHASIS = {"strong": (0.8, 2.0), "moderate": (0.9, 1.0), "none": (1.0, 0.0), "reduced": (1.1, -1.0)}
"""Speed and semitones."""
SPEEDS, SEMITONES = (0.2, 5.0), 24.0
"""What is allowed, together."""
PARAGRAPH = 0.5
"""Seconds after one."""
ALPHABETS = {"ipa": IPA, "x-sampa": XSAMPA, "xsampa": XSAMPA, "x-arpabet": ARPABET, "arpabet": ARPABET}
ALPHABETS |= {"cmu": ARPABET, "espeak": MNEMONICS, "x-espeak": MNEMONICS}
SILENT = ("metadata", "meta", "lexicon", "lookup", "desc", "mark")
"""Elements that say nothing."""
THROUGH = (ROOT, "s", "w", "token", "")
DECLARATION = re.compile(r"\A[\ufeff\s]*<\?xml[^>]{0,200}\?>|\A[\ufeff\s]+")
NUMBER = re.compile(r"([-+]?\d{1,6}(?:\.\d{1,6})?)\s*(%|st|s|ms)?")


def is_ssml(head: str) -> bool:
    """From how a text begins: whether its root is `<speak>`."""
    return head.lstrip("\ufeff \t\r\n").startswith("<") and root(head.encode(errors="replace")) == ROOT


def loads(text: str, name: str = "the text") -> tuple[str, Script, list[str]]:
    """The text with marks; their script; and what was not done, a sentence each. Raises `UserError`."""
    # It has been decoded, whatever its declaration says.
    data = DECLARATION.sub(lambda found: "\n" * found[0].count("\n"), text).encode(errors="replace")
    try:
        top = parse(Source(name, PurePath(name), partial(BytesIO, data), lambda beside: None), mixed=True)
    except UserError as error:
        raise UserError(f"SSML: {error}") from None
    found = _SsmlReading(name)
    found.read(top, Style())
    told = [f"<{tag}> is not known: its text is read ({count:,})." for tag, count in found.unknown.items()]
    told += [f"{what} is left out ({count:,})." for what, count in found.ignored.items()]
    return "".join(found.text), found.script, told


class _SsmlReading:
    """unknown: tags, and how often; ignored: what else was not done, and how often."""

    def __init__(self, name: str) -> None:
        self.name, self.script = name, Script()
        self.text: list[str] = []
        self.unknown, self.ignored = Counter[str](), Counter[str]()

    def read(self, node: Node, style: Style) -> None:
        """What is in an element, itself included. Raises `UserError`."""
        name, attributes = node.name, node.attributes
        if not name:
            self.text.append(node.text)
        elif name in SILENT:
            return
        elif name == "break":
            self.text.append(self.script.mark(Break(self._break(node))))
        elif name == "sub":
            self.text.append(attributes.get("alias", "") or _text(node))
        elif name == "say-as":
            self.text.append(self._said_as(_text(node), attributes.get("interpret-as", "")))
        elif name == "phoneme" and attributes.get("alphabet", "ipa").lower() in ALPHABETS:
            where = f"{self.name}, line {node.line}: phoneme"
            of = ALPHABETS[attributes.get("alphabet", "ipa").lower()]
            self.text.append(self.script.mark(pronunciation(attributes.get("ph", ""), where, of)))
        elif name in ("prosody", "emphasis"):
            self._styled(node, self._style(node, style), style)
        else:
            self._note(name, attributes)
            edges = {"p": "\n\n", "s": "\n\n"}.get(name, "")
            self.text.append(edges)
            for child in node.children:
                self.read(child, style)
            self.text.append(self.script.mark(Break(PARAGRAPH)) + edges if name == "p" else edges)

    def _styled(self, node: Node, own: Style, around: Style) -> None:
        self.text.append(self.script.mark(own))
        for child in node.children:
            self.read(child, own)
        self.text.append(self.script.mark(around))

    def _note(self, name: str, attributes: Mapping[str, str]) -> None:
        if name not in (*THROUGH, "p"):
            self.unknown[name] += 1
        if name == "phoneme":
            self.ignored[f"phoneme alphabet={attributes.get('alphabet')!r}"] += 1

    def _break(self, node: Node) -> float:
        time, strength = node.attributes.get("time"), node.attributes.get("strength", "medium")
        if time is None:
            if strength not in BREAKS:
                raise self._wrong(node, "strength", strength, ", ".join(BREAKS))
            return BREAKS[strength]
        number, unit = _number(time)
        seconds = number / 1000 if unit == "ms" else number
        if unit not in ("s", "ms") or not 0 <= seconds <= LONGEST:
            raise self._wrong(node, "time", time, f"up to {LONGEST:.0f}s, as 1.5s or 500ms")
        return seconds

    def _style(self, node: Node, around: Style) -> Style:
        if node.name == "emphasis":
            level = node.attributes.get("level", "moderate")
            if level not in EMPHASIS:
                raise self._wrong(node, "level", level, ", ".join(EMPHASIS))
            speed, semitones = EMPHASIS[level]
        else:
            speed, semitones = self._rate(node), self._pitch(node)
            for each in sorted({*node.attributes} - {"rate", "pitch"}):
                self.ignored[f"prosody {each}"] += 1
        found = Style(around.speed * speed, around.pitch * 2 ** (semitones / 12))
        low, high = SPEEDS
        if not low <= found.speed <= high or not 2 ** (-SEMITONES / 12) <= found.pitch <= 2 ** (SEMITONES / 12):
            shown = " ".join(f"{key}={value!r}" for key, value in node.attributes.items())
            allowed = f"rates from {low:.0%} to {high:.0%}, and {SEMITONES:.0f} semitones up and down, together"
            raise self._wrong(node, "", shown, allowed)
        return found

    def _rate(self, node: Node) -> float:
        rate = node.attributes.get("rate", "default")
        if rate in RATES:
            return RATES[rate]
        number, unit = _number(rate)
        if unit not in ("", "%"):
            raise self._wrong(node, "rate", rate, f"{', '.join(RATES)}, 80%, +10% or 1.2")
        if rate.strip()[0] in "+-":
            number += 100 if unit else 0
        return number / 100 if unit else abs(number)

    def _pitch(self, node: Node) -> float:
        """Semitones."""
        pitch = node.attributes.get("pitch", "default")
        if pitch in PITCHES:
            return PITCHES[pitch]
        number, unit = _number(pitch)
        if unit == "st":
            return number
        if unit == "%" and number > -100:
            ratio = 1 + number / 100 if pitch.strip()[0] in "+-" else number / 100
            return 12 * log2(max(ratio, 1e-3))
        self.ignored[f"prosody pitch={pitch!r}"] += 1
        return 0.0

    def _said_as(self, text: str, how: str) -> str:
        if how in ("characters", "spell-out", "verbatim", "letters"):
            return " " + " ".join(each.upper() for each in text if not each.isspace()) + " "
        if how in ("digits", "telephone"):
            return " " + " ".join(each for each in text if each.isalnum() or each == "+") + " "
        if how not in ("cardinal", "number", "time", "currency", "measure", "unit", "address", "name"):
            self.unknown[f"say-as interpret-as={how!r}"] += 1
        return text

    def _wrong(self, node: Node, attribute: str, value: str, allowed: str) -> UserError:
        what = f"{attribute}={value!r}" if attribute else value
        return UserError(f"{self.name}, line {node.line}: <{node.name} {what}>: allowed are {allowed}.")


def _number(text: str) -> tuple[float, str]:
    """The number and its unit, "?" for what is none."""
    found = NUMBER.fullmatch(text.strip())
    return (float(found[1]), found[2] or "") if found else (0.0, "?")


def _text(node: Node) -> str:
    return "".join(each.text for each in node.walk() if not each.name)
