"""The constraint `schema`: the text is one JSON value that fits a JSON schema."""

from __future__ import annotations

import json
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files.json import parsed
from rhapsode.files.values import shown
from rhapsode.modalities.text.constraints._masks import Masked, contents

DEFAULTS = {"json_allow_general_unicode_escapes": True}
"""Else, only characters that need an escape may have one, and many files of JSON are all ASCII."""


class Schema(Masked):
    """A file with a JSON schema (drafts 4 to 2020-12, as far as llguidance knows their keywords; others are refused by
    name). White space is allowed where JSON allows it, but not around the value."""

    name = "schema"
    argument = "FILE"
    local = True
    what = "the file of a JSON schema"
    advice = "Change the schema: an object that says what is allowed, without what is named here."

    def grammars(self, argument: str) -> list[dict[str, Any]]:
        schema = parsed(contents(argument, "JSON schema").encode(), argument, "A JSON schema is one JSON object.")
        if not isinstance(schema, dict):
            raise UserError(f"{argument}: expected a JSON schema, an object; found {shown(schema)}.")
        try:
            json.dumps(schema, allow_nan=False)
            made = json.loads(self._library.LLMatcher.grammar_from_json_schema(schema, defaults=DEFAULTS))
        except ValueError as error:
            raise UserError(f"schema: {argument} cannot be used: {error}. {self.advice}") from None
        return [{"lark_grammar": "start: @schema"}, {**made["grammars"][0], "name": "schema"}]

    @property
    def subject(self) -> str:
        return self._argument
