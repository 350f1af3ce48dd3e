"""The constraint `regex`: the whole text matches a regular expression."""

from __future__ import annotations

import json
from typing import Any

from rhapsode.errors import UserError
from rhapsode.modalities.text.constraints._masks import Masked, reason_of


class Regex(Masked):
    """Syntax: that of Rust's crate `regex`, without look-around and back-references; `.` is any character but a newline
    (`(?s)` allows it). The expression is that of the whole text, prompt included."""

    name = "regex"
    argument = "PATTERN"
    what = "the regular expression"
    advice = "Allowed are those of Rust's `regex`, without look-around and back-references."

    def grammars(self, argument: str) -> list[dict[str, Any]]:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise UserError(f"regex: {argument!a} is not UTF-8. Write such bytes as characters.") from None
        grammars: list[dict[str, Any]] = json.loads(self._library.LLMatcher.grammar_from_regex(argument))["grammars"]
        return grammars

    def why(self, matcher: Any) -> str:
        _, first, detail = reason_of(matcher)
        return detail or first

    @property
    def subject(self) -> str:
        return f"the regular expression {self._argument!r}"
