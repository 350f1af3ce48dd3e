"""The drawing loop: rows beside one another do not see one another."""

from __future__ import annotations

from typing import Any

import pytest

from rhapsode.inference.generate import prepared
from rhapsode.inference.loops import reader_of
from rhapsode.inference.model import Model
from rhapsode.inference.rows import Row, Rows, Streamed
from tests.conftest import MakeModel


class Failing(Row):
    """Fails after some steps."""

    error: Exception | None = None
    after = 5

    def take(self, steps: list[Any], log_probs: list[float]) -> None:
        super().take(steps, log_probs)
        if len(self.builder.steps) > self.after:
            raise ZeroDivisionError

    def step(self, *drawn: Any) -> None:
        super().step(*drawn)
        if len(self.builder.steps) > self.after:
            raise ZeroDivisionError

    def failed(self, error: Exception) -> None:
        self.error = error

    @property
    def goes_on(self) -> bool:
        return self.error is None and super().goes_on


def rows_of(model: Model, kinds: list[type[Row]], prompt: str = "Sing") -> Rows[Row]:
    request = prepared(model, prompt, {"length": 40, "seed": 3})
    reader = reader_of(model)
    for _ in reader.read_all(request.steps):
        pass
    start = request.start(reader)
    own = [kind(start.builder(n), start.length) for n, kind in enumerate(kinds)]
    return Rows(start.head, start.covariates, reader.repeat(len(own)), own)


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_row_that_fails_leaves_the_others_alone(tiny_model: MakeModel, arithmetic: str, size: int) -> None:
    """Drawn step by step, or so many at a time."""
    model = tiny_model(arithmetic=arithmetic)
    rows = rows_of(model, [Row, Failing, Streamed, Failing])
    every = list(rows.rows)
    while rows.rows:
        if size:
            rows.chunk(size)
        else:
            rows.step()
    for row in (1, 3):
        assert isinstance(every[row], Failing) and isinstance(every[row].error, ZeroDivisionError)  # type: ignore[attr-defined]
    for row in (0, 2):
        steps = model.generate("Sing", length=40, seed=3, row=row)[0].steps.tolist()
        assert every[row].builder.steps[:40] == steps
    streamed = every[2]
    assert isinstance(streamed, Streamed)
    assert "".join(piece.text for piece in streamed.pieces) == model.generate("Sing", length=40, seed=3, row=2)[0].text


def test_rows_that_join_and_leave(tiny_model: MakeModel) -> None:
    model = tiny_model(arithmetic="integers")
    one, other = rows_of(model, [Row, Row]), rows_of(model, [Row, Row, Row], "O")
    kept, lost = [*one.rows, other.rows[0], other.rows[2]], other.rows[1]
    one.chunk(5)
    other.chunk(9)
    one.join([other, rows_of(model, [])])
    one.chunk(3)
    reader = one.leave(lost)
    assert lost not in one.rows and reader.rows == 1
    while one.rows:
        one.chunk(4)
    for row, (prompt, number) in zip(kept, [("Sing", 0), ("Sing", 1), ("O", 0), ("O", 2)], strict=True):
        assert row.builder.steps == model.generate(prompt, length=40, seed=3, row=number)[0].steps.tolist()
    assert len(lost.builder.steps) == 12


def test_an_error_of_the_engine_is_every_row_s(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(arithmetic="integers")
    rows = rows_of(model, [Failing, Failing])
    every = list(rows.rows)
    monkeypatch.setattr(type(rows.reader), "draw", lambda *given: 1 / 0)
    assert rows.chunk(4) == 0 and not rows.rows
    assert all(isinstance(row.error, ZeroDivisionError) for row in every)  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        rows_of(model, [Row, Row]).chunk(4)
