"""Prefill: whatever is read beside a prompt, its reader stands where one that reads alone does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.inference.generate import prepared
from rhapsode.inference.jobs import Figures, Job
from rhapsode.inference.loops import reader_of
from rhapsode.inference.model import Model
from rhapsode.inference.prefill import Prefill
from rhapsode.inference.states import Prefix, States
from rhapsode.inference.work import Outbox, Wanted, Work
from tests.conftest import TEXT, MakeModel


class Controls:
    """Nobody cancels anything."""

    def cancel(self, job: Job) -> None: ...

    pause = resume = cancel


def work_of(model: Model, prompt: str, **wanted: Any) -> Work:
    request = prepared(model, prompt, {"length": 5, "seed": 1})
    work = Work(Job(Controls(), 1, 0, len(request.steps)), request, Wanted(**wanted), Outbox(None), Figures())
    if not work.wanted.echo:
        work.prefix = Prefix(model.digest, request.steps)
    return work


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("reset", ["never", "line"])
def test_prompts_of_all_lengths(tiny_model: MakeModel, arithmetic: str, reset: str) -> None:
    model = tiny_model(arithmetic=arithmetic, reset=reset)
    states, figures = States(), Figures()
    prompts = [TEXT[:n] for n in (0, 1, 3, 5, 8, 13, 21, 34, 55, 200, 900)]
    for again in (False, True):
        prefill, before = Prefill(model, states, figures), (figures.read, figures.reused)
        works = [work_of(model, prompt, echo=n == 4) for n, prompt in enumerate(prompts)]
        works.append(work_of(model, "never read"))
        works[-1].failed(OSError("cancelled"))
        prefill.add(works)
        found = 0
        while len(prefill):
            for group in prefill.run():
                for n, work in enumerate(group.works):
                    alone = reader_of(model)
                    for _ in alone.read_all(work.request.steps):
                        pass
                    assert np.array_equal(group.reader.parameters[n], alone.parameters[0]) and not work.unread
                    found += 1
        assert found == len(prompts)
        if again:  # all but what is echoed was known
            assert (figures.read - before[0], figures.reused - before[1]) == (8, sum(map(len, prompts)) - 8)


def test_short_prompts_are_read_in_few_calls(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(arithmetic="integers")
    calls = []
    run = type(model.engine)._run  # type: ignore[attr-defined]
    monkeypatch.setattr(type(model.engine), "_run", lambda self, *given: (calls.append(1), run(self, *given))[1])
    prefill = Prefill(model, States(), Figures())
    prefill.add([work_of(model, f"{n} prompts") for n in range(32)])
    groups = []
    while len(prefill):
        groups += prefill.run()
    assert sum(len(group.works) for group in groups) == 32 and len(calls) < 10
