"""What of a text is copied: the report, and generation that copies no more than it may."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from rhapsode import Sampling
from rhapsode.data.text_index import Gathered, TextIndex
from rhapsode.data.uncopied import Uncopied
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.inference.novelty import measured
from tests.conftest import TEXT, MakeModel

CODECS = ["chars", "bytes", "words", "bpe", "chars+end"]
KNOWN = "The quick brown fox jumps over the lazy dog.\nPack my box with five dozen liquor jugs.\n"


def index(*documents: str, held: str = "", lines: bool = False) -> TextIndex:
    gathered = Gathered(lines)
    gathered.files, gathered.data = ["book.txt"], ["digest"]
    for number, document in enumerate(documents, 1):
        gathered.add(document.encode(), True, 0, number if len(documents) > 1 else 0)
    return TextIndex.of(gathered, [held.encode()])


@pytest.fixture
def beside(tiny_model: MakeModel, tmp_path: Path):
    """A function that makes a model with an index beside it."""

    def make(codec: str, known: TextIndex, digest: str = "digest", **options: object) -> Model:
        made = tiny_model(codec, **options)
        config = made.config.model_copy(update={"facts": {"data_digest": digest}})
        Model(config, made.tensors).save(tmp_path / checkpoint.MODEL)
        known.save(tmp_path / checkpoint.INDEX)
        return Model.load(tmp_path)

    return make


def test_the_report() -> None:
    known = index(KNOWN, held="Another text, which has little in common with it but the lazy dog.")
    found = measured(
        known, ["We say:\nPack my box with nine dozen jugs.", "The quick brown fox? jumps over the lazy dog"]
    )
    assert found.longest is not None and found.held_out is not None
    span = found.longest
    assert (span.text, span.chars, span.document, span.start, span.line) == (" jumps over the lazy dog", 24, 1, 20, 1)
    assert str(span.place) == "book.txt, line 1" and found.figures.longest == 24
    assert found.chars == 41 + 44 and [len(each) for each in found.lengths] == [41, 44]
    copied = 24  # only this span has 20 characters or more
    assert found.figures.in_spans == {20: pytest.approx(copied / 85), 40: 0}
    texts = ("We say:\nPack my box with nine dozen jugs.", "The quick brown fox? jumps over the lazy dog")
    for n, share in found.figures.seen.items():
        seen = sum(text[at : at + n] in KNOWN for text in texts for at in range(len(text) - n + 1))
        assert share == pytest.approx(seen / (85 - n + 1))
    assert found.lengths[1][:3].tolist() == [19, 19, 19] and found.lengths[1][20] == 24
    assert (found.held_out.windows, found.held_out.chars) == (1, 66)
    assert found.held_out.half.longest == len(" the lazy dog.") and found.held_out.half == found.held_out.most


def test_held_out_text_of_equal_length() -> None:
    rng = random.Random(0)
    words = [KNOWN[at : at + 12] for at in range(0, 60, 12)] + ["#" * 12] * 3
    held = "".join(rng.choice(words) for _ in range(50))
    for size in (12, 24, 100):
        found = measured(index(KNOWN, held=held), ["x" * size])
        assert found.longest and found.longest.chars == 1 and found.held_out
        windows = [held[at : at + size] for at in range(0, len(held) // size * size, size)]
        alone = [measured(index(KNOWN), [each]).figures.longest for each in windows]
        half, most = np.percentile(alone, (50, 95), method="inverted_cdf")
        assert (found.held_out.windows, found.held_out.chars) == (len(windows), size)
        assert (found.held_out.half.longest, found.held_out.most.longest) == (half, most)


def test_each_character_has_the_longest_span_around_it() -> None:
    rng = random.Random(3)
    known = index(*("".join(rng.choice("abc") for _ in range(30)) for _ in range(3)))
    text = "".join(rng.choice("abc") for _ in range(80))
    lengths = known.matches(text.encode()).lengths
    wanted = [max((n for at, n in enumerate(lengths) if at <= c < at + n), default=0) for c in range(len(text))]
    assert measured(known, [text]).lengths[0].tolist() == wanted


def test_nothing_seen_and_nothing_at_all() -> None:
    for known, text, chars in ((index(KNOWN), "§§", 2), (index(KNOWN, held="abc"), "", 0), (index(), "abc", 3)):
        found = measured(known, [text])
        assert (found.longest, found.chars, found.figures.longest) == (None, chars, 0)
        assert not any(found.figures.seen.values()) and not any(found.figures.in_spans.values())
        assert found.held_out is None


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("most", [1, 4, 11])
def test_no_more_is_copied(beside, codec: str, most: int) -> None:
    known = index(TEXT[:300], TEXT[150:])
    model = beside(codec, known, reset="document")
    how = {"length": 60, "seed": 3, "sampling": Sampling(temperature=0.5)}
    if most == 1:
        few = Model.load(model.path)  # of which no second character may follow any
        drawn = few.generate(max_copy=1, samples=2, **how)
    else:
        drawn = model.generate("Sing, goddess, the anger", max_copy=most, samples=3, **how)
        assert drawn[1].data == model.generate("Sing, goddess, the anger", max_copy=most, row=1, **how)[0].data
    for one in drawn:
        assert known.matches(one.data).chars <= most
    if most == 11:
        free = model.generate("Sing, goddess, the anger", samples=3, **how)
        for one, other in zip(free, drawn, strict=True):
            if known.matches(one.data).chars <= most:
                assert one.data == other.data and not other.rewound
            else:
                assert other.discarded
        pieces = list(model.stream("Sing, goddess, the anger", max_copy=most, **how))
        assert b"".join(piece.data for piece in pieces) == drawn[0].data


def test_the_constraint_reads_bytes_in_any_pieces() -> None:
    known = index(KNOWN, "zwölf Boxkämpfer jagen Viktor")
    rng = random.Random(5)
    for text, most in (
        ("jug zwölf Boxkä", 9),
        ("quick brown?", 20),
        ("Boxkämpfer", 9),
        ("Boxkämpfer", 10),
        ("aä中", 1),
    ):
        data, stop = text.encode(), None
        for end in range(1, len(data) + 1):
            part = data[:end].decode("utf-8", "ignore")
            if any(known.known(part[at : at + most + 1].encode()) for at in range(len(part) - most)):
                stop = end
                break
        for _ in range(20):
            one = Uncopied(known, most)
            one.prompted(KNOWN.encode())
            at = 0
            while at < len(data):
                other = one.copy()
                for end in range(at + 1, len(data) + 1):
                    assert other.read(data[end - 1 : end]).value == "impossible" or (
                        Uncopied.breaks.match(data, end - 1) or not other.settled
                    )
                size = rng.randrange(1, 5)
                other = one.copy()
                other.read(b"brown fox jumps over")
                verdict = one.read(data[at : at + size]).value
                at = min(at + size, len(data))
                assert (verdict == "impossible") == (stop is not None and at >= stop), (text, at)
            assert bool(one.reason) == (stop is not None)


def test_an_index_of_another_model(beside, tmp_path: Path) -> None:
    assert beside("chars", index(KNOWN)).novelty("lazy dog.").longest.chars == 9
    with pytest.raises(UserError, match="is of another text than"):
        _ = beside("chars", index(KNOWN), "other").index
    (tmp_path / checkpoint.INDEX).unlink()
    model = Model.load(tmp_path)
    for what in (lambda: model.novelty("a"), lambda: model.generate(length=9, max_copy=3)):
        with pytest.raises(UserError, match=r"index.safetensors is not beside it. Train again with --index"):
            what()
    assert model.generate(length=9)[0].steps.size == 9
    for wrong in (0, -1, True, 2.5):
        with pytest.raises(UserError, match="max_copy"):
            model.generate(max_copy=wrong)
