r"""LaTeX, judged another way: groups, math and environments are taken out innermost first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.modalities.text.constraints import cases

INNERMOST = [
    re.compile(r"\\left ?(?:[()\[\].|/<>]|e)([^{}$\\&]*)\\right ?(?:[()\[\].|/<>]|e)"),
    re.compile(r"\\begin ?G([a-z*]+)E([^{}$\\]*)\\end ?G\1E"),
    re.compile(r"\{([^{}$]*)\}"),
    re.compile(r"\$\$([^${}\\&]*?)\$\$"),
    re.compile(r"(?<!\$)\$([^${}\\&]+?)\$"),
    re.compile(r"\\\[([^${}\\&]*)\\\]"),
    re.compile(r"\\\(([^${}\\&]*)\\\)"),
]


def judge(data: bytes) -> bool:
    """It knows less than the constraint: which delimiters and names fit, and no more. (Nothing of ^ and _.)"""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    text = re.sub(r"\\begin\{verbatim\}.*?\\end\{verbatim\}", "v", text, flags=re.DOTALL)
    text = re.sub(r"\\verb\*?([^A-Za-z*\s{])[^\n]*?\1", "v", text)
    text = re.sub(r"\\[^A-Za-z()\[\]]|%[^\n]*(\n|$)", lambda part: "" if part[0][0] == "%" else "e", text)
    text = re.sub(r"\\(begin|end)\s*\{([a-z*]+)\}", r"\\\1G\2E", text)
    text = re.sub(r"\\(?!begin\b|beginG|end\b|endG|left\b|right\b)[A-Za-z]+", "c", text)
    found = True
    while found:
        found = False
        for pattern in INNERMOST:
            text, n = pattern.subn("x", text, count=1)
            if n:
                found = True
                break
    return not re.search(r"[{}$\\&]", text)


WORDS = st.text(st.sampled_from("ab é,.\n"), min_size=1, max_size=6).map(
    lambda text: text.replace("\n\n", "\n").strip() or "a"
)
SYMBOLS = st.sampled_from(
    [
        "x",
        "x_1",
        "x^2",
        "\\alpha",
        "x_i^{a b}",
        "\\frac{a}{b}",
        "\\frac12",
        "f'",
        "\\sqrt[3]{x}",
        "\\{a\\}",
        "\\mathfrak p",
        "a\\ b",
    ]
)
MATH = st.recursive(
    SYMBOLS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" + ".join),
        inner.map(lambda text: "\\left( " + text + " \\right."),
        inner.map(lambda text: "{" + text + "}^{" + text + "}"),
        inner.map(lambda text: "\\text{if $" + text + "$}"),
        inner.map(lambda text: "\\begin{matrix} a & " + text + " \\\\\n b \\end{matrix}"),
    ),
    max_leaves=4,
)
LEAVES = WORDS | st.sampled_from(
    [
        "50\\%",
        "% {a $\nb",
        "\\verb|{$|",
        "\\label{a_b}",
        "\\noindent\n",
        "\\begin{verbatim}\n{$\\a\n\\end{verbatim}",
        "a\n\nb",
    ]
)


def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        MATH.map(lambda text: f"${text}$"),
        MATH.map(lambda text: f"$$\n{text}\n$$"),
        MATH.map(lambda text: f"\\[{text}\\]"),
        MATH.map(lambda text: f"\\({text}\\)"),
        MATH.map(lambda text: f"\\begin{{align*}}\na & = {text} \\\\\n\\end{{align*}}"),
        inner.map(lambda text: f"\\emph{{{text}\n}}"),
        inner.map(lambda text: f"\\begin{{proof}}[a]\n{text}\n\\end{{proof}}"),
        st.lists(inner, min_size=1, max_size=2).map(
            lambda items: "\\begin{itemize}\n\\item " + "\n\\item[a] ".join(items) + "\n\\end{itemize}"
        ),
        inner.map(lambda text: f"\\begin{{tabular}}{{c|c}} a & {{{text}\n}} \\\\ \\end{{tabular}}"),
        inner.map(lambda text: f"\\section{{a}}\n{text}\n"),
    )


TEXTS = st.recursive(
    LEAVES, lambda inner: st.lists(LEAVES | more(inner), min_size=1, max_size=3).map(" ".join), max_leaves=5
)
TEXTS = TEXTS.map(lambda text: text + "\n")


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_valid(text: str) -> None:
    cases.valid("latex", text.encode(), judge)


@settings(deadline=None, max_examples=100)
@given(cases.mutations(TEXTS, "\\{}$[]()&%_^ \nab'"))
def test_mutated(data: bytes) -> None:
    cases.mutated("latex", data, judge, ("",))  # the constraint refuses more


@settings(deadline=None, max_examples=40)
@given(cases.cuttings(TEXTS.map(str.encode) | cases.mutations(TEXTS, "\\{}$[]()&%_^ \nabé'")))
def test_cut(text: tuple[bytes, list[int]]) -> None:
    cases.cut("latex", *text)


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("a $x", "$"),
        ("a $x \\alp", None),
        ("a $", None),
        ("a\n$$\n", None),
        ("$x^", None),
        ("$\\frac{a}", None),
        ("$$x\n", "$$"),
        ("$$x$", "$"),
        ("\\begin{proof}\na", "\n\\end{proof}"),
        ("\\begin{proof}\na\n", "\\end{proof}"),
        ("\\begin{proof}\na\n\\end{pr", "oof}"),
        ("\\begin{proof}\na\n\\end", None),
        ("\\begin{itemize}\n", None),
        ("\\begin{itemize}\n\\item $\\left( {x", "}\\right)$\n\\end{itemize}"),
        ("\\begin{verbatim}\n\\end{verb", "atim}"),
        ("\\begin{verbatim}\na", "\n\\end{verbatim}"),
        ("\\begin{tabular}", None),
        ("\\verb|a", "|"),
        ("{a % b", "\n}"),
        ("a % b", ""),
        ("a \\maketitle", ""),
        ("a \\mak", None),
        ("\\documentclass{article}\n", None),
        ("\\documentclass{article}\n\\begin{document}\na\n", "\\end{document}"),
        ("\\emph", None),
    ],
)
def test_closing(text: str, closing: str | None) -> None:
    assert cases.read("latex", text.encode()).closing() == (None if closing is None else closing.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a}", "line 1, column 2: } ends no group: nothing is open"),
        ("\\begin{lemma}\n\\end{proof}", "line 2, column 6: \\end{lemma} must stand here, which ends what is open"),
        ("$x\n\n", "line 2, column 1: an empty line may not stand in math: $ is open"),
        ("a_b", "line 1, column 2: _ stands only in math; write \\_"),
        ("$x^a^b$", "line 1, column 5: a second superscript: braces must say what belongs together"),
        ("$x_a^b_c$", "line 1, column 7: a second subscript: braces must say what belongs together"),
        ("$x^$", "line 1, column 4: ^ or _ needs an argument"),
        ("$\\frac{a}$", "line 1, column 10: \\frac needs an argument"),
        ("a & b", "line 1, column 3: & stands only in tables: nothing is open; write \\&"),
        ("$\\left( x$", "line 1, column 10: $ cannot stand here: \\left( is open"),
        ("$x \\right)", "line 1, column 10: \\right without \\left: $ is open"),
        ("\\alpha ", "line 1, column 7: \\alpha stands only in math"),
        ("$\\item ", "line 1, column 7: \\item may not stand in math: $ is open"),
        ("$\\begin{proof}", "line 1, column 14: \\begin{proof} may not stand in math: $ is open"),
        ("\\begin{itemize}\na", "line 2, column 1: itemize needs an \\item before its text"),
        ("\\ref{a\\b", "line 1, column 7: \\ may not stand in the name of a label"),
        ("$\\text{\\begin{proof}", "line 1, column 20: \\begin{proof} may not stand in math: { is open"),
        ("\\begin{itemize}\n\\end{itemize}", "line 2, column 5: itemize needs an \\item"),
        ("\\verb|a\n", "line 1, column 8: \\verb must end with | before the line does"),
        ("$$x$ ", "line 1, column 5: ' ' stands where the second $ of $$ must"),
    ],
)
def test_impossible(text: str, reason: str) -> None:
    assert cases.read("latex", text.encode()).reason == reason


@pytest.mark.parametrize(
    "text",
    [
        "\\newcommand{\\be}{\\begin{equation}}\n\\def\\x#1{{a_#1 $}}\n",
        "\\newenvironment{a}{\\begin{b}}{\\end{b}}\n",
        "\\url{http://a.b/c_d%20e#f} \\href{a_b}{c}\n",
        "$$\n\\xymatrix@R=1pc{ a \\ar[r]^{x_1} & b }\n$$\n",
        "\\vcenter{\\xymatrix{ x_1 & b }}\n",
        "$a \\text{ and } {b^c \\choose d} x_1' x'^2 {}^a_b \\sum\\limits_{i}^n$\n",
        "\\includegraphics[width=1cm]{a_b} \\foo{a_b & c}\n",
        "\\cite[p. 3]{a_b} 5\\,\\% A\\&B \\$3 [0, 1) \\\\[2pt]\n",
        "\\begin{equation}\\label{a_b}\nx_1\n\\end{equation}\n",
    ],
)
def test_usual_texts_are_valid(text: str) -> None:
    constraint = cases.read("latex", text.encode())
    assert constraint.verdict.value == "valid", constraint.reason
