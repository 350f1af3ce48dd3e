"""HTML, judged by a few lines on top of Python's own tokenizer: end tags fit, and nothing stays open that must not."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.modalities.text.constraints._walk import names
from tests.modalities.text.constraints import cases

VOID = names("area base br col embed hr img input link meta source track wbr")
OPTIONAL = [
    "html",
    "head",
    "body",
    "p",
    "li",
    "dt",
    "dd",
    "rt",
    "rp",
    "option",
    "optgroup",
    "colgroup",
    "caption",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
]


class Nesting(HTMLParser):
    CDATA_CONTENT_ELEMENTS = ("script", "style", "textarea", "title")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wrong |= tag not in VOID and "svg" not in self.open and tag != "svg"

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong = True


def judge(data: bytes) -> bool:
    parser = Nesting()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    parser.feed(text)
    rest = parser.rawdata  # what it could not yet read
    parser.close()
    return not parser.wrong and "<" not in rest and all(tag in OPTIONAL for tag in parser.open)


TEXTS = st.text(st.sampled_from("ab é\n;#1"), max_size=5) | st.sampled_from(
    [
        "AT&T",
        "&amp;",
        "&#233;",
        "&#xE9;",
        "a & b",
        "<!-- a -- b > -->",
        "&copy;",
        "<br>",
        "<img src=a alt='b'>",
        "<hr/>",
    ]
)
SPANS = ["b", "I", "span", "a", "em", "x-y"]
ATTRIBUTES = st.sampled_from(["", " class=a", " id='b' hidden", ' title="a > &amp; b" ', "\nhref=?a&b"])


@st.composite
def spans(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    name, attributes = draw(st.sampled_from(SPANS)), draw(ATTRIBUTES)
    text = draw(inner)
    if name == "a" and "<a" in text:
        name = "b"
    return f"<{name}{attributes}>{text}</{name.lower()} >"


INLINE = st.recursive(TEXTS, lambda inner: st.lists(TEXTS | spans(inner), max_size=3).map("".join), max_leaves=4)
INLINE = INLINE.filter(lambda text: "<hr" not in text)
LEAVES = st.one_of(
    INLINE,
    INLINE.map(lambda text: f"<p>{text}"),
    INLINE.map(lambda text: f"<p>{text}</p>"),
    INLINE.map(lambda text: f"<h2>{text}</h2>"),
    st.sampled_from(
        [
            "<script>if (a<b) '</b>'</script>",
            "<style>a > b {}</style>",
            "<svg><g><path d='M0'/></g><title>a</title></svg>",
            "<select><option>1<option selected>2</select>",
            "<textarea><b></textarea>",
        ]
    ),
)


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = st.one_of(
        inner.map(lambda text: f"<div>{text}</div>"),
        st.lists(inner, max_size=3).map(lambda items: "<ul>" + "".join(f"<li>{item}" for item in items) + "</ul>"),
        st.lists(inner, max_size=2).map(lambda items: "<ol>" + "".join(f"<li>{x}</li>\n" for x in items) + "</ol>"),
        st.lists(inner, max_size=3).map(lambda items: "<dl>" + "".join(f"<dt>a<dd>{item}" for item in items) + "</dl>"),
        st.lists(inner, max_size=3).map(
            lambda items: "<table>\n<tr>" + "<tr>".join(f"<td>{item}<th>b" for item in items) + "</table>"
        ),
        inner.map(lambda text: f"<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>{text}</td></tr></table>"),
    )
    return st.lists(part, min_size=1, max_size=2).map("\n".join)


BODIES = st.recursive(LEAVES, blocks, max_leaves=4)
PAGES = BODIES.map(lambda body: f"<!DOCTYPE html>\n<html lang=en><head><title>a</title>\n<body>{body}</html>\n")


@settings(deadline=None, max_examples=40)
@given(BODIES | PAGES)
def test_valid(text: str) -> None:
    cases.valid("html", text.encode(), judge)


@settings(deadline=None, max_examples=100)
@given(cases.mutations(BODIES | PAGES, "<>/='\"!-[]?&;#x1ap: \n\x01"))
def test_mutated(data: bytes) -> None:
    cases.mutated("html", data, judge, ("",))  # the constraint refuses more


@settings(deadline=None, max_examples=40)
@given(cases.cuttings(BODIES.map(str.encode) | cases.mutations(PAGES, "<>/='\"!-[]?&;#x1a: \né")))
def test_cut(text: tuple[bytes, list[int]]) -> None:
    cases.cut("html", *text)


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("<p>a<b>b", "</b>"),
        ("<p>a", ""),
        ("<ul><li>a", "</ul>"),
        ("<div><a href='x", "'></a></div>"),
        ("<div><a href=x", "></a></div>"),
        ("<div><a href=", None),
        ("<div><im", None),
        ("<div><img ", "></div>"),
        ("<script>a < '</scr", "ipt>"),
        ("<b>&#1", None),
        ("<b>AT&T", "</b>"),
        ("<b></", None),
        ("<svg><path d='a'/", "></svg>"),
        ("<!-", None),
        ("<b><!-- a -", "-></b>"),
        ("<html><body>", ""),
        ("<b><p>a", "</p></b>"),
        ("<b><p a='", "'></p></b>"),
        ("<span><option>a", "</span>"),
        ("<script>a<!", "</script>"),
    ],
)
def test_closing(text: str, closing: str | None) -> None:
    assert cases.read("html", text.encode()).closing() == (None if closing is None else closing.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<b><i>x</b", "line 1, column 10: </b ends nothing that is open: </i> must stand here"),
        ("a\n</p>", "line 2, column 3: </p ends nothing that is open: no element is open"),
        ("<p><b><div>", "line 1, column 11: <div> ends the paragraph <p>, but <b> is open in it"),
        ("<div/>", "line 1, column 5: <div> needs an end tag: /> does not end it"),
        ("<table>a", "line 1, column 8: text may not stand directly in <table>"),
        ("<table><div>", "line 1, column 12: <div> may not stand directly in <table>"),
        ("<div><td>", "line 1, column 9: <td> may not stand directly in <div>"),
        ("<a><b><a ", "line 1, column 9: <a> stands in another one, where <b> is open"),
        ("&foo;", "line 1, column 5: &foo; is no entity of HTML"),
        ("<a b b>", "line 1, column 7: the attribute b stands twice"),
        ("a < b", "line 1, column 4: ' ' stands where the name of a tag (write &lt; for the character <) must"),
        ("<bold>", "line 1, column 6: <bold> is no element of HTML"),
        ("<!-->", "line 1, column 5: this comment would end as it begins"),
        ("<ul><li><b><li>", "line 1, column 15: <li> stands in another one, where <b> is open"),
        ("<b><p>a</b", "line 1, column 10: </b ends nothing that is open: </p> must stand here"),
        ("<span><li>a</s", "line 1, column 14: </s ends nothing that is open: </li> must stand here"),
        ("<svg><p>", "line 1, column 8: <p> of HTML may not stand directly in SVG or MathML"),
        ("<math><desc><b>", "line 1, column 15: <b> of HTML may not stand directly in SVG or MathML"),
        ("<html></html>a", "line 1, column 14: text may not stand behind </html>"),
        ("<body></body><p>", "line 1, column 16: <p> may not stand behind </body>"),
        ("<head></head><meta ", "line 1, column 19: <meta> may not stand behind </head>"),
        ("a<html>", "line 1, column 7: <html> may not stand behind the beginning of the body"),
        ("<body></body><body>", "line 1, column 19: <body> may not stand behind </body>"),
        ("a<!d", "line 1, column 4: a document type stands only at the beginning"),
        ("<!doctype htm>", "line 1, column 14: this is not <!doctype html>"),
        ("<!doctype html foo>", "line 1, column 19: this is not <!doctype html>"),
        ("&#x81;", "line 1, column 6: &#x81; is no character"),
        ("<script><!--<script", "line 1, column 19: <script may not stand behind <!-- in a script"),
        ("<script></script/", "line 1, column 17: '/' stands where > must"),
    ],
)
def test_impossible(text: str, reason: str) -> None:
    assert cases.read("html", text.encode()).reason == reason


@pytest.mark.parametrize(
    "text",
    [
        "<title>a</title>\n</head>b</body>\n</html>\n",
        "<!doctype html><p>a</html>\n<!-- b -->\n<!DOCTYPE HTML PUBLIC \"-//W3C//DTD\" 'http://a'><html><p>b</html>",
        "<head><template><p>a</template></head><noscript><p>a</p></noscript>",
        "<ul><li><p>a<ul><li>b</ul></ul><ruby>a<rt>b</ruby><form><p>a</form>",
        "<svg><title><b>a</b></title><foreignObject><p>a</p></foreignObject></svg><math><mi><b>x</b></mi></math>",
        "<script>'<script>'; a<!b; '</scr'</script><script><!--\na //--></script>",
        "&#9;&#xA0;&#x1F600;",
    ],
)
def test_what_browsers_take_as_it_stands_is_valid(text: str) -> None:
    constraint = cases.read("html", text.encode())
    assert constraint.verdict.value == "valid", constraint.reason
