"""The recorded lines: a file of drawings (`ink.formats.own`) that is complete at every moment."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files.place import place
from rhapsode.files.source import of_bytes, of_file
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats import own

SUFFIX = ".jsonl"


class RecordedLines:
    """The drawings in a file, each with a text of its own as its key.

    Nothing is held in memory: what someone else adds to the file stays in it, and lines that this program does not
    know are kept as they are.
    """

    def __init__(self, path: Path) -> None:
        """Raises `UserError` for a file that is there and holds something else."""
        if path.suffix != SUFFIX:
            raise UserError(f"{path}: a file of recorded lines must be called *{SUFFIX}.")
        self.path = path
        self._real = path.resolve()
        self._lock = threading.Lock()
        raw = self._raw()
        if raw and not own.recognises(raw[0].encode()):
            raise UserError(f"{path}: it is there already and holds no drawings of Rhapsode's. Name another file.")
        if raw:
            list(own.read(of_file(path, str(path))))  # raises what is wrong with them

    def read(self) -> dict[str, dict[str, Any]]:
        """Text → the object of its line, in the file's order; lines without text are left out. Raises `UserError`."""
        values = [self._value(line) for line in self._raw()]
        return {value["text"]: value for value in values if value.get("text")}

    def save(self, drawing: Drawing) -> int:
        """Put the drawing in the place of the one with its text, or at the end; returns the number of lines with text.

        When this returns, the line is on the disk. Raises `UserError`, with the file as it was.
        """
        with self._lock:
            raw = self._raw()
            texts = [self._value(line).get("text") for line in raw]
            found = {text: at for at, text in enumerate(texts)}  # of several with one text, the last, as in `read`
            if drawing.text in found:
                raw[found[drawing.text]] = own.dumps(drawing)
            else:
                raw.append(own.dumps(drawing))
                texts.append(drawing.text)
            try:
                self._real.parent.mkdir(parents=True, exist_ok=True)
                place(self._real, "".join(f"{line}\n" for line in raw).encode())
            except (UserError, OSError) as error:
                raise UserError(f"cannot write {self.path}: {error.__cause__ or error}. It is as it was.") from None
            return len({text for text in texts if text})

    def close(self) -> None:
        """Wait for a save that is under way; there will be no other."""
        self._lock.acquire()

    def _raw(self) -> list[str]:
        """The file's lines that are not blank."""
        try:
            text = self._real.read_text("utf-8-sig")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path}: cannot be read: {error}.") from None
        return [line for line in text.split("\n") if line.strip()]

    def _value(self, line: str) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise UserError(f"{self.path}: a line of it is damaged. Correct it; until then nothing is saved.")
        return value


def parse(body: bytes) -> Drawing:
    """The one drawing in a line of JSON. Raises `UserError` if there is not one with points."""
    found = list(own.read(of_bytes(body, "line")))
    if len(found) != 1 or not len(found[0]):
        raise UserError("expected one drawing with at least one point.")
    return found[0]
