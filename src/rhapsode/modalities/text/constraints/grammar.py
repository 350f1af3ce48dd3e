"""The constraint `grammar`: the text is in the language of a grammar."""

from __future__ import annotations

from typing import Any

from rhapsode.modalities.text.constraints._masks import Masked, contents


class Grammar(Masked):
    """A file with a context-free grammar in Lark's notation, as llguidance reads it. The text begins with the rule
    `start`."""

    name = "grammar"
    argument = "FILE"
    local = True
    what = "the file of a grammar"
    advice = "Change the grammar: rules in Lark's notation, the first of them is `start`."

    def grammars(self, argument: str) -> list[dict[str, Any]]:
        return [{"lark_grammar": contents(argument, "grammar")}]

    @property
    def subject(self) -> str:
        return self._argument
