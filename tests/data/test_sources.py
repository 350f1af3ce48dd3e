import bz2
import gzip
import io
import json
import lzma
import os
import re
import sys
import threading

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.data import finder as _files
from rhapsode.data import streams as _streams
from rhapsode.data.sources import open_sources
from rhapsode.data.streams import records, split
from rhapsode.errors import UserError

PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.ZstdCompressor().compress}
TEXT = b"All happy families are alike. " * 500


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch, tmp_path):
    monkeypatch.setattr(_streams, "CHUNK", 1000)
    monkeypatch.chdir(tmp_path)


def texts(*sources, **options):
    return [b"".join(document) for document in open_sources(sources, **options)]


def names(*sources, **options):
    return [document.name for document in open_sources(sources, **options)]


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_a_file_is_a_document_in_chunks(tmp_path):
    write(tmp_path / "a.txt", TEXT)
    chunks = list(next(iter(open_sources(["a.txt"]))))
    assert b"".join(chunks) == TEXT and max(map(len, chunks)) == 1000
    pieces = list(open_sources([tmp_path / "a.txt"]).pieces())
    assert b"".join(data for data, _ in pieces) == TEXT
    assert [ends for _, ends in pieces] == [False] * 15 + [True]


def test_a_document_not_read_to_its_end_does_not_run_into_the_next(tmp_path):
    write(tmp_path / "a.txt", TEXT + b"##" + b"second")
    begun = [next(iter(document)) for document in open_sources(["a.txt"], separator="##")]
    assert begun == [TEXT[:1000], b"second"]
    assert names("a.txt", separator="##") == ["a.txt#1", "a.txt#2"]


def test_order_is_that_of_the_sources_and_sorted_within_a_folder(tmp_path):
    for name in ("d/b.txt", "d/a/z.txt", "d/a.txt", "d/c/1.txt", "z.txt"):
        write(tmp_path / name, name.encode())
    expected = [b"z.txt", b"d/a/z.txt", b"d/a.txt", b"d/b.txt", b"d/c/1.txt"]
    assert texts("z.txt", "d") == expected
    assert names("z.txt", "d") == [text.decode() for text in expected]
    assert texts("d/*.txt") == [b"d/a.txt", b"d/b.txt"]
    assert sorted(texts("d/**/*.txt")) == sorted(texts("d/**")) == sorted(expected[1:])
    assert texts("d/[ac]") == [b"d/a/z.txt", b"d/c/1.txt"], "a pattern of folders"


def test_folders_leave_out_what_is_hidden_binary_or_empty(tmp_path):
    write(tmp_path / "d/ok.txt", b"text")
    write(tmp_path / "d/.hidden", b"text")
    write(tmp_path / "d/.git/config", b"text")
    write(tmp_path / "d/picture", b"GIF\0")
    write(tmp_path / "d/late.txt", b"x" * 8192 + b"\0")
    write(tmp_path / "d/none.txt", b"")
    write(tmp_path / "d/packed.gz", gzip.compress(b"a\0b"))
    os.mkfifo(tmp_path / "d/pipe")
    sources = open_sources(["d"])
    assert [file.name for file in sources.files] == ["d/late.txt", "d/ok.txt"]
    assert sources.skipped == {
        "d/.git": "hidden",
        "d/.hidden": "hidden",
        "d/none.txt": "empty",
        "d/packed.gz": "looks binary",
        "d/picture": "looks binary",
        "d/pipe": "not a regular file",
    }
    assert texts("d/picture") == [b"GIF\0"], "asked for by name, it is taken"


def test_a_name_that_is_also_a_pattern_is_the_file(tmp_path):
    write(tmp_path / "a[1].txt", b"brackets")
    assert texts("a[1].txt") == [b"brackets"]


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files_are_read_through(tmp_path, suffix):
    write(tmp_path / f"a.txt{suffix}", PACK[suffix](TEXT) + PACK[suffix](b"second member"))
    write(tmp_path / f"B{suffix.upper()}", PACK[suffix](b"b"))
    write(tmp_path / f"empty{suffix}", PACK[suffix](b""))
    sources = open_sources([f"a.txt{suffix}", f"B{suffix.upper()}", f"empty{suffix}"])
    assert [b"".join(document) for document in sources] == [TEXT + b"second member", b"b"]
    assert sources.skipped == {f"empty{suffix}": "empty"}


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("harm", ["cut", "flip", "not one"])
def test_a_damaged_archive_is_named(tmp_path, suffix, harm):
    noise = os.urandom(30_000)
    data = bytearray(
        zstandard.ZstdCompressor(write_checksum=True).compress(noise) if suffix == ".zst" else PACK[suffix](noise)
    )
    if harm == "cut":
        del data[-3000:]
    elif harm == "flip":
        data[20_000] ^= 255
    else:
        data = bytearray(b"no archive at all")
    write(tmp_path / f"a{suffix}", bytes(data))
    with pytest.raises(UserError, match=rf"a{suffix}: a damaged {suffix} file"):
        texts(f"a{suffix}")


def test_standard_input_can_be_read_several_times(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sources = open_sources(["-"])
    for _ in range(2):
        assert [(d.name, b"".join(d)) for d in sources] == [("standard input", TEXT)]
    copy = sources.files[0].path
    assert copy.exists()
    del sources
    assert not copy.exists()
    with pytest.raises(UserError, match="given twice"):
        open_sources(["-", "-"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(UserError, match="nothing to read in -: 1 empty"):
        open_sources(["-"])
    assert not list(tmp_path.glob("rhapsode-*"))


def test_a_pipe_is_read_like_standard_input(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(TEXT))
    writer.start()
    assert texts("pipe") == [TEXT]
    writer.join()


@given(
    st.lists(st.sampled_from([b"a", b"-", b"--", b"-=-", b"-=", b"="])).map(b"".join),
    st.lists(st.integers(1, 5), max_size=20),
    st.sampled_from([b"-", b"--", b"-=-", b"a-=-a"]),
)
@settings(max_examples=300)
def test_splitting_does_not_depend_on_the_chunks(data, sizes, separator):
    chunks, rest = [], data
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    documents = [b""]
    for piece, ends in split(iter([c for c in [*chunks, rest] if c]), separator):
        documents[-1] += piece
        if ends:
            documents.append(b"")
    assert documents.pop() == b"", "the last document ends too"
    assert documents == [document for document in data.split(separator) if document]


def test_documents_between_separators(tmp_path):
    write(tmp_path / "a.txt", "eins ⁂zwei⁂⁂drei⁂".encode())
    write(tmp_path / "b.txt", b"vier")
    assert texts("a.txt", "b.txt", separator="⁂") == [b"eins ", b"zwei", b"drei", b"vier"]


def test_a_separator_that_parts_nothing_is_told(tmp_path):
    write(tmp_path / "a.txt", b"one\n\ntwo\n\n")
    write(tmp_path / "b.txt", b"three\n\n")
    sources = open_sources(["a.txt", "b.txt"], separator="\n\n")
    assert sources.told(len(list(sources))) == ("3 documents in 2 files.", False)
    wrong = open_sources(["a.txt", "b.txt"], separator=r"\n\n")
    text, warns = wrong.told(len(list(wrong)))
    assert warns and r"'\\n\\n' stands between no two documents: 2 documents in 2 files" in text
    assert open_sources(["a.txt"]).told(1) == ("1 document in 1 file.", False)


def test_jsonl(tmp_path):
    lines = [{"text": "eins ü"}, {"text": ""}, {"text": "zwei", "n": 2}, {"text": "\ud800"}]
    data = b"\xef\xbb\xbf" + "\r\n".join(json.dumps(line) for line in lines).encode() + b"\n\n"
    write(tmp_path / "a.jsonl.gz", gzip.compress(data))
    assert texts("a.jsonl.gz", field="text") == ["eins ü".encode(), b"zwei", b"\xed\xa0\x80"]
    for size in (1, 7, 1000):
        chunks = (data[i : i + size] for i in range(0, len(data), size))
        assert len(list(records(chunks, "text", "x"))) == 3


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            '{"text": 1, "body": "b"}',
            "a.jsonl, line 2: the field 'text' is a number, not text. Fields with text here: 'body'",
        ),
        ('{"n": 1}', "line 2: there is no field 'text'. Fields with text here: none"),
        ("[1]", "line 2: expected an object with the field 'text', found a list"),
        ("{", "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON (too deep)"),
        ('{"text": "\udcff"}', "line 2: not JSON"),
    ],
)
def test_a_bad_line_of_jsonl_is_named(tmp_path, line, says):
    write(tmp_path / "a.jsonl", b'{"text": "good"}\n' + line.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=re.escape(says)):
        texts("a.jsonl", field="text")


def test_what_is_not_there(tmp_path):
    write(tmp_path / "d/tinyshakespeare.txt", b"x")
    for source, says in [
        ("d/tinyshakespere.txt", "Did you mean 'd/tinyshakespeare.txt'?"),
        ("nowhere/a.txt", "there is no folder 'nowhere'"),
        ("d/tinyshakespeare.txt/a", "no such file"),
        ("d/*.md", "no file matches"),
        ("a\0b", "no such file"),
        ("/dev/null", "neither a file nor a folder"),
        ("data:tinyshakespere", "Did you mean 'tinyshakespeare'?"),
    ]:
        with pytest.raises(UserError, match=re.escape(says)):
            open_sources([source])
    with pytest.raises(UserError, match="no SOURCE"):
        open_sources([])
    with pytest.raises(UserError, match="cannot be used together"):
        open_sources(["d"], separator="x", field="y")
    with pytest.raises(UserError, match="separator is empty"):
        open_sources(["d"], separator="")


def test_a_folder_with_nothing_usable_says_why(tmp_path):
    write(tmp_path / "d/.hidden", b"text")
    write(tmp_path / "d/a", b"\0")
    write(tmp_path / "d/b", b"\0")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UserError, match="'d': a folder with no usable file: 1 hidden \\(.hidden\\), 2 looks binary \\(a, b\\)"
    ):
        open_sources(["d"])
    with pytest.raises(UserError, match="it is empty"):
        open_sources(["empty"])
    with pytest.raises(UserError, match="no usable file matches: 2 looks binary \\(a, b\\)"):
        open_sources(["d/?"])


def test_no_permission(tmp_path, monkeypatch):  # root may read anything, so the refusal is played
    write(tmp_path / "d/a.txt", b"text")

    def refuse(path, *args, **options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(_files, "open", refuse, raising=False)
    for source in ("d", "d/a.txt"):
        with pytest.raises(UserError, match="d/a.txt: no permission to read it"):
            open_sources([source])
    monkeypatch.undo()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match="no permission"):
        open_sources([tmp_path / "d"])


def test_digest_is_of_contents_and_cuts_but_not_of_names(tmp_path):
    write(tmp_path / "a", b"one")
    write(tmp_path / "b", b"two")
    write(tmp_path / "d/x", b"one")
    write(tmp_path / "d/y", b"two")
    write(tmp_path / "y.gz", b"two")
    assert open_sources(["a", "b"]).digest() == open_sources(["d"]).digest()
    others = [
        open_sources(["b", "a"]),
        open_sources(["a"]),
        open_sources(["a", "b"], separator="e"),
        open_sources(["a", "b"], field="e"),
    ]
    assert len({each.digest() for each in [*others, open_sources(["d"])]}) == 5


def test_progress_and_change_are_noticed(tmp_path):
    write(tmp_path / "a", TEXT)
    write(tmp_path / "b.gz", gzip.compress(TEXT))
    sources = open_sources(["a", "b.gz"])
    told: list[float] = []
    assert sum(len(data) for data, _ in sources.pieces(told.append)) == 2 * len(TEXT)
    assert told == sorted(told) and told[0] < 0.1 and told[-1] == 1
    told.clear()
    sources.digest(told.append)
    assert told[-1] == 1
    sources.check_unchanged()
    write(tmp_path / "a", TEXT + b".")
    with pytest.raises(UserError, match="a: changed while it was being read"):
        sources.check_unchanged()
    (tmp_path / "a").unlink()
    with pytest.raises(UserError, match="a: cannot be read: there is no such file, or no longer"):
        list(sources.pieces())


def test_no_space_for_a_copy_of_standard_input(monkeypatch, tmp_path):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    def full(handle, mode):
        os.close(handle)
        return Full()

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(UserError, match="no space left in .* for a copy of standard input"):
        open_sources(["-"])
    assert not list(tmp_path.iterdir())


CHAT = [
    {"id": 1, "messages": [{"role": "user", "content": "Hi"}, {"role": "tool"}, {"role": "bot", "content": "Ho"}]},
    {"id": 2, "messages": [], "meta": {"title": "none"}},
    {"id": 3, "messages": [{"content": None}, {"content": "Hey"}], "a.b": "literal"},
]


@pytest.mark.parametrize("form", ["lines", "list", "spread"])
def test_fields_within_fields_and_lists(tmp_path, form):
    lines = "".join(json.dumps(each) + "\n" for each in CHAT)
    spread = "\n".join(json.dumps(each, indent=1) for each in CHAT)
    write(tmp_path / "a.jsonl", {"lines": lines, "list": json.dumps(CHAT), "spread": spread}[form].encode())
    assert texts("a.jsonl", field="messages[].content") == [b"Hi\nHo", b"Hey"]
    assert texts("a.jsonl", field="messages[].role") == [b"user\ntool\nbot"]


@pytest.mark.parametrize(
    ("value", "field", "found"),
    [
        ({"a": {"b": "c"}}, "a.b", b"c"),
        ({"a.b": "c", "a": {"b": "d"}}, "a.b", b"c"),
        ({"a": ["b", "c"]}, "a[]", b"b\nc"),
        ({"a": [{"b": [{"c": "d"}]}, {"b": [{"c": "e"}, {}]}]}, "a[].b[].c", b"d\ne"),
        ({"a": {"b": 1}}, "a.b", "the field 'a.b' is a number, not text"),
        ({"a": {"b": "c"}}, "a[]", "the field 'a' is an object, not a list, which 'a[]' asks for"),
        ({"a": ["b"]}, "a", "is a list, not text. Fields with text here: 'a[]'"),
        ({"a": [{"b": "c"}]}, "a[].x", "no text in the field 'a[].x' of any line"),
        ({"a": {"b": [{"c": "d"}]}}, "x.y", "there is no field 'x.y'. Fields with text here: 'a.b[].c'"),
    ],
)
def test_paths_of_fields(tmp_path, value, field, found):
    write(tmp_path / "a.jsonl", json.dumps(value).encode() + b"\n")
    if isinstance(found, bytes):
        assert texts("a.jsonl", field=field) == [found]
    else:
        with pytest.raises(UserError, match=re.escape(found)):
            texts("a.jsonl", field=field)
