"""What is measured of a tune, as sums that add up over a set of tunes. Drums are left out throughout.

Sources: Yang & Lerch, "On the evaluation of generative models in music" (2020): histograms of pitch classes, lengths,
intervals. Wu & Yang, "The Jazz Transformer on the front line" (2020): groove, entropy of pitch classes. Dong, Hsiao,
Yang & Yang, "MuseGAN" (2018): empty bars, pitch classes in a bar. Yeh et al., "Automatic melody harmonization with
triad chords" (2021): notes of the chord. The others are ours, and are said below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from rhapsode.modalities.music import chords
from rhapsode.modalities.music.keys import estimated, home
from rhapsode.modalities.music.tune import Metre, Tune, pitched
from rhapsode.modalities.music.voices import ERRORS, errors, four_parts, four_voices

HISTOGRAMS = {
    "pitch_classes": "pitch classes above the tonic",
    "intervals": "steps of the upper line",
    "lengths": "note lengths",
    "onsets": "onsets in the bar",
    "density": "notes in a bar",
}
"""pitch_classes: semitones above the tonic, 0 to 11, by notes.
intervals:     semitones from the highest note that begins at one time to that at the next.
lengths, onsets: in `PLACES` to a quarter; a length is at least 1, an onset is counted from the bar line.
density:         notes that begin in a bar, by bars."""
SHARES = {
    "full_bars": "bars of their full length",
    "downbeats": "bars begun by a note",
    "on_grid": "notes on the grid",
    "empty_bars": "empty bars",
    "repeated_bars": "bars heard before",
    "chord_tones": "notes of the chord",
    "out_of_scale": "notes outside the chord's scale",
}
"""full_bars:     bars that last as long as their metre says: not those cut short by the end or by another metre.
downbeats:     of bars in which notes begin, those in which one does on the bar line. A bar that was written too short
               or too long moves all that follows off its bar lines.
on_grid:       notes that begin on the coarsest grid that holds 99 % of the held-out notes, see `describe`.
empty_bars:    bars in which no note begins.
repeated_bars: of bars in which notes begin, those whose notes (onsets, lengths, pitches) an earlier bar has, too.
chord_tones, out_of_scale: of the notes that begin where a chord with a meaning is written, those whose pitch class is
               in the chord, and is not in `chords.scale`."""
MEANS = {
    "notes_per_bar": "notes in a bar",
    "pitch_classes_per_bar": "pitch classes in a bar",
    "entropy_1": "entropy of pitch classes, 1 bar (bits)",
    "entropy_4": "entropy of pitch classes, 4 bars (bits)",
    "groove": "groove, alike from bar to bar",
    "copied": "longest copy (notes)",
}
"""pitch_classes_per_bar, entropy_1, entropy_4: of the notes that begin in a bar, or in each four bars, where there are.
groove: 1 - the share of the `GROOVE` places a quarter of a bar that have an onset in one bar and not in the next; the
        mean over neighbouring bars of one length, one of which has notes (Wu & Yang compare all pairs of bars).
copied: what the function that is given says of a tune."""
FAULTS = dict(
    zip(ERRORS, ("parallel fifths", "parallel octaves", "crossed voices", "leaps", "wide spacing"), strict=True)
)
"""In 100 chord changes of tunes in four voices, see `voices.errors`."""
PLACES, GROOVE = 12, 4


@dataclass(frozen=True)
class Terms:
    """How tunes are measured: all that are compared in the same way, since a guess has errors that knowledge has not.

    keys:  the tonic is that of the tune's first key; else of the estimated one.
    parts: four parts are the four voices; else they are told by pitch.
    grid:  steps in a quarter; None to leave `on_grid` out.
    """

    keys: bool
    parts: bool
    grid: int | None

    @staticmethod
    def of(sets: Iterable[list[Tune]], grid: int | None) -> Terms:
        """Keys, if every tune has one; parts, if most tunes of every set have four."""
        sets = list(sets)
        keys = all(tune.keys for tunes in sets for tune in tunes)
        return Terms(keys, all(2 * sum(map(four_parts, tunes)) > len(tunes) for tunes in sets), grid)


@dataclass
class Sums:
    """rates: name → what is counted, and of how many. histograms: name → counts."""

    rates: dict[str, tuple[float, float]] = field(default_factory=dict)
    histograms: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in HISTOGRAMS})

    def count(self, name: str, part: float, whole: float) -> None:
        before = self.rates.get(name, (0.0, 0.0))
        self.rates[name] = before[0] + float(part), before[1] + float(whole)

    def rate(self, name: str) -> float | None:
        """None where there is nothing that it could be a rate of."""
        part, whole = self.rates.get(name, (0.0, 0.0))
        return part / whole if whole else None


def total(sums: Iterable[Sums]) -> Sums:
    found = Sums()
    for each in sums:
        for name, (part, whole) in each.rates.items():
            found.count(name, part, whole)
        for name, counts in each.histograms.items():
            found.histograms[name].update(counts)
    return found


def overlap(one: Counter[int], other: Counter[int]) -> float:
    """The area that two histograms share, each made to have area 1: 1 if they are alike, 0 if nothing is."""
    sizes = one.total(), other.total()
    if not all(sizes):
        return 0.0
    return sum(min(one[key] / sizes[0], other[key] / sizes[1]) for key in one.keys() & other.keys())


def measured(tune: Tune, terms: Terms, copied: Callable[[Tune], int] | None = None) -> Sums:
    found = Sums()
    if copied:
        found.count("copied", copied(tune), 1)
    tune = replace(tune, notes=pitched(tune))
    bars = np.array(tune.bars(), np.int64)
    if not len(bars):
        return found
    notes, starts = tune.notes, tune.notes["start"].astype(np.int64)
    sizes = _sizes(tune, bars)
    which = np.searchsorted(bars, starts, "right") - 1
    offsets, pitches = starts - bars[which], notes["pitch"].astype(np.int64) % 12
    density = np.bincount(which, minlength=len(bars))
    begun = int((density > 0).sum())
    tonic = (home(tune) if terms.keys else estimated(tune)).tonic
    found.histograms["pitch_classes"].update(((pitches - tonic) % 12).tolist())
    highest = notes["pitch"][np.flatnonzero(np.diff(starts, append=tune.length + 1))].astype(np.int64)
    found.histograms["intervals"].update(np.diff(highest).tolist())
    found.histograms["lengths"].update(np.maximum(_places(notes["length"], tune.ticks, PLACES), 1).tolist())
    found.histograms["onsets"].update(_places(offsets, tune.ticks, PLACES).tolist())
    found.histograms["density"].update(density.tolist())
    found.count("full_bars", (np.diff([*bars, tune.length]) == sizes).sum(), len(bars))
    found.count("downbeats", len(np.unique(which[offsets == 0])), begun)
    found.count("empty_bars", len(bars) - begun, len(bars))
    found.count("notes_per_bar", len(notes), len(bars))
    if terms.grid:
        found.count("on_grid", (starts * terms.grid % tune.ticks == 0).sum(), len(notes))
    for span, name in ((1, "entropy_1"), (4, "entropy_4")):
        table = np.zeros((len(bars) // span + 1, 12))
        np.add.at(table, (which // span, pitches), 1)
        table = table[table.any(axis=1)]
        found.count(name, _bits(table).sum(), len(table))
        if span == 1:
            found.count("pitch_classes_per_bar", (table > 0).sum(), len(table))
    found.count("groove", *_groove(which, _places(offsets, tune.ticks, GROOVE), _places(sizes, tune.ticks, GROOVE)))
    found.count("repeated_bars", _repeated(notes, which, offsets), begun)
    for pitch, harmony in _harmonies(tune, starts, pitches):
        found.count("chord_tones", pitch in harmony.tones, 1)
        found.count("out_of_scale", pitch not in chords.scale(harmony), 1)
    voices = four_voices(tune, terms.parts)
    if voices is not None:
        wrong, changes = errors(voices)
        for name, count in wrong.items():
            if name != "crossings" or terms.parts:
                found.count(name, 100 * count, changes)
    return found


def _sizes(tune: Tune, bars: np.ndarray) -> np.ndarray:
    """Ticks that each bar should have."""
    metres = [Metre(0, 4, 4), *tune.metres]
    sizes = np.array([max(metre.beats * 4 * tune.ticks // metre.unit, 1) for metre in metres])
    return np.asarray(sizes[np.searchsorted([metre.tick for metre in metres], bars, "right") - 1])


def _places(ticks: np.ndarray, quarter: int, places: int) -> np.ndarray:
    """The nearest of so many places in a quarter."""
    return np.asarray((2 * ticks.astype(np.int64) * places + quarter) // (2 * quarter))


def _bits(table: np.ndarray) -> np.ndarray:
    """Entropy [N] of each row of counts [N, 12]."""
    p = table / table.sum(axis=1, keepdims=True)
    return np.asarray(-(p * np.log2(np.where(p > 0, p, 1))).sum(axis=1))


def _groove(which: np.ndarray, places: np.ndarray, sizes: np.ndarray) -> tuple[float, int]:
    """The sum over pairs of neighbouring bars, and their number."""
    patterns = np.zeros((len(sizes), int(sizes.max()) + 1), bool)
    patterns[which, places] = True
    begun = np.asarray(patterns.any(axis=1))
    pairs = (sizes[1:] == sizes[:-1]) & (begun[1:] | begun[:-1])
    differ = np.logical_xor(patterns[1:], patterns[:-1]).sum(axis=1) / np.maximum(sizes[1:], 1)
    return float((1 - differ)[pairs].sum()), int(pairs.sum())


def _repeated(notes: np.ndarray, which: np.ndarray, offsets: np.ndarray) -> int:
    rows = np.stack([offsets, notes["length"], notes["pitch"]], axis=1)
    cuts = np.flatnonzero(np.diff(which)) + 1
    bars = [part.tobytes() for part in np.split(rows, cuts)] if len(rows) else []
    return len(bars) - len(set(bars))


def _harmonies(tune: Tune, starts: np.ndarray, pitches: np.ndarray) -> Iterator[tuple[int, chords.Harmony]]:
    """The pitch class of each note under a chord, and the chord."""
    at = np.searchsorted([chord.tick for chord in tune.chords], starts, "right") - 1
    known = [chords.parse(chord.symbol) if chords.is_known(chord.symbol) else None for chord in tune.chords]
    for n, pitch in zip(at.tolist(), pitches.tolist(), strict=True):
        harmony = known[n] if n >= 0 else None
        if harmony and harmony.root >= 0:
            yield pitch, harmony
