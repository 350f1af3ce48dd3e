"""What every constraint promises, as checks of one text."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from rhapsode import registry
from rhapsode.data.constraint import Constraint, Verdict

Judge = Callable[[bytes], bool]


def read(name: str, data: bytes) -> Constraint:
    constraint = registry.get("constraint", name)()
    assert isinstance(constraint, Constraint)
    constraint.read(data)
    return constraint


def cut(name: str, data: bytes, cuts: list[int]) -> None:
    """However a text is cut, all that is said is the same; a copy goes its own way."""
    one, many = read(name, data), registry.get("constraint", name)()
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        left = many.copy()
        assert many.read(data[start:end]) is many.verdict
        left.read(b"<{[\\\xff")
    assert (many.verdict, many.reason, many.settled) == (one.verdict, one.reason, one.settled)
    assert many.closing() == one.closing()


def valid(name: str, data: bytes, judge: Judge) -> None:
    """A valid text is accepted, no prefix of it is impossible, and every closing leads to a valid text."""
    assert judge(data), data
    constraint = registry.get("constraint", name)()
    prefixes(name, constraint, b"", judge)
    for i in range(len(data)):
        verdict = constraint.read(data[i : i + 1])
        assert verdict is not Verdict.IMPOSSIBLE, (data[: i + 1], constraint.reason)
        prefixes(name, constraint, data[: i + 1], judge)
    assert constraint.verdict is Verdict.VALID, data
    assert read(name, data).verdict is Verdict.VALID


def prefixes(name: str, constraint: Constraint, data: bytes, judge: Judge) -> None:
    if constraint.verdict is Verdict.VALID:
        assert constraint.closing() == b""
        assert judge(data), (data, "is said to be valid")
    end = constraint.closing()
    if end is not None:
        assert read(name, data + end).verdict is Verdict.VALID, (data, end, read(name, data + end).reason)
        assert judge(data + end), (data, end)


def mutated(name: str, data: bytes, judge: Judge, stricter: tuple[str, ...] = ()) -> None:
    """Of a text that may be anything: what is said to be valid is valid, what is said to be impossible is not, and
    closings hold. stricter: in which reasons the constraint refuses more than the judge."""
    constraint = registry.get("constraint", name)()
    for i in range(len(data)):
        if constraint.read(data[i : i + 1]) is Verdict.IMPOSSIBLE:
            assert constraint.reason and constraint.closing() is None and not constraint.settled
            assert constraint.read(b" ") is Verdict.IMPOSSIBLE
            if not any(words in constraint.reason for words in stricter):
                assert not judge(data), (data, constraint.reason)
            return
        prefixes(name, constraint, data[: i + 1], judge)


@st.composite
def mutations(draw: st.DrawFn, texts: st.SearchStrategy[str], marks: str) -> bytes:
    """Texts of which some characters are missing, doubled, exchanged or others."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(text)))
        j = draw(st.integers(i, min(len(text), i + 5)))
        text = text[:i] + draw(st.text(st.sampled_from(marks), max_size=3)) + text[j:]
    return text.encode()


@st.composite
def cuttings(draw: st.DrawFn, data: st.SearchStrategy[bytes]) -> tuple[bytes, list[int]]:
    text = draw(data)
    return text, sorted(draw(st.lists(st.integers(0, len(text)), max_size=5)))
