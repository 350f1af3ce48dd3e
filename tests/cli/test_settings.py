"""Settings: by the names people look for, in files and from Python; and the page that lists them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rhapsode import registry
from rhapsode.cli import main
from rhapsode.cli._reference import documented, page
from rhapsode.cli._settings import parse
from rhapsode.config import Dropout, FramingConfig, NetworkConfig, make
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.training.plan import SETTINGS, Plan
from rhapsode.training.run import train

ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {"network": {"width": 12, "embedding": 4}, "updates": 2, "device": "cpu"}


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "text.txt"
    path.write_text("the sea sings, the ship sails.\n" * 100)
    return path


def plan_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = Model.load(folder).config.facts["plan"]
    return found


# --- the page ---


def test_the_page_is_up_to_date(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == page(), "rhapsode recipe settings > docs/settings.md"
    assert main(["recipe", "settings"]) == 0
    assert capfdbinary.readouterr().out.decode() == page()


def test_the_page_has_every_setting_with_its_meaning() -> None:
    for kind, names in ((NetworkConfig, NetworkConfig.model_fields), (Dropout, Dropout.model_fields), (Plan, SETTINGS)):
        assert set(names) <= set(documented(kind)), kind
    told = page()
    for codec in registry.every("codec"):
        assert set(codec.meanings) == set(codec.options), codec.name
        assert f"\n### {codec.name}\n" in told
        assert all(f"\n| `{name}` |" in told for name in codec.options)
    assert "| `seed` | 0 |" in told and "| `tied` | false |" in told and "| `layers` | 1 | 0 to 64 |" in told


# --- short names ---


def test_lr_batch_size_window_and_dropout(text: Path, tmp_path: Path) -> None:
    train([text], tmp_path / "m", lr=0.003, batch_size=3, window=11, dropout=0.4, **SMALL)
    plan = plan_of(tmp_path / "m")
    assert (plan["rate"], plan["matrix_rate"]) == (0.003, pytest.approx(0.009))
    assert (plan["batch_size"], plan["sequence_length"]) == (3, 11)
    assert plan["dropout"] == {"between": 0.4, "output": 0.4, "input": 0.1, "recurrent": 0, "locked": False}
    train([text], tmp_path / "none", dropout=0, **SMALL)
    assert not any(plan_of(tmp_path / "none")["dropout"].values())


def test_the_command_line_wins_over_the_file(text: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        "seed = 4\nsteps = 2\nbatch_size = 5\ndropout = 0.1\nparams = '2k'\nembedding = 3\n"
        "[plan]\nrate = 0.1\nwindow = 9\n"
    )
    arguments = ["train", str(text), "--config", str(config), "--device", "cpu", "-q", "-o"]
    assert main([*arguments, str(tmp_path / "a")]) == 0
    plan = plan_of(tmp_path / "a")
    assert (plan["seed"], plan["batch_size"], plan["sequence_length"], plan["rate"]) == (4, 5, 9, 0.1)
    assert Model.load(tmp_path / "a").config.network.embedding == 3
    assert plan["dropout"]["output"] == 0.1 and 1000 < Model.load(tmp_path / "a").network.parameters <= 2000
    more = ["--seed", "7", "--batch-size", "6", "--window", "10", "--lr", "0.01", "--dropout", "0"]
    assert main([*arguments, str(tmp_path / "b"), *more]) == 0
    plan = plan_of(tmp_path / "b")
    assert (plan["seed"], plan["batch_size"], plan["sequence_length"], plan["rate"]) == (7, 6, 10, 0.01)
    assert plan["matrix_rate"] == pytest.approx(0.03) and plan["dropout"]["output"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.1, "plan": {"matrix_rate": 0.1}}, "lr, and matrix_rate of the plan, were given"),
        ({"batch_size": 3, "plan": {"rows": 3}}, "batch_size, and batch_size of the plan"),
        ({"window": 8, "plan": {"window": 8}}, "window, and sequence_length of the plan"),
        ({"seed": 8, "plan": {"seed": 8}}, "seed, and seed"),
        ({"lr": -1}, "rate: Input should be greater than 0"),
        ({"dropout": 1.5}, "between: Input should be less than 1"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_settings_that_cannot_be(text: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train([text], tmp_path / "m", **{**SMALL, **options})
    assert not (tmp_path / "m").exists()


# --- names that are not known ---


@pytest.mark.parametrize(
    ("options", "meant", "others"),
    [
        ({"network": {"widht": 3}}, "width", ["layers", "embedding"]),
        ({"network": {"hidden_size": 3}}, "width", ["layers"]),
        ({"network": {"num_layers": 3}}, "layers", ["width"]),
        ({"dropout": {"betwen": 0.1}}, "between", ["output", "recurrent"]),
        ({"plan": {"learning_rate": 0.1}}, "rate", ["batch_size", "sequence_length"]),
        ({"plan": {"weight_decay": 0.1}}, "decay", ["batch_size"]),
        ({"plan": {"seq_len": 3}}, "sequence_length", ["rate"]),
        ({"codec": "chars", "codec_options": {"min_cuont": 2}}, "min_count", ["max_size"]),
    ],
)
def test_wrong_keys_are_told_the_right_ones(
    text: Path, tmp_path: Path, options: dict[str, Any], meant: str, others: list[str]
) -> None:
    """From Python, and the same in a file's tables, with its name."""
    with pytest.raises(UserError) as error:
        train([text], tmp_path / "m", **{**SMALL, **options})
    told = str(error.value)
    assert f"Did you mean {meant!r}?" in told and all(name in told.partition("Allowed:")[2] for name in others)
    tables = {"codec_options": "codec"}
    lines = []
    for table, values in options.items():
        if isinstance(values, dict):
            name = 'name = "chars"\n' if table == "codec_options" else ""
            lines.append(f"[{tables.get(table, table)}]\n{name}" + "".join(f"{k} = {v}\n" for k, v in values.items()))
    with pytest.raises(UserError) as error:
        parse("".join(lines).encode(), "c.toml")
    told = str(error.value)
    assert told.startswith("c.toml: ") and f"Did you mean {meant!r}?" in told and others[0] in told


def test_a_plan_does_not_take_what_has_a_table_of_its_own(text: Path, tmp_path: Path) -> None:
    """It was passed over before."""
    for key, value in (("network", {"width": 3}), ("budget", {"updates": 3}), ("reset", "line")):
        with pytest.raises(UserError, match=f"{key!r} is not known. .*Allowed: batch_size, clip, decay"):
            train([text], tmp_path / "m", **{**SMALL, "plan": {key: value}})


def test_keys_deeper_inside_are_told_too() -> None:
    with pytest.raises(UserError, match=r"framing: 'lenght' is not known. Did you mean 'length'\? Allowed: length"):
        make(Plan, {"network": {}, "budget": {"updates": 1}, "framing": {"lenght": 3}}, "plan")
    with pytest.raises(UserError, match="Did you mean 'length'"):
        make(FramingConfig, {"lenght": 3}, "framing")


def test_options_of_a_file_by_the_names_of_other_programs() -> None:
    with pytest.raises(UserError, match="'learning_rate' is not known. Did you mean 'lr'"):
        parse(b"learning_rate = 0.1\n", "c.toml")
    with pytest.raises(UserError, match="'bptt' is not known. Did you mean 'window'"):
        parse(b"bptt = 10\n", "c.toml")
