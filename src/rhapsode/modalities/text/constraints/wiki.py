"""The markup of Wikipedia: links, templates, tables, tags, headings and quotes that end, and nest.

MediaWiki refuses nothing: what does not end is shown as it stands, as braces and brackets on the page. So what is valid
is a rule of this module, after the grammar of its preprocessor and of its parser (mediawiki.org, "Markup spec",
"Preprocessor ABNF").
"""

from __future__ import annotations

import re
from typing import TypeAlias

from rhapsode.modalities.text.constraints._walk import Refused, Walk, deeper, names

Quotes: TypeAlias = "tuple[bool, bool, bool]"
"""Of a line, outside of what is open in it: whether italics are on, whether bold is, and whether ''' stands in it."""
Open: TypeAlias = "tuple[str, str, Quotes, Open] | None"
"""What is open, the innermost first: one of [[ [ {{ {| <, the braces or the name of the tag, the quotes around it, and
the others."""

RAW = names("nowiki pre math source syntaxhighlight timeline score hiero chem ce graph templatedata inputbox imagemap")
"""Tags within which nothing is markup."""
VOID = names("br hr wbr")
OPTIONAL = names("p li dd dt tr td th caption")
"""Tags whose end may be left out."""
APART = names("ref references poem gallery")
"""Tags whose text is taken out of the lines around them."""
TAGS = names(
    "abbr b bdi bdo big blockquote center cite code data del dfn div dl em font gallery h1 h2 h3 h4 h5 h6 i "
    "includeonly indicator ins kbd mark noinclude ol onlyinclude poem q rb ref references rp rt ruby s samp "
    "section small span strike strong sub sup table time tt u ul var mediawiki siteinfo page revision contributor "
    "text title id timestamp username comment ip restrictions"
) | (RAW | VOID | OPTIONAL)
"""Tags of the markup, and those of Wikipedia's dumps. Others, as in a<b>c, are text."""
SCHEMES = ("http://", "https://", "ftp://", "mailto:", "news:", "irc://", "gopher://", "telnet://", "//")
PLAIN = re.compile(r"[^\n'{}\[\]<]*")
HEADING = re.compile(r"[^\n'{}\[\]<=]*")
INSIDE = re.compile(r"[^<>/]*")
NO_QUOTES: Quotes = (False, False, False)
FILES = ("file:", "image:", "media:")


def _within_lines(around: tuple[str, str, Quotes, Open]) -> bool:
    """Whether what is open is a part of the lines that it stands in. (What is in a note stands elsewhere; a template
    makes lines of its own, and a table begins them.)"""
    kind, name = around[:2]
    return kind in ("[", "[[") or (kind == "<" and name not in APART)


def balanced(quotes: Quotes) -> bool:
    """Where one of both is odd, MediaWiki takes a ''' for an apostrophe and ''."""
    italic, bold, three = quotes
    return italic == bold and (three or not italic)


class Wiki(Walk):
    """A page of wiki markup, or a part of one."""

    name = "wiki"
    breaks = re.compile(rb"[ \n\]}>|]")
    _illegal = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]")

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._mode = Wiki._text
        self._open: Open = None
        self._depth = 0
        self._quotes = NO_QUOTES
        self._begin = 2  # 2: at the beginning of a line; 1: only spaces and colons are before; 0: elsewhere
        self._level = 0  # of the heading that is read
        self._titled = False  # it has words
        self._equals = 0  # signs = that have been read last in it
        self._gap = False  # white space came behind them
        self._token = ""
        self._target = False  # in a link, before its |
        self._blank = False  # the line before, in a link, was empty
        self._literal = 0  # brackets [ in the line that are text
        self._slash = False  # in a tag, directly behind /
        self._divided = ""  # behind a comment: the sign before it, if another one would join it

    def _top(self) -> str:
        return "" if self._open is None else self._open[0]

    def _finished(self) -> Wiki | None:
        """This place, where the run of braces, brackets or quotes that is read has ended. None if it may not end."""
        if self._mode is Wiki._text:
            return self
        if self._mode not in FINISH:
            return None
        other = self.copy()
        try:
            FINISH[self._mode](other, 0)
        except Refused:
            return None
        return other

    def _whole(self) -> bool:
        at = self._finished()
        if at is None:
            return False
        rest = at._open
        while rest is not None and rest[1] in OPTIONAL and rest[0] == "<":
            if not balanced(rest[2]):
                return False
            rest = rest[3]
        return rest is None and balanced(at._quotes) and not at._title_open()

    def _title_open(self) -> bool:
        return bool(self._level) and not (self._titled and self._equals == self._level)

    def _rests(self) -> bool:
        return self._mode is Wiki._text and self._last in " \n]}>|"

    def _end(self) -> str | None:
        mode, start, at = self._mode, "", self._finished()
        if mode is Wiki._raw or mode is Wiki._raw_less:
            assert self._open is not None
            end = f"</{self._open[1]}>"
            return (end[len(self._token) :] if mode is Wiki._raw_less else end) + self._rest(self._open, "")
        if mode is Wiki._comment:
            start = "-->"[self._count :]
        elif mode in (Wiki._ends, Wiki._unsquares) and self._open is not None:
            braces = min(len(self._open[1]), 3) if self._top() == "{{" else 0
            wanted = braces if mode is Wiki._ends else 2 * (self._top() == "[[")
            if self._count < wanted:  # the run goes on
                if not balanced(self._quotes):
                    return None
                start = ("}" if mode is Wiki._ends else "]") * (wanted - self._count)
                return start + self._rest(self._open, "")
            if at is None:
                return None
        elif at is None or (mode is Wiki._quoting and not (balanced(at._quotes))):
            return None
        at = at or self
        if (self._count > 1 and mode in (Wiki._braces, Wiki._squares)) or (self._level and not at._titled):
            return None  # a template has no name, a link no target, a heading no words
        if self._level and self._equals > self._level:
            return None  # more words would have to come
        quotes = at._quote_ends()
        if (quotes and self._last == "'") or self._divided:
            return None
        words = quotes if mode is Wiki._comment else start + quotes  # for a heading, a comment is not there
        end = start + quotes + at._rest(None, words)
        return "\n" + end if mode is Wiki._table_end and end[:1] == "}" else end

    def _quote_ends(self) -> str:
        italic, bold, _ = self._quotes
        return "" if balanced(self._quotes) else "'" * (2 * italic + 3 * bold)

    def _rest(self, below: Open, before: str) -> str:
        """The ends of all that is open, or of what is open around `below`; then that of the heading."""
        rest, parts, quotes = self._open, [before], self._quotes
        if below is not None:
            quotes, rest = below[2], below[3]
            if not balanced(quotes):
                parts.append("'" * (2 * quotes[0] + 3 * quotes[1]))
        skip = len(parts)
        while rest is not None:
            kind, what, quotes = rest[:3]
            rest = rest[3]
            if kind == "{|":
                parts.append("\n|}\n" if rest is not None and rest[0] == "{{" else "\n|}")
            elif kind == "{{":
                parts.append("}" * {1: 0, 4: 3}.get(len(what), len(what)))
            elif kind == "<":
                parts.append("" if what in OPTIONAL else f"</{what}>")
            else:
                parts.append({"[[": "]]", "[": "]"}[kind])
            if not balanced(quotes):
                parts.append("'" * (2 * quotes[0] + 3 * quotes[1]))
        if self._level and (len(parts) > skip or before or self._title_open()):
            grown = bool(before) or len(parts) > skip or below is not None or self._gap
            parts.append("=" * (self._level - (0 if grown else min(self._equals, self._level))))
        return "".join(parts[1:])

    def _push(self, kind: str, what: str, at: int) -> None:
        self._depth = deeper(at, self._depth)
        self._open = (kind, what, self._quotes, self._open)
        self._quotes = NO_QUOTES

    def _pop(self, at: int) -> None:
        assert self._open is not None
        if not balanced(self._quotes):
            raise Refused(at, "italics or bold ('' or ''') must end before what is open around them")
        self._quotes, self._open = self._open[2], self._open[3]
        self._depth -= 1

    def _pop_optional(self, at: int) -> None:
        """End the tags on top whose end may be left out."""
        while self._open is not None and self._open[0] == "<" and self._open[1] in OPTIONAL:
            self._pop(at)

    def _what(self) -> str:
        """What is open, for messages."""
        if self._open is None:
            return "nothing is open"
        return f"{'<' + self._open[1] + '>' if self._open[0] == '<' else self._open[0]} is open"

    # Text.

    def _text(self, text: str, i: int) -> int:
        c = text[i]
        if self._divided:
            if c == self._divided:
                raise Refused(i, f"a comment stands between {c} and {c}, which MediaWiki reads as one sign")
            self._divided = ""
        begin = self._begin
        if begin:
            if c in " \t:":
                self._begin = 1
                return i + 1
            self._begin = 0
            if c == "=" and begin == 2 and self._top() in ("", "{|", "<"):
                self._mode, self._count = Wiki._level_signs, 0
                return i
            if c == "|":
                self._mode = Wiki._pipe
                return i + 1
        if self._level:
            end = HEADING.match(text, i).end()  # type: ignore[union-attr]  # it matches everywhere
            if end > i:
                if text[i:end].isspace():
                    self._gap = True
                else:
                    self._equals, self._titled = 0, True
                return end
            if c == "=":
                if self._gap and self._equals:
                    self._equals, self._titled = 0, True
                self._equals, self._gap = self._equals + 1, False
                return i + 1
            if c not in "\n<":
                self._equals, self._titled = 0, True
        else:
            end = PLAIN.match(text, i).end()  # type: ignore[union-attr]
            if end > i:
                if self._target and "|" in text[i:end]:
                    self._target = False
                self._blank = False
                return end
        if c == "\n":
            self._newline(i)
            return i + 1
        self._blank = False
        run, self._count = self._count, 0
        if c == "<":
            before = text[i - 1] if i else self._last
            self._divided = before if before == "'" or (before in "[]{}" and run == 1) else ""
            self._mode, self._token = Wiki._less, "<"
            self._begin = begin
            return i + 1
        if c == "{":
            self._begin = begin
        self._mode = {"'": Wiki._quoting, "{": Wiki._braces, "}": Wiki._ends, "[": Wiki._squares}.get(
            c, Wiki._unsquares
        )
        return i

    def _newline(self, at: int) -> None:
        around, quotes = self._open, self._quotes
        while balanced(quotes) and around is not None and _within_lines(around):
            quotes, around = around[2], around[3]
        if not balanced(quotes):
            raise Refused(at, "italics or bold ('' or ''') must end before the line does")
        if self._title_open():
            raise Refused(at, f"the heading must end with {'=' * self._level}")
        if self._top() == "[":
            raise Refused(at, "the link [ must end with ] before the line does")
        if self._top() == "[[":
            if self._target:
                raise Refused(at, "the link [[ must end with ]] before the line does")
            if self._blank:
                raise Refused(at, "the link [[ must end with ]] before the paragraph does")
            self._blank = True
        self._quotes, self._begin, self._level, self._literal = NO_QUOTES, 2, 0, 0

    def _level_signs(self, text: str, i: int) -> int:
        if text[i] == "=":
            self._count += 1
            return i + 1
        self._level, self._titled, self._equals, self._mode = self._count, False, 0, Wiki._text
        return i

    def _pipe(self, text: str, i: int) -> int:
        """Behind a | that begins a line."""
        self._mode = Wiki._text
        if self._target:
            self._target = False
        if text[i] == "}":
            self._mode = Wiki._table_end
            return i + 1
        return i

    def _finish_pipe(self, at: int) -> None:
        self._mode = Wiki._text

    def _table_end(self, text: str, i: int) -> int:
        """Behind |} that begins a line. Where }} follows, it is the end of a template instead."""
        if text[i] == "}":
            self._mode, self._count = Wiki._ends, 1
            return i
        self._finish_table(i)
        return i

    def _finish_table(self, at: int) -> None:
        self._mode = Wiki._text
        self._pop_optional(at)
        if self._top() == "{|":
            self._pop(at)
        elif self._top() != "{{":
            raise Refused(at, f"|}} ends no table: {self._what()}")

    # Quotes, braces, brackets.

    def _quoting(self, text: str, i: int) -> int:
        if text[i] == "'":
            self._count += 1
            return i + 1
        self._finish_quotes(i)
        return i

    def _finish_quotes(self, at: int) -> None:
        italic, bold, three = self._quotes
        n = self._count
        if n in (3, 4):
            self._quotes = (italic, not bold, True)
        elif n == 2:
            self._quotes = (not italic, bold, three)
        elif n > 4:
            self._quotes = (not italic, not bold, three)
        self._mode = Wiki._text

    def _braces(self, text: str, i: int) -> int:
        if text[i] == "{":
            self._count += 1
            return i + 1
        if text[i] == "|" and self._count == 1 and self._begin:
            self._push("{|", "", i)
            self._mode, self._begin = Wiki._text, 0
            return i + 1
        if text[i] == "}" and self._count > 1:
            raise Refused(i, "a template needs a name")
        self._finish_braces(i)
        return i

    def _finish_braces(self, at: int) -> None:
        self._mode, self._begin = Wiki._text, 0
        if self._count > 1:
            self._push("{{", "{" * self._count, at)

    def _ends(self, text: str, i: int) -> int:
        if text[i] == "}":
            self._count += 1
            if self._count == 2:
                self._pop_optional(i)
                if self._top() != "{{":
                    raise Refused(i, f"}}}} ends no template: {self._what()}")
            return i + 1
        self._finish_ends(i)
        return i

    def _finish_ends(self, at: int) -> None:
        n, self._mode = self._count, Wiki._text
        while n > 1:
            self._pop_optional(at)
            if self._open is None or self._open[0] != "{{":
                raise Refused(at, f"}}}} ends no template: {self._what()}")
            braces = self._open[1]
            matched = min(n, len(braces), 3)
            n -= matched
            self._pop(at)
            if len(braces) - matched > 1:
                self._push("{{", braces[matched:], at)

    def _squares(self, text: str, i: int) -> int:
        if text[i] == "[":
            self._count += 1
            return i + 1
        if text[i] == "]" and self._count > 1:
            raise Refused(i, "a link needs a target")
        if self._count == 1 or self._count == 3:
            self._mode, self._token = Wiki._scheme, ""
            return i
        self._finish_squares(i)
        return i

    def _finish_squares(self, at: int) -> None:
        self._mode = Wiki._text
        self._literal += self._count % 2
        for _ in range(self._count // 2):
            self._push("[[", "", at)
            self._target, self._blank = True, False

    def _scheme(self, text: str, i: int) -> int:
        """Behind a single [: a link to another place, or a bracket that is text."""
        token = self._token + text[i].lower()
        if any(scheme.startswith(token) for scheme in SCHEMES):
            self._token = token
            if token in SCHEMES:
                self._mode = Wiki._text
                for _ in range(self._count // 2):
                    self._push("[[", "", i)
                    self._target, self._blank = False, False
                self._push("[", "", i)
            return i + 1
        self._finish_squares(i)
        if self._token:
            self._titled, self._equals = True, 0
        return i

    def _unsquares(self, text: str, i: int) -> int:
        if text[i] == "]":
            self._count += 1
            return i + 1
        self._finish_unsquares(i)
        return i

    def _finish_unsquares(self, at: int) -> None:
        n, self._mode, ended = self._count, Wiki._text, False
        while n:
            if self._top() == "[":
                self._pop(at)
                n, ended = n - 1, True
            elif self._top() == "[[" and n > 1:
                self._pop(at)
                n -= 2
                self._target = False
            elif ended and not self._literal:
                raise Refused(at, "the link [ ends with one ]")
            elif n > 1 and self._literal < 2:
                raise Refused(at, f"]] ends no link: {self._what()}")
            else:
                self._literal = max(0, self._literal - 1)
                n -= 1

    # Tags.

    def _less(self, text: str, i: int) -> int:
        c, token = text[i], self._token
        if token in ("<", "<!", "<!-") and c == "<!--"[len(token)]:
            self._token += c
            if self._token == "<!--":
                self._mode, self._count = Wiki._comment, 0
            return i + 1
        if (c == "/" and token == "<") or (c.isascii() and c.isalnum() and "!" not in token):
            self._token += c.lower()
            if len(token) < 30:
                return i + 1
        self._mode, self._begin, self._divided = Wiki._text, 0, ""
        name = token.lstrip("</")
        if name not in TAGS or c not in " \t\n/>":
            self._titled, self._equals = True, 0
            return i
        if token[1] == "/":
            if name not in VOID:
                self._ended(name, i)
            self._token = "/"
        else:
            self._token = name
        self._mode, self._slash = Wiki._inside, False
        return i

    def _ended(self, name: str, at: int) -> None:
        """An end tag."""
        while self._open is not None and self._open[0] == "<" and self._open[1] in OPTIONAL and self._open[1] != name:
            self._pop(at)
        if self._open is None or self._open[:2] != ("<", name):
            raise Refused(at, f"</{name}> ends nothing: {self._what()}")
        self._pop(at)

    def _inside(self, text: str, i: int) -> int:
        end = INSIDE.match(text, i).end()  # type: ignore[union-attr]
        if end > i:
            self._slash = False
            return end
        if text[i] == "/":
            self._slash = True
        elif text[i] == "<":
            raise Refused(i, f"the tag <{self._token} does not end")
        else:
            self._mode = Wiki._text
            self._titled, self._equals = True, 0
            if self._token != "/" and self._token not in VOID and not self._slash:
                self._push("<", self._token, i)
                self._mode = Wiki._raw if self._token in RAW else Wiki._text
        return i + 1

    def _raw(self, text: str, i: int) -> int:
        end = text.find("<", i)
        if end < 0:
            return len(text)
        self._mode, self._token = Wiki._raw_less, "<"
        return end + 1

    def _raw_less(self, text: str, i: int) -> int:
        assert self._open is not None
        end = f"</{self._open[1]}>"
        if text[i].lower() != end[len(self._token)]:
            self._mode = Wiki._raw
            return i
        self._token += text[i].lower()
        if self._token == end:
            self._pop(i)
            self._mode = Wiki._text
        return i + 1

    def _comment(self, text: str, i: int) -> int:
        return self._section(text, i, "-", 2, Wiki._text)


FINISH = {
    Wiki._quoting: Wiki._finish_quotes,
    Wiki._braces: Wiki._finish_braces,
    Wiki._ends: Wiki._finish_ends,
    Wiki._squares: Wiki._finish_squares,
    Wiki._scheme: Wiki._finish_squares,
    Wiki._unsquares: Wiki._finish_unsquares,
    Wiki._table_end: Wiki._finish_table,
    Wiki._pipe: Wiki._finish_pipe,
}
"""Mode of a run → how the run ends."""
