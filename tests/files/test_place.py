"""One way to write a file: whole, with the right permissions, and nothing left behind."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rhapsode.errors import UserError
from rhapsode.files.place import check, made, place, sweep, temporary


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o027)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_permissions_are_those_of_the_umask_or_of_the_file_that_was_there(tmp_path: Path, umask: None) -> None:
    path = tmp_path / "file"
    place(path, b"new")
    assert mode(path) == 0o640
    for own in (0o600, 0o664):
        path.chmod(own)
        place(path, b"again")
        assert mode(path) == own and path.read_bytes() == b"again"


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != path)  # who runs the tests may be root
    with pytest.raises(UserError, match=r"cannot write .*file \(3 bytes\): it is read-only. What was there is untouch"):
        place(path, b"new")
    with pytest.raises(UserError, match="no permission to write"):
        check(str(path))
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_links_are_followed_and_pipes_are_written_to(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("there/target")
    for data in (b"one", b"two"):
        place(link, data)
        assert link.is_symlink() and (tmp_path / "there/target").read_bytes() == data
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    place(pipe, b"through")
    reader.join()
    assert heard == [b"through"] and pipe.is_fifo()


def test_the_folder_is_synced_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{handle}").removeprefix(f"{tmp_path}"))
        fsync(handle)

    def replaced(source: Path, target: Path) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    place(tmp_path / "file", b"data")
    assert done[0].startswith("/.file.") and done[1:] == ["rename", ""]
    del done[:]
    place(tmp_path / "file", b"data", sync=False)
    assert done == ["rename"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_after_an_error_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match=r"cannot write .*/a/b/file \(4 bytes\): No space left on device\. What was"):
        place(tmp_path / "a/b/file", b"data")
    assert not list(tmp_path.iterdir())


def test_made_folders_go_only_if_they_are_empty(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), made(tmp_path / "a/b/c"):
        (tmp_path / "a/file").touch()
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "file"]
    with made(tmp_path / "d/e"):
        pass
    assert (tmp_path / "d/e").is_dir()


NAMES = [
    ("", "an empty name"),
    ("a\0b", "null"),
    ("x" * 300, "longer than the 255 bytes"),
    ("ä" * 130, "longer than the 255 bytes"),
    ("new/" + "x" * 300 + "/file", "longer than the 255 bytes"),
    ("a/" * 3000, "longer than the 4,096 bytes"),
    ("file/x", "file is a file"),
    ("file/x/y/z", "file is a file"),
]


@pytest.mark.parametrize(("name", "says"), NAMES, ids=range(len(NAMES)))
@pytest.mark.parametrize("folder", [False, True])
def test_names_under_which_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str, folder: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(UserError, match=says):
        check(name, folder)
    if name and not folder:
        with pytest.raises(UserError, match="cannot write"):
            place(Path(name), b"data")
    assert os.listdir() == ["file"]


def test_names_under_which_something_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    Path("dangling").symlink_to("new/target")
    for name in ("file", "one", "more/deep/file", "folder/../other", "dangling", os.devnull, "x" * 255, "ä" * 127):
        check(name)
        place(Path(name), b"data")
    for name in (".", "folder", "newer/deep", "x" * 254):
        check(name, folder=True)
    with pytest.raises(UserError, match="folder is a folder; name a file"):
        check("folder")
    with pytest.raises(UserError, match="file is a file; name a folder"):
        check("file", folder=True)


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # who runs the tests may be root
    for name in ("new", "new/deeper"):
        with pytest.raises(UserError, match=f"no permission to write {tmp_path}. Choose another place"):
            check(str(tmp_path / name))


def test_what_killed_processes_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from rhapsode.files.place import place, temporary\n"
        "temporary(Path(sys.argv[1], 'folder')).mkdir()\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "place(Path(sys.argv[1], 'file'), b'data')"
    )
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", script, str(tmp_path)]).returncode == -9
    kept = [temporary(tmp_path / "mine"), tmp_path / "file", tmp_path / ".hidden", tmp_path / ".file.old"]
    for path in kept:
        path.touch()
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    kept.append(temporary(tmp_path / "other"))
    kept[-1].touch()
    assert len(list(tmp_path.iterdir())) == 9
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 9, "another machine's, perhaps at work"
    monkeypatch.undo()
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    sweep(tmp_path, ["file", "other"])
    assert sorted(tmp_path.iterdir()) == sorted(kept[:3])
    sweep(tmp_path / "none")
