"""What is kept comes back as it was made, or is made again and that is said."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.files import cache as module
from rhapsode.files.cache import Cache

FILES = {"a": b"first", "b/c": b"second" * 300, "b/empty": b""}


def make(folder: Path) -> None:
    for name, data in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def opened(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Kept:
    """A cache in a folder, what it says, and how often something was made for it."""

    def __init__(self, home: Path) -> None:
        self.said: list[str] = []
        self.made = 0
        self.cache = Cache(home, self.said.append)

    def folder(self) -> dict[str, bytes]:
        def made(folder: Path) -> None:
            self.made += 1
            make(folder)

        found = self.cache.folder("there/key", made, opened)
        del found["digest"]
        return found

    def file(self) -> bytes:
        def made() -> bytes:
            self.made += 1
            return b"contents"

        return self.cache.file("there/file", made)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_made_once(kept: Kept, tmp_path: Path) -> None:
    for _ in range(3):
        assert kept.folder() == FILES and kept.file() == b"contents"
    assert kept.made == 2 and not kept.said
    (tmp_path / "there/key/.DS_Store").touch()  # a file manager was there
    kept.folder()
    assert kept.made == 2
    assert sorted(os.listdir(tmp_path / "there")) == ["file", "key"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_harm_of_any_kind(tmp_path: Path, data: st.DataObject) -> None:
    home = Path(tempfile.mkdtemp(dir=tmp_path))  # what an example leaves there, e.g. an empty folder, is not the next's
    kept, folder = Kept(home), home / "there/key"
    kept.folder()
    kept.made, before = 0, opened(folder)
    path = folder / data.draw(st.sampled_from([*FILES, "digest", "more"]))
    content = bytearray(path.read_bytes() if path.exists() else b"")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns) if path.exists() else (0, 0)
    harm = data.draw(st.sampled_from(["flip", "cut", "grow", "remove", "folder"]))
    if harm == "flip" and content:
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    elif harm == "cut":
        content = content[: data.draw(st.integers(0, len(content)))]
    elif harm == "grow":
        content += b"\0"
    if harm in ("remove", "folder"):
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content)
        os.utime(path, ns=times)  # as when the disk does it
    if harm == "folder":
        path.mkdir()
    harmed = opened(folder) != before
    assert kept.folder() == FILES
    assert kept.made == len(kept.said) == harmed


@pytest.mark.parametrize("at", range(0, 24, 3))
def test_harm_to_a_file(kept: Kept, tmp_path: Path, at: int) -> None:
    kept.file()
    path = tmp_path / "there/file"
    whole = path.read_bytes()
    for harmed in (whole[:at], whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :], whole + b"x"):
        path.write_bytes(harmed)
        assert kept.file() == b"contents" and path.read_bytes() == whole
    assert kept.made == 4 and kept.said == [f"What was kept in {tmp_path}/there was damaged; it is made again."] * 3


def test_what_cannot_be_used_is_made_again(kept: Kept) -> None:
    """A whole folder, but of an earlier version that had the same key."""
    kept.folder()
    kept.cache.folder("there/key", make, opened)
    tried: list[Path] = []

    def picky(folder: Path) -> dict[str, bytes]:
        tried.append(folder)
        if len(tried) <= 2:  # once more when it is about to be removed
            raise KeyError("codec")
        return opened(folder)

    assert kept.cache.folder("there/key", make, picky) and len(tried) == 3 and len(kept.said) == 1

    def never(folder: Path) -> None:
        raise ValueError

    with pytest.raises(UserError, match="damaged as soon as it was written. Is the disk sound"):
        kept.cache.folder("there/key", make, never)


def test_of_two_that_find_it_damaged_neither_removes_what_the_other_made(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.folder()
    (tmp_path / "there/key/a").write_bytes(b"first!")
    remove = Cache._remove
    other = Kept(tmp_path)
    inode: list[int] = []

    def late(*arguments: object) -> None:
        monkeypatch.setattr(Cache, "_remove", remove)
        assert other.folder() == FILES  # the other process, from beginning to end
        inode.append((tmp_path / "there/key").stat().st_ino)
        remove(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Cache, "_remove", late)
    assert kept.folder() == FILES
    assert inode == [(tmp_path / "there/key").stat().st_ino]
    assert sorted(os.listdir(tmp_path / "there")) == [".lock", "key"]


def test_many_at_once(tmp_path: Path) -> None:
    each = [Kept(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(len(each)) as threads:
        for _ in range(25):
            for found in threads.map(Kept.folder, each):
                assert found == FILES
            with open(tmp_path / "there/key/a", "r+b") as file:
                file.write(b"harm!")
    assert sorted(os.listdir(tmp_path / "there")) == [".lock", "key"]


def test_names_and_places_count(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    make(tmp_path / "one")
    before = module._digest(tmp_path / "one")
    os.rename(tmp_path / "one/a", tmp_path / "one/d")
    assert module._digest(tmp_path / "one") != before
    os.rename(tmp_path / "one/d", tmp_path / "one/a")
    assert module._digest(tmp_path / "one") == before


def test_no_place_to_keep_it(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"a file")
    kept = Kept(tmp_path)
    with pytest.raises(UserError, match=f"cannot keep data in {tmp_path}/there: File exists. Make room"):
        kept.folder()
    with pytest.raises(UserError, match=f"cannot write {tmp_path}/there/file"):
        kept.file()
