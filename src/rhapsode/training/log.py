"""The training log: one JSON object a line, the picture of it, and the same for TensorBoard."""

from __future__ import annotations

import json
import shutil
import textwrap
from io import BytesIO
from pathlib import Path
from typing import Any

from xxhash import xxh3_128

from rhapsode.errors import UserError
from rhapsode.files import format1
from rhapsode.files.json import lines
from rhapsode.files.place import place
from rhapsode.files.source import of_file

LOG, PICTURE, BOARD = "metrics.jsonl", "loss.png", "tensorboard"
TAGS = {
    "train": "nats_per_step/train",
    "valid": "nats_per_step/valid",
    "sampled_nats": "nats_per_step/sampled",
    "valid_bits_per_char": "bits_per_char/valid",
    "sampled_repeats": "repeats/sampled",
    "valid_repeats": "repeats/valid",
}
"""The names of a record's values in TensorBoard."""


class Log:
    """`metrics.jsonl`. Lines are only added; but a resumed run first removes those after its checkpoint.

    With `board`, the values are also written for TensorBoard, into the folder `tensorboard`.
    """

    def __init__(self, folder: Path, size: Any = 0, board: bool = False) -> None:
        """size: the `size` of an earlier log; 0 begins a new one. harm: the message for a file that was changed."""
        self.path, self.harm = folder / LOG, ""
        self.path.touch()
        length, mark = size if isinstance(size, list) else (size, None)
        data = self.path.read_bytes()[:length]
        whole = _whole(data)
        if len(data) < length or mark not in (None, _mark(data)):
            self.harm = (
                f"{self.path} is damaged: {len(whole):,} lines of it can be read. So the loss before this may be drawn "
                "wrongly; the training goes on from its checkpoint all the same."
            )
        place(self.path, b"".join(whole), sync=False)
        records = self.read()
        if not records:
            shutil.rmtree(folder / BOARD, ignore_errors=True)
        after = records[-1]["update"] + 1 if records else 0
        self._board = summary_writer()(folder / BOARD, purge_step=after) if board else None

    def add(self, *, update: int, **values: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"update": update, **values}) + "\n")
        if self._board:
            if "valid" in values:
                del values["train"]  # it is that of the record before, of the same update
            for key in values.keys() & TAGS.keys():
                self._board.add_scalar(TAGS[key], values[key], update)
            self._board.flush()

    def sample(self, update: int, text: str) -> None:
        """A text that the model has generated at this update, for TensorBoard only."""
        if self._board:
            self._board.add_text("sample", textwrap.indent(text, "    ", lambda _: True), update)  # Markdown: as it is
            self._board.flush()

    def close(self) -> None:
        if self._board:
            self._board.close()

    @property
    def size(self) -> Any:
        """The number of bytes and their digest, which `Log` takes to go on."""
        data = self.path.read_bytes()
        return [len(data), _mark(data)]

    def read(self) -> list[dict[str, Any]]:
        return [format1.record(record) for _, record in lines(of_file(self.path, str(self.path)))]


def records(folder: Path) -> list[dict[str, Any]]:
    """Those of a run that may go on: its last line may not be whole yet."""
    path = folder / LOG
    data = path.read_bytes() if path.is_file() else b""
    return [format1.record(json.loads(line)) for line in _whole(data)]


def _whole(data: bytes) -> list[bytes]:
    """The lines that are records."""
    return [line for line in data.splitlines(keepends=True) if _is_record(line)]


def _mark(data: bytes) -> str:
    return xxh3_128(data).hexdigest()


def _is_record(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(record, dict) or not isinstance(format1.record(record).get("update"), int):
        return False
    return line.endswith(b"\n") and all(isinstance(value, int | float) for value in record.values())


def summary_writer() -> Any:
    """torch's `SummaryWriter`. Raises `UserError` if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            "TensorBoard is not installed. Install it with: pip install 'rhapsode[tensorboard]', or leave out "
            "--tensorboard; metrics.jsonl and loss.png are written anyway."
        ) from None
    return SummaryWriter


def draw(log: Log, path: Path, unit: str) -> None:
    """The loss curve as a PNG: training (dots: single records) and validation against seconds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    records = log.read()
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for key, style in (("train", "-"), ("valid", "o-")):
        points = [(r["seconds"], r[key]) for r in records if {key, "seconds"} <= r.keys()]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=key, linewidth=1, markersize=4)
    values = sorted(r["valid"] for r in records if "valid" in r)
    if values:
        axes.axhline(values[0], color="gray", linewidth=0.5)
        axes.annotate(
            f"best {values[0]:.3f}", (0.99, values[0]), xycoords=("axes fraction", "data"), ha="right", va="top"
        )
        axes.set_ylim(values[0] - 0.3, min(max(values), values[0] + max(1.0, abs(values[0]))) + 0.1)
    axes.set(xlabel="seconds of training", ylabel=f"nats per {unit}")
    axes.grid(alpha=0.3)
    axes.legend()
    drawn = BytesIO()
    FigureCanvasAgg(figure).print_figure(drawn, dpi=130, format="png")
    place(path, drawn.getvalue(), sync=False)
