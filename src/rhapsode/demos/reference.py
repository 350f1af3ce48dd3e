"""A text that is on every machine with Python: the topics of `help()` about the language."""

from __future__ import annotations

import re

from rhapsode.errors import UserError

COMMON = 8
"""No two paragraphs may have this many words in a row in common."""


def language_reference() -> str:
    """The topics of `help()` as one text, sorted by name. Raises `UserError`.

    Topics overlap, and some contain others. A paragraph that shares `COMMON` words in a row with an earlier one is left
    out: otherwise held-out text would occur in the training text, and the comparison would only compare memories.
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
