"""UJI Pen Characters, version 2 (`ujipenchars2.txt`): characters, each the strokes after a line `WORD`.

    WORD a trn_UJI_W01-01
      NUMSTROKES 1
      POINTS 3 # 500 800 490 780 480 790

Coordinates are in hundredths of a millimetre, y down. The five characters with names of several letters (`euro`, ...)
become that character; lines that begin with `//` or `.` are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import number, shown
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import drawing

MARK = re.compile(rb"^[^\S\n]*+WORD[ \t]+\S+[ \t]+\S+\s+NUMSTROKES[ \t]+[0-9]+\s", re.MULTILINE)
NAMES = {"euro": "€", "exclamdown": "¡", "questiondown": "¿", "ordmasculine": "º", "ordfeminine": "ª"}


def recognises(head: bytes) -> bool:
    return MARK.search(head) is not None


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    text: str | None = None
    strokes: list[np.ndarray] = []
    declared = found = 0
    where = source.name
    for at, line in enumerate(source.text().splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith(("//", ".")):
            continue
        here = f"{source.name}, line {at}"
        if fields[0] == "WORD" and len(fields) >= 2:
            if text is not None:
                yield _made(strokes, declared, text, f"{source.name}#{found}", where)
            text, strokes, declared, where = NAMES.get(fields[1], fields[1]), [], 0, here
            found += 1
        elif fields[0] == "NUMSTROKES" and len(fields) == 2:
            declared = int(number(fields[1], here))
        elif fields[0] == "POINTS" and text is not None and len(fields) >= 3 and fields[2] == "#":
            values = [number(field, here) for field in fields[3:]]
            if len(values) != 2 * number(fields[1], here):
                raise UserError(f"{here}: {fields[1]} points are announced, {len(values) / 2:g} are there.")
            strokes.append(np.array(values, np.float64).reshape(-1, 2))
        else:
            raise UserError(f"{here}: expected WORD, NUMSTROKES or POINTS n # x y ..., found {shown(line.strip())}.")
    if text is not None:
        yield _made(strokes, declared, text, f"{source.name}#{found}", where)


def _made(strokes: list[np.ndarray], declared: int, text: str, name: str, where: str) -> Drawing:
    if len(strokes) != declared:
        raise UserError(f"{where}: {declared} strokes are announced, {len(strokes)} are there. Fetch the file again.")
    return drawing(strokes, text, name)


FORMAT = Format("UJI", recognises, read=read, rank=1)
