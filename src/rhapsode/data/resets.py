"""Reset policies: the places in the data where the past no longer matters.

A policy cuts a sequence into units (lines, paragraphs, documents, ...). At the beginning of a unit
the state is zero and the input is the start symbol, in training, scoring and generation alike. So a
policy must be causal: whether a unit begins at a step may depend only on the bytes before it. All
policies that look at text are therefore rules on complete lines: a unit begins after a line that
the rule accepts (for `chapter` and `regex:` that line is the heading or the separator).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rhapsode.errors import UserError, choice

LINE_LIMIT = 4096
"""Rules look at this many first bytes of a line at most, so that a file without newlines needs no memory."""

HEADING = re.compile(
    rb"^\s*(chapter|book|part|act|canto|section)\s+([0-9]+|[ivxlcdm]+|one|two|three|four|five|six|seven|eight|nine|ten"
    rb"|eleven|twelve|the\b)|^\\(part|chapter|section)\b|^#{1,2}\s|^={1,2}[^=].*={1,2}\s*$",
    re.IGNORECASE,
)
"""Headings in prose, LaTeX, Markdown and MediaWiki."""

RULES: dict[str, Callable[[bytes], bool]] = {
    "line": lambda line: True,
    "paragraph": lambda line: not line.strip(),
    "page": lambda line: b"\f" in line,
    "chapter": lambda line: HEADING.search(line) is not None,
}
NAMES = ("never", "document", *RULES, "every:N", "regex:R")


@dataclass(frozen=True)
class ResetPolicy:
    """A parsed policy. Make one with `ResetPolicy.parse`.

    spec:  the text it was parsed from, e.g. `line` or `every:100`.
    every: a unit begins every `every` steps; 0 if the policy does not count steps.
    rule:  a unit begins after each line that `rule` accepts; None if the policy has no rule.
    Units also begin at each document, unless the policy is `never`.
    """

    spec: str
    every: int = 0
    rule: Callable[[bytes], bool] | None = None

    @property
    def documents(self) -> bool:
        return self.spec != "never"

    @property
    def lines(self) -> bool:
        """Whether each line is a unit of its own, which ends with its newline."""
        return self.spec == "line"

    @staticmethod
    def parse(spec: str) -> ResetPolicy:
        """The policy called `spec`. Raises `UserError`."""
        kind, colon, argument = spec.partition(":")
        if spec in ("never", "document"):
            return ResetPolicy(spec)
        if spec in RULES:
            return ResetPolicy(spec, rule=RULES[spec])
        if kind == "every" and colon:
            digits = argument if argument.isascii() and argument.isdigit() and len(argument) < 20 else "0"
            if not 0 < int(digits) < 2**62:
                raise UserError(
                    f"reset policy {_shortened(spec)!r}: N must be a whole number of steps, 1 or more, e.g. every:100."
                )
            return ResetPolicy(spec, every=int(argument))
        if kind == "regex" and argument:
            return ResetPolicy(spec, rule=_matches(spec, argument))
        raise choice("reset policy", spec, NAMES)

    def scanner(self) -> Scanner:
        return Scanner(self.rule)


def _matches(spec: str, expression: str) -> Callable[[bytes], bool]:
    """The rule of a `regex:` policy. Python's own `re` can take for ever, and model files come from anywhere: RE2
    takes a time in proportion to the line, for which it does without look-around and references to groups."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.encoding = re2.Options.Encoding.LATIN1  # a character is a byte
    try:
        pattern = re2.compile(expression.encode(), options)
    except (re2.error, UnicodeError) as error:
        raise UserError(
            f"reset policy {_shortened(spec)!r}: not a regular expression of RE2 ({_shortened(str(error))}). It is "
            "matched against each line, as bytes, without look-around or back-references; e.g. 'regex:^---$'."
        ) from None
    return lambda line: pattern.search(line) is not None


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"


class Scanner:
    """Finds where units begin in a stream of bytes (for policies with a rule)."""

    def __init__(self, rule: Callable[[bytes], bool] | None) -> None:
        self._rule = rule
        self._line = b""
        self._offset = 0

    def feed(self, data: bytes) -> list[int]:
        """Offsets, counted from the first byte ever fed, just after each accepted line that `data` ends."""
        begun = self._offset
        self._offset += len(data)
        if self._rule is None:
            return []
        *lines, rest = data.split(b"\n")
        if not lines:  # the usual case when text is generated step by step
            self._line = (self._line + rest)[:LINE_LIMIT]
            return []
        # Only the first line can have begun before `data`: the others are looked at without joining.
        found = []
        at = begun + len(lines[0]) + 1
        if self._rule((self._line + lines[0])[:LINE_LIMIT]):
            found.append(at)
        for line in lines[1:]:
            at += len(line) + 1
            if self._rule(line if len(line) <= LINE_LIMIT else line[:LINE_LIMIT]):
                found.append(at)
        self._line = rest[:LINE_LIMIT]
        return found
