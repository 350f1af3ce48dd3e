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


@pytest.mark.parametrize(
    "fields",
    [{}, {"pitch": 3, "speed": 1.2}, {"temperature": 0.5, "seed": 3}, {"pause": 0.3, "liveliness": 0}],
)
def test_what_was_said_is_said_again(address: str, fields: dict[str, Any]) -> None:
    """All of its sentences, to the last bit; also each by itself."""
    text = " ".join(HELD_OUT)
    [found] = post(address, PATH, text=text, **fields).json["samples"]
    sound = post(address, PATH, text=text, format="wav", **fields).data
    how = {name: fields[name] for name in fields if name in ("temperature", "seed", "liveliness")}
    assert [one["text"] for one in found["utterances"]] == HELD_OUT
    assert post(address, PATH, utterances=found["utterances"], format="wav", **how).data == sound
    parts = [post(address, PATH, utterances=[one], format="wav", **how).data[44:] for one in found["utterances"]]
    assert b"".join(parts) == sound[44:]


def test_phones_without_times(address: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\u00f0 \u0259 | b \u02c8o\u028a t\nt \u02c8iː n\n")
    assert say(home, "--phones", str(tmp_path / "a.txt"), "-o", str(tmp_path / "a.wav"), "--speed", "2") == 0
    fields = {"phones": (tmp_path / "a.txt").read_text(), "speed": 2}
    assert post(address, PATH, format="wav", **fields).data == (tmp_path / "a.wav").read_bytes()
    first, second = post(address, PATH, **fields).json["samples"][0]["utterances"]
    assert [row[3]["word"] for row in first["phones"]] == [0, 0, 0, 1, 1, 1, 1]
    assert [row[0] for row in second["phones"]] == ["_", "t", "iː", "n", "_"]


def test_a_phone_is_said_higher_and_longer(address: str) -> None:
    [found] = post(address, PATH, text=TEXT).json["samples"]
    [one] = found["utterances"]
    hop, hertz = one["f0"]["hop"], one["f0"]["hertz"]
    spans = [(round(begin / hop), round(end / hop)) for _, begin, end, _ in one["phones"]]
    begin, end = max(spans, key=lambda span: sum(each > 0 for each in hertz[slice(*span)]))
    lifted = [each * 2 ** (4 / 12) if begin <= n < end else each for n, each in enumerate(hertz)]
    [higher] = post(address, PATH, utterances=[{**one, "f0": {"hop": hop, "hertz": lifted}}]).json["samples"]
    assert higher["utterances"][0]["f0"]["hertz"] == pytest.approx(lifted)
    assert higher["utterances"][0]["phones"] == one["phones"]
    # Its F0 goes on as the voice has it where none is given.
    later = [
        [symbol, a + 0.15 * (n > 3), b + 0.15 * (n >= 3), of] for n, (symbol, a, b, of) in enumerate(one["phones"])
    ]
    longer = {"text": TEXT, "phones": later}
    [slower] = post(address, PATH, utterances=[longer]).json["samples"]
    assert slower["seconds"] == pytest.approx(found["seconds"] + 0.15, abs=1e-9) and slower["text"] == TEXT
    frames = len(post(address, PATH, utterances=[longer], format="wav").data) - 44
    assert frames == 2 * round(slower["seconds"] * 16000)
    grid = post(address, PATH, utterances=[longer], format="textgrid").data.decode()
    assert f"{later[3][2]:.6f}".rstrip("0") in grid


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


def test_sentences_come_as_events(address: str) -> None:
    text = " ".join(HELD_OUT)
    [whole] = post(address, PATH, text=text, files=["wav"]).json["samples"]
    *events, last = post(address, PATH, text=text, files=["wav"], stream=True).data.decode().split("\n\n")[:-1]
    assert last == "data: [DONE]"
    parts = [json.loads(event.removeprefix("data: ")) for event in events]
    assert [part["samples"][0]["utterances"][0] for part in parts] == whole["utterances"]
    assert [part["samples"][0]["words"][0] for part in parts] == whole["words"]
    sound = b"".join(base64.b64decode(part["samples"][0]["files"]["wav"])[44:] for part in parts)
    assert sound == base64.b64decode(whole["files"]["wav"])[44:]
    # Phones that the voice does not know are told with their sentence, and a mistake ends it.
    typed = {"phones": "\u00f0 \u0259\n\u00f8 t\n\u4e2d \u4e2d", "stream": True}
    first, second, wrong = post(address, PATH, **typed).data.decode().split("\n\n")[:-1]
    assert "notes" not in first and "has never heard \u00f8" in json.loads(second.removeprefix("data: "))["notes"][0]
    assert "phones" in json.loads(wrong.removeprefix("data: "))["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing to say"),
        ({"text": TEXT, "phones": [["a", 0, 1]]}, "a text and phones were given"),
        ({"phones": "/etc/passwd"}, "phones"),
        ({"phones": " "}, "there are no phones in it"),
        ({"phones": [["a", 0, 1e5]]}, "more than 120 seconds"),
        ({"phones": [["a", "x", 1]]}, "phones, phone 1"),
        ({"utterances": [{"phones": [["t", 0, 1]]}, {"phones": [["a", "x", 1]]}]}, "utterances, 2, phone 1"),
        ({"utterances": [{"phones": [["a", 0, 130]]}]}, "more than 120 seconds"),
        ({"utterances": [{"phones": [["a", 0, 0.1]] * 2000}] * 6}, "12,000 phones"),
        ({"utterances": [{"phones": [["a", 0, 1]]}], "phones": [["a", 0, 1]]}, "of their own"),
        ({"utterances": [{"phones": [["a", 0, 1]]}], "text": TEXT}, "a text and utterances were given"),
        (
            {"utterances": [{"phones": [["a", None, None]], "f0": {"hop": 0.01, "hertz": [0, 1]}}]},
            "have no times",
        ),
        ({"phones": [["\u4e2d", 0, 1]]}, "phones"),
        ({"text": TEXT, "f0": [[0, 100], [1, 100]]}, "f0 needs phones"),
        ({"text": TEXT, "f0": [[0, 100], [1, 9000]]}, "f0"),
        ({"text": TEXT, "n": 2}, "without a temperature"),
        ({"text": TEXT, "n": 2, "format": "wav"}, "holds one sample"),
        ({"text": TEXT, "stream": True, "format": "flac"}, "only wav and json"),
        ({"text": TEXT, "stream": True, "n": 2, "temperature": 1}, "a stream is of one sample"),
        ({"text": " ", "stream": True}, "nothing to say"),
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
