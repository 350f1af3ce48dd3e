"""The page of a model of text: it writes, shades by surprise, and shows what else was likely."""

from __future__ import annotations

import re
from typing import Any

from rhapsode.data.resets import HEADING, ResetPolicy
from rhapsode.errors import UserError
from rhapsode.export._html import facts, page
from rhapsode.export._model import packed
from rhapsode.export._target import Order
from rhapsode.inference.trained import Trained

FOLDER = "modalities/text/web"
RULES = {"line": "", "paragraph": r"^[\t-\r ]*$", "page": r"\f", "chapter": HEADING.pattern.decode("latin-1")}
"""The rules of reset policies as regular expressions, to be searched in a line of bytes."""
TOKEN = re.compile(
    r"(?P<escape>\\[dDwWbBsStnrf.^$*+?()\[\]{}|/-])|(?P<open>\[(?!\^?(?:\]|\[:))\^?)"
    r"|(?P<group>\((?!\?))|(?P<other>[^\\(\[])"
)
"""What regular expressions of RE2 and of JavaScript have in common, piece by piece."""
SPACES = {"outside": {r"\s": r"[\t\n\f\r ]", r"\S": r"[^\t\n\f\r ]"}, "inside": {r"\s": r"\t\n\f\r "}}
"""To JavaScript, other bytes are spaces, too."""


def text_page(order: Order) -> bytes:
    """The file. Raises `UserError` for models that have none."""
    return page(order, FOLDER, packed(order.model, {**facts(order), **policy(order.model)}))


def policy(model: Trained) -> dict[str, Any]:
    """The reset policy, for `units.js`, and whether a line is a text. Raises `UserError`."""
    own = model.policy
    end = model.end if own.documents else None
    return {"every": own.every, "end": end, "rule": _rule(own), "lines": own.lines}


def _rule(policy: ResetPolicy) -> dict[str, str] | None:
    """The rule of a policy, for JavaScript, if it has one: a line matches after which a unit begins."""
    if not policy.rule:
        return None
    if policy.spec in RULES:
        # `s`: a point stands for any byte.
        return {"pattern": RULES[policy.spec].replace(r"\s", r"[\t-\r ]"), "flags": "is"}
    return {"pattern": javascript(policy.spec.partition(":")[2]), "flags": "s"}


def javascript(expression: str) -> str:
    """A regular expression of RE2 for JavaScript; both see bytes. Raises `UserError` for one that JavaScript may take
    in another sense."""
    pattern = expression.encode().decode("latin-1")
    found, at, inside = "", 0, False
    while at < len(pattern):
        if inside and pattern[at] not in "\\[]":
            piece = pattern[at]
        elif inside and pattern[at] == "]":
            piece, inside = "]", False
        elif match := TOKEN.match(pattern, at):
            piece = match.group()
            if match["open"] and inside:
                break
            inside = inside or bool(match["open"])
        else:
            break
        at += len(piece)
        found += SPACES["inside" if inside else "outside"].get(piece, piece)
        if inside and piece == r"\S":
            break
    else:
        return found
    raise UserError(
        f"reset policy regex:{expression}: a page cannot have this regular expression: browsers may take it in another "
        f"sense, from {pattern[at : at + 10]!r} on. Export the model in another form, or train it with a simpler one."
    )
