r"""LaTeX: groups, environments and math end, and nest; what only stands in math stands there, and the other way round.

A check of syntax after The TeXbook (chapters 7, 8, 24 to 26) and the LaTeX Companion: commands that nobody knows are
taken for defined. Whether a document compiles says only `--check` with a TeX.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from rhapsode.modalities.text.constraints._latex import (
    ADDRESS,
    ALONE,
    CLOSERS,
    DEFINING,
    LABELS,
    LISTS,
    LOOSE,
    LOOSE_IN_MATH,
    MATH,
    NEEDS,
    OF_TEXT,
    ONE_BODY,
    ONE_CELL,
    ONLY_MATH,
    ONLY_TEXT,
    TABULAR,
    TEXT_ARGUMENT,
    VERBATIM,
    WITH_ARGUMENT,
)
from rhapsode.modalities.text.constraints._walk import Refused, Walk, deeper, unexpected


class Context(Enum):
    """How TeX reads, as far as it is known."""

    TEXT = "text"
    MATH = "math"
    LOOSE = "loose"
    """The argument of a command that is not known: all may be right."""
    DEFINITION = "definition"
    """What a definition defines: only groups must fit."""
    NAME = "name"
    """What a label is called: no command stands there."""
    RAW = "raw"
    """An address: braces fit, the rest is as it stands."""


PLAIN = re.compile(r"[^\\{}$%&_^#\n\[\] \t*]*")
IN_MATH = re.compile(r"[^\\{}$%&_^#\n\[\] \t*']*")
SPACES = re.compile(r"[ \t]*")
WORD = re.compile(r"[A-Za-z]*")
TO_BRACE = re.compile(r"[^\\{}\n]*")
DEFINED = re.compile(r"[^\\{}%\n]*")


@dataclass(frozen=True, slots=True)
class Open:
    """Something that is open: a group `{`, an environment (`what` is its name), math ($ $$ \\( \\[), or \\left."""

    kind: str
    what: str
    context: Context
    """Of what is around it."""
    command: str
    """Of a group: the command whose argument it is. Of a list: `item` as soon as it has one."""
    needs: int
    scripts: int
    rest: Open | None


class Latex(Walk):
    r"""A document, or a part of one. From \documentclass on, it is complete only with \end{document}."""

    name = "latex"
    breaks = re.compile(rb"[ \n}$]")
    _illegal = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._mode = Latex._text
        self._open: Open | None = None
        self._depth = 0
        self._context = Context.TEXT
        self._command = ""  # what the next group is an argument of
        self._needs = 0  # arguments that must come
        self._option = False  # between brackets behind a command
        self._defining = False  # the command is one that defines, and has no group yet
        self._blank = True  # the line has only white space so far
        self._token = ""
        self._scripts = 0  # of the last symbol of math: 1 superscript, 2 subscript
        self._script = False  # behind ^ or _
        self._fresh = False  # math has just begun, and is empty
        self._class = self._document = False  # \documentclass, \end{document} were there

    def _whole(self) -> bool:
        if self._open is not None or self._needs or (self._class and not self._document):
            return False
        if self._mode is Latex._word:
            return self._token in ALONE
        return self._mode in (Latex._text, Latex._comment)

    def _rests(self) -> bool:
        if self._script or self._needs:
            return False
        if self._mode is Latex._verbatim:
            return self._last == "\n"
        return self._mode is Latex._text and self._last in " \n}$"

    def _end(self) -> str | None:
        mode, start, top = self._mode, "", self._open
        if (self._class and not self._document and not self._within("document")) or self._script or self._fresh:
            return None  # math without anything in it would be an end, but no good one
        if mode is Latex._comment:
            start = "\n"
        elif mode in (Latex._ending, Latex._end_name) and top is not None and top.kind == "env":
            given = self._token if mode is Latex._end_name else ""
            end = top.what[len(given) :] + "}"
            rest = self._ends(top.rest, end)
            return None if rest is None else ("{" * (mode is Latex._ending) + end) + rest
        elif mode is Latex._dollar_end:
            assert top is not None
            rest = self._ends(top.rest, "$")
            return None if rest is None else "$" + rest
        elif mode is Latex._verbatim:
            assert top is not None
            end = f"\\end{{{top.what}}}"
            done = self._token[len(end) :]
            start = end[len(done) :] if done else ("" if self._blank else "\n") + end
            rest = self._ends(top.rest, start)
            return None if rest is None else start + rest
        elif mode is Latex._verb and self._token:
            start = self._token
        elif mode is not Latex._text or self._needs:
            return None
        rest = self._ends(self._open, start)
        return None if rest is None else start + rest

    def _ends(self, rest: Open | None, before: str) -> str | None:
        parts, blank = [], self._blank and not before.strip()
        blank = blank or before.endswith("\n")
        while rest is not None:
            if rest.kind == "{" and rest.needs:
                return None
            if rest.kind == "env":
                if rest.what in LISTS and rest.command != "item":
                    return None
                parts.append(("" if blank else "\n") + f"\\end{{{rest.what}}}")
            elif rest.kind == "left":
                parts.append("\\right" + CLOSERS.get(rest.what, "."))
            else:
                parts.append({"{": "}", "$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}[rest.kind])
            blank = False
            rest = rest.rest
        return "".join(parts)

    def _within(self, name: str) -> bool:
        rest = self._open
        while rest is not None and not (rest.kind == "env" and rest.what == name):
            rest = rest.rest
        return rest is not None

    def _math(self) -> bool:
        """Whether this stands in math, perhaps in a text within it."""
        rest = self._open
        while rest is not None and rest.context is not Context.MATH:
            rest = rest.rest
        return rest is not None or self._context is Context.MATH

    def _what(self) -> str:
        top = self._open
        if top is None:
            return "nothing is open"
        names_of = {"env": f"\\begin{{{top.what}}}", "left": f"\\left{top.what}"}
        return f"{names_of.get(top.kind, top.kind)} is open"

    def _push(self, kind: str, what: str, context: Context, at: int) -> None:
        self._depth = deeper(at, self._depth)
        scripts = self._scripts if self._script else 0
        needs = max(0, self._needs - 1)
        self._open = Open(kind, what, self._context, self._command, needs, scripts, self._open)
        self._context, self._command, self._needs, self._scripts = context, "", 0, 0
        self._script = self._option = self._defining = False
        self._fresh = kind in ("$", "$$", "\\(", "\\[")

    def _pop(self) -> None:
        assert self._open is not None
        top = self._open
        self._open, self._context = top.rest, top.context
        self._scripts, self._script, self._option, self._fresh = top.scripts, False, False, False
        self._needs = top.needs if top.kind == "{" else 0
        # What takes a known number of arguments has them; of others, one more may come.
        more = self._needs or top.command not in ONE_BODY
        self._command = top.command if top.kind == "{" and more else ""
        self._depth -= 1

    def _complete(self, at: int) -> None:
        """What comes now ends what is open: nothing may be missing. Raises `Refused`."""
        if self._script:
            raise Refused(at, "^ or _ needs an argument")
        if self._needs and self._context is not Context.LOOSE:
            raise Refused(at, f"\\{self._command} needs an argument")

    def _atom(self) -> None:
        """A symbol has come that is no script."""
        self._fresh = False
        if self._script:
            self._script = False
        else:
            self._scripts = 0
        if not self._option:
            self._needs = max(0, self._needs - 1)
            if not self._defining and not self._needs and self._command != "xymatrix":
                self._command = ""  # what is between xymatrix and its group, as in @R=1pc, is for it

    # Text and math.

    def _text(self, text: str, i: int) -> int:
        context = self._context
        if context is Context.RAW:
            end = TO_BRACE.match(text, i).end()  # type: ignore[union-attr]  # it matches everywhere
        elif context is Context.DEFINITION:
            end = DEFINED.match(text, i).end()  # type: ignore[union-attr]
        elif context is Context.MATH:
            end = IN_MATH.match(text, i).end()  # type: ignore[union-attr]
            if end > i:
                self._blank = False
                if self._script or self._needs:
                    self._atom()
                    return i + 1
                self._atom()
        else:
            end = PLAIN.match(text, i).end()  # type: ignore[union-attr]
            if end > i:
                if (text[i - 1] if i else self._last) in " \n":
                    self._in_list(i)
                if self._needs and not self._option:
                    end = i + 1
                self._atom()
        if end > i:
            self._blank = False
            return end
        c = text[i]
        if c in " \t":
            return SPACES.match(text, i).end()  # type: ignore[union-attr]
        if c == "\n":
            if self._blank and context is Context.MATH:
                raise Refused(i, f"an empty line may not stand in math: {self._what()}")
            self._blank = True
            return i + 1
        self._blank = False
        if context is Context.NAME and c in "\\${%#&":
            raise Refused(i, f"{c} may not stand in the name of a label")
        if c == "\\":
            self._mode, self._token = Latex._escape, ""
        elif c == "%" and context is not Context.RAW:
            self._mode = Latex._comment
        elif c == "{":
            self._push("{", "", self._group(), i)
        elif c == "}":
            if self._open is None or self._open.kind != "{":
                raise Refused(i, f"}} ends no group: {self._what()}")
            self._complete(i)
            self._pop()
        elif context in (Context.RAW, Context.DEFINITION):
            pass
        elif c == "$":
            self._dollar(i)
        elif c in "[]*":
            self._bracket(c)
        elif c == "'":
            if self._scripts & 1 and not self._script:
                raise Refused(i, "a second superscript: x^2' must be {x^2}'")
            self._script = False
        else:
            self._special(c, i)
        return i + 1

    def _in_list(self, at: int) -> None:
        """A text begins here. Raises `Refused` in a list that has no item yet."""
        top = self._open
        if top is not None and top.what in LISTS and top.command != "item" and not self._option:
            raise Refused(at, f"{top.what} needs an \\item before its text")

    def _bracket(self, c: str) -> None:
        if c == "[" and self._command and not self._option and not self._script:
            self._option = True
        elif c == "]" and self._option:
            self._option = False
        elif not (c == "*" and self._command):
            self._atom()

    def _group(self) -> Context:
        """How the group that begins here is read."""
        command, context = self._command, self._context
        if context in (Context.RAW, Context.DEFINITION):
            return context
        if self._defining or command in DEFINING:
            return Context.DEFINITION
        if command in ADDRESS:
            return Context.RAW
        if command in LABELS:
            return Context.NAME
        if command in TEXT_ARGUMENT:
            return Context.TEXT
        if command == "xymatrix":
            return Context.MATH
        if context is Context.MATH:
            return Context.LOOSE if command in LOOSE_IN_MATH else Context.MATH
        return Context.LOOSE if command and not self._script else context

    def _special(self, c: str, at: int) -> None:
        """One of & _ ^ #."""
        if self._context in (Context.LOOSE, Context.NAME) or self._option or self._defining:
            return
        math = self._context is Context.MATH
        if c == "#":
            raise Refused(at, "# stands only in definitions; write \\#")
        if c == "&":
            top = self._open
            alone = top is None or (top.kind == "env" and top.what in ONE_CELL) or top.kind not in ("env", "{")
            if alone or (top is not None and top.kind == "{" and not math):
                raise Refused(at, f"& stands only in tables: {self._what()}; write \\&")
            self._complete(at)
            self._scripts = 0
            return
        if not math:
            raise Refused(at, f"{c} stands only in math; write \\{c if c == '_' else '^{}'}")
        if self._needs or self._script:
            self._complete(at)
        flag = 1 if c == "^" else 2
        if self._scripts & flag:
            raise Refused(
                at, f"a second {'superscript' if flag == 1 else 'subscript'}: braces must say what belongs together"
            )
        self._scripts |= flag
        self._script = True
        self._command = ""

    def _comment(self, text: str, i: int) -> int:
        end = text.find("\n", i)
        if end < 0:
            return len(text)
        self._mode, self._blank = Latex._text, True
        return end + 1

    def _dollar(self, at: int) -> None:
        if self._context is not Context.MATH:
            self._in_list(at)
            self._complete(at)
            self._mode = Latex._dollar_start
        elif self._open is not None and self._open.kind in ("$", "$$"):
            self._complete(at)
            if self._open.kind == "$":
                self._pop()
            else:
                self._mode = Latex._dollar_end
        else:
            raise Refused(at, f"$ cannot stand here: {self._what()}")

    def _dollar_start(self, text: str, i: int) -> int:
        self._mode = Latex._text
        if text[i] == "$":
            self._push("$$", "", Context.MATH, i)
            return i + 1
        if text[i] == "%":
            self._mode = Latex._dollar_comment
            return i + 1
        self._push("$", "", Context.MATH, i)
        return i

    def _dollar_comment(self, text: str, i: int) -> int:
        """In a comment directly behind a $: for TeX, it and the white space behind it are not there."""
        if not self._blank:
            end = text.find("\n", i)
            self._blank = end >= 0
            return end + 1 or len(text)
        if text[i] not in " \t":
            self._mode = Latex._dollar_start
            return i
        return i + 1

    def _dollar_end(self, text: str, i: int) -> int:
        if text[i] != "$":
            unexpected(text, i, "the second $ of $$")
        self._pop()
        self._mode = Latex._text
        return i + 1

    # Commands.

    def _escape(self, text: str, i: int) -> int:
        """Behind a backslash."""
        c = text[i]
        if c.isascii() and c.isalpha():
            self._mode, self._token = Latex._word, ""
            return i
        self._mode = Latex._text
        if self._context in (Context.RAW, Context.DEFINITION):
            return i + 1
        if c in "([":
            if self._context is Context.MATH:
                raise Refused(i, f"\\{c} begins math, but {self._what()}")
            self._complete(i)
            self._push("\\" + c, "", Context.MATH, i)
        elif c in ")]":
            wanted = "\\(" if c == ")" else "\\["
            if self._open is None or self._open.kind != wanted:
                raise Refused(i, f"\\{c} ends no math: {self._what()}")
            self._complete(i)
            self._pop()
        elif c == "\\":
            if self._context is Context.MATH:
                self._complete(i)
            self._scripts, self._command = 0, "\\"
        elif c in " \n":
            self._blank = c == "\n"
        else:
            self._atom()
        return i + 1

    def _word(self, text: str, i: int) -> int:
        end = WORD.match(text, i).end()  # type: ignore[union-attr]
        self._token += text[i:end]
        if end < len(text):
            self._mode = Latex._text
            self._called(self._token, end)
        return end

    def _called(self, word: str, at: int) -> None:
        """A command is complete."""
        self._fresh = False
        context = self._context
        if context is Context.RAW or (context is Context.DEFINITION and word != "verb"):
            return
        if self._defining:
            return
        if word in ("begin", "end"):
            if word == "end":
                self._complete(at)
                if self._open is None or self._open.kind != "env":
                    raise Refused(at, f"\\end ends no environment: {self._what()}")
                if self._open.what in LISTS and self._open.command != "item":
                    raise Refused(at, f"{self._open.what} needs an \\item")
            self._mode = Latex._beginning if word == "begin" else Latex._ending
            return
        if context is Context.TEXT and word in ONLY_MATH:
            raise Refused(at, f"\\{word} stands only in math")
        if word in ONLY_TEXT and self._math():
            raise Refused(at, f"\\{word} may not stand in math: {self._what()}")
        if word in ("left", "right", "middle"):
            self._delimiter(word, at)
            return
        if word == "verb":
            self._mode, self._token = Latex._verb, ""
            return
        if word == "documentclass":
            self._class = True
        if word == "item" and self._open is not None and self._open.kind == "env":
            self._open = replace(self._open, command="item")
        if self._script:
            self._script = False
        elif word not in ("limits", "nolimits"):
            self._scripts = 0
        self._command, self._needs, self._option = word, NEEDS.get(word, 0), False
        self._defining = word in DEFINING

    def _delimiter(self, word: str, at: int) -> None:
        if word != "left":
            self._complete(at)
            if self._open is None or self._open.kind != "left":
                raise Refused(at, f"\\{word} without \\left: {self._what()}")
        self._mode, self._token = Latex._delimited, word

    def _delimited(self, text: str, i: int) -> int:
        r"""Behind \left, \right or \middle: the delimiter, one character or a command."""
        c = text[i]
        word, _, command = self._token.partition(" ")
        if not command:
            if c in " \t":
                return i + 1
            if c == "\\":
                self._token = word + " \\"
                return i + 1
            if c not in "()[]|/.<>":
                unexpected(text, i, f"the delimiter of \\{word}")
            return self._delimits(word, c, i + 1, i)
        if c.isascii() and c.isalpha():
            self._token += c
            return i + 1
        if command == "\\":
            if c not in "{}|":
                unexpected(text, i, f"the delimiter of \\{word}")
            return self._delimits(word, command + c, i + 1, i)
        return self._delimits(word, command, i, i)

    def _delimits(self, word: str, delimiter: str, end: int, at: int) -> int:
        if word == "left":
            self._script = False
            self._push("left", delimiter, Context.MATH, at)
        elif word == "right":
            self._pop()
        self._mode = Latex._text
        return end

    def _verb(self, text: str, i: int) -> int:
        if not self._token:
            if text[i] == "*":
                return i + 1
            if text[i] in " \n{}":
                unexpected(text, i, "the sign around the text of \\verb")
            self._token = text[i]
            return i + 1
        if text[i] == "\n":
            raise Refused(i, f"\\verb must end with {self._token} before the line does")
        if text[i] == self._token:
            self._mode = Latex._text
        return i + 1

    # Environments.

    def _beginning(self, text: str, i: int) -> int:
        if text[i] in " \t\n":
            return i + 1
        if text[i] != "{":
            unexpected(text, i, "{ behind \\begin")
        self._mode, self._token = Latex._begin_name, ""
        return i + 1

    def _begin_name(self, text: str, i: int) -> int:
        c = text[i]
        if c != "}":
            if not (c.isascii() and (c.isalnum() or c in "*@-")) or len(self._token) > 40:
                unexpected(text, i, "the name of an environment")
            self._token += c
            return i + 1
        name = self._token
        if not name:
            unexpected(text, i, "the name of an environment")
        self._mode = Latex._text
        self._in_list(i)
        math = self._context is Context.MATH
        if (math and name in MATH) or (name in OF_TEXT and self._math()):
            raise Refused(i, f"\\begin{{{name}}} may not stand in math: {self._what()}")
        self._needs = 0
        if name in VERBATIM:
            self._push("env", name, Context.RAW, i)
            self._mode, self._token = Latex._verbatim, f"\\end{{{name}}}"
            return i + 1
        context = Context.MATH if name in MATH or (math and name not in TABULAR) else Context.TEXT
        self._command = ""
        loose = name in LOOSE or (self._context is Context.LOOSE and context is Context.TEXT and name not in OF_TEXT)
        self._push("env", name, Context.LOOSE if loose else context, i)
        self._command, self._needs = "begin", int(name in WITH_ARGUMENT)
        return i + 1

    def _ending(self, text: str, i: int) -> int:
        if text[i] in " \t\n":
            return i + 1
        if text[i] != "{":
            unexpected(text, i, "{ behind \\end")
        self._mode, self._token = Latex._end_name, ""
        return i + 1

    def _end_name(self, text: str, i: int) -> int:
        assert self._open is not None
        wanted = self._open.what + "}"
        if text[i] != wanted[len(self._token)]:
            raise Refused(i, f"\\end{{{self._open.what}}} must stand here, which ends what is open")
        self._token += text[i]
        if self._token == wanted:
            self._document = self._document or self._open.what == "document"
            self._pop()
            self._mode = Latex._text
        return i + 1

    def _verbatim(self, text: str, i: int) -> int:
        """In an environment in which nothing is a command. `_token`: its end, and as much of that as has been read."""
        assert self._open is not None
        end = f"\\end{{{self._open.what}}}"
        done = len(self._token) - len(end)
        if text[i] == end[done]:
            self._token += text[i]
            self._blank = False
            if len(self._token) == 2 * len(end):
                self._pop()
                self._mode = Latex._text
            return i + 1
        self._token = end
        if done:
            return i
        stop = text.find("\\", i)
        stop = len(text) if stop < 0 else stop
        self._blank = text[stop - 1] == "\n"
        return stop
