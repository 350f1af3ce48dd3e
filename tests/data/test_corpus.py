import errno
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode import registry
from rhapsode.data import corpus
from rhapsode.data import encode as _encode
from rhapsode.data import streams as _streams
from rhapsode.data.corpus import prepare
from rhapsode.data.encode import CharCounter, PartWriter, offset_of
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.files.checkpoint import load_info
from rhapsode.modalities.ink.formats.own import dumps as drawing_dumps
from rhapsode.modalities.music.blues import corpus as blues
from rhapsode.modalities.music.formats.own import dumps
from rhapsode.modalities.text.codecs.bytes import Bytes
from rhapsode.steps.sequence import Steps
from rhapsode.steps.symbols import Symbols
from tests.conftest import WORDS, written

TEXT = b"".join(b"%d is a line of text\n" % i for i in range(300))
POLICIES = ["never", "document", "line", "paragraph", "every:7", "regex:e"]


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


def write(name, data):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)
    return name


def made(sources=("a.txt",), reset="document", **options):
    return prepare(list(sources), reset=ResetPolicy.parse(reset), **options)


def text_of(made, part):
    return made.codec.decode(getattr(made, part).values)


def units_by_hand(documents, codec, reset):
    """The definition of a unit, without care for speed or memory: the steps that begin one."""
    policy = ResetPolicy.parse(reset)
    units, base = {0}, 0
    for data in documents:
        symbols = codec.encode(data)
        begins = [0, *itertools.accumulate(codec.widths[symbols].tolist())][: len(symbols)]
        if policy.documents:
            units.add(base)
        if policy.every:
            units.update(range(base, base + len(symbols), policy.every))
        if policy.rule:
            for offset in policy.scanner().feed(data):
                later = [i for i, begin in enumerate(begins) if begin >= offset]
                units.update(base + i for i in later[:1])
        base += len(symbols)
    return sorted(units) if base else []


WORD = st.sampled_from([b"ab", b"e", b"\n", b"\n\n", b" ", "ü".encode(), b"\xc3", "語".encode(), b"seen often "])


@pytest.mark.parametrize("codec", ["bytes", "chars", "words"])
@pytest.mark.parametrize("reset", POLICIES)
@given(documents=st.lists(st.lists(WORD, min_size=1, max_size=30).map(b"".join), max_size=4), size=st.integers(1, 9))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_steps_and_units_are_as_defined_however_the_data_comes(tmp_path, codec, reset, documents, size):
    fitted = registry.get("codec", codec).fit([b"seen often \xc3\xbc " * 9])
    folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
    writer = PartWriter(folder, fitted, ResetPolicy.parse(reset))
    for data in documents:
        for at in range(0, len(data), size):
            writer.feed(data[at : at + size], False)
        writer.feed(b"", True)
    counts = writer.close()
    steps = Steps.open(folder, fitted.steps)
    values = [symbol for data in documents for symbol in fitted.encode(data).tolist()]
    assert steps.values.tolist() == values
    assert steps.units.tolist() == units_by_hand(documents, fitted, reset)
    chars = sum(len(data.decode("utf-8", "surrogateescape")) for data in documents)
    assert counts == _encode.Counts(sum(map(len, documents)), chars, len(values), len(steps.units), len(documents))


def test_a_boundary_inside_a_symbol_belongs_to_the_next_one_and_one_at_the_end_to_none(tmp_path):
    class Fours(Bytes):
        """A symbol is four bytes, so that lines end inside symbols."""

        def encode(self, data):
            return np.zeros(-(-len(data) // 4), np.uint8)

        def cut(self, data):
            return len(data) // 4 * 4

        widths = np.full(256, 4)

    def units(data):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        writer = PartWriter(folder, Fours(), ResetPolicy.parse("line"))
        for byte in data:
            writer.feed(bytes([byte]), False)
        writer.feed(b"", True)
        writer.close()
        return Steps.open(folder, Symbols(256)).units.tolist()

    assert units(b"a\nbbcccc") == [0, 1]
    assert units(b"aaa\ncccc") == [0, 1]
    assert units(b"\n\n\nbcccc") == [0, 1], "several in one symbol"
    assert units(b"aaaac\ncc") == [0], "nothing begins after it"
    assert units(b"aaaaccc\n") == [0]


@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode), st.integers(1, 5), st.data())
def test_characters_are_counted_and_found_in_any_bytes(data, size, draw):
    text = data.decode("utf-8", "surrogateescape")
    pieces = [(data[i : i + size], False) for i in range(0, len(data), size)] + [(b"", True)]
    counter = CharCounter()
    assert sum(counter.feed(*piece) for piece in pieces) == len(text)
    char = draw.draw(st.integers(0, len(text)))
    assert offset_of(pieces, char) == len(text[:char].encode("utf-8", "surrogateescape"))


def test_a_character_cut_off_by_the_end_of_its_document_does_not_go_on_in_the_next():
    counter = CharCounter()
    assert [counter.feed(b"\xc3", True), counter.feed(b"\xbc", True)] == [1, 1]
    assert [counter.feed(b"\xc3", False), counter.held, counter.feed(b"\xbc", False)] == [0, 1, 1]


def test_the_tail_is_that_of_nanogpt(tmp_path):
    data = TEXT + b"odd"
    write("a.txt", data)
    for fraction in (0.1, 0.25, 1 / 3):
        found = made(codec="bytes", valid_fraction=fraction)
        n = int((1 - fraction) * len(data))
        assert text_of(found, "train") == data[:n] and text_of(found, "valid") == data[n:]
        assert (found.train_bytes, found.valid_bytes, found.documents) == (n, len(data) - n, 1)
        assert found.valid.units.tolist() == [0]


@pytest.mark.parametrize("codec", ["bytes", "chars", "words"])
@pytest.mark.parametrize("chunk", [1, 10, 1 << 20])
def test_the_tail_is_counted_in_characters_and_never_cuts_one(monkeypatch, codec, chunk):
    monkeypatch.setattr(_streams, "CHUNK", chunk)
    text = "übergroße Größen ⁂ 語\n" * 60
    write("a.txt", text[:500].encode() + b"\xff\xff")
    write("b.txt", text[500:].encode())
    found = made(["a.txt", "b.txt"], codec=codec)
    whole = text[:500] + "\udcff\udcff" + text[500:]
    n = int(0.9 * len(whole))
    assert text_of(found, "train") == whole[:n].encode("utf-8", "surrogateescape")
    assert text_of(found, "valid") == whole[n:].encode()
    assert (found.train_chars, found.valid_chars, found.documents) == (n, len(whole) - n, 2)
    assert len(found.train.units) == 2


def test_validation_on_other_sources():
    write("a.txt", TEXT)
    write("b.jsonl", b'{"t": "valid"}\n{"t": "ation"}\n')
    write("c.jsonl", b'{"t": "%s"}\n' % (b"train" * 50))
    found = made(["c.jsonl"], valid=["b.jsonl"], field="t", codec="bytes")
    assert text_of(found, "train") == b"train" * 50 and text_of(found, "valid") == b"validation"
    assert found.documents == 1 and found.valid.units.tolist() == [0, 5]
    few = "There are only 10 steps to validate on: the validation loss is a rough guess."
    assert found.notes == [few, "1 document in 1 file."]


def test_the_codec_is_fitted_on_training_data_only():
    write("a.txt", b"a" * 900 + b"z" * 100)
    assert made(codec="chars").codec.to_json() == {"characters": "a"}
    write("b.txt", b"z" * 900)
    assert made(["a.txt"], valid=["b.txt"]).codec.to_json() == {"characters": "az"}


def test_a_fitted_codec_is_used_as_it_is():
    write("a.txt", b"a" * 900 + b"z" * 100)
    codec = registry.get("codec", "chars").fit([b"xyz" * 10])
    for _ in range(2):
        found = made(codec=codec)
        assert found.codec is codec and text_of(found, "train") == b"a" * 900
    with pytest.raises(UserError, match="already fitted"):
        made(codec=codec, codec_options={"min_count": 1})


def test_the_second_time_only_the_hash_is_computed(monkeypatch):
    write("a.txt", TEXT)
    first = made(codec="chars", reset="line")
    monkeypatch.setattr(corpus._Build, "write", None)
    write("copied.txt", TEXT)
    second = made(["copied.txt"], codec="chars", reset="line", codec_options={"min_count": 4})
    assert second.key == first.key and second.codec.to_json() == first.codec.to_json()
    assert np.array_equal(second.train.values, first.train.values)
    assert np.array_equal(second.valid.units, first.valid.units) and len(second.valid.units) > 10
    assert isinstance(second.train.values, np.memmap)
    for name in ("train_bytes", "train_chars", "valid_bytes", "valid_chars", "documents", "notes"):
        assert getattr(second, name) == getattr(first, name)


def test_every_option_that_matters_is_in_the_key():
    write("a.txt", TEXT)
    write("b.txt", TEXT + b".")
    fitted = registry.get("codec", "chars").fit([b"xyz" * 10])
    keys = [
        made().key,
        made(["b.txt"]).key,
        made(["a.txt", "b.txt"]).key,
        made(reset="line").key,
        made(codec="bytes").key,
        made(codec=fitted).key,
        made(codec_options={"min_count": 1}).key,
        made(valid=["b.txt"]).key,
        made(valid_fraction=0.2).key,
        made(["a.txt"], separator="1 is").key,
        made(["a.txt"], separator="1 is", valid_by="document").key,
    ]
    assert len(set(keys)) == len(keys)


def entry_of(found):
    """All files of a corpus in the cache."""
    return sorted(path for path in Path("cache/steps", found.key).rglob("*") if path.is_file())


def same(one, other, mark):
    """Whether all of two corpora is the same, but for what is told of them. mark: the digest of the first's index."""
    pairs = [(getattr(one, part), getattr(other, part)) for part in ("train", "valid")]
    arrays = [(a.values, b.values) for a, b in pairs] + [(a.units, b.units) for a, b in pairs]
    arrays += [(a.covariates.values, b.covariates.values) for a, b in pairs if a.covariates is not None]
    arrays += [(a.texts.symbols, b.texts.symbols) for a, b in pairs if a.texts is not None]
    arrays += [(a.texts.begins, b.texts.begins) for a, b in pairs if a.texts is not None]
    assert (one.index is None) == (other.index is None)
    return (
        all(np.array_equal(a, b) for a, b in arrays)
        and one.codec.to_json() == other.codec.to_json()
        and (one.index is None or mark == load_info(other.index)[1])
    )


@pytest.mark.parametrize("codec", ["chars", "strokes", "melody"])
def test_a_damaged_folder_in_the_cache_is_made_again_and_that_is_said(codec):
    if codec == "chars":
        sources = [write("a.txt", TEXT)]
    elif codec == "strokes":
        sources = [write("pens.jsonl", "".join(f"{drawing_dumps(one)}\n" for one in written(WORDS * 2)).encode())]
    else:
        sources = [write("tunes.jsonl", "".join(f"{dumps(tune)}\n" for tune in blues(4, 1)).encode())]
    first = made(sources, codec=codec)
    kept = {name: getattr(first, name) for name in ("train_chars", "valid_chars", "documents", "notes")}
    mark = load_info(first.index)[1] if first.index else ""
    rng = np.random.default_rng(0)
    names = {path.name for path in entry_of(first)}
    assert names >= {"steps.bin", "units.bin", "meta.json", "digest"}
    assert codec == "chars" or names & {"texts.bin", "covariates.bin", "index.safetensors"}
    for path in entry_of(first):
        whole = path.read_bytes()
        at = int(rng.integers(len(whole)))
        for harmed in (whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :], None):  # more in test_cache
            path.unlink()
            if harmed is not None:
                path.write_bytes(harmed)
            again = made(sources, codec=codec)
            assert same(first, again, mark), (path, harmed)
            told = f"What was kept in {Path.cwd()}/cache/steps was damaged; it is made again."
            assert again.notes == [told, *kept["notes"]]
            assert {name: getattr(again, name) for name in kept} == {**kept, "notes": again.notes}
    assert made(sources, codec=codec).notes == kept["notes"]


def test_no_space_leaves_nothing_behind(monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write("a.txt", TEXT)
    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"No space left on device.*RHAPSODE_CACHE"):
        patch.setattr(os, "fsync", full)
        made()
    assert list(Path("cache/steps").iterdir()) == []
    write("cache2", b"a file")
    with pytest.raises(UserError, match="cannot keep data in cache2/steps: Not a directory"):
        made(cache=Path("cache2"))


def test_an_interruption_leaves_nothing_behind():
    write("a.txt", TEXT)

    def interrupt(what, done):
        if what == "encoding":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(report=interrupt)
    assert list(Path("cache/steps").iterdir()) == []


def test_a_killed_run_is_swept_up_by_the_next(tmp_path):
    write("a.txt", TEXT)
    program = """
import os, signal
from rhapsode.data import encode as _encode
from rhapsode.data.corpus import prepare
from rhapsode.data.resets import ResetPolicy
_encode.PartWriter.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)
prepare(["a.txt"], reset=ResetPolicy.parse("document"))
"""
    killed = subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert killed.returncode == -9
    (left,) = Path("cache/steps").iterdir()
    assert left.name.startswith(".")
    assert text_of(made(), "train") == TEXT[: int(0.9 * len(TEXT))]
    (whole,) = Path("cache/steps").iterdir()
    assert not whole.name.startswith(".")


def test_of_two_runs_at_once_the_first_to_finish_wins(monkeypatch):
    write("a.txt", TEXT)
    rename = os.rename

    def late(source, target):
        monkeypatch.setattr(os, "rename", rename)
        other.append(made())  # the other process, from beginning to end, just before us
        rename(source, target)

    other = []
    monkeypatch.setattr(os, "rename", late)
    found = made()
    assert found.key == other[0].key and text_of(found, "train") == text_of(other[0], "train")
    assert len(list(Path("cache/steps").iterdir())) == 1


def test_a_file_that_changes_meanwhile_is_noticed():
    write("a.txt", TEXT)

    def change(what, done):
        if what == "encoding":
            write("a.txt", TEXT[:100])

    with pytest.raises(UserError, match="changed while it was being read"):
        made(report=change)
    assert list(Path("cache/steps").iterdir()) == []


@pytest.mark.parametrize(
    ("size", "options", "says"),
    [
        (50, {}, "too little data: 45 steps to train on (45 bytes) and 5 to validate on (5 bytes)"),
        (111, {"valid_fraction": 0.01}, "109 steps to train on (109 bytes) and 2 to validate"),
        (1, {}, "0 steps to train on"),
        (0, {}, "nothing to read in a.txt: 1 empty"),
        (500, {"valid_fraction": 0.0}, "more than 0 and less than 1"),
        (500, {"valid_fraction": 1.0}, "more than 0 and less than 1"),
        (500, {"valid_fraction": float("nan")}, "more than 0 and less than 1"),
        (500, {"valid_by": "word"}, "Allowed: document, tail"),
        (500, {"codec": "char"}, "Did you mean 'chars'"),
        (500, {"codec_options": {"min_counts": 1}}, "Did you mean 'min_count'"),
    ],
)
def test_what_cannot_be_prepared(size, options, says):
    write("a.txt", b"x" * size)
    with pytest.raises(UserError, match=re.escape(says)):
        made(codec=options.pop("codec", "bytes" if "codec_options" not in options else "chars"), **options)
    assert not list(Path("cache").glob("steps/*"))
    write("just.txt", b"x" * 112)
    assert len(made(["just.txt"], codec="bytes").valid) == 12


def test_skipped_files_are_told(tmp_path):
    write("d/a.txt", TEXT)
    write("d/b.bin", b"\0")
    write("d/.c", b"c")
    for _ in range(2):
        found = made(["d"])
        assert found.skipped == {"d/b.bin": "looks binary", "d/.c": "hidden"}
        assert "Files left out: 1 hidden (.c), 1 looks binary (b.bin)." in found.notes


def test_how_many_documents_there_are_is_told():
    write("a.txt", b"\n\n".join(b"%d, a line of its own" % n for n in range(200)))
    for _ in range(2):  # from the cache, too
        found = made(separator="\n\n")
        assert "200 documents in 1 file." in found.notes and not found.warnings
        missed = made(separator="\\n\\n")
        assert "1 document in 1 file." not in missed.notes
        assert "stands between no two documents: 1 document in 1 file" in missed.warnings[0]
    assert not made().warnings and not any("1 file" in note for note in made().notes)


@pytest.mark.parametrize(
    ("reset", "warns"),
    [
        ("regex:^nothing$", True),
        ("every:5000", True),
        ("chapter", True),
        ("regex:^line 7", False),
        ("every:50", False),
        ("paragraph", False),
        ("document", False),
        ("never", False),
        ("line", False),
    ],
)
def test_a_reset_policy_that_begins_nothing_is_told(reset, warns):
    write("a.txt", b"\n\n".join(b"line %d" % (n % 10) for n in range(200)))
    for options in ({}, {"valid_by": "tail"}, {"separator": "\n\n"}, {"valid": ["a.txt"]}):
        if options.get("separator") and reset in ("paragraph", "every:50", "regex:^line 7"):
            continue  # documents of one line have no others
        found = made(reset=reset, **options)
        assert any("begins no unit within documents" in each for each in found.warnings) == warns


def test_progress_goes_from_reading_to_encoding():
    write("a.txt", "ü".encode() + TEXT)
    told = []
    made(report=lambda what, done: told.append((what, done)))
    stages = [what for what, _ in itertools.groupby(told, lambda each: each[0])]
    assert stages == ["reading", "counting", "splitting", "learning the codec", "encoding"]
    assert ("encoding", 1.0) in told and all(0 <= done <= 1 for _, done in told)


PEAK = """
import resource, sys
from rhapsode.data.corpus import prepare
from rhapsode.data.resets import ResetPolicy
made = prepare([sys.argv[1]], codec=sys.argv[2], reset=ResetPolicy.parse("line"))
print(made.train_bytes + made.valid_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["bytes", "chars"])
def test_memory_does_not_grow_with_the_corpus(codec):
    peaks = []
    for megabytes in (20, 200):
        with open("big.txt", "wb") as file:
            for _ in range(megabytes):
                file.write(("Größe and prose, a line at a time.\n" * 28_000).encode()[: 1 << 20])
        env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", PEAK, "big.txt", codec]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        size, peak = map(int, done.stdout.split())
        assert size == Path("big.txt").stat().st_size > megabytes * 1_000_000
        peaks.append(peak)
    assert peaks[1] < 300 and peaks[1] < peaks[0] + 30, f"peak memory in MB: {peaks}"
