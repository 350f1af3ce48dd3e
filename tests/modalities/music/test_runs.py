"""Runs that sequences share, against trying all of them."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.modalities.music.runs import Runs

few = st.lists(st.integers(0, 2), max_size=14)


def runs(sequences: list[list[int]]) -> Runs:
    return Runs(np.array(sum(sequences, []), np.int64), np.array([len(each) for each in sequences], np.int64))


def places(sequences: list[list[int]], run: list[int]) -> list[int]:
    """Where it is, counted through all sequences, but not across two."""
    found, before = [], 0
    for each in sequences:
        found += [before + n for n in range(len(each) - len(run) + 1) if each[n : n + len(run)] == run]
        before += len(each)
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(few, max_size=5), few)
def test_as_found_by_trying_all(sequences: list[list[int]], own: list[int]) -> None:
    known, query = runs(sequences), np.array(own, np.int64)
    wanted = (0, 0, 0)
    for length in range(1, len(own) + 1):
        begins = [n for n in range(len(own) - length + 1) if places(sequences, own[n : n + length])]
        assert known.contains(query, length).tolist() == begins
        if begins:
            wanted = length, begins[0], places(sequences, own[begins[0] : begins[0] + length])[0]
    assert known.longest(query) == wanted


def test_repetition_costs_no_more() -> None:
    """A hundred thousand equal symbols: where pairs of places were compared, this would not end."""
    assert runs([[0] * 1000] * 100).longest(np.zeros(3000, np.int64)) == (1000, 0, 0)
