"""What MusicXML says of repeats, endings, D.C. and the like."""

from __future__ import annotations

from rhapsode.files.xml import Node
from rhapsode.modalities.music.formats._form import REPEATS, BarLine, Sign, Turn, Volta, numbers, turn

TURNS = {
    **{"dacapo": Turn.DA_CAPO, "dalsegno": Turn.DAL_SEGNO, "fine": Turn.FINE},
    **{"segno": Turn.SEGNO, "coda": Turn.CODA, "tocoda": Turn.TO_CODA},
}
"""By the attributes of <sound>; two are also elements."""


def bar_line(node: Node) -> list[Sign] | None:
    """The signs of a <barline>, on the left of its measure or on the right; None if a number in it is none."""
    found: list[Sign] = []
    left = node.attributes.get("location") == "left"
    repeat, ending = node.first("repeat"), node.first("ending")
    try:
        if repeat is not None and left and repeat.attributes.get("direction") == "forward":
            found.append(BarLine(opens=1))
        elif repeat is not None and not left and repeat.attributes.get("direction") == "backward":
            times = int(repeat.attributes.get("times", "2"))
            found.append(BarLine(closes=min(max(times - 1, 1), REPEATS)))
        if ending is not None and left and ending.attributes.get("type") == "start":
            found.append(Volta(numbers(ending.attributes.get("number", ""))))
    except ValueError:
        return None
    return [*found, BarLine(double=True)] if ending is not None and not left else found


def turns(node: Node) -> list[Turn]:
    """What a direction or a sound says of where to go on: in its attributes, or else in words or signs."""
    every = list(node.walk())
    sounds = [each.attributes for each in every if each.name == "sound"]
    said = [found for what, found in TURNS.items() if any(what in each for each in sounds)]
    words = turn(" ".join(each.text for each in every if each.name == "words"))
    drawn = [TURNS[each.name] for each in every if each.name in ("segno", "coda")]
    return said or ([words] if words else drawn)
