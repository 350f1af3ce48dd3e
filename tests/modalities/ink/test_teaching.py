"""The page teaches a model the recorded hand: its server, the lesson's process, the command, and a real browser."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.pad.teacher import ENOUGH, Teacher
from tests.conftest import MakeModel, written
from tests.modalities.ink.pad.served import Served, ask, scribble
from tests.modalities.ink.pad.served import serving as served

pytest.importorskip("uvicorn")

from rhapsode.modalities.ink.pad.hands import Desk, Hands, next_commands  # noqa: E402

TEXTS = ["abc", "cab", "bee", "dab", "aced", "bad", "cede", "ebb", "dace", "ada", "beca", "deed"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Lines of a hand that is twice as large as the base's, and one that the base cannot learn."""
    path = tmp_path / "my-hand.jsonl"
    path.write_text("".join(f"{dumps(drawing)}\n" for drawing in [*written(TEXTS), *written(["xyz"])]))
    return path


@pytest.fixture
def teacher(file: Path, tiny_model: MakeModel) -> Iterator[Teacher]:
    base = tiny_model(codec="strokes", reset="document").path
    made = Teacher(file, str(base), file.parent / "models" / "mine", minutes=0.01)
    yield made
    made.close()


def serving(teacher: Teacher, texts: list[str] = TEXTS) -> AbstractContextManager[Served]:
    return served(teacher.file, texts, teacher, "abcde")


def send(server: Served, where: str, value: Any = None) -> tuple[int, dict[str, Any]]:
    status, _, answer = ask(server, "POST", where, json.dumps(value or {}).encode())
    return status, json.loads(answer)


def specimen(server: Served, hand: str) -> tuple[int, dict[str, Any]]:
    status, _, answer = ask(server, "GET", f"specimen?hand={hand}")
    return status, json.loads(answer)


def state(server: Served) -> dict[str, Any]:
    status, _, answer = ask(server, "GET", "lesson")
    assert status == 200
    found: dict[str, Any] = json.loads(answer)
    return found


def until(teacher: Teacher, *phases: str, done: float = 0.0) -> dict[str, Any]:
    """The lesson's state when it is in one of the phases and so much is done."""
    end = time.monotonic() + 200
    while time.monotonic() < end:
        now = teacher.state()
        if now["phase"] in phases and now.get("done", 0) >= done:
            return now
        assert now["phase"] == "running", now.get("error", now)
        time.sleep(0.02)
    raise AssertionError(f"nothing happened: {now}")


def test_a_lesson(teacher: Teacher) -> None:
    """From the button to a model that writes, in a folder with nothing else in it."""
    heard: list[str] = []
    teacher._told = heard.append
    with serving(teacher) as server:
        about = json.loads(ask(server, "GET", "")[2])
        assert about["lesson_enough"] == ENOUGH and about["known"] == list("abcde")
        assert f"-o {teacher.folder} --from {teacher.base} --minutes 0.01" in about["commands"][0]
        assert state(server) == {"phase": "idle", "taught": False}
        status, answer = specimen(server, "after")
        assert status == 400 and "no model of your hand yet" in answer["error"]["message"]
        assert specimen(server, "neither")[0] == 400
        status, answer = send(server, "lesson", {"minutes": 0.02})
        assert status == 200 and answer["phase"] == "running" and teacher.minutes == 0.02
        assert send(server, "lesson")[0] == 400, "one at a time"
        before = specimen(server, "before")[1]
        assert before["svg"].startswith("<svg") and before["text"] == teacher.sentence, "the page stays of use"
        until(teacher, "finished")
        end = state(server)
        assert end["taught"] and end["kept"] and end["done"] <= 1 and isinstance(end["valid"], float)
        after = specimen(server, "after")[1]["svg"]
        assert after.startswith("<svg") and after != before["svg"]
        assert specimen(server, "before")[1] == before
        own = specimen(server, "own")[1]
        assert own["text"] in TEXTS and len(own["text"]) == 4 and "<path" in own["svg"]
        shelf = json.loads(ask(server, "GET", "/api/shelf")[2])["models"]
        assert [one["views"] for one in shelf if one["name"] == "mine"] == [["ink", "teach", "about"]]
    assert {one.name for one in teacher.folder.iterdir()} == {
        *("model.safetensors", "metrics.jsonl", "loss.png", "log.txt", "samples.txt")
    }
    assert [one.name for one in teacher.folder.parent.iterdir()] == ["mine"]
    mine = Model.load(teacher.folder)
    assert mine.config.network == Model.load(teacher.base).config.network
    assert mine.digest != Model.load(teacher.base).digest
    assert heard[-1] == f"model    {teacher.folder}\nnext     {teacher.command}"
    again = Teacher(teacher.file, teacher.base, teacher.folder)
    assert again.state() == {"phase": "idle", "taught": True}
    assert again.specimen("after") == after


@pytest.mark.slow
def test_a_stopped_lesson_is_kept_and_one_that_was_left_is_not(teacher: Teacher) -> None:
    teacher.minutes = 60
    teacher.start()
    until(teacher, "running", done=1e-6)
    teacher.stop()
    assert until(teacher, "stopped")["kept"]
    first = (teacher.folder / "model.safetensors").read_bytes()
    teacher.start()
    until(teacher, "running", done=1e-6)
    teacher.close()
    assert not until(teacher, "stopped")["kept"]
    assert (teacher.folder / "model.safetensors").read_bytes() == first
    assert [one.name for one in teacher.folder.parent.iterdir()] == ["mine"], "and nothing is left lying about"


@pytest.mark.slow
def test_a_lesson_that_fails_says_why(teacher: Teacher) -> None:
    teacher.base = "nowhere"
    teacher.start()
    assert "no model at nowhere" in until(teacher, "failed")["error"]
    assert not teacher.taught


def test_too_few_lines(teacher: Teacher) -> None:
    """Lines that the base does not know the characters of do not count."""
    lines = teacher.file.read_text().splitlines(keepends=True)
    teacher.file.write_text("".join(lines[-ENOUGH:]))
    with serving(teacher) as server:
        status, answer = send(server, "lesson")
        told = answer["error"]["message"]
        assert status == 400 and f"{ENOUGH} lines" in told and f"there are {ENOUGH - 1}" in told
    teacher.file.unlink()
    assert teacher.own_line() is None


def test_a_lesson_does_not_replace_the_work_of_a_training(teacher: Teacher, tiny_model: MakeModel) -> None:
    """Unless it is asked to; the work of an earlier lesson it does."""
    for other, checkpointed in ((tiny_model(), False), (tiny_model(codec="strokes", reset="document"), True)):
        assert other.path
        shutil.rmtree(teacher.folder, ignore_errors=True)
        shutil.copytree(other.path.parent, teacher.folder)
        if checkpointed:
            (teacher.folder / "resume.safetensors").touch()
        with pytest.raises(UserError, match="holds a model that no lesson has made.* --overwrite to replace it"):
            teacher.start()
        assert teacher.state()["phase"] == "idle"
    bold = Teacher(teacher.file, teacher.base, teacher.folder, minutes=10, overwrite=True)
    bold.start()
    bold.close()
    (teacher.folder / "resume.safetensors").unlink()
    teacher.minutes = 10
    teacher.start()
    teacher.close()
    assert next_commands(teacher)[0].endswith(" --overwrite")


def test_bases_that_cannot_learn_a_hand(file: Path, tiny_model: MakeModel) -> None:
    pen, text = tiny_model(codec="strokes", reset="document"), tiny_model()
    assert pen.path and text.path
    for base, folder, sentence, message in (
        (text.path, "mine", "", "does not write texts by hand"),
        (pen.path, str(pen.path.parent), "", "is the base model itself"),
        (pen.path, "mine", "xyz", "never seen"),
    ):
        with pytest.raises(UserError, match=message):
            Teacher(file, str(base), Path(folder), sentence=sentence)


def test_the_command(
    file: Path, tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Desk] = []
    hands = Hands.__init__

    def noted(self: Hands, desk: Callable[[str], Desk]) -> None:
        seen.append(desk("any"))
        hands(self, desk)

    monkeypatch.setattr(Hands, "__init__", noted)
    monkeypatch.setattr("rhapsode.serving.run.listen", lambda *_: None)
    base = tiny_model(codec="strokes", reset="document").path
    command = ["ink", str(file), "--no-browser", "--lines", "3"]
    assert main([*command, "--base", str(base), "--minutes", "2", "--try", "bee"]) == 0
    folder = file.with_suffix("")
    assert f"rhapsode train {file} -o {folder} --from {base} --minutes 2" in capsys.readouterr().err
    assert seen[-1].alphabet == "abcde", "only what the base can learn is asked for"
    assert seen[-1].teacher.sentence == "bee"
    assert main([*command, "--base", "nowhere"]) == 2
    assert "no model at nowhere" in capsys.readouterr().err
    for module in ("starlette", "uvicorn"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            assert main(command) == 2
            assert "rhapsode ink needs packages of its own: pip install 'rhapsode[serve]'" in capsys.readouterr().err


def test_in_a_browser(browser: Any, teacher: Teacher) -> None:
    """Ten lines with the mouse, the button, the pictures, and another sentence."""
    teacher.file.unlink()
    teacher.minutes = 0.02
    with serving(teacher, TEXTS[:ENOUGH]) as server:
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        teach = page.get_by_role("button", name="Teach my hand")
        for number, text in enumerate(TEXTS[:ENOUGH]):
            expect(page.locator("#text")).to_have_text(text)
            expect(teach).to_be_disabled()
            expect(page.locator("#missing")).to_contain_text(f"still needed: {ENOUGH - number}.")
            scribble(page)
            page.keyboard.press("Enter")
            expect(page.locator("#told")).to_have_text(f"Saved: {text}")
        expect(page.locator("#shown")).to_be_hidden()
        teach.click()
        expect(page.locator("#learning")).to_be_visible()
        expect(page.locator("#outcome")).to_contain_text("has learnt your hand", timeout=100_000)
        expect(page.locator("#outcome")).to_contain_text(f"The model is in {teacher.folder}.")
        expect(page.locator("#specimens img")).to_have_count(3, timeout=60_000)
        for place in ("#before img", "#taught img", "#own img"):
            assert page.locator(place).evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        assert page.locator("#before img").get_attribute("src") != page.locator("#taught img").get_attribute("src")
        assert not wrong
        page.reload()
        expect(page.locator("#outcome")).to_contain_text("has learnt your hand")
        expect(page.locator("#specimens img")).to_have_count(3, timeout=60_000)
        page.get_by_role("link", name="Write with your hand").click()
        page.locator("textarea#text").fill("bead")
        page.locator("#go").click()
        expect(page.locator("#status")).to_contain_text("was written", timeout=30_000)
