"""What every codec of tunes must do, whatever it was trained on and whatever it is given."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.data.guide import along
from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.codecs._usual import Usual
from rhapsode.modalities.music.formats import midi
from rhapsode.modalities.music.tune import Metre, Part, Tempo, Tune, separate, transposed
from rhapsode.steps.sets import Sets
from rhapsode.steps.symbols import Symbols
from rhapsode.steps.tuples import Tuples
from tests.modalities.music.score import lead, quartet

MADE = {"chorale": quartet}
"""What makes the tunes of a codec that has no use for melodies."""
NAMES = [name for name in registry.names("codec") if issubclass(registry.get("codec", name), TuneCodec)]


def tunes(name: str) -> list[Tune]:
    return [MADE.get(name, lead)(number) for number in range(6)]


@cache
def fitted(name: str) -> TuneCodec:
    found: TuneCodec = registry.get("codec", name).fit(lambda: iter(tunes(name)))
    return found


@pytest.fixture(params=NAMES)
def codec(request: pytest.FixtureRequest) -> TuneCodec:
    return fitted(request.param)


def heard(tune: Tune) -> list[tuple[float, float, int]]:
    """Begin and end of each note, in seconds, and its pitch, counted from the lowest."""
    begin, end = (
        tune.time(at).round(2).tolist() for at in (tune.notes["start"], tune.notes["start"] + tune.notes["length"])
    )
    pitches = tune.notes["pitch"] - tune.notes["pitch"].min()
    return sorted(zip(begin, end, pitches.tolist(), strict=True))


def anything(codec: TuneCodec, count: int, seed: int) -> np.ndarray:
    """Steps at random."""
    random = np.random.default_rng(seed)
    kind = codec.steps
    if isinstance(kind, Symbols):
        return random.integers(0, kind.size, count).astype(kind.dtype)
    sizes = (2,) * kind.size if isinstance(kind, Sets) else kind.sizes  # type: ignore[union-attr]
    return random.integers(0, sizes, (count, len(sizes))).astype(kind.dtype)


def test_steps_say_what_is_heard(codec: TuneCodec) -> None:
    for tune in tunes(codec.name):
        assert codec.refusal(tune) == ""
        steps = codec.encode(tune)
        assert steps.dtype == codec.steps.dtype and steps.shape[1:] == codec.steps.shape
        again = codec.decode(steps)
        assert heard(again) == heard(tune)
        assert again.seconds == pytest.approx(tune.seconds, abs=0.01)
        assert np.array_equal(codec.encode(again), steps)
        begun = codec.encode(tune, whole=False)
        assert np.array_equal(begun, steps[: len(begun)]) and len(steps) - len(begun) == codec.ends(steps[-1])


@pytest.mark.parametrize("name", NAMES)
def test_strange_metres_and_tempos_can_be_kept_in_a_model_file(name: str) -> None:
    strange = [
        replace(tune, metres=(Metre(0, beats, unit),), tempos=(Tempo(0, tempo),))
        for beats, unit, tempo in ((65, 4, 2000.0), (48, 64, 0.5))
        for tune in tunes(name)
    ]
    if name == "abc":  # ABC has no metres of more than 64 beats
        strange = strange[6:]
    codec = registry.get("codec", name).fit(lambda: iter(strange))
    assert type(codec).from_json(codec.to_json()).to_json() == codec.to_json()


def test_any_steps_make_a_tune(codec: TuneCodec, tmp_path: Path) -> None:
    for seed, count in enumerate((0, 1, 2, 50, 400)):
        tune = codec.decode(anything(codec, count, seed))
        assert tune.length >= 1 and (tune.notes["start"] + tune.notes["length"] <= tune.length).all()
        assert tune.notes.tolist() == separate(tune.notes).tolist()
        path = tmp_path / f"{seed}.tune.jsonl"
        path.write_bytes(codec.dump(tune))
        [again] = codec.read(path)
        assert again.notes.tolist() == tune.notes.tolist()
        assert midi.dumps(tune) and codec.show(tune) is not None


def test_refusals(codec: TuneCodec) -> None:
    tune = tunes(codec.name)[0]
    drums = replace(tune, parts=tuple(Part(drums=True) for _ in tune.parts))
    silent = replace(tune, notes=tune.notes[:0]) if codec.drums else drums
    assert codec.refusal(silent) == "without notes"
    assert "range" in codec.refusal(transposed(tune, 36))
    with pytest.raises(UserError, match="no notes|no tunes|none of the tunes"):
        type(codec).fit(lambda: iter([silent, silent]))
    with pytest.raises(UserError):
        type(codec).fit(lambda: iter([]))


def damage(good: dict[str, Any]) -> list[Any]:
    """What no `to_json` makes: the whole replaced, a field more or less or renamed or replaced."""
    bad: list[Any] = [None, 1, "x", [], [good], {**good, "extra": 1}]
    for key, value in good.items():
        without = {k: v for k, v in good.items() if k != key}
        bad += [without] * (key not in Usual.optional) + [{**without, key.upper(): value}]
        others: list[Any] = [None, -1, 1 << 40, float("nan"), "x", {}, [None], [[]], [[1]], ["b", "b"], [1.5, 2]]
        others += [[1, 2, 3, "4"], [[1, "2"]], [[-1, 0]], [[0, 999]], [[True, 1]], [7, 3], [0, 99], [200, 201]]
        others.remove([200, 201] if key == "lags" else None)  # distances of echoes may be these
        bad += [{**good, key: other} for other in others if other != -1 or type(value) is not float]
        if isinstance(value, list):
            bad.append({**good, key: [*value, "x"]})
        elif type(value) is int:
            bad += [{**good, key: 1.5}, {**good, key: True}]
    return bad


def test_json_and_back(codec: TuneCodec) -> None:
    good = codec.to_json()
    again = type(codec).from_json(json.loads(json.dumps(good)))
    assert again.to_json() == good and again.steps == codec.steps and again.covariates == codec.covariates
    for tune in tunes(codec.name):
        assert np.array_equal(again.encode(tune), codec.encode(tune))
    for bad in damage(good):
        with pytest.raises(UserError, match=f"codec {codec.name}: .*damaged"):
            type(codec).from_json(copy.deepcopy(bad))


def test_options_have_limits_and_defaults(codec: TuneCodec) -> None:
    kind, few = type(codec), tunes(codec.name)[:2]
    assert kind.options.keys() == kind.limits.keys()
    for key, default in kind.options.items():
        low, high = kind.limits[key]
        assert low <= default <= high
        for bad in (low - 1, high + 1, "8", 1.5, None, True):
            with pytest.raises(UserError, match=f"codec {kind.name}: {key} is .* {low} to {high}"):
                kind.fit(lambda: iter(few), **{key: bad})


def test_fit_is_deterministic(codec: TuneCodec) -> None:
    again = type(codec).fit(lambda: iter(tunes(codec.name)))
    assert again.to_json() == codec.to_json()
    assert again.refitted(lambda: iter(tunes(codec.name)[:1])).steps == codec.steps


def values_of(codec: TuneCodec, step: np.ndarray) -> np.ndarray:
    """[choices] bool: the values that a step is made of, in the order of `allowed`."""
    if isinstance(codec.steps, Sets):
        return np.stack([step == 0, step == 1], axis=-1).ravel()
    sizes = codec.steps.sizes if isinstance(codec.steps, Tuples) else (codec.steps.size,)
    return np.concatenate([np.arange(size) == value for size, value in zip(sizes, np.atleast_1d(step), strict=True)])


def test_what_is_known_of_a_tune_allows_it(codec: TuneCodec) -> None:
    """The guide of a tune gives numbers with each of its steps, and forbids none of them."""
    for tune in tunes(codec.name):
        steps, guide, along_it = codec.encode(tune), codec.guide(tune), codec.guide(tune)
        given = along(along_it, steps)
        assert given.shape == (len(steps), codec.covariates) and given.dtype == np.float32
        for n, step in enumerate(steps):
            allowed, most = guide.mask(), guide.most()
            assert allowed is not None and not (values_of(codec, step) & ~allowed).any()
            assert most is None or most >= len(steps) - n
            assert np.array_equal(guide.covariates(), given[n])
            other = guide.copy()
            other.read(steps[0])
            guide.read(step)
