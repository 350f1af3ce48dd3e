"""Teaching a model the hand that was recorded: the lesson (`ink.pad.lesson`) as the page sees it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.files.source import of_file
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats import own
from rhapsode.modalities.ink.pad.lesson import KEEP
from rhapsode.modalities.ink.pad.specimen import own_line, specimen

ENOUGH = 10
"""Lines that a lesson needs at least. With fewer, a model learns them by heart and little of the hand."""
SENTENCE = "The quick brown fox jumps over the lazy dog."
PATIENCE = 20.0
"""Seconds that a lesson has to end in, when the program ends."""
LAST_WORDS = 300


class Teacher:
    """A base model that writes a hand, the lines in a file, and the folder for the model that learns them."""

    def __init__(
        self,
        file: Path,
        base: str,
        folder: Path,
        minutes: float = 5.0,
        sentence: str = "",
        told: Callable[[str], None] = lambda _: None,
        overwrite: bool = False,
    ) -> None:
        """sentence: what both models write for comparison. told: hears, from a thread, what belongs in the terminal.
        overwrite: a lesson may replace a model that none made (that of an earlier lesson it always does).

        Raises `UserError` for a base that writes no texts by hand, or cannot write the sentence.
        """
        model = Model.load(base)
        if model.codec.name != "strokes" or model.text is None or getattr(model.codec, "hand", None) is None:
            raise UserError(f"{base} does not write texts by hand. Give a model trained on drawings with texts.")
        if model.path is not None and model.path.parent.resolve() == folder.resolve():
            raise UserError(f"{folder} is the base model itself. Choose another folder with -o.")
        self.file, self.base, self.folder, self.minutes, self._told = file, base, folder, minutes, told
        self._overwrite = overwrite
        self.alphabet = model.record_codec.alphabet
        usual = " ".join("".join(each for each in SENTENCE if each in (*self.alphabet, " ")).split())
        self.sentence = sentence or usual or self.alphabet[:20]
        for word in self.sentence.split():
            model.record_codec.encode_text(word)
        self._models = {"before": model}
        self._written = dict[str, tuple[Model, str]]()  # the sentence in each hand, and the model that wrote it
        self._process: subprocess.Popen[str] | None = None
        self._follower: threading.Thread | None = None
        self._progress: dict[str, Any] = {"phase": "idle"}
        self._lock = threading.Lock()
        self._drawing = threading.Lock()

    @property
    def taught(self) -> bool:
        """Whether there is a model of this hand, of this lesson or an earlier one."""
        return (self.folder / checkpoint.MODEL).is_file()

    @property
    def command(self) -> str:
        """What writes with the model."""
        return f'rhapsode write {shlex.quote(str(self.folder))} "any words" -o words.svg'

    def state(self) -> dict[str, Any]:
        """What the page shows of the lesson. phase: idle, running, finished, stopped or failed."""
        return {**self._progress, "taught": self.taught}

    def usable(self) -> list[Drawing]:
        """The lines that the base can learn: those of its own characters. Raises `UserError`."""
        if not self.file.exists():
            return []
        codec = self._models["before"].record_codec
        return [line for line in own.read(of_file(self.file, str(self.file))) if not codec.refusal(line)]

    def start(self, minutes: float | None = None) -> None:
        """Begin a lesson, of so many minutes. Raises `UserError` if one goes on, or if there are too few lines."""
        with self._lock:
            if self._progress["phase"] == "running":
                raise UserError("a lesson is under way already.")
            if not self._overwrite and self._holds_another():
                raise UserError(
                    f"{self.folder} holds a model that no lesson has made. Start rhapsode ink with another folder, "
                    "-o FOLDER, or with --overwrite to replace it."
                )
            lines = len(self.usable())
            if lines < ENOUGH:
                raise UserError(f"a lesson needs {ENOUGH} lines that the model can learn, and there are {lines}.")
            self.minutes = self.minutes if minutes is None else minutes
            task = [self.file, self.base, self.folder, self.minutes]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rhapsode.modalities.ink.pad.lesson", *map(str, task)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # Ctrl-C in the terminal is for this program, which tells the lesson
            )
            self._progress = {"phase": "running", "stage": "preparing", "done": 0.0}
            self._follower = threading.Thread(target=self._follow, args=(self._process,), daemon=True)
            self._follower.start()
        self._told(f"learning your hand from {lines} lines, for {self.minutes:g} minutes …")

    def _holds_another(self) -> bool:
        """Whether the model there is the work of a training, which a lesson must not replace unasked."""
        if not self.taught:
            return False
        codec = checkpoint.load_info(self.folder / checkpoint.MODEL)[0].get("codec")
        by_hand = isinstance(codec, dict) and codec.get("name") == "strokes"
        return not by_hand or (self.folder / checkpoint.RESUME).exists()

    def stop(self) -> None:
        """End the lesson after its present step, and keep what was learnt."""
        self._end(f"{KEEP}\n")

    def close(self) -> None:
        """End the lesson, if one goes on, with nothing kept."""
        process, follower = self._process, self._follower
        if process is None or follower is None or not follower.is_alive():
            return
        self._end("")
        follower.join(PATIENCE)
        if follower.is_alive():
            process.kill()
            follower.join()

    def specimen(self, hand: str) -> str:
        """The sentence as SVG, in the hand `before` or `after` the lesson. Raises `UserError`."""
        with self._drawing:
            model = self._model(hand)
            if hand not in self._written or self._written[hand][0] is not model:
                self._written[hand] = model, specimen(model, self.sentence)
            return self._written[hand][1]

    def own_line(self) -> dict[str, str] | None:
        """The longest of the lines that were learnt, as SVG, with its text; None if there is none."""
        lines = self.usable()
        if not lines:
            return None
        line = max(lines, key=lambda each: len(each.text or ""))
        return {"text": line.text or "", "svg": own_line(line)}

    def _model(self, hand: str) -> Model:
        if hand == "after" and not self.taught:
            raise UserError("there is no model of your hand yet.")
        if hand == "after" and "after" not in self._models:
            model = Model.load(self.folder)
            if model.codec.name != "strokes" or model.text is None:
                raise UserError(f"the model in {self.folder} does not write by hand.")
            self._models["after"] = model
        if hand not in self._models:
            raise UserError("a hand is that before or after the lesson.")
        return self._models[hand]

    def _end(self, word: str) -> None:
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                with suppress(OSError, ValueError):  # it has ended, or was told already
                    self._process.stdin.write(word)
                    self._process.stdin.close()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        """Hear what the lesson says until it has ended."""
        last, end = "", dict[str, Any]()
        with process:
            for line in process.stdout or ():
                try:
                    said = json.loads(line)
                except ValueError:
                    said = None
                if not isinstance(said, dict):  # a library's words, or the traceback of a failure
                    last = line.strip()[:LAST_WORDS] or last
                elif "end" in said:
                    end = said
                else:
                    self._progress = {**self._progress, **said}
        end = end or {"end": "failed", "error": last or f"the lesson has ended with status {process.returncode}."}
        with self._drawing:
            if end.get("kept"):
                self._models.pop("after", None)
        self._tell(end)
        self._progress = {**self._progress, **end, "phase": end["end"]}

    def _tell(self, end: dict[str, Any]) -> None:
        if end.get("kept"):
            self._told(f"model    {self.folder}\nnext     {self.command}")
        elif end["end"] == "failed":
            self._told(f"the lesson has failed: {end['error']}")
        else:
            self._told("the lesson was stopped; nothing of it was kept.")
