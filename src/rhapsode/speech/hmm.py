"""Phones as three states one after another with Gaussians (Rabiner 1989), learnt from the utterances themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from rhapsode.speech.mfcc import HOP
from rhapsode.speech.row import Row
from rhapsode.speech.trellis import NEVER, Chain, best_paths
from rhapsode.speech.utterance import PAUSE

STATES = 3
SHORTEST = 0.05
"""Seconds that a pause between words lasts at least."""
RARE = 10.0
"""Frames that the common spread counts for, in the spread of each Gaussian."""
FLOOR = 0.05
"""No spread is a smaller part of the common one."""
PAUSED = 0.1
"""How likely a pause between two words is."""


@dataclass(frozen=True)
class Sums:
    """Of frames: counts [K, M], values [K, M, D], squares [K, M, D]; visits: [K], how often each state was entered."""

    counts: np.ndarray
    values: np.ndarray
    squares: np.ndarray
    visits: np.ndarray

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.counts + other.counts,
            self.values + other.values,
            self.squares + other.squares,
            self.visits + other.visits,
        )


@dataclass(frozen=True)
class Model:
    """symbols: `STATES` states each, the pause first. Of K states with M Gaussians: weights [K, M], means [K, M, D],
    variances [K, M, D]; stay: [K], how likely each lasts another frame."""

    symbols: tuple[str, ...]
    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    stay: np.ndarray

    def densities(self, frames: np.ndarray) -> np.ndarray:
        """[T, K, M] float32: log-probability densities of frames [T, D], with the weights."""
        precision = 1 / self.variances
        size = self.means.shape[-1]
        flat = np.concatenate([self.means * precision, -0.5 * precision], axis=2).reshape(-1, 2 * size)
        constant = np.log(self.weights) + 0.5 * np.sum(np.log(precision) - self.means**2 * precision, axis=2)
        constant -= 0.5 * size * np.log(2 * np.pi)
        both = np.concatenate([frames, frames * frames], axis=1, dtype=np.float32)
        found = both @ flat.T.astype(np.float32) + constant.reshape(-1).astype(np.float32)
        return np.asarray(found.reshape(len(frames), *constant.shape))


def mixed(densities: np.ndarray) -> np.ndarray:
    """[T, K]: of `Model.densities`, all Gaussians of a state together."""
    if densities.shape[2] == 1:
        return densities[:, :, 0]
    top = densities.max(2)
    return np.asarray(top + np.log(np.exp(densities - top[:, :, None]).sum(2)))


def states(row: Row, symbols: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Of the row's states, [S] each: which of the model's it is, and to which of the row it belongs.

    A pause between words has as many as make it last `SHORTEST`.
    """
    number = {symbol: n for n, symbol in enumerate(symbols)}
    which = np.array([number[phone.symbol] for phone in row.phones])
    counts = np.where(row.optional, max(STATES, round(SHORTEST / HOP)), STATES)
    owner = np.repeat(np.arange(len(which)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which[owner] * STATES + place * STATES // counts[owner], owner


def chain(row: Row, model: Model) -> tuple[Chain, np.ndarray]:
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
    return Chain(emit, np.stack([here, np.maximum(here - 1, 0), over]), np.stack([stay, enter, past])), owner


def divided(row: Row, durations: np.ndarray, symbols: tuple[str, ...]) -> np.ndarray:
    """[T]: the model's state of each frame, if each of the row lasts so many frames [U] and its states equally long."""
    number = {symbol: n for n, symbol in enumerate(symbols)}
    which = np.repeat([number[phone.symbol] for phone in row.phones], durations)
    place = np.arange(len(which)) - np.repeat(np.cumsum(durations) - durations, durations)
    return np.asarray(which * STATES + place * STATES // np.repeat(durations, durations))


def collect(frames: np.ndarray, labels: np.ndarray, shares: np.ndarray, size: int) -> Sums:
    """frames: [T, D], the state of each [T], and how much of it each of its Gaussians has [T, M]; size: K."""
    order = np.argsort(labels, kind="stable")
    there, begins = np.unique(labels[order], return_index=True)
    frames, shares = frames[order].astype(np.float64), shares[order].astype(np.float64)
    width, count = frames.shape[1], shares.shape[1]
    found = Sums(
        np.zeros((size, count)), np.zeros((size, count, width)), np.zeros((size, count, width)), np.zeros(size)
    )
    found.counts[there] = np.add.reduceat(shares, begins)
    for m in range(count):
        part = frames * shares[:, m : m + 1]
        found.values[there, m] = np.add.reduceat(part, begins)
        found.squares[there, m] = np.add.reduceat(part * frames, begins)
    entered = np.flatnonzero(np.diff(labels, prepend=-1))
    np.add.at(found.visits, labels[entered], 1)
    return found


def estimate(sums: Sums, symbols: tuple[str, ...]) -> Model:
    """What fits the frames best; spreads of what is rare are drawn to the common one."""
    counts = sums.counts.sum(1)
    total = counts.sum()
    centre = sums.values.sum((0, 1)) / total
    # The common spread is that within states.
    means = (sums.values + centre) / (sums.counts + 1)[:, :, None]
    within = sums.squares - 2 * means * sums.values + means**2 * sums.counts[:, :, None]
    common = within.sum((0, 1)) / total + 1e-6
    variances = (within + RARE * common) / (sums.counts + RARE)[:, :, None]
    weights = (sums.counts + 1) / (sums.counts + 1).sum(1, keepdims=True)
    stay = np.clip(1 - (sums.visits + 1) / (counts + 4), 0.05, 0.98)
    return Model(symbols, weights, means, np.maximum(variances, FLOOR * common), stay)


def split(model: Model) -> Model:
    """Twice as many Gaussians, each a little beside where one was."""
    aside = 0.3 * np.sqrt(model.variances)
    return Model(
        model.symbols,
        np.concatenate([model.weights, model.weights], axis=1) / 2,
        np.concatenate([model.means - aside, model.means + aside], axis=1),
        np.concatenate([model.variances, model.variances], axis=1),
        model.stay,
    )


@dataclass(frozen=True)
class Heard:
    """What one pass over some utterances found: of each, frames for each of its row, and its fit; and sums."""

    durations: list[np.ndarray]
    fits: list[float]
    sums: Sums


def hear(model: Model, rows: list[Row], frames: list[np.ndarray]) -> Heard:
    """The best way through utterances, of frames [T, D] each. fit: nats a spoken frame by which the phones fall behind
    the best that any states could do; minus infinity if it is too short for its phones."""
    chains, scores, densities, labels, shares = [], [], [], [], []
    for row, each in zip(rows, frames, strict=True):
        found = model.densities(each)
        score = mixed(found)
        scores.append(score - score.max(1, keepdims=True))
        densities.append(found)
        chains.append(chain(row, model))
    paths, totals = best_paths([each for each, _ in chains], scores)
    durations, fits = [], []
    for row, (links, owner), path, total, score, found in zip(rows, chains, paths, totals, scores, densities, strict=True):
        whose = owner[path]
        durations.append(np.bincount(whose, minlength=len(row.phones)))
        at = links.emit[path]
        spoken = ~row.pauses[whose]
        lag = score[np.arange(len(at)), at][spoken]
        fits.append(float(lag.mean()) if total > NEVER else -np.inf)
        labels.append(at)
        own = found[np.arange(len(at)), at]
        own = np.exp(own - own.max(1, keepdims=True))
        shares.append(own / own.sum(1, keepdims=True))
    size = len(model.stay)
    sums = [
        collect(each, label, share, size)
        for each, label, share, total in zip(frames, labels, shares, totals, strict=True)
        if total > NEVER
    ]
    return Heard(durations, fits, reduce(Sums.__add__, sums))
