"""The description of data by `inspect`: its kind, its contents, and what `train` would make of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from rhapsode.console.brought import inspecting, modality_of, refuse_others
from rhapsode.console.contents import Contents, Found

BEGINNING = 16
"""How many bytes are shown of a file that no codec reads."""
SHOWN = 3
"""How many suffixes are listed."""


def contents(found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents:
    """The description of a source. given: options of a modality. Raises `UserError` if it cannot be read."""
    from rhapsode.data.recognition import plain_codec

    own = modality_of(found.family) if found.family else None
    what = own.noun if own and found.codec else "none that is read"
    refuse_others(given, inspecting, own, f"{found.name} holds {what}")
    about = own.contents(found, given, overwrite) if own else None
    if about is None and found.plain:  # of no use for a codec of its own, but text all the same
        refuse_others(given, inspecting, None, f"{found.name} holds {what}")
        about = modality_of(plain_codec()).contents(found, {}, overwrite)
    if about is not None:
        return about
    if found.alone is not None:
        return found.framed(*_unread(found.path))
    read = {kind.family for kind in found.survey.kinds if kind.family and not kind.why}
    return found.framed({"kind": "mixed" if len(read) > 1 else "not read"}, [])


def _unread(path: Path) -> Contents:
    """The description of a file that no codec reads: its format, if that is known, and its first bytes; or the members
    of an archive."""
    from rhapsode.files import signature
    from rhapsode.files.archive import is_zip, members, opened
    from rhapsode.files.source import of_file, reading

    source = of_file(path, str(path))
    with reading(source.name), open(path, "rb") as file:
        head = file.read(BEGINNING)
        size = path.stat().st_size
    format = signature.of(path)
    kind = "empty" if not size else f"{format.sort} ({format.name})" if format else "unknown"
    about: dict[str, Any] = {"kind": kind, "bytes": size, "begins": head.hex(" ")}
    lines = [f"bytes           {size:,}"]
    if size:
        letters = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in head)
        lines.append(f"begins          {head.hex(' ')}  {letters}")
    if is_zip(head):
        with opened(source) as archive:
            suffixes = Counter(PurePosixPath(each.path).suffix or "(none)" for each in members(archive, ""))
        about["members"] = dict(suffixes.most_common())
        lines.append(f"holds           {', '.join(f'{n:,} {suffix}' for suffix, n in suffixes.most_common(SHOWN))}")
    return Contents(about, lines)
