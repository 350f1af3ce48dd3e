"""XML is what expat accepts: documents as they are, with namespaces; content between the tags of an element."""

from __future__ import annotations

import re
from xml.parsers import expat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.modalities.text.constraints import cases

NAMES = st.sampled_from(["a", "b1", "x-y", "é", "p:a", "xml:lang", "_"])
CHARACTERS = st.sampled_from("ab <é>]'\"&\n\U0001f600")
ESCAPES = {"<": "&lt;", "&": "&#38;", '"': "&quot;", "'": "&apos;", ">": "&#x3E;"}
TEXTS = st.text(CHARACTERS, max_size=6).map(lambda text: "".join(ESCAPES.get(c, c) for c in text))
OTHERS = st.sampled_from(["<!-- a - b -->", "<![CDATA[<]]]>", "<?p?>", "<?p a?b?>", "]]", "<!---->", "<![CDATA[]]>"])
ATTRIBUTES = st.dictionaries(st.sampled_from(["a", "p:a", "c", "xml:lang", "xmlns", "xmlns:p"]), TEXTS, max_size=3)


@st.composite
def elements(draw: st.DrawFn, content: st.SearchStrategy[str]) -> str:
    name = draw(NAMES.filter(lambda name: not name.startswith("xml")))
    attributes = draw(ATTRIBUTES)
    attributes |= {name: "u:v/%C3%A9?&amp;" for name in attributes if name.startswith("xmlns")}
    start = "".join(
        f' {name} = "{text}"' if "c" in attributes else f"\n{name}='{text}'" for name, text in attributes.items()
    )
    inner = draw(content)
    return f"<{name}{start}/>" if not inner else f"<{name}{start}>{inner}</{name} >"


def pieces(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(TEXTS | OTHERS | elements(inner), max_size=3).map("".join)


CONTENT = st.recursive(TEXTS, pieces, max_leaves=5)
PROLOG = st.tuples(
    st.sampled_from(["", '<?xml version="1.0"?>\n', "<?xml version = '1.0' encoding='utf-8' standalone=\"yes\" ?>"]),
    st.sampled_from(["", "<!-- c -->\n", "<?p q?>"]),
    st.sampled_from(["<!DOCTYPE a>", '<!DOCTYPE a SYSTEM "b>c">\n', "<!DOCTYPE p:a  PUBLIC \"-//W3C\" 'd' >"]),
).map("".join)
DOCUMENTS = st.tuples(PROLOG, CONTENT, st.sampled_from(["", "\n<!-- end --> <?p?>"])).map(
    lambda parts: f"{parts[0]}<r xmlns:p='u'>{parts[1]}</r>{parts[2]}"
)


def parses(data: bytes, separator: str | None) -> bool:
    parser = expat.ParserCreate(None, separator)
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        return False
    return True


def judge(data: bytes) -> bool:
    content = data.removeprefix("\ufeff".encode())
    if re.match(rb"<\?xml[ \t\r\n]", content):
        return parses(data, "}")
    return parses(b"<r>" + content + b"</r>", None) or (b"<!DOCTYPE" in data and parses(data, "}"))


@settings(deadline=None, max_examples=40)
@given(CONTENT | DOCUMENTS)
def test_valid(text: str) -> None:
    cases.valid("xml", text.encode(), judge)


@settings(deadline=None, max_examples=100)
@given(cases.mutations(CONTENT | DOCUMENTS, "<>/='\"!-[]?&;#x1ap: \n\x01"))
def test_mutated(data: bytes) -> None:
    # Names that begin with a colon are none by Namespaces in XML.
    cases.mutated(
        "xml",
        data,
        judge,
        ("this is not <?xml", "inner part", "begins none of the entities", "':' stands", "may not be"),
    )


@settings(deadline=None, max_examples=40)
@given(cases.cuttings(CONTENT.map(str.encode) | cases.mutations(DOCUMENTS, "<>/='\"!-[]?&;#x1a: \né")))
def test_cut(text: tuple[bytes, list[int]]) -> None:
    cases.cut("xml", *text)


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("<a><b c='d", "'/></a>"),
        ("<a><b c='d'", "/></a>"),
        ("<a><b ", "/></a>"),
        ("<a><b", None),
        ("<a>x &am", None),
        ("<a><bc>x</b", "c></a>"),
        ("<a><!-- x", "--></a>"),
        ("<a><!-- x-", "-></a>"),
        ("<a><![CDATA[x]", "]></a>"),
        ("<?p x", "?>"),
        ("<?xml version='1.0'?>\n", None),
        ("<?xml version='1.0'?>\n<a>", "</a>"),
        ("text", ""),
        ("", ""),
    ],
)
def test_closing(text: str, closing: str | None) -> None:
    assert cases.read("xml", text.encode()).closing() == (None if closing is None else closing.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<a>\n<b></a>", "line 2, column 6: </b> must stand here, which ends what is open"),
        ("x</a>", "line 1, column 3: an end tag, but no element is open"),
        ("<a b='1' b='2'>", "line 1, column 11: the attribute b stands twice"),
        ("<?xml version='1.0'?><p:a>", "line 1, column 26: the prefix p is not declared"),
        ("<a>&nbsp;", "line 1, column 5: &n begins none of the entities that XML knows, &amp; &lt; &gt; &quot; &apos;"),
        ("<a>]]>", "line 1, column 6: ]]> may not stand in a text; write ]]&gt;"),
        ("<!DOCTYPE a [", "line 1, column 13: a document type with an inner part is not supported"),
        ("<a>\x01", "line 1, column 4: the character U+0001 may not stand here"),
        ("<a xmlns='a b'", "line 1, column 14: xmlns may not be 'a b'"),
        ("<!DOCTYPE a:>", "line 1, column 13: this document type is not well-formed"),
        ("1 < 2", "line 1, column 4: ' ' stands where a name (write &lt; for the character <) must"),
    ],
)
def test_impossible(text: str, reason: str) -> None:
    assert cases.read("xml", text.encode()).reason == reason
