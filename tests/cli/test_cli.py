"""The command line's contract: results on stdout, messages on stderr, exit statuses, JSON."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from rhapsode.cli import main
from rhapsode.cli.train import whole
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
from rhapsode.console.imports import unbroken
from rhapsode.console.output import visible
from rhapsode.console.progress import Lines, Live, Warnings
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.errors import NotFinite
from rhapsode.files import checkpoint
from rhapsode.modalities.text.codecs.chars import Chars
from rhapsode.nn.network import Network
from rhapsode.report import Report, duration, figures

TEXT = "the sea sings, the ship sails.\n" * 100


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RHAPSODE_TRACEBACK", raising=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model with random weights."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    codec = Chars.fit([TEXT.encode()])
    network = NetworkConfig(width=8, embedding=4)
    config = ModelConfig(
        codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="document", facts={"step": 1}
    )
    rng = np.random.default_rng(0)
    weights = {n: rng.normal(0, 0.4, s).astype(np.float32) for n, s in Network(network, codec.steps).shapes.items()}
    folder.mkdir()
    checkpoint.save(folder / checkpoint.MODEL, config.model_dump(), weights)
    return str(folder)


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


class Run:
    """Runs a command in this process; keeps its status and output."""

    def __init__(self, capture: pytest.CaptureFixture[bytes], patch: pytest.MonkeyPatch) -> None:
        self._capture, self._patch = capture, patch

    def __call__(self, *arguments: object, stdin: bytes = b"") -> "Run":
        self._capture.readouterr()
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self.status = main([str(a) for a in arguments])
        self.out, error = self._capture.readouterr()
        self.error = error.decode()
        return self

    @property
    def json(self) -> Any:
        assert self.out.count(b"\n") == 1
        return json.loads(self.out)


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(capfdbinary, monkeypatch)


MISTAKES = [
    (["nonsense"], "No such command"),
    (["train", "TEXT"], "'-o'"),
    (["train", "-o", "NEW"], "nothing to train on"),
    (["train", "TEXT", "-o", "NEW", "--minutes", "1", "--updates", "2"], "--minutes and --updates"),
    (["train", "TEXT", "-o", "NEW", "--updates", "many"], "--updates"),
    (["train", "TEXT", "-o", "NEW", "--params", "4X"], "--params"),
    (["train", "TEXT", "-o", "NEW", "--window", "0"], "--window"),
    (["train", "TEXT", "-o", "NEW", "--learning-rate", "1"], "--learning-rate is --lr here"),
    (["train", "TEXT", "-o", "NEW", "--hidden-size", "9"], "--hidden-size is --width here"),
    (["train", "TEXT", "-o", "NEW", "--cell", "gru"], "[network], cell = …; --config"),
    (["train", "TEXT", "-o", "NEW", "--dropout", "1"], "--dropout"),
    (["train", "TEXT", "-o", "NEW", "--config", "BAD"], "'netwrok' is not known. Did you mean 'network'"),
    (["train", "TEXT", "-o", "NEW", "--config", "TEXT"], "not TOML"),
    (["train", "TEXT", "-o", "NEW", "--config", "NONE"], "cannot read"),
    (["generate", "NONE"], "no model at"),
    (["generate", "TEXT"], "not a usable Rhapsode file"),
    (["generate", "MODEL", "--temperature", "-1"], "temperature"),
    (["generate", "MODEL", "--temperature", "nan"], "temperature"),
    (["generate", "MODEL", "--top-p", "2"], "top_p"),
    (["generate", "MODEL", "--length", "-1"], "length"),
    (["generate", "MODEL", "--samples", "0"], "samples"),
    (["generate", "MODEL", "--stop", ""], "stop"),
    (["generate", "MODEL", "--seed", "-1"], "seed"),
    (["generate", "MODEL", "a", "--prompt-file", "TEXT"], "one of them must go"),
    (["generate", "MODEL", "--prompt-file", "NONE"], "no such file"),
    (["generate", "MODEL", "-o", "MODEL"], "is a folder"),
    (["score", "MODEL"], "SOURCE"),
    (["score", "MODEL", "NONE"], "no such file"),
    (["score", "MODEL", "-", "-"], "given twice"),
    (["score", "MODEL", "TEXT", "--cold", "0"], "cold"),
    (["score", "MODEL", "TEXT", "--dynamic", "--cold", "10"], "do not go together"),
    (["score", "MODEL", "TEXT", "--dynamic-rms", "TEXT", "--cold", "10"], "do not go together"),
    (["score", "MODEL", "TEXT", "--cache", "--cold", "10"], "do not go together"),
    (["score", "MODEL", "TEXT", "--dynamic-rms", "NONE"], "no such file"),
    (["score", "MODEL", "-", "--dynamic-rms", "-"], "both read standard input"),
    (["generate", "MODEL", "-", "--adapt", "-"], "both read standard input"),
    (["compress", "MODEL", "-o", "NEW"], "needs a file, too"),
    (["score", "MODEL", "TEXT", "--color", "--json"], "one of them must go"),
    (["compress", "MODEL", "TEXT"], "'-o'"),
    (["compress", "MODEL", "TEXT", "-o", "TEXT"], "also the input"),
    (["compress", "MODEL", "NONE", "-o", "NEW"], "no such file"),
    (["compress", "MODEL", "TEXT", "-o", "TEXT/x"], "cannot write"),
    (["decompress", "MODEL", "TEXT", "-o", "NEW"], "not a file that rhapsode compressed"),
    (["decompress", "TEXT", "-o", "NEW"], "not a file that rhapsode compressed"),
    (["compress", "TEXT", "-o", "NEW"], "compress --online"),
    (["compress", "MODEL", "TEXT", "TEXT", "-o", "NEW"], "takes one file, after the model"),
    (["compress", "--online", "TEXT", "-o", "TEXT"], "also the input"),
    (["compress", "--online", "NONE", "-o", "NEW"], "no such file"),
    (["inspect", "NONE"], "no such file or folder"),
    (["data", "get", "tinyshakespear"], "tinyshakespeare"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_mistakes(run: Run, tmp_path: Path, model: str, text: str, arguments: list[str], message: str) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[netwrok]\nwidth = 3\n")
    new = tmp_path / "new"
    places = {"TEXT": text, "MODEL": model, "NONE": tmp_path / "none", "BAD": bad, "NEW": new, "TEXT/x": f"{text}/x"}
    run(*[places.get(a, a) for a in arguments])
    assert run.status == 2
    assert run.out == b""
    assert run.error.startswith("rhapsode: ") and run.error.count("\n") == 1
    assert message in run.error
    assert not new.exists() and Path(text).read_text() == TEXT


def test_generate_continues_the_prompt(run: Run, model: str, tmp_path: Path) -> None:
    first = run("generate", model, "the ", "--length", 30, "--seed", 1)
    assert first.status == 0 and first.error == "" and first.out.startswith(b"the ")
    whole_text = first.out
    assert run("generate", model, "the ", "--length", 30, "--seed", 1, "--no-echo").out == whole_text[4:]
    assert run("generate", model, "-", "--length", 30, "--seed", 1, stdin=b"the ").out == whole_text
    out = tmp_path / "out.txt"
    assert run("generate", model, "the ", "--length", 30, "--seed", 1, "-o", out).out == b""
    assert out.read_bytes() == whole_text
    (tmp_path / "prompt").write_bytes(b"the ")
    assert run("generate", model, "--prompt-file", tmp_path / "prompt", "--length", 30, "--seed", 1).out == whole_text


def test_generate_tells_a_fresh_seed(run: Run, model: str) -> None:
    run("generate", model, "--length", 20)
    text = run.out
    seed = run.error.removeprefix("seed ").strip()
    assert run("generate", model, "--length", 20, "--seed", seed).out == text


def test_generate_json(run: Run, model: str) -> None:
    plain = run("generate", model, "the ", "--length", 10, "--seed", 3, "--no-echo").out
    found = run("generate", model, "the ", "--length", 10, "--seed", 3, "--samples", 2, "--json").json
    assert set(found) == {"prompt", "seed", "samples"}
    assert (found["prompt"], found["seed"], len(found["samples"])) == ("the ", 3, 2)
    sample = found["samples"][0]
    assert sample["text"] == plain.decode("utf-8", "replace")
    assert sample["stopped"] == "length" and len(sample["log_probs"]) == len(sample["steps"]) == 10
    assert sample["nats"] == pytest.approx(-sum(sample["log_probs"]))


def test_no_echo_leaves_the_prompt_out_of_json_too(run: Run, model: str) -> None:
    arguments = ["generate", model, "the ", "--length", 5, "--seed", 1, "--json"]
    assert run(*arguments).json["prompt"] == "the " and run(*arguments, "--no-echo").json["prompt"] == ""


def test_stops_are_read_from_the_command_line(run: Run, model: str, tmp_path: Path) -> None:
    free = run("generate", model, "--length", 200, "--seed", 3).out
    assert b"\n" in free[1:] and b"t" in free
    first = free[: free.index(b"\n")]
    assert run("generate", model, "--length", 200, "--seed", 3, "--stop", r"\n").out == first
    assert run("generate", model, "--length", 200, "--seed", 3, "--stop-after", r"\x0a").out == first + b"\n"
    either = min((free.index(each), each) for each in (b"t", b"a"))[1]
    for stops in (("t", "a"), ("a", "t")):
        ends = [part for each in stops for part in ("--stop", each)]
        assert run("generate", model, "--length", 200, "--seed", 3, *ends).out == free[: free.index(either)]
    assert run("generate", model, "--stop", r"\e").status == 2 and r"--stop: \e is no escape" in run.error


def test_a_separator_is_unescaped_once(run: Run, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rhapsode.training.run as runs

    heard: list[str] = []

    def listen(*arguments: Any, separator: str, **options: Any) -> None:
        heard.append(separator)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "train", listen)
    settings = tmp_path / "a.toml"
    settings.write_text('separator = "\\\\n\\n"\n')  # TOML's own escapes: a backslash, n, a newline
    run("train", text, "-o", tmp_path / "m", "--config", settings)
    run("train", text, "-o", tmp_path / "m", "--document-separator", r"\\n\n")
    assert heard == ["\\n\n", "\\n\n"]


def test_generate_samples_are_told_apart(run: Run, model: str) -> None:
    one = run("generate", model, "--length", 10, "--seed", 3).out
    out = run("generate", model, "--length", 10, "--seed", 3, "--samples", 2).out
    assert out.startswith(b"--- sample 1 ---\n" + one) and b"\n--- sample 2 ---\n" in out


def test_score(run: Run, model: str, text: str, tmp_path: Path) -> None:
    found = run("score", model, text, "--json").json
    assert {"nats_per_step", "nats_per_char", "bits_per_char", "bits_per_byte", "chars", "bytes"} <= set(found)
    assert found["chars"] == found["bytes"] == len(TEXT)
    assert run("score", model, "-", "--json", stdin=TEXT.encode()).json["nats"] == found["nats"]
    both = run("score", model, text, text, "--json", "--per-step").json
    assert both["nats"] == pytest.approx(2 * found["nats"]) and len(both["files"]) == 2
    assert sum(s["nats"] for s in both["files"][1]["per_step"]) == pytest.approx(found["nats"])
    assert run("score", model, text, "--cold", 8, "--json").json["nats"] != found["nats"]
    assert b"bits_per_char" in run("score", model, text).out
    short = tmp_path / "short"
    short.write_bytes("the\nß\xff\x1b".encode())
    lines = run("score", model, short, "--per-step").out.decode().splitlines()
    assert lines[0].endswith("\tt")


def test_compress_online_round_trip(run: Run, model: str, tmp_path: Path) -> None:
    original, packed, back = tmp_path / "original", tmp_path / "packed", tmp_path / "back"
    for given in ([], [model]):
        for data in (b"", b"x", b"some text, and more of it\n"):
            original.write_bytes(data)
            assert run("compress", "--online", *given, original, "-o", packed, "--overwrite").status == 0
            assert run("decompress", *given, packed, "-o", back, "--overwrite").status == 0
            assert back.read_bytes() == data
            assert "online" in run("inspect", packed).out.decode()
    piped = run("compress", "--online", "-", "-o", "-", stdin=b"piped").out
    assert run("decompress", "-", "-o", "-", stdin=piped).out == b"piped"
    failed = run("decompress", packed, "-o", tmp_path / "none")
    assert failed.status == 2 and "Give it: rhapsode decompress MODEL FILE" in failed.error
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("data", [b"", b"the sea \xff\x00 sings", "naïve 漢字\r\n".encode()])
def test_compress_round_trip(run: Run, model: str, tmp_path: Path, data: bytes) -> None:
    original, packed, back = (tmp_path / name for name in ("original", "packed", "back"))
    original.write_bytes(data)
    assert run("compress", model, original, "-o", packed).status == 0
    assert run.out == b"" and "bytes" in run.error
    assert run("decompress", model, packed, "-o", back).status == 0
    assert back.read_bytes() == data
    piped = run("compress", model, "-", "-o", "-", stdin=data).out
    assert piped == packed.read_bytes()
    assert run("decompress", model, "-", "-o", "-", stdin=piped).out == data


def test_output_keeps_links_and_devices(run: Run, model: str, text: str, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    assert run("generate", model, "--length", 5, "--seed", 1, "-o", link).status == 2
    assert run("generate", model, "--length", 5, "--seed", 1, "-o", link, "--overwrite").status == 0
    assert link.is_symlink() and target.read_text() != "old"
    assert run("generate", model, "--length", 5, "--seed", 1, "-o", os.devnull).status == 0
    assert not Path(os.devnull).is_file()


def test_outputs_are_not_overwritten_unasked(run: Run, model: str, text: str, tmp_path: Path) -> None:
    packed, new = tmp_path / "packed", tmp_path / "new"
    assert run("compress", model, text, "-o", packed).status == 0
    generate = ["generate", model, "--length", 5, "--seed", 1]  # of others, some are empty
    for command in (generate, ["compress", model, text], ["decompress", model, packed]):
        new.write_bytes(b"mine")
        assert run(*command, "-o", new).status == 2 and run.out == b""
        assert run.error == f"rhapsode: {new} is there already. Replace it with --overwrite, or choose another name.\n"
        assert new.read_bytes() == b"mine"
        assert run(*command, "-o", new, "--overwrite").status == 0 and new.read_bytes() != b"mine"
        new.write_bytes(b"")  # as mktemp makes it
        assert run(*command, "-o", new).status == 0 and new.read_bytes()


def test_quiet(run: Run, model: str, text: str, tmp_path: Path) -> None:
    """Results, warnings and errors remain."""
    assert run("generate", model, "--length", 5).error.startswith("seed ")
    assert run("generate", model, "--length", 30, "-q").error == "" and run.out
    assert run("generate", model, "--length", 5).error.startswith("seed "), "of one command only"
    assert run("compress", model, text, "-o", tmp_path / "p", "--quiet").error == ""
    assert run("score", model, text, "-q").error == "" and b"bits_per_char" in run.out
    assert run("generate", "nowhere", "-q").status == 2 and run.error.startswith("rhapsode: no model at")
    small = ["--width", 12, "--embedding", 4, "--updates", 3, "--device", "cpu"]
    assert run("train", text, "-o", tmp_path / "m", *small, "-q").status == 0 and (run.error, run.out) == ("", b"")
    for command in ([], ["data", "list"], ["recipe", "run"], ["train"], ["bench"], ["demo", "text"], ["recognise"]):
        assert (b"-q, --quiet" in run(*command, "--help").out) == bool(command), command


def test_help_of_train_is_in_panels(run: Run) -> None:
    """Few options at once; what only one modality needs is named, and explained when asked for."""
    shown = run("train", "--help").out.decode()
    assert 20 < sum(line.startswith("  -") for line in shown.splitlines()) < 30
    panels = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert panels[1:6] == ["Output:", "How long:", "Data:", "Network:", "Learning:"] and "Speech:" not in panels
    rest = shown.partition("More options")[2]
    everything = run("train", "--help-all").out.decode()
    assert (
        "--flip" in rest
        and "--language" in rest
        and "\nSpeech:\n" in everything
        and "\n  --flip NAME" in everything
        and "\n  --language NAME" in everything
    )


def test_quiet_reports_warn(capsys: pytest.CaptureFixture[str]) -> None:
    report = Warnings()
    report.stage("reading", 0.5)
    report.note("a note")
    report.progress(0.5, update=1, valid=2.0)
    report.sample("one")
    report.warn("beware")
    assert capsys.readouterr() == ("", "warning: beware\n")


def test_what_training_made_as_json(run: Run, text: str, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    small = ["--width", 12, "--embedding", 4, "--updates", 3, "--device", "cpu"]
    found = run("train", text, "-o", folder, *small, "--json").json
    assert "trained after" in run.error
    about = run("inspect", folder, "--json").json
    assert found["finished"] and found["updates"] == 3 and found["seconds"] > 0
    assert {key: found[key] for key in ("digest", "parameters")} == {k: about[k] for k in ("digest", "parameters")}
    assert found["valid_nats_per_step"] == about["facts"]["valid_nats_per_step"]
    assert found["model"] == str(folder) and Path(found["picture"]).exists()
    assert found["bytes"] == {each.name: each.stat().st_size for each in folder.glob("*.safetensors")}
    assert run("train", text, "-o", folder, *small, "--json").status == 2 and run.out == b""
    assert "--overwrite" in run.error and run("inspect", folder, "--json").json == about
    again = run("train", text, "-o", folder, *small, "--overwrite", "--json").json
    assert again["digest"] == found["digest"]
    assert run("train", "-o", folder, "--resume", "--updates", 2, "--json").json["updates"] == 5


def test_inspect(run: Run, model: str) -> None:
    found = run("inspect", model, "--json").json
    assert found["codec"] == "chars" and found["network"]["width"] == 8 and found["facts"] == {"step": 1}
    assert found["vocabulary"]["size"] >= len(found["vocabulary"]["first"])
    assert found["parameters"] > 0 and found["file_bytes"] > 4 * found["parameters"]
    assert b"parameters" in run("inspect", model).out


def test_data_list(run: Run) -> None:
    assert b"tinyshakespeare" in run("data", "list").out
    assert any(one["name"] == "enwik8" for one in run("data", "list", "--json").json["datasets"])


def test_train(run: Run, text: str, tmp_path: Path) -> None:
    config = tmp_path / "small.toml"
    config.write_text('[codec]\nname = "bytes"\n[plan]\nbatch_size = 4\nsequence_length = 16\n')
    folder = tmp_path / "model"
    small = ["--config", config, "--width", 12, "--embedding", 4, "--layers", 1, "--device", "cpu"]
    assert run("train", text, "-o", folder, "--updates", 3, *small).status == 0, run.error
    assert run.out == b"" and f"model    {folder}" in run.error and "rhapsode generate" in run.error
    found = run("inspect", folder, "--json").json
    assert found["codec"] == "bytes" and found["network"]["width"] == 12
    assert run("train", text, "-o", tmp_path / "more", "--from", folder, "--updates", 1, *small[:2]).status == 0, (
        run.error
    )
    config.write_text("[plan]\nrows = 0\n")
    assert run("train", text, "-o", tmp_path / "other", "--config", config).status == 2
    assert "batch_size" in run.error


def test_train_resume_needs_no_source(run: Run, tmp_path: Path) -> None:
    assert run("train", "-o", tmp_path / "none", "--resume").status == 2
    assert "nothing to resume" in run.error


def test_failures(run: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: BaseException) -> Run:
        def load(path: str) -> None:
            raise error

        monkeypatch.setattr("rhapsode.inference.model.Model.load", load)
        return run("inspect", model)

    assert fail(RuntimeError("first\nsecond")).status == 1
    assert run.error == "rhapsode: failed: RuntimeError: first (set RHAPSODE_TRACEBACK=1 to see where)\n"
    assert fail(NotFinite("loss is nan")).status == 1
    assert fail(KeyboardInterrupt()).status == 130 and run.error == "rhapsode: interrupted\n"
    assert fail(BrokenPipeError()).status == 1 and run.error == ""
    monkeypatch.setenv("RHAPSODE_TRACEBACK", "1")
    assert fail(RuntimeError("first")).status == 1 and "Traceback" in run.error


def test_interrupt_waits_for_imports() -> None:
    after = []
    with pytest.raises(KeyboardInterrupt), unbroken():
        signal.raise_signal(signal.SIGINT)
        after.append("imported")
    assert after == ["imported"]
    with pytest.raises(KeyboardInterrupt), unbroken():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        after.append("never")
    assert after == ["imported"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_closed_pipe_is_quiet(model: str) -> None:
    command = [sys.executable, "-m", "rhapsode", "generate", model, "--length", "20000", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_reports(capsys: pytest.CaptureFixture[str]) -> None:
    def tell(report: Report) -> None:
        report.stage("reading", 0.5)
        report.note("a [note]")
        report.warn("beware")
        report.progress(0.5, update=1000, train=1.0, valid=2.0, eta=61.0, steps_per_second=1234.5)
        report.sample("one\n\x1b[2Jtwo")

    screen = io.StringIO()
    tell(Lines())
    live = Live(Console(file=screen, force_terminal=True, width=100))
    with live.display:
        tell(live)
    lines, error = capsys.readouterr()
    assert lines == ""
    for shown in (error, screen.getvalue()):
        assert "a [note]" in shown and "warning: beware" in shown and "valid 2.000 nats (2.885 bits)" in shown
        assert "\x1b[2Jtwo" not in shown


def test_small_things() -> None:
    assert [whole(t) for t in ("7", "4M", "1.5k", "2g")] == [7, 4_000_000, 1500, 2_000_000_000]
    assert (duration(61), duration(3661), duration(-1)) == ("1:01", "1:01:01", "0:00")
    assert figures({"steps_per_second": 1234.0}) == "1,234 steps/s"
    assert visible("a\tb\n\x1b[0m\x9b") == "a\tb\n\ufffd[0m\ufffd"
