"""What instruments sound like: each as a sum of partials that come, and go, in their own time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rhapsode.modalities.music.tune import Part

BLOCK = 512
"""Samples that are made at a time."""
MOST = 60
"""Partials of a note."""
FAINT = 1e-3
"""Partials weaker than this, beside the strongest, are left out."""
LEVEL = 0.1
"""Root mean square of a note's beginning."""


@dataclass(frozen=True)
class Timbre:
    """How partials make up a sound. Partial k is at k times the pitch, but for `ratios` and `stretch`.

    slope:    its strength is k ** -slope,
    cutoff:   and falls by 1/e for each of so many Hz that it is high; more when a note is struck harder.
    attack, release: seconds that it takes to come, and to go when the key is let go.
    decay:    seconds in which the first partial of middle C falls to 1/e; 0: it stays as long as the key is held.
    even:     strength of the even partials beside the odd.
    pluck:    where on the string it is struck, which silences some partials; 0: nowhere.
    stretch:  stiffness of a string, which makes high partials sharp.
    detune:   cents between two strings or players that play the same.
    vibrato:  cents.
    formants: Hz near which a voice is strong.
    """

    slope: float
    cutoff: float
    attack: float
    release: float
    decay: float = 0.0
    even: float = 1.0
    pluck: float = 0.0
    stretch: float = 0.0
    detune: float = 0.0
    vibrato: float = 0.0
    ratios: tuple[float, ...] = ()
    formants: tuple[float, ...] = ()
    gain: float = 1.0


PIANO = Timbre(0.9, 2400, 0.002, 0.12, decay=1.3, pluck=1 / 8, stretch=3e-4, detune=0.7, gain=1.0)
ELECTRIC = Timbre(1.4, 2500, 0.003, 0.12, decay=1.2, ratios=(1, 2, 3, 7.1), detune=0.5, gain=1.0)
PLUCKED = Timbre(1.0, 2600, 0.002, 0.10, decay=0.8, pluck=1 / 5, stretch=5e-5, gain=1.1)
BASS = Timbre(1.2, 700, 0.005, 0.06, decay=1.0, pluck=1 / 6, stretch=1e-4, gain=1.6)
BELL = Timbre(0.6, 6000, 0.001, 0.5, decay=0.9, ratios=(1, 2.76, 5.4, 8.9), gain=0.9)
BARS = Timbre(1.3, 4000, 0.001, 0.3, decay=0.35, ratios=(1, 4, 10), gain=1.3)
ORGAN = Timbre(0.8, 4000, 0.012, 0.07, ratios=(1, 2, 3, 4, 6, 8), detune=1.0, gain=0.9)
STRINGS = Timbre(1.0, 2200, 0.07, 0.18, detune=5, vibrato=6)
SOLO = Timbre(0.95, 2600, 0.05, 0.12, vibrato=12, gain=0.9)
VOICE = Timbre(0.9, 4000, 0.06, 0.15, detune=6, vibrato=9, formants=(650, 1080, 2650), gain=0.8)
BRASS = Timbre(0.7, 1700, 0.04, 0.08, vibrato=3, gain=0.9)
REED = Timbre(0.9, 2200, 0.025, 0.06, even=0.25, vibrato=4, gain=0.9)
PIPE = Timbre(2.2, 3000, 0.045, 0.09, vibrato=8, gain=1.1)
PAD = Timbre(1.3, 1500, 0.2, 0.5, detune=7, gain=0.8)

FAMILIES = (
    PIANO, BARS, ORGAN, PLUCKED, BASS, SOLO, STRINGS, BRASS, REED, PIPE, REED, PAD, PAD, PLUCKED, BARS, PAD
)  # fmt: skip
"""Of General MIDI, eight programs each."""
OTHERS = {4: ELECTRIC, 5: ELECTRIC, 6: PLUCKED, 9: BELL, 10: BELL, 14: BELL, 45: PLUCKED, 46: PLUCKED, 47: BARS} | {
    program: VOICE for program in (52, 53, 54)
}
"""Programs that do not sound as the rest of their family."""


def timbre_of(part: Part) -> Timbre:
    """What a part that is not drums sounds like."""
    return OTHERS.get(part.program) or FAMILIES[min(max(part.program, 0), 127) // 8]


def frequency(pitch: float) -> float:
    """Hz; 69 is 440."""
    return float(440 * 2 ** ((pitch - 69) / 12))


def partials(timbre: Timbre, pitch: float, force: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Hz and strengths of a note's partials, both [K]; the strengths' squares sum to 1.

    force: from 0 to 1, how hard it is struck. highest: Hz, none is above.
    """
    k = np.arange(1, MOST + 1)
    ratios = np.array(timbre.ratios) if timbre.ratios else k * np.sqrt(1 + timbre.stretch * k**2)
    k = k[: len(ratios)]
    hertz = frequency(pitch) * ratios
    strength = k**-timbre.slope * np.exp(-hertz / (timbre.cutoff * (0.15 + 1.7 * force)))
    if timbre.even != 1:
        strength = strength * np.where(k % 2, 1, timbre.even)
    if timbre.pluck:
        strength = strength * np.maximum(np.abs(np.sin(np.pi * k * timbre.pluck)), 0.05)
    if timbre.formants:
        centres = np.array(timbre.formants)[:, None]
        near = np.exp(-0.5 * ((hertz - centres) / (80 + 0.1 * centres)) ** 2)
        strength = strength * (0.12 + np.sum(near / np.arange(1, len(centres) + 1)[:, None], axis=0))
    kept = (hertz < highest) & (strength > FAINT * strength[hertz < highest].max(initial=0))
    hertz, strength = hertz[kept], strength[kept]
    return hertz, strength / np.sqrt(np.sum(strength**2)) if len(strength) else strength


def fading(timbre: Timbre, pitch: float) -> float:
    """Seconds in which the first partial falls to 1/e: high strings are short ones. 0: it stays."""
    return timbre.decay * min(max(2 ** ((60 - pitch) / 20), 0.15), 3.0)


def tone(timbre: Timbre, pitch: float, force: float, samples: int, rate: int) -> np.ndarray:
    """One held note, float32 [at most `samples`]: shorter if it has died away by then."""
    hertz, strength = partials(timbre, pitch, force, min(0.45 * rate, 14_000))
    k = np.arange(1, len(hertz) + 1)
    last = fading(timbre, pitch)
    rates: np.ndarray = np.zeros(len(k))
    if last:
        samples = min(samples, round(12 * last * rate))
        rates = (1 + 0.3 * (k - 1)) / last
        # A string gives most of its sound soon, and the rest slowly.
        hertz, strength = twice(hertz), np.append(0.75 * strength, 0.25 * strength)
        rates = np.append(2 * rates, rates / 2)
    if timbre.detune:  # the second is the weaker, so that they never cancel
        apart = 2 ** (timbre.detune / 1200)
        hertz, strength = np.append(hertz, hertz * apart), np.append(0.9 * strength, 0.44 * strength)
        rates = twice(rates)
    # What comes slowly is all of it, less a copy that goes.
    hertz, strength, rates = twice(hertz), np.append(strength, -strength), np.append(rates, rates + 1 / timbre.attack)
    # Turns that differ keep the partials' crests apart; they are the same for a partial and its copies.
    phase = np.resize(2 * np.pi * 0.618034 * k**2, len(hertz))
    sound = _damped(hertz, rates, strength * (2**0.5 * LEVEL * timbre.gain), phase, samples, rate)
    if last:  # what is left is faint, but its end could be heard
        edge = min(round(0.1 * rate), len(sound))
        sound[len(sound) - edge :] *= np.linspace(1, 0, edge, dtype=np.float32)
    # Voices that sing together do not waver together.
    return _warped(sound, timbre.vibrato, 4.8 + 0.12 * (pitch % 7), rate) if timbre.vibrato else sound


def twice(values: np.ndarray) -> np.ndarray:
    """[2 n] of [n]."""
    return np.tile(values, 2)


def _damped(
    hertz: np.ndarray, rates: np.ndarray, strength: np.ndarray, phase: np.ndarray, samples: int, rate: int
) -> np.ndarray:
    """The sum of strength · exp(-rates t) · sin(2 pi hertz t + phase), float32 [samples].

    exp(z (a + b)) is exp(z a) exp(z b): with a over the blocks' beginnings and b within a block, the sum over the
    partials is a product of matrices.
    """
    z = (2j * np.pi * hertz - rates) / rate
    begins = np.arange(0, samples, BLOCK)
    coarse = (np.exp(np.outer(begins, z)) * (strength * np.exp(1j * phase))).astype(np.complex64)
    fine = np.exp(np.outer(z, np.arange(BLOCK))).astype(np.complex64)
    sound = coarse.real @ fine.imag + coarse.imag @ fine.real
    return np.asarray(sound.ravel()[:samples])


def _warped(sound: np.ndarray, cents: float, hertz: float, rate: int) -> np.ndarray:
    """With vibrato, which sets in when the note has begun: read a little later, now more, now less."""
    speed = 2 * np.pi * hertz / rate
    at = np.arange(len(sound), dtype=np.float64)
    depth = (2 ** (cents / 1200) - 1) / speed
    lag = depth * (1 - np.exp(-at / (0.35 * rate))) * (1 - np.cos(speed * at))
    return np.asarray(np.interp(at - lag, at, sound), np.float32)
