"""`/api/speak`: what the command says."""

from __future__ import annotations

import base64
import http.client
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("espeakng_loader")

from rhapsode.inference.model import Model  # noqa: E402
from tests.modalities.speech.trained import HELD_OUT, say  # noqa: E402
from tests.serving.asking import about, post  # noqa: E402
from tests.serving.conftest import serving  # noqa: E402

PATH, TEXT = "/api/speak", HELD_OUT[0]


@pytest.fixture(scope="module")
def address(_voice: Path) -> Iterator[str]:
    with serving({"voice": Model.load(_voice / "voice")}) as (found, _):
        yield found


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"speed": 1.5, "pitch": 3}, ["--speed", "1.5", "--pitch", "3"]),
        (
            {"temperature": 0.5, "seed": 3, "liveliness": 0},
            ["--temperature", "0.5", "--seed", "3", "--liveliness", "0"],
        ),
        ({"text": f"{TEXT} {HELD_OUT[1]}", "pause": 0.3}, ["--pause", "0.3"]),
        (
            {"text": f"{TEXT}\n{HELD_OUT[1]}", "sentences": "line", "lexicon": {"boat": "k\u00e6t"}},
            ["--sentences", "line"],
        ),
    ],
)
def test_the_files_of_the_command(
    address: str, home: Path, tmp_path: Path, fields: dict[str, Any], options: list[str]
) -> None:
    fields = {"text": TEXT, **fields}
    if "lexicon" in fields:
        (tmp_path / "words.tsv").write_text("boat\tk\u00e6t\n")
        options = [*options, "--lexicon", str(tmp_path / "words.tsv")]
    out = {form: tmp_path / f"a.{form}" for form in ("wav", "TextGrid", "lab", "csv")}
    also = [part for name in list(out.values())[1:] for part in ("--also", str(name))]
    assert say(home, fields["text"], "-o", str(out["wav"]), *also, *options) == 0
    for form, path in out.items():
        reply = post(address, PATH, format=form.lower(), **fields)
        assert reply.status == 200 and reply.data == path.read_bytes(), (form, reply.data[:200])


def test_numbers_with_files(address: str) -> None:
    [found] = post(address, PATH, text=TEXT, files=["wav", "csv"]).json["samples"]
    for form in ("wav", "csv"):
        assert base64.b64decode(found["files"][form]) == post(address, PATH, text=TEXT, format=form).data
    assert len(found["files"]) == 2


def test_numbers_and_phones(address: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = post(address, PATH, text=TEXT).json["samples"]
    assert say(home, TEXT, "--json") == 0
    [expected] = json.loads(capsys.readouterr().out)["samples"]
    assert {name: found[name] for name in expected} == expected
    assert any(found["f0"]["hertz"]) and found["f0"]["hop"] == 0.01
    # The phones that came back are said again, as the command says them; then one of them longer.
    (tmp_path / "a.jsonl").write_text(json.dumps({"phones": found["utterance"]["phones"]}) + "\n")
    assert say(home, "--phones", str(tmp_path / "a.jsonl"), "-o", str(tmp_path / "a.wav")) == 0
    reply = post(address, PATH, phones=found["utterance"]["phones"], format="wav")
    assert reply.data == (tmp_path / "a.wav").read_bytes()
    rows = [
        [symbol, begin + 0.2 * (n > 2), end + 0.2 * (n >= 2)] for n, (symbol, begin, end) in enumerate(found["phones"])
    ]
    [longer] = post(address, PATH, phones=rows).json["samples"]
    assert longer["seconds"] == pytest.approx(found["seconds"] + 0.2, abs=1e-3)
    sung = [[0, 150], [found["seconds"], 150]]
    [flat] = post(address, PATH, phones=found["phones"], f0=sung).json["samples"]
    assert set(flat["f0"]["hertz"]) <= {0.0, 150.0} and 150.0 in flat["f0"]["hertz"]


def test_the_first_sentence_comes_before_the_last_is_made(address: str, home: Path, capfdbinary: Any) -> None:
    text = " ".join(HELD_OUT)
    assert say(home, text) == 0
    expected = capfdbinary.readouterr().out
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    body = json.dumps({"text": text, "format": "wav", "stream": True})
    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("transfer-encoding") == "chunked"
    first = answer.read1(1 << 24)
    rest = answer.read()
    connection.close()
    assert first + rest == expected and rest


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing to say"),
        ({"text": TEXT, "phones": [["a", 0, 1]]}, "a text and phones were given"),
        ({"phones": "/etc/passwd"}, "phones"),
        ({"phones": [["a", 0, 1e5]]}, "more than 120 seconds"),
        ({"phones": [["a", "x", 1]]}, "phones, phone 1"),
        ({"phones": [["\u4e2d", 0, 1]]}, "phones"),
        ({"text": TEXT, "f0": [[0, 100], [1, 100]]}, "f0 needs phones"),
        ({"text": TEXT, "f0": [[0, 100], [1, 9000]]}, "f0"),
        ({"text": TEXT, "n": 2}, "without a temperature"),
        ({"text": TEXT, "n": 2, "format": "wav"}, "holds one sample"),
        ({"text": TEXT, "stream": True}, "ask for wav"),
        ({"text": TEXT, "format": "wav", "files": ["csv"]}, "an answer as JSON has them"),
        ({"text": TEXT, "files": ["mp3"]}, "files"),
        ({"text": TEXT, "lexicon": {"a b": "x"}}, "is no word"),
        ({"text": TEXT, "lexicon": {"boat": "%%"}}, "no phones that are known"),
        ({"text": TEXT, "lexicon": "/etc/passwd"}, "lexicon"),
        ({"text": TEXT, "speaker": "Bob"}, "speaker"),
        ({"text": "0" * 6000}, "5000"),
        ({"text": "<speak><audio src='/etc/passwd'/></speak>"}, ""),
    ],
)
def test_mistakes(address: str, fields: dict[str, Any], message: str) -> None:
    reply = post(address, PATH, **fields)
    assert reply.status == 400 and message in reply.message, reply.data
    assert "--" not in reply.message


def test_what_is_said_of_a_model(address: str) -> None:
    found = about(address, "voice")
    assert found["endpoint"] == PATH and len(found["phones"]) > 10 and not found["speakers"]


def test_long_speech(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rhapsode.modalities.speech.serving.SECONDS", 3.0)
    assert post(address, PATH, text=TEXT).status == 200
    reply = post(address, PATH, text=f"{TEXT} " * 5)
    assert reply.status == 400 and "more than 3 seconds" in reply.message
    assert post(address, PATH, text=f"{TEXT} " * 5, format="wav", stream=True).status == 200


def test_without_espeak(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what is missing; phones are said without it."""
    monkeypatch.setattr("rhapsode.modalities.speech.espeak._engine", None)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    reply = post(address, PATH, text=TEXT)
    assert reply.status == 400 and "rhapsode[speech]" in reply.message
    assert post(address, PATH, phones=[["_", 0, 0.1], ["t", 0.1, 0.2], ["_", 0.2, 0.3]]).status == 200
