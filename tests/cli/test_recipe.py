"""Recipes: every one is sound, says what it says about itself, and trains; and `--config` takes the same files."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from rhapsode import registry
from rhapsode.cli import main
from rhapsode.cli._settings import parse, recipe, recipes, with_brought
from rhapsode.cli._settings import small as shrunk
from rhapsode.config import Dropout, NetworkConfig, make
from rhapsode.data import datasets, framing
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.moves import Moves
from rhapsode.nn.network import Network
from rhapsode.steps.symbols import Symbols
from rhapsode.steps.text import Text
from rhapsode.training.plan import Budget, Plan

RECIPES = recipes()
TEXT = "Alice was beginning to get very tired of sitting by her sister on the bank.\n" * 60


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(TEXT)
    return str(tmp_path / "text.txt")


def small(name: str) -> str:
    """A recipe's file with a network that trains at once."""
    lines = (files("rhapsode") / "recipes" / f"{name}.toml").read_text().splitlines()
    short = {"width": "width = 6", "embedding": "embedding = 4", "batch_size": "batch_size = 2"}
    lines = [line if line == "embedding = 0" else short.get(line.split(" = ")[0], line) for line in lines]
    return "\n".join(lines)


def trained(folder: Path) -> Model:
    return Model.load(folder)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_sound(name: str) -> None:
    found = RECIPES[name]
    network = make(NetworkConfig, found.network, name)
    budget = make(Budget, {key: getattr(found, key) for key in ("minutes", "epochs", "updates")}, name)
    assert sum(value is not None for value in budget.model_dump().values()) == 1
    make(
        Plan, {"network": network, "budget": budget, "dropout": make(Dropout, found.dropout, name), **found.plan}, name
    )
    assert found.dropout, "without a table, dropout would be chosen"
    framing.parse(found.framing or "stream", found.window, found.horizon)
    ResetPolicy.parse(found.reset or "document")
    options = dict(found.codec)
    registry.get("codec", options.pop("name")).checked(options)
    known = {f"data:{one.name}" for one in datasets.list_datasets()}
    assert {source.partition("/")[0] for source in found.sources} <= known


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_what_it_is(name: str) -> None:
    about = RECIPES[name].about
    assert about and about.same and about.differs
    assert str(about.year) in name and len(about.title) <= 80
    if about.parameters:
        network = make(NetworkConfig, RECIPES[name].network, name)
        kind, words = Symbols(about.vocabulary or 1), None
        if network.head.name == "mixture":
            kind, words = Moves((0, 0), (1, 1)), Text(about.vocabulary or 1)
        assert Network(network, kind, words).parameters == about.parameters


def test_the_weights_of_graves_wikipedia() -> None:
    """What the recipe says about the paper's 21.3 million weights."""
    network = NetworkConfig(**{**RECIPES["graves-2013-wikipedia"].network, "layers": 5})
    assert Network(network, Symbols(204)).parameters == pytest.approx(21.2e6, rel=0.005)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(RECIPES) and all(len(line) < 120 for line in lines)
    assert main(["recipe", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["recipes"]
    assert found[0].keys() == {"name", "year", "title"} and len(found) == len(lines)


def _keys(settings: dict[str, Any]) -> list[str]:
    """Those of all tables."""
    inner = [key for value in settings.values() if isinstance(value, dict) for key in _keys(value)]
    return [*(key for key, value in settings.items() if not isinstance(value, dict)), *inner]


@pytest.mark.parametrize("name", RECIPES)
def test_show(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "show", name]) == 0
    shown = capsys.readouterr().out
    about = RECIPES[name].about
    assert about and about.title in shown and all(f"{one.value:g}" in shown for one in about.reported)
    assert all(f"{key} = " in shown for key in _keys({**RECIPES[name].network, **RECIPES[name].plan}))
    assert all(len(line) <= 120 for line in shown.splitlines())
    assert main(["recipe", "show", name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.pop("name") == name and make(with_brought(), found, name) == RECIPES[name]


@pytest.mark.parametrize("arguments", [["show"], ["run", "TEXT", "-o", "NEW"]])
def test_unknown_names(arguments: list[str], tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    places = {"TEXT": text, "NEW": str(tmp_path / "new")}
    command, *rest = arguments
    assert main(["recipe", command, "graves-2013-pen-chars", *[places.get(a, a) for a in rest]]) == 2
    assert "Did you mean 'graves-2013-penn-chars'?" in capsys.readouterr().err
    with pytest.raises(UserError, match="recipe: '../x' is not known"):
        recipe("../x")


def test_run(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "m")
    arguments = ["recipe", "run", "karpathy-2015-char-rnn", text, "-o", folder, "--seed", "3", "--device", "cpu"]
    assert main([*arguments, "--updates", "2", "--precision", "fp32"]) == 0, capsys.readouterr().err
    error = capsys.readouterr().err
    assert f"model    {folder}" in error and "rhapsode generate" in error
    config = trained(tmp_path / "m").config
    assert (config.network.layers, config.network.width, config.reset) == (2, 128, "never")
    plan = config.facts["plan"]
    assert (plan["batch_size"], plan["sequence_length"], plan["seed"], plan["precision"]) == (50, 50, 3, "fp32")
    assert plan["budget"] == {"minutes": None, "epochs": None, "updates": 2}


def test_run_with_a_small_budget(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "m")
    arguments = ["recipe", "run", "karpathy-2015-war-and-peace", text, "-o", folder, "--device", "cpu"]
    assert main([*arguments, "--budget", "tiny"]) == 2 and "Allowed: small" in capsys.readouterr().err
    assert main([*arguments, "--budget", "small", "--updates", "2"]) == 0, capsys.readouterr().err
    config = trained(tmp_path / "m").config
    assert config.network.cell.name == "gru" and config.reset == "never"
    assert config.network.width < 512 and config.facts["plan"]["budget"]["updates"] == 2


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_small_budget(name: str) -> None:
    whole, found = RECIPES[name], shrunk(RECIPES[name])
    assert (found.minutes, found.epochs, found.updates) == (8.0, None, None)
    assert (found.codec, found.reset, found.framing, found.sources) == (
        (whole.codec, whole.reset, whole.framing, whole.sources)
    )
    assert found.network.get("cell") == whole.network.get("cell") and "width" not in found.network


@pytest.mark.parametrize("name", RECIPES)
def test_published_figures_name_their_part(name: str) -> None:
    about, parts = RECIPES[name].about, {f"data:{d.name}/{part}" for d in datasets.list_datasets() for part in d.parts}
    for figure in about.reported if about else ():
        assert not figure.part or figure.part in parts
        assert figure.dynamic == ("dynamic" in figure.protocol) or not figure.part


def test_run_needs_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "run", "brownlee-2016-alice", "-o", str(tmp_path / "m")]) == 2
    assert "name a SOURCE" in capsys.readouterr().err


def test_run_goes_on_with_the_sources_that_it_began_with(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is a recipe's own budget one to train longer by; and it does not replace a model unasked."""
    run = ["recipe", "run", "karpathy-2015-char-rnn", "-o", str(tmp_path / "m"), "--device", "cpu"]
    assert main([*run, text, "--updates", "3"]) == 0
    assert main([*run, "--resume"]) == 2 and "is finished" in capsys.readouterr().err
    assert main([*run, "--resume", "--updates", "2"]) == 0
    assert trained(tmp_path / "m").config.facts["plan"]["budget"]["updates"] == 5
    capsys.readouterr()
    other = ["recipe", "run", "zaremba-2014-medium", *run[3:]]
    assert main([*other, "--resume", "--updates", "2"]) == 2 and "a resumed run keeps its" in capsys.readouterr().err
    assert main([*run, text, "--updates", "1"]) == 2 and "replace it with --overwrite" in capsys.readouterr().err
    assert main([*run, text, "--updates", "1", "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["updates"] == 1


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_config(
    name: str, tmp_path: Path, text: str, pens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "small.toml"
    config.write_text(small(name))
    folder = tmp_path / "m"
    source = str(pens) if RECIPES[name].codec["name"] == "strokes" else text
    arguments = ["train", source, "-o", str(folder), "--config", str(config), "--updates", "2", "--device", "cpu"]
    assert main(arguments) == 0, capsys.readouterr().err
    found, given = trained(folder).config, RECIPES[name]
    assert found.network.layers == given.network["layers"] and found.reset == (given.reset or "document")
    assert found.codec["name"] == given.codec["name"] and found.framing.name == (given.framing or "stream")
    assert found.facts["plan"]["dropout"] == Dropout(**given.dropout).model_dump()


def test_a_recipes_name_is_a_config(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", text, "--config", "karpathy-2015-char-rnn", "--layers", "1", "--width", "6", "--updates", "2"]
    assert main([*arguments, "-o", str(tmp_path / "m"), "--device", "cpu"]) == 0, capsys.readouterr().err
    found = trained(tmp_path / "m").config
    assert (found.network.layers, found.network.embedding, found.facts["plan"]["batch_size"]) == (1, 0, 50)


def test_the_command_line_goes_first(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        f'sources = ["{tmp_path}/none"]\nminutes = 60\nreset = "line"\nwindow = 8\n'
        '[codec]\nname = "words"\nmax_size = 20\n[network]\nwidth = 6\n[plan]\nrows = 2\n'
    )
    arguments = [text, "--config", str(config)]
    arguments += ["--updates", "2", "--reset", "never", "--codec", "bytes", "--width", "7"]
    assert main(["train", *arguments, "-o", str(tmp_path / "m"), "--device", "cpu"]) == 0, capsys.readouterr().err
    found = trained(tmp_path / "m").config
    assert (found.reset, found.codec["name"], found.network.width) == ("never", "bytes", 7)
    assert found.facts["plan"]["sequence_length"] == 8


def test_the_files_own_sources_are_taken(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    plan = "[plan]\nbatch_size = 2\nsequence_length = 8\n"
    config.write_text(f'sources = ["{text}"]\nsteps = 2\n[network]\nwidth = 6\n{plan}')
    arguments = ["train", "--config", str(config), "-o", str(tmp_path / "m"), "--device", "cpu"]
    assert main(arguments) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("wndow = 3", "option: 'wndow' is not known. Did you mean 'window'"),
        ("[netwrok]", "table: 'netwrok' is not known. Did you mean 'network'"),
        ("network = 3", "it must be a table"),
        ("codec = 'chars'", "it must be a table"),
        ("[codec]\nname = 3", "in quotes"),
        ("window = 0", "window"),
        ("epochs = 'many'", "epochs"),
        ("[about]\ntitle = 'x'", "about.paper"),
        ("epochs = ", "not TOML"),
        ("language = 3", "language"),  # an option that a modality brings
    ],
)
def test_mistakes_in_a_file(written: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse(written.encode(), "c.toml")
    assert message in str(error.value) and str(error.value).startswith("c.toml: ")


def test_an_option_of_a_modality_in_a_file(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text("steps = 2\nlanguage = 'de'\n")
    assert main(["train", text, "--config", str(config), "-o", str(tmp_path / "m")]) == 2
    assert "--language is for speech, but these are trained with codec chars" in capsys.readouterr().err


def test_two_budgets_in_a_file(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text("minutes = 1\nupdates = 2\n")
    arguments: list[Any] = ["train", text, "--config", str(config), "-o", str(tmp_path / "m")]
    assert main(arguments) == 2
    assert "minutes and updates" in capsys.readouterr().err
