"""The page teaches a model the recorded hand: its server, the lesson's process, the command, and a real browser."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.cli import ink
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.pad.lines import RecordedLines
from rhapsode.modalities.ink.pad.server import Server, next_commands
from rhapsode.modalities.ink.pad.teacher import ENOUGH, Teacher
from tests.conftest import MakeModel, written
from tests.modalities.ink.pad.served import ask, scribble

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


@contextmanager
def serving(teacher: Teacher, texts: list[str] = TEXTS) -> Iterator[Server]:
    with Server(RecordedLines(teacher.file), texts, "abcde", teacher=teacher) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def send(server: Server, where: str, value: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
    status, _, answer = ask(server, "POST", where, json.dumps(value or {}).encode(), **headers)
    return status, json.loads(answer)


def state(server: Server) -> dict[str, Any]:
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


def wish(hand: str, **more: Any) -> dict[str, Any]:
    return {"hand": hand, "text": "bead", "bias": 1, "seed": 3, "paper": "", **more}


def test_a_lesson(teacher: Teacher) -> None:
    """From the button to a model that writes, in a folder with nothing else in it."""
    heard: list[str] = []
    teacher._told = heard.append
    with serving(teacher) as server:
        about = json.loads(ask(server, "GET", "lines")[2])
        assert about["teacher"]["enough"] == ENOUGH and about["teacher"]["alphabet"] == list("abcde")
        assert f"-o {teacher.folder} --from {teacher.base} --minutes 0.01" in about["commands"][0]
        assert state(server) == {"phase": "idle", "taught": False}
        status, answer = send(server, "write", wish("after"))
        assert status == 400 and "no model of your hand yet" in answer["error"]
        status, answer = send(server, "teach")
        assert status == 200 and answer["phase"] == "running"
        assert send(server, "teach")[0] == 400, "one at a time"
        assert send(server, "write", wish("before"))[1]["pages"][0].startswith("<svg"), "the page stays of use"
        until(teacher, "finished")
        end = state(server)
        assert end["taught"] and end["kept"] and end["done"] <= 1 and isinstance(end["valid"], float)
        before, after = (send(server, "write", wish(hand))[1]["pages"] for hand in ("before", "after"))
        assert len(after) == 1 and after[0].startswith("<svg") and after != before
        assert send(server, "write", wish("after"))[1]["pages"] == after
        assert send(server, "write", wish("after", seed=4))[1]["pages"] != after
        own = send(server, "own")[1]
        assert own["text"] in TEXTS and len(own["text"]) == 4 and "<path" in own["svg"]
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
    assert again.write("after", "bead", 1, 3)["pages"] == after


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
        status, answer = send(server, "teach")
        assert status == 400 and f"{ENOUGH} lines" in answer["error"] and f"there are {ENOUGH - 1}" in answer["error"]
    teacher.file.unlink()
    assert teacher.own_line() is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        [1],
        wish("neither"),
        wish("before", text=""),
        wish("before", text=" \n"),
        wish("before", text="a" * 2001),
        wish("before", text="a\n" * 201),
        wish("before", paper="a9"),
        wish("before", paper=None),
        wish("before", text="xyz"),
        wish("before", text=7),
        wish("before", bias=2.1),
        wish("before", bias=float("nan")),
        wish("before", bias="1"),
        wish("before", seed=-1),
        wish("before", seed=2**64),
        wish("before", seed=0.5),
    ],
)
def test_what_cannot_be_written(teacher: Teacher, body: Any) -> None:
    with serving(teacher) as server:
        status, answer = send(server, "write", body)
        assert status == 400 and answer["error"]


def test_what_was_written_can_be_saved(teacher: Teacher) -> None:
    """As what was shown; of several pages, all."""
    with serving(teacher) as server:
        shown = send(server, "write", wish("before", text="bead\ncab"))[1]["pages"]
        beginnings = {
            "svg": b"<svg",
            "png": b"\x89PNG",
            "lines": b"<svg",
            "hpgl": b"IN;",
            "z": b"; 100",
            "servo": b"; ",
        }
        for kind, beginning in beginnings.items():
            body = json.dumps(wish("before", text="bead\ncab", kind=kind)).encode()
            status, headers, contents = ask(server, "POST", "save", body)
            assert status == 200 and contents.startswith(beginning)
            assert re.fullmatch(r'attachment; filename="words\.(svg|png|hpgl|gcode)"', headers["Content-Disposition"])
            assert (contents == shown[0].encode()) == (kind == "svg")
        assert b"\nM3 S90\n" in contents and b"\n; bead\n; cab\n" in contents
        letter = wish("before", text="bead\n" * 20, paper="a6")
        pages = send(server, "write", letter)[1]["pages"]
        status, headers, contents = ask(server, "POST", "save", json.dumps({**letter, "kind": "svg"}).encode())
        assert headers["Content-Disposition"] == 'attachment; filename="words.zip"'
        with zipfile.ZipFile(BytesIO(contents)) as archive:
            assert archive.namelist() == [f"words-{n + 1}.svg" for n in range(len(pages))] and len(pages) == 2
            assert [archive.read(name).decode() for name in archive.namelist()] == pages
        for wrong in ({}, {"kind": "exe"}, {"kind": 1}, {"kind": "svg", "paper": "a9"}):
            assert send(server, "save", wish("before", **wrong))[0] == 400


def test_other_pages_may_not_teach(teacher: Teacher) -> None:
    with serving(teacher) as server:
        for where in ("teach", "stop", "write", "save", "own"):
            for headers in ({"Host": "evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
                assert send(server, where, **headers)[0] == 403
            assert send(server, f"/x/{where}")[0] == 403
            assert send(server, where, Content_Type="text/plain")[0] == 415
        assert ask(server, "GET", "lesson", Host="evil.example")[0] == 403
        assert ask(server, "GET", "teach")[0] == 404
    assert teacher.state()["phase"] == "idle"


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
    assert next_commands(teacher.file, teacher)[0].endswith(" --overwrite")


def test_without_a_teacher(file: Path) -> None:
    with Server(RecordedLines(file), TEXTS, "abc") as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        assert ask(server, "GET", "lesson")[0] == 404
        assert send(server, "teach")[0] == 404
        server.shutdown()


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
    seen: list[Server] = []

    def interrupted(server: Server) -> None:
        seen.append(server)
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    base = tiny_model(codec="strokes", reset="document").path
    command = ["ink", str(file), "--no-browser", "--lines", "3"]
    assert main([*command, "--base", str(base), "--minutes", "2", "--try", "bee"]) == 0
    folder = file.with_suffix("")
    assert f"rhapsode train {file} -o {folder} --from {base} --minutes 2" in capsys.readouterr().err
    assert seen[-1].alphabet == "abcde", "only what the base can learn is asked for"
    assert seen[-1].teacher and seen[-1].teacher.sentence == "bee"

    monkeypatch.setattr(ink, "BASE", "nowhere")
    assert main(command) == 0
    assert "--base MODEL" in capsys.readouterr().err
    assert seen[-1].teacher is None and "--base MODEL" in seen[-1].state()["hint"]
    assert main([*command, "--base", "nowhere"]) == 2
    assert "no model at nowhere" in capsys.readouterr().err


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
            expect(page.locator("#missing")).to_contain_text(f"{ENOUGH - number} more")
            scribble(page)
            page.keyboard.press("Enter")
            expect(page.locator("#status")).to_have_text(f"Saved: {text}")
        expect(page.locator("#shown")).to_be_hidden()
        teach.click()
        expect(page.locator("#learning")).to_be_visible()
        expect(page.locator("#outcome")).to_contain_text("has learnt your hand", timeout=100_000)
        expect(page.locator("#outcome")).to_contain_text(f"rhapsode write {teacher.folder}")
        expect(page.locator("#specimens img")).to_have_count(3, timeout=60_000)
        for place in ("#before img", "#taught img", "#own img"):
            assert page.locator(place).evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        assert page.locator("#before img").get_attribute("src") != page.locator("#taught img").get_attribute("src")
        page.locator("#words").fill("sad")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#trouble")).to_contain_text("never seen some characters: 's' is left out once")
        expect(page.locator("#page img")).to_have_attribute("alt", "sad", timeout=30_000)
        page.locator("#words").fill("Zoo")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#trouble")).to_contain_text("nothing of the text is left")
        page.locator("#words").fill("dead")
        page.keyboard.press("Enter")
        page.keyboard.type("bee")
        page.locator("#bias").fill("2")
        page.locator("#paper").select_option(label="A6")
        page.get_by_role("button", name="Write", exact=True).click()
        expect(page.locator("#page img")).to_have_attribute("alt", "dead\nbee", timeout=30_000)
        for kind, name, part in (
            ("SVG", "words.svg", b'viewBox="0 0 105 148"'),
            ("PNG", "words.png", b"IHDR"),
            ("G-code: the pen on a servo, GRBL", "words.gcode", b"; dead\n; bee\nG21 ; mm\nG90 ; absolute\nM5\n"),
        ):
            page.locator("#kind").select_option(label=kind)
            with page.expect_download() as download:
                page.get_by_role("button", name="Save", exact=True).click()
            assert download.value.suggested_filename == name
            assert part in Path(download.value.path()).read_bytes()
        expect(page.locator("#trouble")).to_be_empty()
        assert page.locator("#count").inner_text() == "10 of 10", "keys typed into the field are no commands"
        wrong = [each for each in wrong if "400" not in each]  # the browser's own word on the refusal above
        assert not wrong
        page.reload()
        expect(page.locator("#outcome")).to_contain_text("has learnt your hand")
        expect(page.locator("#specimens img")).to_have_count(3, timeout=60_000)
