"""Files put in their place by one rename."""

from __future__ import annotations

import os
from pathlib import Path

from rhapsode.errors import UserError


def place(path: Path, contents: bytes) -> None:
    """Write a file, wholly or not at all; folders are made. Raises `UserError`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(contents)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path} ({len(contents):,} bytes): {error.strerror or error}.") from None
