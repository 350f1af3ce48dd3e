import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.data.resets import LINE_LIMIT, RULES, ResetPolicy
from rhapsode.errors import UserError

TEXT = b"\n".join(
    [
        b"CHAPTER I",
        b"",
        b"It was",
        b"  \t",
        b"\x0cpage",
        b"# head",
        b"== Wiki ==",
        b"\\section{a}",
        b"a chapter 3",
        b"Part the Second",
    ]
)


def boundaries(spec: str, data: bytes, sizes: list[int]) -> list[int]:
    """What a scanner says of `data` given in pieces of these sizes, the last as large as need be."""
    scanner = ResetPolicy.parse(spec).scanner()
    found = []
    for size in sizes:
        found += scanner.feed(data[:size])
        data = data[size:]
    return found + scanner.feed(data)


def by_hand(spec: str, data: bytes) -> list[int]:
    """The definition, without any care for speed."""
    rule = ResetPolicy.parse(spec).rule
    assert rule is not None
    ends = [i + 1 for i, byte in enumerate(data) if byte == 10]
    starts = [0, *ends]
    return [end for start, end in zip(starts, ends, strict=False) if rule(data[start : end - 1][:LINE_LIMIT])]


@pytest.mark.parametrize("spec", [*RULES, "regex:^a+$"])
@given(
    data=st.lists(st.sampled_from([b"\n", b"a", b" ", b"\x0c", b"# ", b"chapter 1"])).map(b"".join),
    data_sizes=st.data(),
)
def test_scanner_agrees_with_the_definition_however_the_data_comes(spec, data, data_sizes):
    sizes = data_sizes.draw(st.lists(st.integers(0, 4), max_size=12))
    assert boundaries(spec, data, sizes) == by_hand(spec, data)


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        ("line", {0, 1, 2, 3, 4, 5, 6, 7, 8}),
        ("paragraph", {1, 3}),
        ("page", {4}),
        ("chapter", {0, 5, 6, 7}),
        ("regex:^It", {2}),
    ],
)
def test_rules_accept_the_lines_that_they_name(spec, lines):
    ends = [match.end() for match in re.finditer(rb"\n", TEXT)]
    assert boundaries(spec, TEXT, []) == [ends[i] for i in sorted(lines)]


def test_rules_see_only_the_beginning_of_a_long_line():
    inside, outside = b"x" * (LINE_LIMIT - 1) + b"\f\n", b"x" * LINE_LIMIT + b"\f\n"
    for sizes in ([], [10], [LINE_LIMIT], [5000], [4000, 50, 50]):
        assert boundaries("page", inside, sizes) == [len(inside)]
        assert boundaries("page", outside, sizes) == []
        assert boundaries("page", b"a\n" + outside + inside, sizes) == [2 + len(outside) + len(inside)]


def test_a_line_without_end_costs_no_memory():
    scanner = ResetPolicy.parse("line").scanner()
    for _ in range(100):
        assert scanner.feed(b"x" * 100_000) == []
    assert len(scanner._line) == LINE_LIMIT
    assert scanner.feed(b"\n") == [10_000_001]


def test_policies_without_a_rule_find_nothing_in_text():
    for spec in ("never", "document", "every:3"):
        assert boundaries(spec, TEXT, [5]) == []
    assert not ResetPolicy.parse("never").documents
    assert ResetPolicy.parse("document").documents and ResetPolicy.parse("every:3").every == 3


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("lines", "Did you mean 'line'"),
        ("every", "every:N"),
        ("every:", "whole number"),
        ("every:0", "1 or more"),
        ("every:-1", "1 or more"),
        ("every:1.5", "whole number"),
        ("every:²", "whole number"),
        ("every:99999999999999999999", "1 or more"),
        ("regex:(", "not a regular expression"),
        (r"regex:(a)\1", "back-references"),
        ("regex:", "regex:R"),
        ("", "Allowed"),
    ],
)
def test_a_policy_that_is_none_is_a_clear_error(spec, says):
    with pytest.raises(UserError, match=re.escape(says)):
        ResetPolicy.parse(spec)


def test_no_expression_takes_for_ever() -> None:
    rule = ResetPolicy.parse("regex:^(a+)+$").rule
    assert rule and rule(b"a" * 4000) and not rule(b"a" * 4000 + b"!")


def test_expressions_match_bytes() -> None:
    def matches(expression: str, line: bytes) -> bool:
        rule = ResetPolicy.parse(f"regex:{expression}").rule
        return rule is not None and rule(line)

    assert matches("é$", "café".encode()) and not matches("^.$", "é".encode())
    assert matches(r"^\xff.$", b"\xff\xfe") and not matches(r"\xff", "ÿ".encode())


def test_a_long_expression_makes_a_short_message() -> None:
    with pytest.raises(UserError) as caught:
        ResetPolicy.parse("regex:" + "(" * 30000)
    assert len(str(caught.value)) < 500
