"""Phones as three states one after another with Gaussians (Rabiner 1989), learnt from the utterances themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from rhapsode.modalities.speech.dtw import loud
from rhapsode.modalities.speech.mfcc import HOP, deltas
from rhapsode.modalities.speech.row import PhoneRow
from rhapsode.modalities.speech.trellis import NEVER, StateChain, best_paths

STATES = 3
REACH = 3
"""Frames to both sides over which slopes are taken."""
SHORTEST = 0.05
"""Seconds that a pause between words lasts at least."""
RARE = 10.0
"""Frames that the common spread counts for, in the spread of each Gaussian."""
FLOOR = 0.05
"""No spread is a smaller part of the common one."""
PAUSED = 0.1
"""How likely a pause between two words is."""


@dataclass(frozen=True)
class StateSums:
    """Of the frames of each of K states: counts [K], values [K, D], squares [K, D]; visits: [K], how often it began."""

    counts: np.ndarray
    values: np.ndarray
    squares: np.ndarray
    visits: np.ndarray

    def __add__(self, other: StateSums) -> StateSums:
        return StateSums(
            self.counts + other.counts,
            self.values + other.values,
            self.squares + other.squares,
            self.visits + other.visits,
        )


@dataclass(frozen=True)
class PhoneModel:
    """symbols: `STATES` states each. Of K states: means [K, D], variances [K, D]; stay: [K], how likely each lasts
    another frame."""

    symbols: tuple[str, ...]
    means: np.ndarray
    variances: np.ndarray
    stay: np.ndarray

    def scores(self, frames: np.ndarray) -> np.ndarray:
        """[T, K] float32: log-probability densities of frames [T, D]."""
        precision = 1 / self.variances
        flat = np.concatenate([self.means * precision, -0.5 * precision], axis=1)
        constant = 0.5 * np.sum(np.log(precision / (2 * np.pi)) - self.means**2 * precision, axis=1)
        both = np.concatenate([frames, frames * frames], axis=1, dtype=np.float32)
        return np.asarray(both @ flat.T.astype(np.float32) + constant.astype(np.float32))


def seen(frames: np.ndarray) -> np.ndarray:
    """[T, 3 D] float32: MFCCs [T, D] and slopes, less what is mean while someone speaks."""
    both = deltas(frames, REACH)
    return np.asarray(both - both[loud(frames)].mean(0))


def states(row: PhoneRow, symbols: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Of the row's states, [S] each: which of the model's it is, and to which of the row it belongs.

    A pause between words has as many as make it last `SHORTEST`.
    """
    number = {symbol: n for n, symbol in enumerate(symbols)}
    which = np.array([number[phone.symbol] for phone in row.phones])
    counts = np.where(row.optional, max(STATES, round(SHORTEST / HOP)), STATES)
    owner = np.repeat(np.arange(len(which)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which[owner] * STATES + place * STATES // counts[owner], owner


def chain(row: PhoneRow, model: PhoneModel) -> tuple[StateChain, np.ndarray]:
    """The row's states; and to which of the row each belongs."""
    emit, owner = states(row, model.symbols)
    stay = np.log(model.stay[emit])
    leave = np.log1p(-model.stay[emit])
    here = np.arange(len(emit))
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    # In a pause that has to last, only the last state may last on.
    held = row.optional[owner] & (np.diff(owner, append=len(row.phones)) == 0)
    stay[held], leave[held] = NEVER, 0
    enter = np.roll(leave, 1)
    enter[0] = NEVER
    pauses = np.flatnonzero(row.optional)
    enter[begins[pauses]] += np.log(PAUSED)
    past = np.full(len(emit), NEVER)
    over = here.copy()
    after = begins[pauses + 1]
    over[after] = begins[pauses] - 1
    past[after] = leave[over[after]] + np.log(1 - PAUSED)
    return StateChain(emit, np.stack([here, np.maximum(here - 1, 0), over]), np.stack([stay, enter, past])), owner


def divided(row: PhoneRow, durations: np.ndarray, symbols: tuple[str, ...]) -> np.ndarray:
    """[T]: the model's state of each frame, if each of the row lasts so many frames [U] and its states equally long."""
    number = {symbol: n for n, symbol in enumerate(symbols)}
    which = np.repeat([number[phone.symbol] for phone in row.phones], durations)
    place = np.arange(len(which)) - np.repeat(np.cumsum(durations) - durations, durations)
    return np.asarray(which * STATES + place * STATES // np.repeat(durations, durations))


def collect(frames: np.ndarray, labels: np.ndarray, size: int) -> StateSums:
    """frames: [T, D], the state of each [T]; size: K."""
    order = np.argsort(labels, kind="stable")
    there, begins = np.unique(labels[order], return_index=True)
    frames = frames[order].astype(np.float64)
    width = frames.shape[1]
    found = StateSums(
        np.bincount(labels, minlength=size).astype(float),
        np.zeros((size, width)),
        np.zeros((size, width)),
        np.bincount(labels[np.flatnonzero(np.diff(labels, prepend=-1))], minlength=size).astype(float),
    )
    found.values[there] = np.add.reduceat(frames, begins)
    found.squares[there] = np.add.reduceat(frames**2, begins)
    return found


def estimate(sums: StateSums, symbols: tuple[str, ...]) -> PhoneModel:
    """What fits the frames best; means and spreads of what is rare are drawn to the common ones."""
    counts = sums.counts[:, None]
    total = counts.sum()
    means = (sums.values + sums.values.sum(0) / total) / (counts + 1)
    within = sums.squares - 2 * means * sums.values + means**2 * counts
    common = within.sum(0) / total + 1e-6
    variances = (within + RARE * common) / (counts + RARE)
    stay = np.clip(1 - (sums.visits + 1) / (sums.counts + 4), 0.05, 0.98)
    return PhoneModel(symbols, means, np.maximum(variances, FLOOR * common), stay)


@dataclass(frozen=True)
class PassResult:
    """What one pass over some utterances found. Of each: durations [U], frames for each of its row; and lags, nats a
    spoken frame by which its phones are behind the best that any states could do, 0 or less. And sums of all."""

    durations: list[np.ndarray]
    lags: list[float]
    sums: StateSums


def hear(model: PhoneModel, rows: Sequence[PhoneRow], frames: Sequence[np.ndarray]) -> PassResult:
    """The best way through utterances, of frames [T, D] each, as `seen`; none may be too short for its states."""
    chains = [chain(row, model) for row in rows]
    scores = [model.scores(each) for each in frames]
    scores = [each - each.max(1, keepdims=True) for each in scores]
    paths, totals = best_paths([links for links, _ in chains], scores)
    assert (totals > NEVER).all()
    durations, lags, sums = [], [], []
    for row, each, (links, owner), score, path in zip(rows, frames, chains, scores, paths, strict=True):
        labels, whose = links.emit[path], owner[path]
        durations.append(np.bincount(whose, minlength=len(row.phones)))
        lags.append(float(score[np.arange(len(labels)), labels][~row.pauses[whose]].mean()))
        sums.append(collect(each, labels, len(model.stay)))
    return PassResult(durations, lags, reduce(StateSums.__add__, sums))
