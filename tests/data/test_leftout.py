"""What is left out of a folder of texts, and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.data.finder import reasons
from rhapsode.data.recognition import Survey
from rhapsode.data.sources import Sources, open_sources
from rhapsode.errors import UserError

KEPT = ("a.txt", "main.py", "lock.txt", "src/util.js", "notes/build/plan.txt", "Makefile", "long.txt", "style.css")
LEFT = {
    ".git": "hidden",
    "node_modules": "folder{s} of packages and caches",
    "build": "folder{s} of builds and copies",
    "env": "folder{s} of packages and caches",
    "package-lock.json": "lock file{s}",
    "poetry.lock": "lock file{s}",
    "a.txt~": "backup{s}",
    "b.bak": "backup{s}",
    "~$novel.docx": "backup{s}",
    "app.min.js": "minified file{s}",
    "bundle.js": "minified file{s}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*KEPT, "node_modules/a/a.js", "build/a.py", "env/a.py", ".git/config", *LEFT):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() and name not in ("node_modules", "build", "env", ".git"):
            path.write_text("some text\n" * 9)
    (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr")
    (tmp_path / "bundle.js").write_text("function(){}" * 900)
    (tmp_path / "long.txt").write_text("a line that is a paragraph " * 900)
    return tmp_path


def names(sources: Sources, folder: Path) -> set[str]:
    return {str(file.path.relative_to(folder)) for file in sources.files}


def test_what_programs_made_is_left_out(folder: Path) -> None:
    found = open_sources([folder])
    assert names(found, folder) == set(KEPT)
    assert found.skipped == {f"{folder}/{name}": why for name, why in LEFT.items()}
    said = reasons(found.skipped)
    assert "1 folder of builds and copies (build), 2 folders of packages and caches (" in said
    assert "2 lock files (package-lock.json, poetry.lock)" in said and "3 backups (" in said
    assert Survey([folder]).counts == {"texts": len(KEPT) + 1}, "bundle.js is known by what is in it"


def test_all_files_but_version_control(folder: Path) -> None:
    found = open_sources([folder], all_files=True)
    more = {"node_modules/a/a.js", "build/a.py", "env/a.py", "env/pyvenv.cfg"}
    assert names(found, folder) == {*KEPT, *more, *(name for name in LEFT if "." in name and name != ".git")}
    assert found.skipped == {f"{folder}/.git": "hidden"}


def test_what_is_named_is_taken(folder: Path) -> None:
    assert names(open_sources([folder / "build"]), folder) == {"build/a.py"}
    given = [folder / "poetry.lock", folder / "a.txt~", folder / "bundle.js"]
    assert names(open_sources(given), folder) == {"poetry.lock", "a.txt~", "bundle.js"}


def test_a_folder_called_build_is_a_folder(folder: Path) -> None:
    """Where there is no project around it."""
    for name in ("Makefile", ".git"):
        path = folder / name
        path.unlink() if path.is_file() else path.rename(folder / "other")
    assert "build/a.py" in names(open_sources([folder]), folder)


@pytest.mark.parametrize("all_files", [False, True])
def test_a_link_to_a_folder_is_said(folder: Path, all_files: bool) -> None:
    """It is not followed, since it may lead back; so it may not be passed over in silence."""
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "b.txt").symlink_to(folder / "a.txt")
    found = open_sources([folder], all_files=all_files)
    assert found.skipped[f"{folder}/again"] == "link{s} to a folder" and "b.txt" in names(found, folder)
    (folder / "gone").symlink_to(folder / "nowhere")
    with pytest.raises(UserError, match="gone': a link to '.*nowhere', which is not there"):
        open_sources([folder / "gone"])
