"""Programs are judged by the parser of their language."""

from __future__ import annotations

from typing import Any

import pytest

tree_sitter = pytest.importorskip("tree_sitter")
tree_sitter_c = pytest.importorskip("tree_sitter_c")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from rhapsode import UserError, registry  # noqa: E402
from rhapsode.data.constraint import Verdict  # noqa: E402
from rhapsode.modalities.text.constraints import treesitter  # noqa: E402
from tests.modalities.text.constraints import cases  # noqa: E402

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c.language()))


def judge(data: bytes) -> bool:
    return not PARSER.parse(data).root_node.has_error


EXPRESSIONS = st.recursive(
    st.sampled_from(["1", "x", "f()", "'}'", '"{"', "a[1]"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " <\n", " == "]), inner).map("".join),
        st.lists(inner, max_size=2).map(lambda items: f"g({', '.join(items)})"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=3,
)
STATEMENTS = st.recursive(
    st.one_of(
        EXPRESSIONS.map(lambda text: f"x = {text};\n"),
        EXPRESSIONS.map(lambda text: f"return {text};\n"),
        st.sampled_from(["/* a {\n b */\n", "// {\n", ";\n", "int y[2] = {1, 2};\n", "\n"]),
    ),
    lambda inner: st.one_of(
        st.tuples(EXPRESSIONS, inner).map(lambda parts: f"if ({parts[0]})\n  {{{parts[1]}}}\n"),
        st.tuples(EXPRESSIONS, inner).map(lambda parts: f"while ({parts[0]}) {{\n{parts[1]}}}\n"),
        inner.map(lambda text: f"do {{ {text} }} while (1);\n"),
        st.lists(inner, min_size=2, max_size=3).map("".join),
    ),
    max_leaves=4,
)
DECLARATIONS = st.one_of(
    STATEMENTS.map(lambda text: f"int f(int a, char *b)\n{{\n{text}}}\n"),
    st.sampled_from(
        [
            "#include <a.h>\n",
            "#define A(x) \\\n  x\n",
            "struct a {\n  int b;\n};\n",
            "int x;\n",
            "#if A\nint y;\n#endif\n",
        ]
    ),
)
PROGRAMS = st.lists(DECLARATIONS, max_size=3).map("".join)


@settings(deadline=None, max_examples=30)
@given(PROGRAMS)
def test_valid(text: str) -> None:
    assert judge(text.encode())
    constraint = registry.get("constraint", "c")()
    for i, letter in enumerate(text):
        assert constraint.read(letter.encode()) is not Verdict.IMPOSSIBLE, (text[: i + 1], constraint.reason)
        if letter in "\n;" or i % 7 == 0:
            cases.prefixes("c", constraint, text[: i + 1].encode(), judge)
    assert constraint.verdict is Verdict.VALID


@settings(deadline=None, max_examples=60)
@given(cases.mutations(PROGRAMS, "(){}[];=\"' \nx1,"))
def test_mutated(data: bytes) -> None:
    constraint = cases.read("c", data)
    if constraint.verdict is Verdict.IMPOSSIBLE:
        assert not judge(data), (data, constraint.reason)
        assert constraint.reason and constraint.closing() is None
    else:
        cases.prefixes("c", constraint, data, judge)


@settings(deadline=None, max_examples=30)
@given(cases.cuttings(PROGRAMS.map(str.encode) | cases.mutations(PROGRAMS, "(){}[];=\"' \nx1,")))
def test_cut(text: tuple[bytes, list[int]]) -> None:
    cases.cut("c", *text)


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("int f(void) {\n  int x = (1 + 2", None),
        ("int f(void) {\n  int x = (1 + 2)", ";}"),
        ("int f(int a) {\n  if (a) {\n    g(a, h(b)", ");}}"),
        ("int f() { g(\"a}\", '}'", ");}"),
        ("struct a {\n  int b;\n", "};"),
        ("int a[3]", ";"),
        ("#if A\nint x;\n", "\n#endif\n"),
        ("/* a", "*/"),
        ("int x;\n/* a (\n b\n c", "*/"),
        ("#if A\n/* a\n b", "*/\n#endif\n"),
        ("#if A\n#ifdef B\nint f() {\n", "}\n#endif\n\n#endif\n"),
        ("int f() {\n#ifdef B\n  x();\n", "\n#endif\n}"),
        ("#if A\nint x;\n#endif // (a)", "\n"),
        ("int f() {\n  x = 1 +\n", None),
        ("int x;\n", ""),
        ("", ""),
    ],
)
def test_closing(text: str, closing: str | None) -> None:
    assert cases.read("c", text.encode()).closing() == (None if closing is None else closing.encode())


def test_what_cannot_go_on_is_impossible() -> None:
    constraint = cases.read("c", b"int x;\n" * 400 + b"int f() {\n  int x = = 2;\n")
    assert constraint.reason == "line 402: no program in c goes on with 'int x = = 2;'"
    assert cases.read("c", b"int x;\n}\n").verdict is Verdict.IMPOSSIBLE


def test_long_headers_and_comments_cost_no_more_than_other_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what no parse accepts is parsed with a log, which takes a hundred times as long."""
    logged = []
    look = treesitter.Treesitter._logged
    monkeypatch.setattr(treesitter.Treesitter, "_logged", lambda self, text: logged.append(text) or look(self, text))
    text = b"/* a (\n" + b" * b\n" * 50 + b" */\n#ifndef A\n#define A\n" + b"int x;\n" * 50 + b"#endif\n"
    assert cases.read("c", text).verdict is Verdict.VALID and len(logged) < 3


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="which language"):
        treesitter.Treesitter()
    with pytest.raises(UserError, match="tree-sitter-klingon"):
        treesitter.Treesitter("klingon")
    assert "c" in treesitter.languages()
    assert treesitter.Treesitter("c").read(b"int x;") is Verdict.VALID


def test_without_tree_sitter_the_message_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tree_sitter", None)
    treesitter.parser.cache_clear()
    with pytest.raises(UserError, match=r"rhapsode\[valid\]"):
        treesitter.Treesitter("c")
    treesitter.parser.cache_clear()
