"""What is known of a tune is kept when it is drawn, however badly the model draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.errors import UserError
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model
from rhapsode.modalities.music.keys import home, natural
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.tune import NOTE, Metre, Tune, rescaled, transposed
from tests.modalities.music.score import BARS, lead, quartet, sung, untrained

BAR = 3 * 24
IN_D = {1, 2, 4, 6, 7, 9, 11}
"""Pitch classes of D major."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    found = {}
    for name in ("melody", "abc", "chorale", "performance", "pianoroll"):
        tunes = [quartet(n) if name == "chorale" else lead(n) for n in range(6)]
        codec = registry.get("codec", name).fit(lambda tunes=tunes: iter(tunes))
        found[name] = untrained(codec, tmp_path_factory.mktemp(name))
    return found


@pytest.fixture(params=["melody", "abc"])
def singer(made: dict[str, Model], request: pytest.FixtureRequest) -> Model:
    return made[request.param]


def plain(model: Model, sample: Sample) -> Tune:
    """As the steps alone say it, in the key without accidentals."""
    found: Tune = model.record_codec.decode(sample.steps)
    return found


def classes(sample: Sample) -> set[int]:
    return set((sample.record.notes["pitch"] % 12).tolist())


def same_bars(found: Tune, wanted: Tune, bars: set[int], bar: int, part: int = 0) -> None:
    """In these bars the same sounds; and begins where it did, but for what was held on from another bar."""
    length = BARS * bar
    pitches, expected = sung(found, length, part), sung(wanted, length, part)
    for at in bars:
        assert pitches[at * bar : (at + 1) * bar] == expected[at * bar : (at + 1) * bar]
        starts = [set(each.notes["start"][each.notes["part"] == part].tolist()) for each in (found, wanted)]
        inside = set(range(at * bar + 1, (at + 1) * bar))
        assert starts[0] & inside == starts[1] & inside


def test_bars_are_full_and_as_many_as_asked_for(singer: Model) -> None:
    silent = replace(lead(1), notes=np.zeros(0, NOTE))
    for outline in (lead(1), silent, replace(silent, chords=())):
        for sample in singer.generate(outline=Outline(outline), samples=3, seed=1):
            assert sample.stopped == "end"
            assert sample.record.length == BARS * BAR
            # There would be more, if bars were read that are too long or too short.
            assert plain(singer, sample).metres == (Metre(0, 3, 4),)
            if singer.codec.name == "melody":
                lengths = [singer.record_codec.repertoire.lengths[place] for place in sample.steps[:-1, -1]]  # type: ignore[attr-defined]
                assert set(range(0, BARS * BAR + 1, BAR)) <= {0, *np.cumsum(lengths).tolist()}
    [usual] = singer.generate(seed=2)
    assert usual.record.length == BARS * BAR  # as the tunes it was fitted on


def test_harmony_is_kept(singer: Model) -> None:
    outline = Outline(lead(2))
    for sample in singer.generate(outline=outline, samples=3, seed=3):
        assert plain(singer, sample).chords == natural(lead(2), 24).chords
        assert sample.record.chords == lead(2).chords
    free = singer.generate(outline=Outline(replace(lead(2), chords=())), samples=3, seed=3)
    assert len({sample.record.chords for sample in free}) == 3


def test_notes_of_the_key(singer: Model) -> None:
    for key in (False, True):
        samples = singer.generate(outline=Outline(lead(2), in_key=key), samples=3, seed=4)
        assert any(classes(sample) - IN_D for sample in samples) == (not key)


@pytest.mark.parametrize("particles", [1, 6])
@pytest.mark.parametrize("bars", [{1}, {0, 2}, set()])
@pytest.mark.parametrize("name", ["melody", "abc", "pianoroll"])
def test_bars_are_kept(made: dict[str, Model], name: str, bars: set[int], particles: int) -> None:
    model = made[name]
    grid = model.record_codec.grid  # type: ignore[attr-defined]
    wanted = rescaled(lead(4), grid)
    found = model.generate(outline=Outline(lead(4), bars=frozenset(bars)), samples=2, seed=5, particles=particles)
    for sample in found:
        same_bars(sample.record, wanted, set(range(BARS)) - bars, 3 * grid)
        assert sample.record.length == BARS * 3 * grid
        assert (sung(sample.record, BARS * 3 * grid) == sung(wanted, BARS * 3 * grid)) == (not bars)
    if not bars:
        assert len(found[0].record) == len(wanted)


@pytest.mark.parametrize("name", ["melody", "abc", "chorale", "performance", "pianoroll"])
def test_what_cannot_be_read_is_not_scored(made: dict[str, Model], name: str) -> None:
    tune = quartet(0) if name == "chorale" else lead(0)
    for by in (40, -36):
        with pytest.raises(UserError, match=f"{tune.name}: a tune with notes beyond the range"):
            list(made[name].score_records([transposed(tune, by)]))
        with pytest.raises(UserError, match="style: a tune with notes beyond the range"):
            made[name].generate(style=transposed(tune, by))


def test_what_cannot_be_kept(made: dict[str, Model], singer: Model) -> None:
    with pytest.raises(UserError, match="beyond the range.*Transpose"):
        singer.generate(outline=Outline(transposed(lead(0), 24), bars=frozenset({1})))
    singer.generate(outline=Outline(transposed(lead(0), 24)), seed=1)  # its notes do not matter
    with pytest.raises(UserError, match=r"never seen the metre 5/8. It can write 3/4"):
        made["abc"].generate(outline=Outline(replace(lead(0), metres=(Metre(0, 5, 8),))))
    with pytest.raises(UserError, match="voice 1 has notes beyond the range.*Transpose"):
        made["chorale"].generate(outline=Outline(transposed(quartet(0), 24), parts=frozenset({1, 2, 3})))
    for name, tune in (("pianoroll", lead(0)), ("chorale", quartet(0))):
        for by in (36, -36):
            with pytest.raises(UserError, match="beyond the range.*Transpose"):
                made[name].generate(outline=Outline(transposed(tune, by), bars=frozenset({1})))
            made[name].generate(outline=Outline(transposed(tune, by)), seed=1, length=4)
    with pytest.raises(UserError, match="none can be kept"):
        made["performance"].generate(outline=Outline(lead(0), bars=frozenset({1})))


@pytest.mark.parametrize("particles", [1, 6])
def test_voices_and_bars_of_a_chorale_are_kept(made: dict[str, Model], particles: int) -> None:
    model, wanted, everything = made["chorale"], rescaled(quartet(3), 4), set(range(BARS))
    for bars, parts in (({0, 1, 2, 3}, {1, 2, 3}), ({1, 2}, {0, 1, 2, 3}), ({1}, {0, 3})):
        outline = Outline(quartet(3), bars=frozenset(bars), parts=frozenset(parts))
        for sample in model.generate(outline=outline, samples=2, seed=6, particles=particles):
            assert len(sample.steps) == sample.record.length == BARS * 16
            for part in range(4):
                drawn = bars if part in parts else set()
                same_bars(sample.record, wanted, everything - drawn, 16, part)
                same = sung(sample.record, BARS * 16, part) == sung(wanted, BARS * 16, part)
                assert same == (not drawn)


def test_chords_of_a_chorale_are_in_key(made: dict[str, Model]) -> None:
    for key in (False, True):
        [sample] = made["chorale"].generate(outline=Outline(quartet(3), in_key=key), seed=7)
        assert bool(classes(sample) - {0, 2, 4, 5, 7, 9, 11}) == (not key)


def test_a_tune_that_says_no_key_is_in_the_one_that_is_guessed(made: dict[str, Model]) -> None:
    silent = replace(lead(4), keys=(), chords=())
    assert (home(silent).sharps, home(silent).mode) == (2, 9)
    scale = IN_D | {10}  # B minor with its leading note
    for name in ("pianoroll", "performance"):
        for key in (False, True):
            samples = made[name].generate(outline=Outline(silent, in_key=key), samples=3, seed=1)
            assert any(classes(one) - scale for one in samples) == (not key)


def test_a_performance_ends_when_it_should(made: dict[str, Model]) -> None:
    for sample in made["performance"].generate(outline=Outline(lead(1), in_key=True), samples=3, seed=8):
        assert sample.stopped == "end"
        assert sample.record.seconds == pytest.approx(lead(1).seconds, abs=0.01)
        assert len(sample.record) and not classes(sample) - IN_D
    [short] = made["performance"].generate(length=40, seed=9)
    assert len(short.steps) == 40 and short.stopped == "length"
