"""Wiki markup, judged another way: what is innermost is taken out, again and again, and nothing may be left."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.modalities.text.constraints import cases

TAGS = "ref|small|div|sub|nowiki|math|pre"
SINGLE = rf"(?:[^\[\]{{}}<\n]|<(?!/?(?:{TAGS})[ \n/>])|(?<!\[)\[(?!\[)|(?<!\])\](?!\])|"
SINGLE += r"(?<!\{)\{(?![{|])|(?<!\})\}(?!\})|\n)"
INNERMOST = [
    re.compile(rf"\{{\{{\{{({SINGLE}+)\}}\}}\}}"),
    re.compile(rf"\{{\{{({SINGLE}+)\}}\}}"),
    re.compile(r"\[(?:https?://|//)([^\[\]\n<{}]*)\]"),
    re.compile(rf"\[\[({SINGLE}+)\]\]"),
    re.compile(rf"<({TAGS})(?:[ \n][^<>]*)?>({SINGLE}*)</\1[^<>]*>", re.IGNORECASE),
    re.compile(rf"(?:^|(?<=\n))[ \t:]*\{{\|({SINGLE}*?)\n[ \t:]*\|\}}"),
    re.compile(r"(?<!\[)\[([^\[\]\n]*)\]"),
]


def lines(text: str) -> bool:
    """Whether the quotes of each line are balanced, and its heading ends."""
    for line in text.split("\n"):
        runs = [min(len(run), 5) for run in re.findall("''+", line)]
        italic, bold = sum(n in (2, 5) for n in runs) % 2, sum(n in (3, 4, 5) for n in runs) % 2
        if italic != bold or (italic and not {3, 4} & set(runs)):
            return False
    return True


def headings(text: str) -> bool:
    return all(
        re.fullmatch(r"(=+)([^=].*[^=]|[^=])\1\s*", line) and line.strip("= \t")
        for line in text.split("\n")
        if line.startswith("=")
    )


def judge(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    text = re.sub(r"<(nowiki|math|pre)(?: [^<>]*(?<!/))?>.*?</\1>", "x", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(rf"<(?:{TAGS})(?:[ \n][^<>]*)?/>|</?br\s*/?>", "x", text, flags=re.IGNORECASE)
    found = True
    while found:
        found = False
        for pattern in INNERMOST:
            match = pattern.search(text)
            if match:
                if not lines(match[match.lastindex or 1]):
                    return False
                text, found = text[: match.start()] + "x" + text[match.end() :], True
                break
    left = re.search(
        rf"\[\[|\]\]|\{{\{{|\}}\}}|<!--|</?({TAGS})[ \n>]|(^|\n)[ :]*(\{{\||\|\}}(?!\}}))", text, re.IGNORECASE
    )
    return not left and lines(text) and headings(text)


WORDS = st.text(st.sampled_from("ab é,="), min_size=1, max_size=5).map(lambda text: "w" + text.rstrip("="))
LEAVES = WORDS | st.sampled_from(
    [
        "<br />",
        "L'a",
        "<!-- [[ -->",
        "<math>{{a</math>",
        "<nowiki>''</nowiki>",
        "[http://a.b c]",
        "<ref name=a/>",
        "a<z c",
    ]
)


def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    plain = inner.filter(lambda text: "'" not in text and "\n" not in text)
    return st.one_of(
        inner.map(lambda text: f"[[File:a.png|thumb|{text}]]" if "|}" not in text else text),
        WORDS.map(lambda text: f"[[{text}]]s"),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: "{{t\n|a=" + "|".join(parts) + "}}"),
        inner.map(lambda text: "{{{a|" + text + "}}}"),
        plain.map(lambda text: f"''{text}''"),
        plain.map(lambda text: f"'''{text}'''"),
        inner.map(lambda text: f"<ref name='a'>{text}</ref>"),
        inner.map(lambda text: f"<small>{text}</small>"),
        st.lists(inner, min_size=1, max_size=2).map(
            lambda cells: "\n{| class=a\n|-\n! b\n" + "\n".join(f"| {cell}" for cell in cells) + "\n|}\n"
        ),
    )


INLINE = st.recursive(LEAVES, lambda inner: st.lists(LEAVES | more(inner), max_size=3).map(" ".join), max_leaves=5)
INLINE = INLINE.filter(
    judge_text := lambda text: judge(text.encode())
)  # what nests too finely for a sure answer is out
LINES = st.one_of(
    INLINE, WORDS.map(lambda text: f"== {text} =="), INLINE.map(lambda text: f"* {text}"), st.sampled_from(["----", ""])
)
PAGES = st.lists(LINES, max_size=3).map("\n".join).filter(judge_text)


@settings(deadline=None, max_examples=40)
@given(PAGES)
def test_valid(text: str) -> None:
    cases.valid("wiki", text.encode(), judge)


@settings(deadline=None, max_examples=100)
@given(cases.mutations(PAGES, "<>/='|-[]{}! \nb:"))
def test_mutated(data: bytes) -> None:
    cases.mutated(
        "wiki", data, judge, ("]] ends no link", "the link [ must end", "the tag <", "a comment stands between")
    )


@settings(deadline=None, max_examples=40)
@given(cases.cuttings(PAGES.map(str.encode) | cases.mutations(PAGES, "<>/='|-[]{}! \nbé:")))
def test_cut(text: tuple[bytes, list[int]]) -> None:
    cases.cut("wiki", *text)


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("a [[b", "]]"),
        ("a [[b]", "]"),
        ("[[", None),
        ("{{a|b=[[c|d", "]]}}"),
        ("{{a}", "}"),
        ("{{{a", "}}}"),
        ("''a '''b", ""),
        ("''a '''b''' c", "''"),
        ("''a", "''"),
        ("''a'", None),
        ("''", None),
        ("== a", "=="),
        ("== a =", "="),
        ("== a ==", ""),
        ("== a =<!--", "-->="),
        ("== a ==<!-- b", "-->"),
        ("==", None),
        ("== ", None),
        ("<ref>{{cite|a", "}}</ref>"),
        ("<ref name=a", None),
        ("<math>{a", "</math>"),
        ("<math>a</ma", "th>"),
        ("<!-- a -", "->"),
        ("{|\n|-\n| a", "\n|}"),
        ("{{a|\n{|\n| a", "\n|}\n}}"),
        ("{{a|\n{|\n| a\n|}", "\n}}"),
        ("[http://a.b c", "]"),
        ("[[a|''b", "'']]"),
        ("''[[a|'''b", "''']]''"),
        ("* <li>a", ""),
        ("a [b", ""),
    ],
)
def test_closing(text: str, closing: str | None) -> None:
    assert cases.read("wiki", text.encode()).closing() == (None if closing is None else closing.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[a\n", "line 1, column 4: the link [[ must end with ]] before the line does"),
        ("a\n\n}}", "line 3, column 2: }} ends no template: nothing is open"),
        ("{{a]] ", "line 1, column 6: ]] ends no link: {{ is open"),
        ("<ref>a</small>", "line 1, column 14: </small> ends nothing: <ref> is open"),
        ("''a\n", "line 1, column 4: italics or bold ('' or ''') must end before the line does"),
        ("[[a|''b]] ", "line 1, column 10: italics or bold ('' or ''') must end before what is open around them"),
        ("== a =\n", "line 1, column 7: the heading must end with =="),
        ("|}\n", "line 1, column 3: |} ends no table: nothing is open"),
        ("[http://a b\n", "line 1, column 12: the link [ must end with ] before the line does"),
        ("[http://a b]] ", "line 1, column 14: the link [ ends with one ]"),
        ("''a [[b|c\nd]]'' ", "line 1, column 10: italics or bold ('' or ''') must end before the line does"),
        ("''a <u>b\nc</u>'' ", "line 1, column 9: italics or bold ('' or ''') must end before the line does"),
        ("{{}}", "line 1, column 3: a template needs a name"),
        ("[[]]", "line 1, column 3: a link needs a target"),
    ],
)
def test_impossible(text: str, reason: str) -> None:
    assert cases.read("wiki", text.encode()).reason == reason


@pytest.mark.parametrize(
    "text",
    [
        "L'''amour'' a",
        "[[[a]]] and [1] and x[y[0]]",
        "{{{{a}}}}",
        "{{a|{{{b|c}}}}}",
        "a <bc c> <email@x.org> 1 < 2",
        ": {|\n|}\n",
        "<table><tr><td>a<td>b</table>",
        "{{a\n|b={{c}}\n|}}",
    ],
)
def test_texts_of_wikipedia_are_valid(text: str) -> None:
    assert cases.read("wiki", text.encode()).verdict.value == "valid"
