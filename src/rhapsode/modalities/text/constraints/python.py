"""Source text of Python: `compile` accepts it, as the grammar of the running Python is.

A line is judged at its end. Only what is still open is compiled: the headers of the blocks around the line, and the
statement before it, whose `else` or `except` it may be. So the cost of a line does not grow with the text.
"""

from __future__ import annotations

import codecs
import codeop
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rhapsode.data.constraint import Constraint, Verdict

INCOMPLETE_INPUT: int = getattr(codeop, "PyCF_ALLOW_INCOMPLETE_INPUT", 0x4000)
"""The flag with which `compile` says "incomplete input" where more may make a text valid, as `codeop` uses it."""
AST = 0x400
"""The flag with which `compile` parses, and does no more: `ast.PyCF_ONLY_AST`."""
ERRORS = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
"""What `compile` raises for texts that are no Python; the last two for texts that are nested too deeply."""

BOM = "\ufeff"
STRIDE = 20
"""At the first space behind so many bytes, a line is looked at, and again behind so many more."""
INDENT = re.compile(rb"[ \t\f]*(?=[!-~])(?![#\\])")
"""The indentation of a line of code, as far as that is seen without more."""
IDLE = re.compile(r"[ \t\f]*(#.*)?\n?")
"""A line without code."""
COOKIE = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
"""The encoding of a text, in its first or second line (PEP 263)."""
WORD = re.compile(r"\s*(\w+)?")
SCOPE = re.compile(r"(?m)(?:^|[;:])[ \t\f]*(?:global|nonlocal|async)\b")
"""What a statement says for a whole function: such statements are compiled whole."""
GLOBAL = re.compile(r"(?m)(?:^|[;:])[ \t\f]*global\b")
MARK = re.compile(r"#[^\n]*|\"\"\"|\'\'\'|[\"'()\[\]{}]")
REST = {mark: re.compile(rf"(?s:\\.|[^\\\n])*?{mark}") for mark in "'\""}
REST |= {3 * mark: re.compile(rf"(?s:\\.|[^\\])*?{3 * mark}") for mark in "'\""}
"""What follows the beginning of a string, up to its end."""
TOKEN = re.compile(r"[ \t\f]*(#[^\n]*|[rRbBuUfF]{0,2}(\"\"\"|\'\'\'|[\"\'])|\w+|[-+*/%@&|^=<>!:]+|\.\.\.|\\\n|\n|.)")
"""A token, or the beginning of a string."""
SPECIAL = re.compile(r"[\\{}]|[^\x00-\x7f]")
"""What may make a string impossible: escapes, the fields of f-strings, and in strings of bytes other characters."""
DOCSTRING = re.compile(r"[rRuU]?[\"']")
DEF = re.compile(r"\bdef\b")
UNBOUND = re.compile(r"no binding for nonlocal '(\w+)' found")
CLAUSES = frozenset({"else", "elif", "except", "finally"})
HANDLERS = frozenset({"else", "except", "finally"})


class _Unit(NamedTuple):
    """A line of code, or several that belong together: a statement in one piece, or the head of a block."""

    column: int
    indent: str
    word: str
    text: str


class _Texts(NamedTuple):
    """Some texts, of which copies share the beginning."""

    before: _Texts | None
    text: str


class Python(Constraint):
    """A place in a text of Python. Nothing is changed in place."""

    name = "python"
    breaks = re.compile(rb"[\r\n]")

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._line, self._unit, self._returned = b"", "", False
        self._number, self._encoding, self._cookie = 0, "utf-8", True
        self._chain: tuple[_Unit, ...] = ()
        self._head: str | None = ""  # docstring and imports from __future__, as long as there is nothing else
        self._late = "0\n"  # behind it: these imports, and what no other may follow
        self._statement: _Texts | None = None
        self._scoped = False
        self._all: _Texts | None = None
        self._whole = False  # whether a `global` outside of functions speaks of the whole text
        self._suffix = ""  # what ends the open blocks, where a line has ended
        self._ending: bytes | None = None  # what ends the lines that are open
        self._seen = self._fault = 0  # up to where the line is not looked at again; see `fault`
        self._quote = ""  # what ends the string over several lines that is open

    @property
    def verdict(self) -> Verdict:
        if self.reason:
            return Verdict.IMPOSSIBLE
        return Verdict.INCOMPLETE if self._line or self._unit or self._suffix else Verdict.VALID

    @property
    def settled(self) -> bool:
        """A line has ended, and the text compiles, or would if what is open ended: blocks, brackets, a string."""
        return not (self._line or self.reason) and (not self._unit or self._ending is not None)

    def read(self, data: bytes) -> Verdict:
        if b"\n" not in data and b"\r" not in data:
            self._line += data
            self._look()
            self._returned = self._returned and not data
        else:
            for piece in data.splitlines(keepends=True):
                if not (piece == b"\n" and self._returned):  # else it is the second half of \r\n
                    self._line += piece
                    self._look()
                    if piece.endswith((b"\n", b"\r")) and not self.reason:
                        self._end_line()
                self._returned = piece.endswith(b"\r")
        if b"\0" in data:
            self._refuse("a null byte")
        return self.verdict

    @property
    def fault(self) -> int:
        """The token behind which nothing could follow any more, and the rest of its line."""
        if self._fault:
            return self._fault
        try:
            line = self._decoded(self._line.splitlines()[0]) + "\n"
        except (IndexError, UnicodeDecodeError):
            return 0
        unit, places = self._unit + line, _tokens(self._unit, line)
        base = self._before(unit)
        if any(_failure(base + unit + end, AST) is None for end in self._ends(unit)):
            return 0  # it is complete, but means nothing
        fits, many = 0, len(places)  # one of them is the last behind which something could follow
        while many - fits > 1:
            middle = (fits + many) // 2
            at, quote = places[middle]
            if _continues(f"{base}{self._unit}{line[:at]}{quote}"):
                fits = middle
            else:
                many = middle
        bom = BOM * (not self._number and self._line.startswith(codecs.BOM_UTF8))
        return len(self._line) - len((bom + line[: places[fits][0]]).encode(self._encoding)) if fits else 0

    def closing(self) -> bytes | None:
        if self.reason:
            return None
        return self._ended() if self._line or not self._unit else self._ending

    def _ended(self) -> bytes | None:
        """See `closing`."""
        try:
            line = self._decoded(self._line)
        except UnicodeDecodeError:
            return None
        if not self._unit and IDLE.fullmatch(line):
            return (("\n" if line and self._suffix else "") + self._suffix).encode()
        text = self._unit + line
        ends = _closers(text) if self._goes_on(line) else None
        if ends == "" and self._compiling(text) == "":
            return b""
        for more in () if ends is None else (f"{ends}\n", f"{ends}: pass\n"):
            suffix = self._compiling(text + more)
            if suffix is not None:
                return (more + suffix).encode()
        return None

    def _refuse(self, why: str) -> None:
        self.reason = self.reason or f"line {self._number + 1}: {why}"

    def _look(self) -> None:
        """Judge what there is of the line: its indentation, once, and all tokens behind each `STRIDE` bytes."""
        if self.reason:
            return
        if not self._seen and not self._unit:
            if not (found := INDENT.match(self._line)):
                return
            self._place(found[0].decode())
        self._seen = self._seen or STRIDE
        while (at := self._line.find(b" ", self._seen)) >= 0 and not self.reason:
            self._seen = at + STRIDE
            try:
                line = self._decoded(self._line[:at]) + "\n"
            except UnicodeDecodeError:
                return
            if not self._goes_on(line):
                self._refuse("invalid syntax")

    def _goes_on(self, line: str) -> bool:
        """Whether something can follow in this line, but for its last token."""
        end, quote = _tokens(self._unit, line)[-1]
        return not end or _continues(f"{self._before(self._unit + line)}{self._unit}{line[:end]}{quote}")

    def _place(self, indent: str) -> None:
        """Judge the indentation of a line of code."""
        column, last = _begin(indent + "x")[1], self._chain[-1].column if self._chain else 0
        columns = {0, *(one.column for one in self._chain)}
        if self._suffix[:1].isspace() and _begin(self._suffix)[1] > last:
            if column <= last:
                self._refuse("expected an indented block")
                self._fault = len(self._line) - len(indent)
        elif column not in columns:
            self._refuse(
                "unexpected indent" if column > last else "unindent does not match any outer indentation level"
            )
            fits = [n for n in range(len(indent)) if _begin(indent[:n] + "x")[1] in columns]
            self._fault = len(self._line) - max(fits)

    def _decoded(self, line: bytes) -> str:
        """Raises `UnicodeDecodeError`."""
        text = line.decode(self._encoding)
        return text.removeprefix(BOM) if not self._number else text

    def _end_line(self) -> None:
        """Judge the line, which has ended."""
        if self._number < 2 and self._cookie and not self._declared():
            return
        try:
            line = self._decoded(self._line.rstrip(b"\r\n") + b"\n")
        except UnicodeDecodeError:
            self._refuse(f"it is not {self._encoding}")
            return
        idle = IDLE.fullmatch(line) is not None
        self._cookie = self._cookie and idle
        if self._quote and self._quote not in line and not SPECIAL.search(line):
            self._unit += line  # within a long string, nothing changes
        elif self._unit or not idle:
            found = self._judged(self._unit + line)
            if isinstance(found, SyntaxError):
                self._refuse(found.msg)
                return
            self._line, self._seen = b"", 0
            if found is None:
                self._unit += line
                ends = _closers(self._unit) or ""
                if self._doomed(ends):
                    self._refuse("a string that cannot stand there")
                    return
                self._ending = self._ended()
                self._quote = ends[:3] if self._ending is not None and ends.startswith(('"""', "'''")) else ""
            else:
                self._accept(self._unit + line, found)
                self._quote = ""
        self._line, self._seen = b"", 0
        self._number += 1

    def _doomed(self, ends: str) -> bool:
        """Whether the string over several lines that is open spoils the text, wherever it ends. ends: see `_closers`.
        Only its end would show that else, perhaps after many lines."""
        if not ends.startswith(('"""', "'''")) or "{" in self._unit:  # the fields of f-strings may still end
            return False
        text = f"{self._before(self._unit)}{self._unit}{ends[:3]}"
        if SPECIAL.search(self._unit):
            failed = _failure(text, AST)
            if isinstance(failed, SyntaxError) and re.search(r"\(\w+ error\)|ASCII literal", failed.msg):
                return True  # an escape that means nothing
        return not _continues(text)

    def _declared(self) -> bool:
        """Take the encoding that the line may declare. Whether that is possible."""
        found = COOKIE.match(self._line.removeprefix(codecs.BOM_UTF8).decode("latin-1"))
        if not found or not IDLE.fullmatch(self._line.decode("latin-1").rstrip("\r\n").removeprefix("\xef\xbb\xbf")):
            return True
        self._cookie = False
        ascii_ = bytes(range(128))
        try:
            known = codecs.lookup(found[1])
            fits = ascii_.decode(known.name) == ascii_.decode("ascii")
        except (LookupError, UnicodeError):
            fits = False
        if not fits:
            self._refuse(f"encoding {found[1]}")
            return False
        self._encoding = known.name
        return True

    def _judged(self, unit: str) -> str | None | SyntaxError:
        """What ends the blocks that are open behind these lines, of which the last has ended; None if the lines are
        incomplete; the error if they are impossible."""
        found, failures = self._tried(unit, judged=True)
        if found is not None:
            return found
        if self._over(unit, failures):
            return _error(next(iter(failures.values())))
        base = self._before(unit) + unit
        for end, why in failures.items():
            if _failure(base + end, AST) is None:
                return _error(why)  # it is complete, but means nothing: `return` outside of a function
        failed = _failure(base, INCOMPLETE_INPUT)
        if isinstance(failed, SyntaxError) and "incomplete input" in failed.msg:
            return None
        return _error(failed or failures[min(failures, key=len)])

    def _compiling(self, unit: str) -> str | None:
        """With which of `_ends` the text compiles; None if with none."""
        return self._tried(unit)[0]

    def _over(self, unit: str, failures: Mapping[str, BaseException]) -> bool:
        """Whether one failure is enough, since the last line does not go on."""
        return len(failures) == 1 and not self._goes_on(unit[len(self._unit) :])

    def _tried(self, unit: str, judged: bool = False) -> tuple[str | None, dict[str, BaseException]]:
        """The same, and why it does not compile with others. judged: stop where it is clear that it never does."""
        base, failures = self._before(unit) + unit, dict[str, BaseException]()
        ends, bound = self._ends(unit), list[str]()
        for end in ends:  # which grow
            failed = _failure(base + end)
            if failed is None:
                return end, failures
            failures[end] = failed
            missing = UNBOUND.match(str(failed)) if self._scoped or _scope(unit) else None
            if missing and missing[1] not in bound and any(DEF.search(one.text) for one in self._chain):
                bound.append(missing[1])
                ends += self._ends(unit, bound)
            elif judged and self._over(unit, failures):
                break
        return None, failures

    def _ends(self, unit: str, bound: Sequence[str] = ()) -> list[str]:
        """What may end the blocks that are open behind these lines, likeliest first. bound: names that the outermost
        function must still bind, for functions in it in which they are `nonlocal`."""
        indent, column, word = _begin(unit)
        handlers = "".join(self._handlers(column, word, indent, bound))
        body = f"{indent}\t" if "\t" in indent else f"{indent}    "
        bodies = [f"{body}pass\n"] + ([f"{body}case _:\n{body}    pass\n"] if word == "match" else [])
        head = unit.rstrip().endswith(":")
        found = [*bodies, ""] if head else ["", *bodies] if ":" in unit else [""]
        return [more + handlers for more in found]

    def _before(self, unit: str) -> str:
        """What must be compiled before these lines, so that compiling says what it would say of the whole text."""
        if self._head is not None:
            return self._head
        if self._whole or self._global(unit):
            return _joined(self._all)
        if self._scoped or _scope(unit):
            return self._late + _joined(self._statement)
        return self._late + "".join(one.text for one in self._chain)

    def _global(self, unit: str) -> bool:
        """Whether the lines may have a `global` outside of functions."""
        return (
            "global" in unit
            and GLOBAL.search(unit) is not None
            and not any(DEF.search(one.text) for one in self._chain[: self._outside(_begin(unit)[1])])
        )

    def _handlers(self, column: int, word: str, indent: str, bound: Sequence[str]) -> list[str]:
        """A `finally` for each `try` around lines in this column that has no handler yet, innermost first. bound: see
        `_ends`."""
        around = self._chain[: self._outside(column)]
        found = [f"{indent}finally:\n{indent}    pass\n"] if word == "try" else []
        for n, one in reversed(list(enumerate(around))):
            handled = any(other.column == one.column and other.word in HANDLERS for other in around[n + 1 :])
            if one.word == "try" and not handled:
                found.append(f"{one.indent}finally:\n{one.indent}    pass\n")
            if DEF.search(one.text) and not any(DEF.search(other.text) for other in around[:n]):
                body = around[n + 1].indent if n + 1 < len(around) else indent
                found += [f"{body}{name} = None\n" for name in bound]
        return found

    def _accept(self, unit: str, suffix: str) -> None:
        """These lines stand."""
        indent, column, word = _begin(unit)
        self._whole = self._whole or self._global(unit)
        begins = column == 0 and word not in CLAUSES
        self._all = _Texts(self._all, unit)
        self._statement = _Texts(None if begins else self._statement, unit)
        self._scoped = (self._scoped and not begins) or _scope(unit)
        self._unit, self._suffix = "", suffix
        if self._head is not None:
            future = word == "from" and "__future__" in unit
            if future or (not self._head and DOCSTRING.match(unit)):
                self._late = unit * future + self._late
                self._head += unit
                return
            self._head = None
        self._chain = (*self._around(column, word), _Unit(column, indent, word, unit))

    def _outside(self, column: int) -> int:
        """How much of the chain is around lines that begin in this column."""
        return max((n + 1 for n, one in enumerate(self._chain) if one.column < column), default=0)

    def _around(self, column: int, word: str) -> list[_Unit]:
        """Of the chain, what belongs to a line that begins in this column with this word: the heads of the blocks
        around it, and, for `else` and its kind, the clauses before it, whose bodies are then `pass`."""
        outside = self._outside(column)
        chain = list(self._chain[:outside])
        for one in self._chain[outside:] if word in CLAUSES else ():
            if one.column == column:
                chain.append(one)
            elif chain[-1].column == column:
                chain.append(_Unit(one.column, one.indent, "pass", f"{one.indent}pass\n"))
        return chain


def _scope(unit: str) -> bool:
    """Whether the lines speak of a whole function."""
    return any(word in unit for word in ("global", "nonlocal", "async")) and SCOPE.search(unit) is not None


def _joined(texts: _Texts | None) -> str:
    found = []
    while texts is not None:
        found.append(texts.text)
        texts = texts.before
    return "".join(reversed(found))


def _begin(unit: str) -> tuple[str, int, str]:
    """The indentation of lines, its column, and the first word."""
    column = at = 0
    for at, character in enumerate(unit):  # noqa: B007 — used behind the loop
        if character == "\t":
            column = column // 8 * 8 + 8
        elif character == " ":
            column += 1
        elif character == "\f":
            column = 0
        else:
            break
    found = WORD.match(unit)
    return unit[:at].rpartition("\f")[2], column, (found and found[1]) or ""


@lru_cache(maxsize=256)
def _failure(text: str, flags: int = 0) -> BaseException | None:
    """What compiling this raises; None if it succeeds. Generation that goes back asks the same again and again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<text>", "exec", flags, dont_inherit=True)
        except ERRORS as error:
            return error.with_traceback(None)
    return None


def _continues(text: str) -> bool:
    """Whether something can follow on the last line of a text."""
    failed = _failure(f"{text} \\\n", INCOMPLETE_INPUT)
    return isinstance(failed, SyntaxError) and "incomplete input" in failed.msg


def _tokens(before: str, line: str) -> list[tuple[int, str]]:
    """The places in a line that follows these lines: its beginning, before each token but the first, and before the end
    of the line in a string; and the quote that would end the string there."""
    ends, at, places = _closers(before), 0, [(0, "")]
    if ends is None:
        return places
    if ends.startswith(('"', "'")):
        end = REST[ends[:3]].match(line)
        at = end.end() if end else len(line)
        places.append((at, ""))
    while found := TOKEN.match(line, at):
        places.append((found.start(1), ""))
        at, mark = found.end(), found[2]
        if found[1].startswith("#"):
            break
        if mark:
            end = REST[mark].match(line, at)
            if end is None:
                return [*places, (len(line) - 1, mark)] if len(mark) == 1 else places
            at = end.end()
    return [places[0], *places[2:]]


def _error(error: BaseException | None) -> SyntaxError:
    if isinstance(error, SyntaxError):
        return error
    return SyntaxError("nested too deeply" if isinstance(error, RecursionError | MemoryError) else str(error))


def _closers(text: str) -> str | None:
    """What ends the string and the brackets that are open behind this text. None if nothing can."""
    brackets, at = "", 0
    while found := MARK.search(text, at):
        mark, at = found[0], found.end()
        if mark in "([{":
            brackets = ")]}"["([{".index(mark)] + brackets
        elif mark in ")]}":
            brackets = brackets[1:]
        elif mark[0] != "#":
            end = REST[mark].match(text, at)
            if end is None:
                return mark + brackets if len(mark) == 3 or "\n" not in text[at:] else None
            at = end.end()
    return brackets
