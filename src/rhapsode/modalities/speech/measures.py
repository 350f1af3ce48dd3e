"""How far one sound's acoustics are from another's, frame by frame.

Envelopes are power [N, bins], from 0 to half of the rate, evenly spaced (`Vocoder.envelope`). A mask [N] bool says
which frames count; who gives none counts silence, too. What no frame can tell is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.speech.acoustics import Acoustics
from rhapsode.modalities.speech.vocoders import vocoder

BINS = 513
"""Of envelopes that are compared."""
ORDER = 24
"""Of mel-cepstra."""
DECIBEL = 10 / np.log(10)


@dataclass(frozen=True)
class Distance:
    """What the functions below find, over `frames` frames; bap is NaN where vocoders differ or have no bands."""

    frames: int
    lsd_db: float
    mcd_db: float
    bap_db: float
    f0_rmse_hz: float
    f0_correlation: float
    voicing_error_percent: float


def compare(ours: Acoustics, theirs: Acoustics, speech: np.ndarray | None = None) -> Distance:
    """Frame n of ours beside frame n of theirs, whichever vocoders they are of.

    speech: [N], the frames that count. One may be two frames longer, the rest is left out. Raises `UserError`.
    """
    if (ours.rate, ours.hop) != (theirs.rate, theirs.hop):
        raise UserError(
            f"acoustics of {ours.rate} Hz every {ours.hop:g} s and {theirs.rate} Hz every {theirs.hop:g} s cannot be "
            "compared. Analyse both sounds at one rate."
        )
    count = min(len(ours), len(theirs), len(ours) if speech is None else len(speech))
    if max(len(ours), len(theirs), count if speech is None else len(speech)) > count + 2:
        raise UserError(
            f"{len(ours)} and {len(theirs)} frames cannot be compared one by one. "
            "Make the second with the first's durations."
        )
    kept = np.ones(count, bool) if speech is None else np.asarray(speech[:count], bool)
    one, two = (vocoder(each.vocoder).envelope(each, BINS)[:count] for each in (ours, theirs))
    same = ours.vocoder == theirs.vocoder and ours.aperiodicity.shape[1] == theirs.aperiodicity.shape[1] > 0
    f0 = ours.f0[:count], theirs.f0[:count]
    voiced = kept & (f0[0] > 0) & (f0[1] > 0)
    return Distance(
        int(kept.sum()),
        lsd(one, two, kept),
        mcd(mel_cepstrum(one, ours.rate), mel_cepstrum(two, ours.rate), kept),
        bap(ours.aperiodicity[:count], theirs.aperiodicity[:count], voiced) if same else float("nan"),
        f0_rmse(*f0, kept),
        f0_correlation(*f0, kept),
        voicing_error(*f0, kept),
    )


def speech(acoustics: Acoustics, below: float = 40.0) -> np.ndarray:
    """[N] bool: the frames that are at most `below` dB softer than the loudest. A mask for these measures."""
    power = vocoder(acoustics.vocoder).envelope(acoustics, BINS).mean(axis=1)
    return np.asarray(power >= power.max(initial=0) * 10 ** (-below / 10))


def lsd(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Log spectral distortion, dB (Rabiner & Juang 1993; Fan et al. 2014 report about 3.5 for generated speech).

    Of a frame, the root mean square over all bins of 10 log10(P1 / P2), level included; then the mean over frames.
    """
    return _mean(np.sqrt(np.mean((DECIBEL * np.log(ours / theirs)) ** 2, axis=1)), mask)


def mcd(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mel-cepstral distortion, dB (Kubichek 1993), of mel-cepstra [N, 1 + order]; level, which is c0, is left out.

    Of a frame, 10 / ln 10 * sqrt(2 * sum of squares of c1 - c1', c2 - c2' ...); then the mean over frames.
    """
    return _mean(DECIBEL * np.sqrt(2 * ((ours - theirs)[:, 1:] ** 2).sum(axis=1)), mask)


def bap(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Distortion of aperiodicity in bands [N, A], dB: of a frame, the root mean square over bands; mean over frames."""
    return _mean(np.sqrt(np.mean((ours - theirs) ** 2, axis=1)), mask)


def f0_rmse(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Root mean square difference, Hz, over frames that are voiced in both. F0 is [N] Hz, 0 where unvoiced."""
    return float(np.sqrt(_mean((ours - theirs) ** 2, _both(ours, theirs, mask))))


def f0_correlation(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Pearson's, of Hz, over frames that are voiced in both; NaN if one does not change."""
    kept = _both(ours, theirs, mask)
    if kept.sum() < 2 or min(np.ptp(ours[kept]), np.ptp(theirs[kept])) == 0:
        return float("nan")
    return float(np.corrcoef(ours[kept], theirs[kept])[0, 1])


def voicing_error(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Per cent of frames that are voiced in one only."""
    return 100 * _mean((ours > 0) != (theirs > 0), mask)


def mel_cepstrum(envelope: np.ndarray, rate: int, order: int = ORDER) -> np.ndarray:
    """Power [N, bins] → [N, 1 + order], such that ln |H(w)| = c0 + c1 cos w' + c2 cos 2 w' ..., where w' is w warped to
    about the mel scale by an all-pass filter (Tokuda et al. 1994). Much as SPTK's, but of a given envelope."""
    bins = envelope.shape[1]
    even = np.arange(bins) * np.pi / (bins - 1)
    at = _warped(even, -_alpha(rate)) / np.pi * (bins - 1)
    low = np.minimum(at.astype(np.intp), bins - 2)
    log = np.log(envelope)
    found = np.fft.irfft(log[:, low] * (1 - at + low) + log[:, low + 1] * (at - low))[:, : order + 1]
    found[:, 0] /= 2
    return np.asarray(found)


def matched(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features [N, D] and [M, D] → frames of each, side by side, along the path on which they differ least in sum:
    dynamic time warping. For sounds whose durations differ: `mcd(ours[i], theirs[j])`."""
    n, m = len(ours), len(theirs)
    squares = (ours**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1) - 2 * ours @ theirs.T
    cost = np.pad(np.sqrt(np.maximum(squares, 0)), ((1, 0), (1, 0)), constant_values=np.inf)
    cost[0, 0] = 0
    # Along an antidiagonal, no cell needs another.
    for total in range(2, n + m + 1):
        i = np.arange(max(1, total - m), min(n, total - 1) + 1)
        j = total - i
        cost[i, j] += np.minimum(cost[i - 1, j - 1], np.minimum(cost[i - 1, j], cost[i, j - 1]))
    path = []
    here = (n, m)
    while min(here):
        row, column = here[0] - 1, here[1] - 1
        path.append((row, column))
        here = min((row, column), (row, column + 1), (row + 1, column), key=lambda at: float(cost[at]))
    found = np.array(path[::-1], np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _mean(each: np.ndarray, mask: np.ndarray | None) -> float:
    kept = each if mask is None else each[mask]
    return float(kept.mean()) if len(kept) else float("nan")


def _both(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    voiced = (ours > 0) & (theirs > 0)
    return voiced if mask is None else voiced & mask


def _warped(w: np.ndarray, alpha: float | np.ndarray) -> np.ndarray:
    return np.asarray(w + 2 * np.arctan(alpha * np.sin(w) / (1 - alpha * np.cos(w))))


@cache
def _alpha(rate: int) -> float:
    """Of the all-pass filter that is nearest to the mel scale of Fant, log(1 + f / 1000): 0.42 at 16 kHz."""
    w = np.linspace(0, np.pi, 257)
    mel = np.log1p(w / np.pi * rate / 2000)
    tried = np.arange(100)[:, None] / 100
    return float(tried[((_warped(w, tried) / np.pi - mel / mel[-1]) ** 2).sum(axis=1).argmin(), 0])
