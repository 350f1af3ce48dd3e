"""What all tests share: small models made without training."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

from rhapsode import registry
from rhapsode.arithmetic import kernel
from rhapsode.arithmetic.build import CannotBuild, build
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig, merged
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.nn.network import Network
from rhapsode.report import Report
from tests.firefox import executable

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # read when torch is loaded, later: the tests' networks are tiny, and their processes inherit this

# The same examples in each run, so that a test does not fail where nothing has changed. RHAPSODE_FUZZ looks for others.
settings.register_profile("fixed", derandomize=True)
settings.load_profile("default" if os.environ.get("RHAPSODE_FUZZ") else "fixed")

TEXT = (
    "Sing, goddess, the anger of Achilles, son of Peleus,\nthat brought countless ills upon the Achaeans.\n\n"
    "Many a brave soul did it send hurrying down to Hades, äöü ßé — ἄειδε, θεά.\n"
    "CHAPTER II\nAnd many a hero did it yield a prey to dogs & vultures; so was the will of Zeus fulfilled.\n"
) * 4


def built() -> None:
    """Build the kernel if it is missing, or made of earlier sources. Without a compiler, numpy does the tests."""
    name = hashlib.sha256(bytes(kernel.SOURCE)).hexdigest()
    with FileLock(Path(tempfile.gettempdir(), f"rhapsode-kernel-{name[:16]}.lock")):  # one of the tests' processes
        try:
            kernel.opened()
        except OSError:
            try:
                build()
            except CannotBuild:
                os.environ[kernel.VARIABLE] = kernel.NUMPY


built()

MakeModel = Callable[..., Model]


def random_weights(network: Network, seed: int, sharpness: float = 3.0) -> dict[str, np.ndarray]:
    """Weights with which state, input and every layer matter and some symbols are much likelier than others."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in network.shapes.items():
        scale = 1.0 if name == "embedding" else shape[-1] ** -0.5 * (sharpness if name == "output.weight" else 1.5)
        if name == "embedding" and network.config.tied:
            scale = sharpness * shape[-1] ** -0.5
        if ".factor_" in name:  # products of two sums: with larger ones, rounding grows from step to step
            scale *= 0.5
        weights[name] = (rng.standard_normal(shape) * scale).astype(np.float32)
    return weights


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """A function that makes a model without training it, through its file. The same arguments, the same model."""
    made: dict[str, Model] = {}

    def make(
        codec: str = "chars",
        framing: str = "stream",
        length: int = 0,
        reset: str = "never",
        seed: int = 0,
        sharpness: float = 3.0,
        options: dict[str, int] | None = None,
        arithmetic: str = "float32",
        **network: Any,
    ) -> Model:
        key = json.dumps([codec, framing, length, reset, seed, sharpness, options, arithmetic, network], sort_keys=True)
        if key not in made:
            name, _, ending = codec.partition("+")  # "chars+end" knows the ends of documents
            if name == "bpe":
                pytest.importorskip("tokenizers")
            kind = registry.get("codec", name)
            if issubclass(kind, RecordCodec):
                fitted = kind.fit(lambda: iter(written(WORDS)), **options or {})
            else:
                options = {"min_count": 1} if options is None and name in ("chars", "words") else options or {}
                fitted = kind.fit([TEXT.encode()], **options)
                fitted = Ending(fitted) if ending else fitted
            config = ModelConfig(
                codec=codec_to_json(fitted),
                network=NetworkConfig(**merged({"width": 12, "embedding": 6, **fitted.network}, network)),
                framing=FramingConfig(name=framing, length=length),  # type: ignore[arg-type]
                reset=reset,
            )
            weights = random_weights(Network(config.network, fitted.steps, fitted.text), seed, sharpness)
            if config.network.attention:  # random windows would leave their texts at once
                weights["attention.bias"][2 * config.network.attention.components :] = -2  # type: ignore[attr-defined]
            folder = tmp_path_factory.mktemp(hashlib.sha256(key.encode()).hexdigest()[:8])
            model = Model(config, weights)
            (model.quantised() if arithmetic == "integers" else model).save(folder / checkpoint.MODEL)
            made[key] = Model.load(folder)
        return made[key]

    return make


@pytest.fixture(scope="module")
def playing() -> Iterator[Any]:
    """Playwright, of which a thread can have but one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as session:
        yield session


@pytest.fixture(scope="module")
def browser(playing: Any) -> Iterator[Any]:
    """A real Chromium, the system's or one that Playwright has fetched."""
    own = playing.chromium.executable_path
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", own))), None)
    if path is None:
        pytest.skip("there is no Chromium (apt-get install chromium)")
    # Chromium asks its makers for this and that; here it finds nobody.
    alone = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking"]
    quiet = ["--disable-component-update", "--disable-sync", "--no-first-run", "--disable-gpu"]
    started = playing.chromium.launch(executable_path=path, args=["--no-sandbox", *alone, *quiet])
    yield started
    started.close()


@pytest.fixture(scope="module")
def firefox(playing: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Firefox, the system's."""
    path = next(filter(None, map(shutil.which, ("firefox", "firefox-esr"))), None)
    if path is None:
        pytest.skip("there is no Firefox (apt-get install firefox-esr)")
    started = playing.firefox.launch(
        channel="moz-firefox",
        executable_path=executable(path, tmp_path_factory.mktemp("firefox")),
        firefox_user_prefs={"ui.prefersReducedMotion": 1, "network.captive-portal-service.enabled": False},
    )
    yield started
    started.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was skipped, and why: a test that never runs proves nothing."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminalreporter.getreports("skipped")
    )
    each = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    terminalreporter.write_line(f"skipped: {reasons.total()} {f'— {each}' if each else ''}".rstrip())


@pytest.fixture(autouse=True, scope="session")
def _signals() -> Iterator[None]:
    """As a terminal leaves them: `nohup` and shells ignore some of what they start in the background."""
    wanted = {signal.SIGINT: signal.default_int_handler}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True, scope="session")
def _short_trainings() -> Iterator[None]:
    """What takes most of a short training is done less.

    The machine's speed is measured once, and taken for that of every cell: test_auto has the real one. One curve of the
    loss is drawn, and lies beside every model: test_log is its test. Samples are short: test_collapse has those of real
    trainings. No recogniser listens to each voice, a second and more for a sentence: test_hear is its test.
    """
    from rhapsode.training import auto, log, sampling, trainer

    measure, drawn = auto.measure, list[bytes]()

    @functools.cache
    def measured(device: Any, precision: str, threads: int) -> float:
        return measure(device, precision, threads)

    def draw(records: log.Log, path: Path, unit: str) -> None:
        if drawn:
            path.write_bytes(drawn[0])
            return
        log.draw(records, path, unit)
        drawn.append(path.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auto, "measure", lambda *asked: measured(*asked[:3]))  # without the cell
        patch.setattr(trainer, "draw", draw)
        patch.setattr(sampling, "SHOWN", 30)
        patch.setattr(trainer, "LENGTH", 30)
        patch.setitem(sys.modules, "pocketsphinx", None)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_disks() -> Iterator[None]:
    """What is written is not forced onto the disk: only a machine that loses power would notice. test_place has what is
    synced, and when."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


class Stop(Report):
    """Interrupts training, as Ctrl-C would, once a step was seen."""

    def __init__(self, after: float) -> None:
        self.after = after

    def progress(self, done: float, **values: object) -> None:
        if done >= self.after and "valid" in values:
            self.after = 2
            os.kill(os.getpid(), signal.SIGINT)


def written(words: list[str], seed: int = 0) -> list[Drawing]:
    """Drawings with texts: each character of a word is an arc or a line of its own, with some noise."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, 8)
    found = []
    for word in words:
        strokes = []
        for place, character in enumerate(word):
            turns = 0.3 + 0.25 * (ord(character) % 5)
            angle = ord(character) + 2 * np.pi * turns * t
            stroke = np.stack([np.cos(angle) + 3 * place + t, np.sin(angle)], axis=1)
            strokes.append(4 * (stroke + 0.02 * rng.standard_normal(stroke.shape)))
        found.append(from_strokes(strokes, word))
    return found


WORDS = ["abc", "cab", "bee", "dab", "aced", "bad", "cede", "ebb", "dace", "ada", "beca", "deed"]


@pytest.fixture
def pens(tmp_path: Path) -> Path:
    """A file of some hundred drawings with texts."""
    rng = np.random.default_rng(1)
    words = ["".join(rng.permutation(list("abcde"))[: rng.integers(2, 6)]) for _ in range(120)]
    path = tmp_path / "pens.jsonl"
    path.write_text("".join(f"{dumps(drawing)}\n" for drawing in written(words)))
    return path
