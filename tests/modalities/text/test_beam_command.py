"""`rhapsode generate --beam`: the likeliest completions on the command line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.conftest import MakeModel
from tests.inference.test_score_command import Run, model, run  # noqa: F401


def test_completions_with_their_log_probabilities(run: Run, tiny_model: MakeModel, tmp_path: Path) -> None:  # noqa: F811
    made = tiny_model(reset="document")
    found = made.beam("Sing", width=3, length=20)
    run("generate", made.path, "Sing", "--beam", 3, "--length", 20)
    parts = [f"--- {n}: log p = {one.score:.3f} ---\nSing{one.text}\n" for n, one in enumerate(found, start=1)]
    assert run.out.decode("utf-8", "replace") == "".join(parts)
    given = run("generate", made.path, "Sing", "--beam", 3, "--length", 20, "--no-echo", "--json").json
    assert [one["text"] for one in given["completions"]] == [one.text for one in found]
    assert [one["log_probs"] for one in given["completions"]] == [one.log_probs.tolist() for one in found]
    assert all(one["nats"] == -math.fsum(one["log_probs"]) == -one["score"] for one in given["completions"])
    again = run("generate", made.path, "Sing", "--beam", 3, "--length", 20, "--length-penalty", 0.5, "--json").json
    assert again["prompt"] == "Sing" and again["completions"][0]["score"] > -again["completions"][0]["nats"]


def test_lines_are_a_table(run: Run, tiny_model: MakeModel) -> None:  # noqa: F811
    made = tiny_model(reset="line")
    found = made.beam("of ", width=4, length=30)
    run("generate", made.path, "of ", "--beam", 4, "--length", 30)
    rows = [line.split("\t") for line in run.out.decode().splitlines()]
    assert [row[1] for row in rows] == ["of " + one.text.removesuffix("\n") for one in found]
    assert [row[0] for row in rows] == [f"{one.score:.3f}" for one in found]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--beam", 2, "--temperature", 0.5], "--temperature has no meaning"),
        (["--beam", 2, "--top-k", 5], "--top-k has no meaning"),
        (["--beam", 2, "--seed", 5], "--seed has no meaning"),
        (["--beam", 2, "--samples", 5], "--samples has no meaning"),
        (["--length-penalty", 0.5], "add --beam N"),
        (["--beam", 0], "--beam"),
        (["--beam", 1025], "--beam"),
        (["--beam", 2, "--length-penalty", 1.5], "--length-penalty"),
        (["--beam", 2, "--valid", "regex:[a"], "unclosed character class"),
    ],
)
def test_mistakes(run: Run, model: str, arguments: list[object], message: str) -> None:  # noqa: F811
    run("generate", model, *arguments)
    assert run.status == 2 and message in run.error and not run.out
