import errno
import hashlib
import http.server
import io
import os
import re
import threading
import zipfile
from pathlib import Path

import pytest

from rhapsode.data import datasets
from rhapsode.data.catalogue import Dataset, Download, Member, Slice, catalogue
from rhapsode.data.corpus import prepare
from rhapsode.data.resets import ResetPolicy
from rhapsode.data.sources import open_sources
from rhapsode.errors import UserError
from rhapsode.files import download
from rhapsode.files.cache import cache_folder
from tests.data.corpora import cut

TEXT = b"".join(b"%d bottles of beer on the wall\n" % i for i in range(3000))
HASH = hashlib.sha256(TEXT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; what it does wrong is told by its attributes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.breaks_after = []  # bytes of a body to send before hanging up, one number for each request
        self.ranges = True
        self.wrong_range = False
        self.requests = []  # (path, Range, If-Range)

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.requests.append((self.path, wanted, self.headers.get("If-Range")))
        body = server.files.get(self.path[1:])
        if body is None:
            return self.answer(404, b"")
        tag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        same = self.headers.get("If-Range") in (None, tag)
        if wanted and server.ranges and same:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(body):
                return self.answer(416, b"")
            told = begin + server.wrong_range
            return self.answer(206, body[begin:], ETag=tag, Content_Range=f"bytes {told}-{len(body) - 1}/{len(body)}")
        return self.answer(200, body, ETag=tag)

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.breaks_after and body:
            body = body[: self.server.breaks_after.pop(0)]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RHAPSODE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "BLOCK", 500)
    return tmp_path


@pytest.fixture
def beer(server, monkeypatch):
    """A corpus of one file, known by its hash, on the server."""
    return known(
        monkeypatch, server, Download("beer.txt", server.url("beer.txt"), HASH, len(TEXT)), cut("beer.txt", 90_000)
    )


def known(monkeypatch, server, item, parts, name="beer"):
    server.files.setdefault("beer.txt", TEXT)
    dataset = Dataset(name, "a song", "public domain", "as it comes", (item,), parts)
    every = (*datasets.catalogue(), dataset)
    monkeypatch.setattr(datasets, "catalogue", lambda: every)
    return dataset


def got(name="beer", **options):
    said = []
    files = datasets.get(name, say=said.append, **options)
    return files, said


def partial(url):
    """Where a download of `url` is kept until it is whole."""
    return cache_folder() / "data" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"


def test_every_corpus_is_described_and_cut():
    listed = datasets.list_datasets()
    assert [each.name for each in listed] == sorted(each.name for each in catalogue())
    assert {"tinyshakespeare", "enwik8", "text8", "ptb", "wikitext-2", "war-and-peace", "linux-source", "names"} <= {
        each.name for each in listed
    }
    for each in listed:
        assert each.about and each.licence and each.split and each.size > 100_000 and "train" in each.parts
        files = {member.name for item in each.downloads for member in item.members or (Member(item.name),)}
        assert {piece.file for part in each.parts.values() for piece in part} == files
        for item in each.downloads:
            assert item.url.startswith(("https://", "http://mattmahoney.net/"))
            hashes = [item.sha256, *(member.sha256 for member in item.members)]
            assert all(value is None or re.fullmatch("[0-9a-f]{64}", value) for value in hashes)
            assert item.url.startswith("https://") or item.sha256, "what comes unencrypted must be checked"
    assert next(each for each in listed if each.name == "tinyshakespeare").parts == cut(
        "tinyshakespeare.txt", int(0.9 * 1_115_394)
    )


def test_a_download_is_checked_kept_and_cut(server, beer):
    told = []
    files, said = got(report=lambda what, done: told.append((what, done)))
    assert files.paths["beer.txt"].read_bytes() == TEXT and said == []
    assert ("downloading beer.txt", 1.0) in told and told[-1] == ("checking beer.txt", 1.0)
    assert files.part("valid") == [(files.paths["beer.txt"], 90_000, None)]
    assert not list(files.paths["beer.txt"].parent.glob("*.part")) and not list(
        files.paths["beer.txt"].parent.glob("*.tag")
    )
    got()
    assert len(server.requests) == 1, "the second time it is there"
    with pytest.raises(UserError, match="part of data:beer: 'test' is not known. Allowed: train, valid"):
        files.part("test")
    with pytest.raises(UserError, match="data set: 'bear' is not known. Did you mean 'beer'"):
        datasets.get("bear")


def test_a_download_that_breaks_off_goes_on_by_itself(server, beer):
    server.breaks_after = [1000, 2000, 3000]
    files, _ = got()
    assert files.paths["beer.txt"].read_bytes() == TEXT
    assert [asked for _, asked, _ in server.requests] == [None, "bytes=1000-", "bytes=3000-", "bytes=6000-"]


def test_a_download_that_stops_is_taken_up_by_the_next_run(server, beer):
    server.breaks_after = [5000, 0]
    with pytest.raises(UserError, match=r"cannot download http.*5,000 bytes are kept"):
        got()
    assert partial(server.url("beer.txt")).read_bytes() == TEXT[:5000]
    got()
    tag = f'"{HASH[:8]}"'
    assert server.requests[-1] == ("/beer.txt", "bytes=5000-", tag)


@pytest.mark.parametrize("case", ["no ranges", "wrong range", "newer file", "all there", "too much"])
def test_a_rest_that_does_not_fit_is_fetched_anew(server, beer, case):
    part = partial(server.url("beer.txt"))
    part.parent.mkdir(parents=True)
    part.write_bytes({"all there": TEXT, "too much": TEXT + b"!"}.get(case, b"?" * 5000))
    server.ranges = case != "no ranges"
    server.wrong_range = case == "wrong range"
    if case == "newer file":
        part.with_suffix(".tag").write_text('"older"')
    files, _ = got()
    assert files.paths["beer.txt"].read_bytes() == TEXT


def test_a_wrong_hash_is_thrown_away(server, beer):
    server.files["beer.txt"] = TEXT + b"!"
    with pytest.raises(UserError, match=r"not the file on record.*thrown away.*put it at .*beer.txt"):
        got()
    assert not [path for path in (cache_folder() / "data").iterdir() if path.stat().st_size]
    server.files["beer.txt"] = TEXT
    assert got()[0].paths["beer.txt"].read_bytes() == TEXT


def test_a_damaged_copy_in_the_cache_is_fetched_again(server, beer):
    path = got()[0].paths["beer.txt"]
    path.write_bytes(b"damaged")
    got()
    assert path.read_bytes() == TEXT


def test_a_file_without_a_hash_is_trusted_once(server, monkeypatch, folders):
    known(monkeypatch, server, Download("beer.txt", server.url("beer.txt"), None, len(TEXT)), cut("beer.txt", 1))
    files, said = got()
    assert len(said) == 1 and HASH in said[0]
    assert got()[1] == [], "told once"
    files.paths["beer.txt"].unlink()
    server.files["beer.txt"] = b"another"
    with pytest.raises(UserError, match="not the file on record"):
        got()
    (folders / "beer.txt").write_bytes(b"another")
    monkeypatch.setenv("RHAPSODE_DATA", str(folders))
    with pytest.raises(UserError, match=r"on record in .*trusted.json"):
        got()
    (cache_folder() / "data/trusted.json").write_text("[]")
    with pytest.raises(UserError, match="trusted.json: damaged"):
        got()


def test_no_network_and_no_file(server, beer, monkeypatch):
    del server.files["beer.txt"]
    with pytest.raises(UserError, match=r"cannot download http://127.*HTTP 404.*RHAPSODE_DATA"):
        got()
    nobody = f"http://127.0.0.1:{server.server_port}/x".replace(str(server.server_port), "1")
    known(monkeypatch, server, Download("x", nobody, None, 1), cut("x", 1), name="x")
    with pytest.raises(UserError, match=r"cannot download http://127.0.0.1:1/x \(ConnectionError\). Check the network"):
        got("x")


def test_a_server_that_is_silent_is_not_waited_for(server, beer, monkeypatch):
    monkeypatch.setattr(download.Downloader, "timeout", (0.2, 0.2))
    release = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda self: release.wait(5))
    with pytest.raises(UserError, match="ReadTimeout"):
        got()
    release.set()


def test_a_full_disk(server, beer, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download.Downloader, "_attempt", full)
    with pytest.raises(UserError, match=r"No space left.*bytes are free.*RHAPSODE_CACHE"):
        got()


def test_two_downloads_of_one_file_do_not_mix(server, beer):
    import fcntl

    part = partial(server.url("beer.txt"))
    part.parent.mkdir(parents=True)
    with open(part, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="downloaded by another process"):
            got()


def packed(**members):
    """The bytes of a .zip of these members, `__` for a slash and `_` for a dot in their names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def archive(monkeypatch, server, data, sha256=HASH):
    server.files["beer.zip"] = data
    members = (Member("songs/beer.txt", sha256), Member("songs/rest.txt"))
    item = Download("beer.zip", server.url("beer.zip"), hashlib.sha256(data).hexdigest(), len(data), members)
    return known(
        monkeypatch, server, item, {"train": (Slice("beer.txt"),), "valid": (Slice("rest.txt"),)}, name="zipped"
    )


def test_members_of_an_archive(server, monkeypatch):
    archive(monkeypatch, server, packed(songs__beer_txt=TEXT, songs__rest_txt=b"rest", etc=b"no"))
    files, said = got("zipped")
    assert {name: path.read_bytes() for name, path in files.paths.items()} == {"beer.txt": TEXT, "rest.txt": b"rest"}
    folder = files.paths["beer.txt"].parent
    assert sorted(path.name for path in folder.iterdir()) == ["beer.txt", "rest.txt"] and said == []
    for name, data in (("beer.txt", TEXT), ("rest.txt", b"rest")):  # one has a hash of its own, the other has none
        files.paths[name].write_bytes(bytes([data[0] ^ 1]) + data[1:])
        again, said = got("zipped")
        assert again.paths[name].read_bytes() == data
        assert said == [f"{again.paths[name]}: damaged; it is unpacked again."]
        files.paths[name].unlink()
        again, said = got("zipped")
        assert again.paths[name].read_bytes() == data and said == []
    assert len(server.requests) == 1 and len(list(folder.iterdir())) == 2


def test_a_damaged_archive(server, monkeypatch):
    archive(monkeypatch, server, b"PK no archive")
    with pytest.raises(UserError, match="beer.zip: a damaged archive"):
        got("zipped")
    assert list((cache_folder() / "data/beer").iterdir()) == []


def test_an_archive_cannot_write_elsewhere(server, monkeypatch, folders):
    archive(monkeypatch, server, packed(songs__beer_txt=TEXT, songs__rest_txt=b"r", __________evil=b"evil"))
    got("zipped")
    assert not [path for path in folders.rglob("*evil*")]


def test_an_offline_folder_is_used_instead_of_the_network(server, beer, monkeypatch, folders):
    offline = folders / "offline"
    (offline / "text").mkdir(parents=True)
    monkeypatch.setenv("RHAPSODE_DATA", str(offline))
    with pytest.raises(UserError, match=r"beer.txt: not in RHAPSODE_DATA .*unset RHAPSODE_DATA"):
        got()
    (offline / "text/beer.txt").write_bytes(TEXT)
    assert got()[0].paths["beer.txt"] == offline / "text/beer.txt"
    (offline / "beer.txt").write_bytes(b"other")
    with pytest.raises(UserError, match="offline/beer.txt: damaged or another version"):
        got()
    archive(monkeypatch, server, data := packed(songs__beer_txt=TEXT, songs__rest_txt=b"rest"))
    (offline / "beer.txt").unlink()
    (offline / "beer.zip").write_bytes(data)
    files, _ = got("zipped")
    assert offline not in files.paths["beer.txt"].parents and files.paths["rest.txt"].read_bytes() == b"rest"
    (offline / "rest.txt").write_bytes(b"unpacked by hand")
    assert got("zipped")[0].paths["rest.txt"] == offline / "rest.txt"
    assert server.requests == []
    monkeypatch.setenv("RHAPSODE_DATA", str(offline / "nowhere"))
    with pytest.raises(UserError, match="is not a folder"):
        got()


def test_offline_a_copy_in_the_cache_will_do(server, beer, monkeypatch, folders):
    path = got()[0].paths["beer.txt"]
    monkeypatch.setenv("RHAPSODE_DATA", str(folders))
    assert got()[0].paths["beer.txt"] == path and len(server.requests) == 1


def test_a_corpus_by_name_is_a_source(server, beer, monkeypatch, tmp_path):
    def read(source):
        return [(document.name, b"".join(document)) for document in open_sources([source])]

    assert read("data:beer") == [("data:beer/train and data:beer/valid", TEXT)], "one document"
    assert read("data:beer/valid") == [("data:beer/valid", TEXT[90_000:])]
    with pytest.raises(UserError, match="part of data:beer: 'x' is not known"):
        open_sources(["data:beer/x"])
    three = Dataset("three", "a", "b", "c", datasets.catalogue()[-1].downloads, {**cut("beer.txt", 10, 20)})
    monkeypatch.setattr(datasets, "catalogue", lambda: (three,))
    assert [text for _, text in read("data:three")] == [TEXT[:20]], "never the test part"
    assert read("data:three/test") == [("data:three/test", TEXT[20:])]


def test_a_corpus_by_name_is_split_as_in_the_literature(server, beer):
    def parts(**options):
        made = prepare(["data:beer"], codec="bytes", reset=ResetPolicy.parse("document"), **options)
        return made.codec.decode(made.train.values), made.codec.decode(made.valid.values), made.notes

    assert parts() == (TEXT[:90_000], TEXT[90_000:], ["data:beer is split as in the literature: as it comes."])
    n = int(0.5 * len(TEXT))
    assert parts(valid_fraction=0.5) == (TEXT[:n], TEXT[n:], [])


def test_the_cache_is_where_the_user_says_or_where_the_system_has_caches(monkeypatch):
    monkeypatch.setenv("RHAPSODE_CACHE", "~/somewhere")
    assert cache_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("RHAPSODE_CACHE")
    assert cache_folder().name == "rhapsode"
