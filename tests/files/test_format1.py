"""Settings and weights by the names that they had in files of format 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.config import NetworkConfig, make, merged
from rhapsode.errors import UserError
from rhapsode.files import checkpoint, format1
from rhapsode.inference.model import Model

OLD = {
    "cell": "lstm",
    "head": "mixture",
    "layers": 2,
    "width": 12,
    "embedding": 0,
    "tied": False,
    "skip": True,
    "lead": 0,
    "reads": True,
    "dense": 0,
    "dense_width": 0,
    "both": 0,
    "both_width": 0,
    "residual": False,
    "mixtures": 3,
    "ends": False,
    "hidden": 128,
    "condition": "window",
    "components": 5,
    "feedback": True,
}


def test_a_network_of_format_1() -> None:
    config = make(NetworkConfig, format1.network(OLD), "old")
    assert config.head.model_dump() == {"name": "mixture", "mixtures": 3, "ends": False}
    assert config.attention and config.attention.model_dump() == {"name": "window", "components": 5, "feedback": True}
    assert config.feedback and not config.encoder.layers and config.autoregressive
    plain = make(NetworkConfig, format1.network(OLD | {"head": "nade", "condition": "", "both": 2}), "old")
    assert plain.head.model_dump() == {"name": "nade", "hidden": 128}
    assert plain.attention is None and plain.encoder.bidirectional == 2


def test_names_of_weights() -> None:
    names = {
        "encoder.feedforward0.weight": "context.dense0.weight",
        "encoder.bidirectional1.forward.input": "context.both1.on.input",
        "encoder.bidirectional0.backward.bias": "context.both0.back.bias",
        "attention.bias": "condition.bias",
        "layer0.input": "layer0.input",
    }
    assert {name: format1.weight(name) for name in names} == names
    zero = np.zeros(1)
    run = {"weight/context.dense0.weight": zero, "optimizer/condition.bias/momentum": zero, "random": zero}
    assert set(format1.tensors(run, names)) == {
        "weight/encoder.feedforward0.weight",
        "optimizer/attention.bias/momentum",
        "random",
    }


def test_settings_of_parts_are_merged_and_checked() -> None:
    base = {"head": "gaussians", "attention": {"name": "window", "feedback": True}, "encoder": {"bidirectional": 2}}
    over = {"head": {"mixtures": 2}, "attention": {"components": 4}, "encoder": {"feedforward": 1}, "width": 8}
    config = NetworkConfig(**merged(base, over))
    assert config.head.model_dump() == {"name": "gaussians", "mixtures": 2}
    assert config.attention and config.attention.model_dump() == {"name": "window", "components": 4, "feedback": True}
    assert (config.encoder.bidirectional, config.encoder.feedforward) == (2, 1)
    assert merged({"head": {"name": "chain", "hidden": 3}}, {"head": "product"})["head"] == {"name": "product"}
    assert NetworkConfig(**merged(base, {"attention": "none"})).attention is None
    assert NetworkConfig(head={"hidden": 9}).head.name in ("chain", "nade")  # type: ignore[arg-type]
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"head": {"name": "chain", "mixtures": 3}}, "unknown: mixtures|mixtures"),
        ({"head": {"hiden": 3}}, "Did you mean 'hidden'"),
        ({"head": {"name": "chain", "hidden": 0}}, "hidden: Input should be greater"),
        ({"head": 3}, "neither a name nor a table"),
        ({"cell": 3}, "cell: 3 is neither a name nor a table"),
        ({"cell": {}}, "cell: an empty table .* gru, "),
        ({"head": {}}, "head: an empty table"),
        ({"cell": "lsmt"}, "Did you mean 'lstm'"),
        ({"cell": {"name": "lstm", "rounds": 3}}, "unknown: rounds|rounds"),
        ({"head": "chian"}, "Did you mean 'chain'"),
        ({"attention": {"name": "window", "components": 0}}, "components: Input should be greater"),
        ({"encoder": {"both": 1}}, "encoder"),
    )
    for values, message in wrong:
        with pytest.raises(UserError, match=message) as error:
            make(NetworkConfig, values, "here")
        assert str(error.value).startswith("here: ")


def test_a_cell_without_settings_is_written_as_its_name() -> None:
    """As in files of before, whose digests are of these names."""
    for cell in ("rnn", {"name": "rnn"}):
        config = NetworkConfig(**merged({"cell": "peephole"}, {"cell": cell}))
        assert config.cell.name == "rnn"
        assert config.model_dump()["cell"] == config.model_dump(mode="json", exclude_unset=True)["cell"] == "rnn"
    assert NetworkConfig().model_dump()["cell"] == "lstm" and not NetworkConfig().model_dump(exclude_unset=True)


def test_a_cell_has_settings_of_its_own() -> None:
    config = NetworkConfig(**merged({"cell": {"name": "mrnn", "factors": 3}}, {"cell": {"name": "mrnn"}, "width": 8}))
    assert config.model_dump()["cell"] == {"name": "mrnn", "factors": 3}
    assert NetworkConfig(**config.model_dump()) == config
    assert NetworkConfig(**merged({"cell": {"name": "mrnn", "factors": 3}}, {"cell": "gru"})).cell.name == "gru"
    assert NetworkConfig(cell={"factors": 5}).cell.name == "mrnn"  # type: ignore[arg-type]
    assert NetworkConfig(cell="mrnn").model_dump()["cell"] == {"name": "mrnn", "factors": 0}  # type: ignore[arg-type]


def test_old_names_in_a_file_of_settings_work_and_say_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("the sea sings, the ship sails.\n" * 50)
    Path("c.toml").write_text("steps = 2\n[network]\nwidth = 8\nembedding = 4\nreads = true\n")
    small = ["--device", "cpu", "-o", "m"]
    assert main(["train", "a.txt", "--config", "c.toml", *small]) == 0
    assert "network settings have new names: reads is autoregressive" in capsys.readouterr().err
    # A run of format 1 goes on.
    run = Path("m", checkpoint.RESUME)
    info, mark, shapes = checkpoint.load_info(run)
    tensors = checkpoint.load_tensors(run, {name: shape for name, (shape, _) in shapes.items()}, mark)
    info["plan"]["network"] = OLD | {
        **{"head": "categorical", "layers": 1, "width": 8, "embedding": 4, "skip": False, "condition": ""},
        "feedback": False,
    }
    info["given"]["network"] = {"reads": True}
    info["plan"]["budget"] = {"minutes": None, "epochs": None, "steps": info["plan"]["budget"]["updates"]}
    checkpoint.save(run, info, tensors)
    assert main(["train", "a.txt", "--resume", "--updates", "2", *small]) == 0
    assert Model.load("m").config.format == 3
    assert checkpoint.load_info(run)[0]["update"] == 4
