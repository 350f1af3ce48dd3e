"""What is held out to validate on, and the ends of documents."""

import json
from pathlib import Path

import numpy as np
import pytest

from rhapsode.data import validation as _validation
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.corpus import Corpus, prepare
from rhapsode.data.resets import ResetPolicy
from rhapsode.data.validation import Documents, Lines, Tail, divided, split_hash
from rhapsode.errors import UserError


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


def made(*sources: str, reset: str = "document", **options) -> Corpus:
    return prepare(list(sources), reset=ResetPolicy.parse(reset), **options)


def documents_of(made: Corpus, part: str) -> list[bytes]:
    """What stands between ends; after the last end nothing may stand."""
    codec, values = made.codec, getattr(made, part).values
    assert isinstance(codec, TextCodec)
    *whole, rest = np.split(values, np.flatnonzero(values == codec.end) + 1)
    assert len(rest) == 0
    return [codec.decode(each) for each in whole]


def pieces(*documents: bytes):
    return lambda what: ((data, ends) for each in documents for data, ends in ((each, False), (b"", True)))


@pytest.mark.parametrize("at", [0, 1, 4, 5, 6, 9, 10])
def test_the_tail_loses_no_byte_and_knows_where_a_document_is_cut(at):
    found = list(Tail(at).deal([(b"abcd", False), (b"e", False), (b"", True), (b"fghij", True)]))
    assert b"".join(each.data for each in found if not each.valid) == b"abcdefghij"[:at]
    assert b"".join(each.data for each in found if each.valid) == b"abcdefghij"[at:]
    ends = [each for each in found if not each.valid and each.ends]
    assert at == 0 or ends[-1].whole == (at in (5, 10))
    assert [each.whole for each in found if each.valid and each.ends] == [True] * ((at < 5) + (at < 10))


def test_documents_are_chosen_by_what_they_hold_wherever_they_stand(monkeypatch):
    texts = [b"document %03d " % n * 20 for n in range(100)]
    for limit in (_validation.WEIGHED, 10):  # with sizes, and by the hash alone
        monkeypatch.setattr(_validation, "WEIGHED", limit)
        sides = []
        for order in (texts, texts[::-1]):
            split, count = divided(pieces(*order), 0.1, None, lines=False)
            assert isinstance(split, Documents) and count == 100
            sides.append({each.data for each in split.deal(pieces(*order)("")) if each.valid and each.data})
        assert sides[0] == sides[1] and 4 <= len(sides[0]) <= 16
        assert sides[0] != set(texts[-len(sides[0]) :]), "an alphabetical list does not hold out its end"
        assert f"{len(sides[0])} of 100 documents" in split.note and "--valid-by tail" in split.note


def test_a_few_long_documents_are_cut_at_the_tail_unless_documents_are_asked_for():
    longs = [b"a" * 900, b"b" * 1100, b"c" * 1000]
    split, count = divided(pieces(*longs), 0.1, None, lines=False)
    assert isinstance(split, Tail) and split.at == 2700 and count == 3
    split, _ = divided(pieces(*longs), 0.1, "document", lines=False)
    assert [each.data for each in split.deal(pieces(*longs)("")) if each.valid and each.data] == [b"a" * 900]
    with pytest.raises(UserError, match="at least 2 documents"):
        divided(pieces(b"one"), 0.1, "document", lines=False)


def test_one_giant_among_small_documents_is_trained_on():
    many = [b"x" * 100_000, *(b"%04d" % n * 50 for n in range(300))]
    split, _ = divided(pieces(*many), 0.1, None, lines=False)
    valid = [each.data for each in split.deal(pieces(*many)("")) if each.valid and each.data]
    assert sum(map(len, valid)) == pytest.approx(16_000, rel=0.15) and b"x" * 100_000 not in valid


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_are_held_out_by_a_hash_and_keep_their_order(size):
    names = [b"name %d\n" % n for n in range(400)] + [b"the last"]
    data = b"".join(names)
    cut = [(data[at : at + size], False) for at in range(0, len(data), size)] + [(b"", True), (b"name 7\n", True)]
    split, count = divided(lambda what: iter(cut), 0.1, None, lines=True)
    assert isinstance(split, Lines) and count == 2
    found = list(split.deal(cut))
    for valid in (False, True):
        expected = [name for name in [*names, b"name 7\n"] if (split_hash(name) < 0.1) == valid]
        assert b"".join(each.data for each in found if each.valid == valid) == b"".join(expected)
        assert sum(each.ends for each in found if each.valid == valid) == 2
    assert 20 < sum(split_hash(name) < 0.1 for name in names) < 60


def test_of_few_lines_the_tail_is_held_out_unless_lines_are_asked_for():
    lines = [b"aaaaaaaa %d\n" % n for n in range(3)]
    assert isinstance(divided(pieces(b"".join(lines)), 1e-9, None, lines=True)[0], Tail)
    assert isinstance(divided(pieces(lines[0] * 100), 0.1, None, lines=True)[0], Tail), "all alike"
    split, _ = divided(pieces(b"".join(lines)), 1e-9, "document", lines=True)
    valid = b"".join(each.data for each in split.deal(pieces(b"".join(lines))("")) if each.valid)
    assert valid == min(lines, key=split_hash)


def test_a_sorted_list_of_lines_keeps_every_letter_in_training():
    Path("names.txt").write_text("".join(f"{chr(97 + n // 20)}name{n % 20}\n" for n in range(520)))
    found = made("names.txt", reset="line")
    assert isinstance(found.codec, TextCodec) and found.codec.end is None
    train = found.codec.decode(found.train.values).decode().splitlines()
    valid = found.codec.decode(found.valid.values).decode().splitlines()
    assert {each[0] for each in train} == {chr(97 + n) for n in range(26)}
    assert sorted(train + valid) == sorted(Path("names.txt").read_text().splitlines())
    assert len(found.valid.units) == len(valid) and len(found.train.units) == len(train)
    assert any("lines chosen by a hash" in note for note in found.notes)
    tail = made("names.txt", reset="line", valid_by="tail")
    assert tail.codec.decode(tail.valid.values).endswith(b"zname19\n")  # type: ignore[attr-defined]


def test_documents_of_a_corpus_end_and_a_single_one_does_not():
    texts = [f"recipe {n}: stir {n * n}.\n" * 2 for n in range(60)]
    Path("r.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in texts))
    found = made("r.jsonl", field="text", codec_options={"min_count": 1})
    assert isinstance(found.codec, Ending)
    assert found.codec.label(found.codec.end) == "<end>" and found.codec.widths[found.codec.end] == 0
    both = documents_of(found, "train") + documents_of(found, "valid")
    assert sorted(both) == sorted(each.encode() for each in texts)
    assert len(found.train.units) == len(documents_of(found, "train"))
    assert any("60 documents: their ends are learnt" in note for note in found.notes)
    again = made("r.jsonl", field="text", codec_options={"min_count": 1})
    assert again.codec.to_json() == found.codec.to_json() and again.key == found.key
    Path("one.txt").write_text("".join(texts))
    alone = made("one.txt")
    assert isinstance(alone.codec, TextCodec) and alone.codec.end is None
    assert not any("ends" in note for note in alone.notes)


def test_a_document_that_the_tail_cuts_in_two_does_not_end_where_it_is_cut():
    Path("a.txt").write_text("a" * 1000)
    Path("b.txt").write_text("b" * 1000)
    found = made("a.txt", "b.txt", valid_by="tail", codec="bytes")
    assert isinstance(found.codec, Ending) and found.codec.end == 256
    assert (found.train.values == 256).nonzero()[0].tolist() == [1000] and len(found.train) == 1801
    assert documents_of(found, "valid") == [b"b" * 200]
    assert found.train.values.dtype == np.uint16 and (found.train_bytes, found.train_chars) == (1800, 1800)


def test_validation_documents_of_other_sources_end_too():
    for n in range(30):
        Path(f"{n}.txt").write_text(f"number {n} " * 10)
    found = made("?.txt", "1?.txt", valid=["2?.txt"])
    assert len(documents_of(found, "train")) == 20 and len(documents_of(found, "valid")) == 10


def test_a_unit_that_ends_with_its_document_has_the_end_after_it():
    """As in reading: the blank line ends the unit, so the end is predicted from a new one."""
    Path("a.jsonl").write_text("".join(json.dumps({"t": f"text {n}\n\nmore\n\n"}) + "\n" for n in range(40)))
    found = made("a.jsonl", field="t", reset="paragraph", codec="bytes")
    ends = np.flatnonzero(found.train.values == 256)
    assert set(ends) <= set(found.train.units.tolist()) and set(ends[:-1] + 1) <= set(found.train.units.tolist())


def test_a_codec_that_knows_no_ends_gets_none_and_that_is_said():
    for n in range(30):
        Path(f"{n}.txt").write_text(f"number {n} " * 10)
    known = made("0.txt", "1.txt", codec="bytes", valid_by="tail").codec
    plain = known.inner  # type: ignore[attr-defined]
    found = made("*.txt", codec=plain)
    assert found.codec is plain and any("knows none" in note for note in found.notes)
    assert made("*.txt", codec=known).codec is known
