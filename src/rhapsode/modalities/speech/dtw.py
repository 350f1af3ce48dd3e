"""A recording is laid beside a rendering of the same phones whose times are known (Sakoe & Chiba 1978).

Frames of the rendering may last or be passed over; its pauses are left out, and the recording may be silent between
any two words.
"""

from __future__ import annotations

import numpy as np

from rhapsode.modalities.speech.mfcc import HOP, deltas
from rhapsode.modalities.speech.row import PhoneRow
from rhapsode.modalities.speech.trellis import NEVER, StateChain, best_paths

BEND = 3.0
"""What it costs that a frame lasts or is passed over, in nats."""
HUSH = 4.0
"""What a silence costs."""
EVERY = 2
"""Of so many frames one is used: times become finer later on."""


def loud(frames: np.ndarray) -> np.ndarray:
    """[T] bool: where someone speaks, by loudness alone. frames: [T, D], loudness first."""
    low, high = np.quantile(frames[:, 0], [0.05, 0.95])
    return np.asarray(frames[:, 0] >= low + 0.35 * (high - low))


def even(row: PhoneRow, frames: np.ndarray) -> np.ndarray:
    """[U] frames for each of the row: phones of one length from the first loud frame to the last."""
    spoken = np.flatnonzero(loud(frames))
    phones = ~row.pauses
    edges = np.linspace(spoken[0], spoken[-1] + 1, phones.sum() + 1).round().astype(int)
    found = np.zeros(len(phones), int)
    found[phones] = np.diff(edges)
    found[0], found[-1] = edges[0], len(frames) - edges[-1]
    return found


def warp(row: PhoneRow, frames: np.ndarray, rendering: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[U] frames for each of the row.

    frames, rendering: MFCCs [T, D] of the recording and of what was rendered; times: [U, 2] seconds, from when to when
    each of the row is heard in the rendering.
    """
    owners, total = _path(row, frames, rendering, times)
    if total <= NEVER:
        return even(row, frames)
    edges = np.searchsorted(owners, np.arange(len(row.phones) + 1))
    edges = np.minimum(edges * EVERY, len(frames))
    edges[-1] = len(frames)
    return np.diff(edges)


def likeness(row: PhoneRow, frames: np.ndarray, rendering: np.ndarray, times: np.ndarray) -> float:
    """How like one another they are, laid so: nats a frame, below 0. Arguments are those of `warp`."""
    return _path(row, frames, rendering, times)[1] / max(len(frames) // EVERY, 1)


def _path(row: PhoneRow, frames: np.ndarray, rendering: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, float]:
    """To which of the row every `EVERY`th frame belongs, and how likely that is, in nats."""
    first, last = times[:, 0] / HOP, times[:, 1] / HOP
    phones = np.flatnonzero(~row.pauses)
    spoken = loud(frames)
    ratio = (last - first)[phones].sum() / max(spoken.sum(), 1) * EVERY
    # One frame at a time may be passed over: two are enough for a phone not to be lost.
    counts = np.maximum(np.rint((last - first)[phones] / ratio), 2).astype(int)
    owner = np.repeat(phones, counts)
    inside = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    at = first[owner] + (inside + 0.5) / np.repeat(counts, counts) * (last - first)[owner]
    drawn = _between(_alike(rendering, loud(rendering)), at)
    heard = _alike(frames, spoken)
    hush = heard[frames[:, 0] <= np.quantile(frames[:, 0], 0.05)].mean(0)
    heard = heard[::EVERY]
    known = np.concatenate([drawn, hush[None]])
    scores = heard @ known.T - 0.5 * np.sum(heard**2, axis=1)[:, None] - 0.5 * np.sum(known**2, axis=1)
    chain, owner = _chain(row, owner)
    paths, totals = best_paths([chain], [scores.astype(np.float32)])
    return owner[paths[0]], float(totals[0])


def _alike(frames: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """[T, 2 D]: frames and their slopes, with the mean and spread that they have where someone speaks made 0 and 1."""
    both = deltas(frames)[:, : 2 * frames.shape[1]].astype(np.float64)
    return np.asarray((both - both[spoken].mean(0)) / (both[spoken].std(0) + 1e-3))


def _between(frames: np.ndarray, at: np.ndarray) -> np.ndarray:
    """[N, D]: frames [T, D] at places between them."""
    at = np.clip(at, 0, len(frames) - 1.001)
    low = at.astype(int)
    part = (at - low)[:, None]
    return np.asarray(frames[low] * (1 - part) + frames[low + 1] * part)


def _chain(row: PhoneRow, owner: np.ndarray) -> tuple[StateChain, np.ndarray]:
    """The rendering's frames in order, of which each belongs to `owner` of the row, with silences before, after and
    between words; and to which of the row each state belongs."""
    silences = np.flatnonzero(row.pauses)
    order = np.argsort(np.concatenate([owner, silences]), kind="stable")
    states = np.concatenate([owner, silences])[order]
    silent = row.pauses[states]
    here = np.arange(len(states))
    emit = np.where(silent, len(owner), np.cumsum(~silent) - 1)
    # The frames before each, silences not counted.
    frame = np.flatnonzero(~silent)
    rank = np.cumsum(~silent) - 1
    back = [np.where(rank - n >= 0, frame[np.maximum(rank - n, 0)], here) for n in (1, 2)]
    may = [~silent & (rank >= n) for n in (1, 2)]
    after = np.zeros(len(states), bool)
    after[1:] = silent[:-1] & ~silent[1:]
    enters = silent & (rank >= 0)
    sources = np.stack([here, np.where(silent, np.where(enters, here - 1, here), back[0]), back[1], here - after])
    costs = np.stack(
        [
            np.where(silent, 0, -BEND),
            np.where(may[0], 0, np.where(enters, -HUSH, NEVER)),
            np.where(may[1], -BEND, NEVER),
            np.where(after, 0, NEVER),
        ]
    )
    return StateChain(emit, sources, costs), states
