"""A text that is on every machine that has Python: what `help()` says of the language."""

from __future__ import annotations

import re

from rhapsode.errors import UserError

COMMON = 8
"""Words in a row that two paragraphs may not have in common."""


def language_reference() -> str:
    """The topics of `help()` as one text, in the order of their names. Raises `UserError`.

    Topics overlap, some contain others. A paragraph that has `COMMON` words in a row in common with an earlier one
    is left out: what is held out must not stand in the training text, or the comparison would be one of memories.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise UserError(
            "this Python comes without pydoc_data.topics, the text that the demo learns. "
            "Train on a text of your own: rhapsode train FILE -o MODEL --minutes 3"
        ) from None
    seen: set[tuple[str, ...]] = set()
    kept = []
    for name in sorted(topics):
        for paragraph in topics[name].split("\n\n"):
            words = re.findall(r"\w+|[^\w\s]", paragraph)
            runs = {tuple(words[i : i + COMMON]) for i in range(max(1, len(words) - COMMON + 1))}
            if words and seen.isdisjoint(runs):
                kept.append(paragraph.strip("\n"))
            seen |= runs
    return "\n\n".join(kept) + "\n"
