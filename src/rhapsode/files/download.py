"""Downloads over HTTP that continue where they were interrupted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rhapsode.errors import UserError
from rhapsode.files.place import on_disk, synced

BLOCK = 1 << 14
"""Bytes read at a time. If a connection breaks, the bytes of an incomplete block are lost."""
ATTEMPTS = 50
"""How often a broken download is continued automatically, if each attempt brings some bytes."""


class Downloader:
    """A downloader for pooch that continues where an earlier download stopped.

    What has come is kept in a `.part` file in pooch's folder, so neither a lost connection nor a
    killed process costs more than the rest of the file.
    """

    timeout: tuple[float, float] = (10, 30)
    """Seconds to wait for a connection, and for the next bytes."""

    def __init__(self, report: Callable[[float], None]) -> None:
        """report: is called with the fraction of the file that has arrived, 0 to 1."""
        self._report = report

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Fetch `url` into `output_file`. Raises `UserError`; the disk's errors pass through."""
        import requests

        part = Path(pooch.path) / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"
        tag = part.with_suffix(".tag")
        with open(part, "ab") as file, _alone(file, part, url):
            try:
                for _ in range(ATTEMPTS):
                    if self._attempt(url, file, tag):
                        break
                else:
                    raise requests.ConnectionError("it broke off too often")
            except requests.RequestException as error:
                kept = f" {file.tell():,} bytes are kept: the next try goes on from there." if file.tell() else ""
                reason = f"HTTP {error.response.status_code}" if error.response is not None else type(error).__name__
                raise UserError(
                    f"cannot download {url} ({reason}).{kept} Check the network and try again, or fetch the file by "
                    "hand and put it in a folder, then set RHAPSODE_DATA to that folder."
                ) from None
            on_disk(file)
            if os.name == "nt":  # an open file cannot be moved there
                file.close()
            os.replace(part, output_file)
            synced(Path(output_file).parent)
            tag.unlink(missing_ok=True)

    def _attempt(self, url: str, file: IO[bytes], tag: Path) -> bool:
        """Fetch the missing bytes. False if the file is not complete yet, but another attempt will help."""
        import requests

        begun = file.tell()
        headers = {"Accept-Encoding": "identity"}  # else sizes would be those of a compressed body
        if begun:
            headers["Range"] = f"bytes={begun}-"
            version = tag.read_text() if tag.exists() else ""
            if version:  # the rest of that very version, or all of a newer one
                headers["If-Range"] = version
        try:
            with requests.get(url, headers=headers, stream=True, timeout=self.timeout) as response:
                refused = response.status_code == 416 or (
                    response.status_code == 206
                    and not response.headers.get("Content-Range", "").startswith(f"bytes {begun}-")
                )
                if begun and (refused or response.status_code == 200):
                    file.seek(0)
                    file.truncate()
                    begun = 0
                    if refused:
                        return False
                response.raise_for_status()
                if response.status_code == 200:
                    version = response.headers.get("ETag", "")
                    tag.write_text("" if version.startswith("W/") else version)  # a weak tag does not vouch for bytes
                total = begun + int(response.headers.get("Content-Length", 0))
                for block in response.iter_content(BLOCK):
                    file.write(block)
                    self._report(min(1.0, file.tell() / total) if total else 0.0)
                if file.tell() < total:
                    raise requests.ConnectionError("the connection was closed early")
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            if file.tell() <= begun:
                raise
            return False
        return True


@contextmanager
def _alone(file: IO[bytes], path: Path, url: str) -> Iterator[None]:
    """Holds a lock on `file`, so that two processes do not write into one download. Raises `UserError`."""
    try:
        import fcntl
    except ImportError:  # Windows: there the replace at the end fails while another process has it open
        yield
        return
    busy = UserError(f"{url} is being downloaded by another process. Wait for it, then try again.")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy from None
    if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
        raise busy  # the other finished, and moved away the file that we had opened
    yield
