"""Standard corpora by name: where they are, what they are, how the literature cuts them, and how to get them.

`get` looks for a corpus's files in the folder $RHAPSODE_DATA (then nothing is ever downloaded), else
in the cache, else downloads them. Every file is checked against its SHA-256. Where none is on record
here, the hash of the first copy is printed and kept, and every later copy must have the same.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rhapsode.data.catalogue import Dataset, Download, Member, catalogue
from rhapsode.errors import UserError, choice
from rhapsode.files.cache import cache_folder
from rhapsode.files.place import place, replacing, sweep

if TYPE_CHECKING:
    from zipfile import ZipFile

FULL, CLOSED = (errno.ENOSPC, errno.EDQUOT), (errno.EACCES, errno.EPERM, errno.EROFS)
NO_FOLDER = (errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)
"""Errors of file systems that cannot store a file."""
Report = Callable[[str, float], None]
"""A function that is called with the name of a stage and the fraction that is done, 0 to 1."""


@dataclass(frozen=True)
class DatasetFiles:
    """A corpus on this machine: `paths` of its files, by name."""

    dataset: Dataset
    paths: dict[str, Path]

    def part(self, name: str) -> list[tuple[Path, int, int | None]]:
        """The (file, first byte, end) that make up `train`, `valid` or `test`. Raises `UserError`."""
        if name not in self.dataset.parts:
            raise choice(f"part of data:{self.dataset.name}", name, self.dataset.parts)
        return [(self.paths[piece.file], piece.start, piece.stop) for piece in self.dataset.parts[name]]


def list_datasets() -> list[Dataset]:
    """All standard corpora, sorted by name."""
    return sorted(catalogue(), key=lambda dataset: dataset.name)


def get(name: str, *, report: Report | None = None, say: Callable[[str], None] | None = None) -> DatasetFiles:
    """The files of the corpus `name`, downloaded if necessary, and verified. Raises `UserError`.

    say: is told what a person should know, such as the hash of a file that has none on record;
    lines on stderr when not given.
    """
    known = {dataset.name: dataset for dataset in list_datasets()}
    if name not in known:
        raise choice("data set", name, known, "`rhapsode data list` describes them.")
    fetcher = _Fetcher(report or (lambda what, done: None), say or (lambda text: print(text, file=sys.stderr)))
    with _disk_errors(fetcher.folder):
        paths = {path.name: path for download in known[name].downloads for path in fetcher.fetch(download)}
    return DatasetFiles(known[name], paths)


class _Fetcher:
    """Finds, downloads, verifies and unpacks files."""

    def __init__(self, report: Report, say: Callable[[str], None]) -> None:
        self.folder = cache_folder() / "data"
        self.report = report
        self.say = say
        offline = os.environ.get("RHAPSODE_DATA")
        self.offline = Path(offline).expanduser() if offline else None
        if self.offline and not self.offline.is_dir():
            raise UserError(f"RHAPSODE_DATA: {offline!r} is not a folder. Correct it, or unset it to download.")

    def fetch(self, download: Download) -> list[Path]:
        """The texts of one download, from $RHAPSODE_DATA, the cache or the network."""
        wanted = download.members or (Member(download.name, download.sha256),)
        local = [self._offline(member.name) for member in wanted]
        if all(local):
            return [self._verified(path, member.sha256) for path, member in zip(local, wanted, strict=True) if path]
        archive = self._offline(download.name)
        if self.offline and archive is None and (self.folder / download.name).exists():
            archive = self.folder / download.name
        if archive:
            self._verified(archive, download.sha256)
        elif self.offline:
            raise UserError(
                f"{download.name}: not in RHAPSODE_DATA ({self.offline}) nor in the folders in it, and while that is "
                f"set nothing is downloaded. Put it there (from {download.url}), or unset RHAPSODE_DATA."
            )
        else:
            archive = self._downloaded(download)
        return self._unpacked(archive, download) if download.members else [archive]

    def _offline(self, name: str) -> Path | None:
        """The file called `name` in $RHAPSODE_DATA or one folder down."""
        if self.offline is None:
            return None
        folders = [self.offline, *sorted(path for path in self.offline.iterdir() if path.is_dir())]
        return next((folder / name for folder in folders if (folder / name).is_file()), None)

    def _downloaded(self, download: Download) -> Path:
        """The file in the cache. It is downloaded by pooch if it is missing, or has the wrong hash."""
        import pooch

        from rhapsode.files.download import Downloader

        pooch.get_logger().setLevel("WARNING")  # what it would say, `report` says
        self.folder.mkdir(parents=True, exist_ok=True)
        store = pooch.create(
            path=self.folder,
            base_url="",
            registry={download.name: download.sha256 or self._pins().get(download.name)},
            urls={download.name: download.url},
        )
        target = self.folder / download.name
        try:
            what = f"downloading {download.name}"
            store.fetch(download.name, downloader=Downloader(lambda done: self.report(what, done)))
        except ValueError as error:  # pooch's word for a wrong hash
            raise UserError(
                f"{download.name}: what {download.url} sent is not the file on record ({error}). It was thrown away. "
                f"Try again; if it happens again the file has changed: get the right one and put it at {target}."
            ) from None
        return self._verified(target, download.sha256)

    def _unpacked(self, archive: Path, download: Download) -> list[Path]:
        """The members of the .zip `archive`, each put in the cache by one rename."""
        import zipfile
        import zlib

        folder = self.folder / download.name.removesuffix(".zip")
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        paths = [folder / member.name for member in download.members]
        try:
            with zipfile.ZipFile(archive) as opened:
                for member, path in zip(download.members, paths, strict=True):
                    # The archive was verified, and has a checksum of each member.
                    if not path.exists() or _crc32(path) != opened.getinfo(member.path).CRC:
                        self._unpack(opened, member.path, path)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
            raise UserError(f"{archive}: a damaged archive ({error}). Delete it and try again.") from None
        return [
            self._verified(path, member.sha256) if member.sha256 else path
            for path, member in zip(paths, download.members, strict=True)
        ]

    def _unpack(self, archive: ZipFile, member: str, path: Path) -> None:
        if path.exists():
            self.say(f"{path}: damaged; it is unpacked again.")
        with archive.open(member) as source, replacing(path) as file:
            shutil.copyfileobj(source, file)

    def _verified(self, path: Path, known: str | None) -> Path:
        """`path`, after its SHA-256 was checked. If none is known, later copies must have the hash of the first one."""
        self.report(f"checking {path.name}", 0.0)
        found = _sha256(path)
        self.report(f"checking {path.name}", 1.0)
        pins = self._pins()
        expected = known or pins.get(path.name)
        if expected is None:
            place(self._pin_file, json.dumps({**pins, path.name: found}, indent=1).encode())
            self.say(
                f"{path.name}: SHA-256 {found}. None is on record for this file, so this copy was trusted; "
                "from now on every copy must be the same."
            )
        elif found != expected:
            where = f"on record in {self._pin_file}" if known is None else "on record"
            raise UserError(
                f"{path}: damaged or another version: its SHA-256 is {found}, {where} is {expected}. "
                "Delete it and try again, or put the right file there."
            )
        return path

    @property
    def _pin_file(self) -> Path:
        return self.folder / "trusted.json"

    def _pins(self) -> dict[str, str]:
        try:
            pins = json.loads(self._pin_file.read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            pins = None
        if not isinstance(pins, dict) or not all(isinstance(value, str) for value in pins.values()):
            raise UserError(f"{self._pin_file}: damaged. Delete it; the files it vouched for will be trusted anew.")
        return pins


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Turns errors of the file system into a `UserError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (*FULL, *CLOSED, *NO_FOLDER):
            raise
        free = f" ({shutil.disk_usage(folder).free:,} bytes are free)" if folder.exists() else ""
        raise UserError(
            f"cannot keep data sets in {folder}: {error.strerror}{free}. Make room there, or set RHAPSODE_CACHE to "
            "another folder."
        ) from None


def _crc32(path: Path) -> int:
    import zlib

    found = 0
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            found = zlib.crc32(data, found)
    return found


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
