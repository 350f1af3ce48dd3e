"""Speech as a picture: PNG, and lines for a terminal."""

from __future__ import annotations

import io
import textwrap
import warnings
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.speech.acoustics import Acoustics, around, checked
from rhapsode.modalities.speech.utterance import PAUSE, Sound, Spoken
from rhapsode.modalities.speech.vocoders import vocoder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 60
"""Seconds that fit in a picture, the first ones."""
INCHES = 2.2
"""Of a second."""
LETTERS = 11
"""Of the title in an inch."""
HIGHEST = 8000
"""Hz, of the spectrogram."""
WINDOW, STEP = 0.02, 0.0025
"""Seconds, of a spectrogram's column: short, so that phones are seen rather than harmonics."""
RANGE = 65
"""dB, from black to white."""
INK, LINE, VOICE = "#222222", "#8a8a8a", "#d1495b"
BLOCKS = " ▁▂▃▄▅▆▇█"
ROWS = 3
"""Of the contour of F0 in a terminal."""


def picture(utterance: Spoken) -> bytes:
    """A PNG: waveform, spectrogram with F0 over it, phones between their times and words below them; of a minute at
    most.

    The same input gives the same file with the same version of matplotlib. Raises `UserError`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    whole = utterance.sound()
    sound = checked(Sound(whole.samples[: LONGEST * whole.rate], whole.rate))
    if not len(sound.samples):
        raise UserError("a picture of no sound cannot be made.")
    if len(utterance.times) != len(utterance) + 1:
        raise UserError(f"{len(utterance)} phones need {len(utterance) + 1} times; here are {len(utterance.times)}.")
    width = min(max(INCHES * sound.seconds, 7), 80)
    figure = Figure(figsize=(width, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    named = len(utterance) > 0
    above, middle, *below = figure.subplots(
        2 + named, 1, sharex=True, gridspec_kw={"height_ratios": (1, 3, 0.5)[: 2 + named]}
    )
    at = np.arange(len(sound.samples)) / sound.rate
    above.plot(at, sound.samples, color=INK, linewidth=0.4)
    above.set(xlim=(0, sound.seconds), ylim=(-1, 1) if np.abs(sound.samples).max() > 0.5 else None, yticks=(0,))
    title = textwrap.shorten(utterance.text, round(LETTERS * width), placeholder=" …")
    above.set_title(title, fontsize=10, parse_math=False)
    power, top = _spectrogram(sound)
    middle.imshow(
        power, origin="lower", aspect="auto", cmap="gray_r", vmin=power.max() - RANGE, vmax=power.max(),
        extent=(-STEP / 2, (power.shape[1] - 0.5) * STEP, 0, top / 1000), interpolation="bilinear",
    )  # fmt: skip
    middle.set(xlim=(0, sound.seconds), ylabel="kHz")
    acoustics = utterance.acoustics()
    if acoustics.voiced.any():
        right = middle.twinx()
        f0 = np.where(acoustics.voiced, acoustics.f0, np.nan)
        right.plot(np.arange(len(f0)) * acoustics.hop, f0, color=VOICE, linewidth=1.6)
        right.set_xlim(0, sound.seconds)
        right.set_ylim(0, max(400, 1.1 * float(acoustics.f0.max())))
        right.set_ylabel("F0 in Hz", color=VOICE)
        right.tick_params(colors=VOICE)
    if below:
        _phones(below[0], utterance, sound.seconds)
        for time in utterance.times[utterance.times <= sound.seconds].tolist():
            middle.axvline(time, color=LINE, linewidth=0.6, alpha=0.8)
    (below[0] if below else middle).set_xlabel("seconds")
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a phone's symbol that the font has not
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def preview(acoustics: Acoustics, columns: int = 72) -> str:
    """F0 and energy as bars of block characters, `columns` wide or less: four lines, and one that says their scales."""
    if not 8 <= columns <= 1000:
        raise UserError(f"a preview in {columns} columns: 8 to 1000 are possible.")
    count = len(acoustics)
    if not count:
        return "no sound\n"
    columns = min(columns, count)
    parts = np.array_split(np.arange(count), columns)
    line = np.log(np.maximum(acoustics.f0, 1))
    mostly = np.array([2 * int(acoustics.voiced[part].sum()) >= len(part) for part in parts])
    f0 = np.array(
        [line[part][acoustics.voiced[part]].mean() if on else 0 for part, on in zip(parts, mostly, strict=True)]
    )
    power = vocoder(acoustics.vocoder).envelope(acoustics, 65).mean(axis=1)
    energy = 10 * np.log10(np.array([power[part].mean() for part in parts]))
    low, high = (float(np.exp(edge(f0[mostly]))) if mostly.any() else 0.0 for edge in (np.min, np.max))
    tall = np.where(mostly, 1 + _scaled(f0, np.log(max(low, 1)), np.log(max(high, 1))) * (8 * ROWS - 1), 0)
    loud = _scaled(energy, energy.max() - 50, energy.max()) * 8
    rows = [tall - 8 * row for row in reversed(range(ROWS))] + [loud]
    text = ["".join(BLOCKS[int(n)] for n in np.clip(np.rint(row), 0, 8)) for row in rows]
    voice = f"F0 {low:.0f} to {high:.0f} Hz" if mostly.any() else "no voice"
    text.append(f"{voice}, energy 50 dB, {acoustics.seconds:.2f} s")
    return "".join(f"{row.rstrip()}\n" for row in text)


def _spectrogram(sound: Sound) -> tuple[np.ndarray, float]:
    """dB [bins, columns], and Hz of the highest bin."""
    length = round(WINDOW * sound.rate)
    middle = np.rint(np.arange(0, sound.seconds, STEP) * sound.rate).astype(np.intp)
    size = 2 << (length - 1).bit_length()
    kept = int(min(HIGHEST, sound.rate / 2) * size / sound.rate) + 1
    # Speech falls with frequency: what is high is raised, to be seen.
    raised = np.append(sound.samples[:1], sound.samples[1:] - 0.95 * sound.samples[:-1])
    power = np.abs(np.fft.rfft(around(raised, middle, length) * np.hanning(length), size)[:, :kept].T) ** 2
    return 10 * np.log10(np.maximum(power, 1e-12)), (kept - 1) * sound.rate / size


def _phones(axes: Axes, utterance: Spoken, end: float) -> None:
    """Those that begin before `end`."""
    times = utterance.times.tolist()
    axes.set(ylim=(0, 2), yticks=())
    for phone, start, stop in zip(utterance.phones, times[:-1], times[1:], strict=True):
        if start >= end:
            break
        axes.plot((start, start), (1, 2), color=LINE, linewidth=0.6)
        _text(axes, (start + stop) / 2, 1.5, "" if phone.symbol == PAUSE else phone.symbol, phone.stress > 0)
    for start, stop, word in utterance.words():
        if word and start < end:
            axes.plot((start, start, stop, stop), (0.9, 0.1, 0.1, 0.9), color=LINE, linewidth=0.6)
            _text(axes, (start + stop) / 2, 0.5, word, False)


def _text(axes: Axes, x: float, y: float, text: str, bold: bool) -> None:
    weight = "bold" if bold else "normal"
    axes.text(x, y, text, ha="center", va="center", fontsize=8, fontweight=weight, parse_math=False, clip_on=True)


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 at `low` and below, 1 at `high` and above; a half where they are one."""
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.full(len(values), 0.5)
