"""Languages of programs through the parsers of tree-sitter: any `tree_sitter_NAME` that is installed.

Such a parser mends what is wrong and goes on, so its tree does not say whether more text could repair it. Its log does:
it names the token at which no reading of the text was left. If that is the end, the text is incomplete; otherwise it is
impossible. (It is an LR parser, which finds an error at the first token that cannot follow; Aho & Ullman 1972.)
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.errors import UserError, choice

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

R = TypeVar("R")

REMEMBERED = 10_000
"""Verdicts that are kept; a text of some kilobytes each, at the most."""
PREFIX = "tree_sitter_"
ENDIF = "\n#endif\n"
ENDS = {"(": ")", "[": "]", "{": "}", "#if": ENDIF, "#ifdef": ENDIF, "#ifndef": ENDIF}
"""What opens something, as the tree has it → what ends it."""
MULTILINE = (b"*/", b'"""', b"'''", b"`", b"-->", b'"', b"]]", b"=#", b"end\n")
"""What may end a comment or a string of several lines, in one language or another."""
QUIET = re.compile(rb"""/\*.*?(?:\*/|\Z)|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", re.DOTALL)
"""Comments and strings, in which brackets mean nothing. A guess: if it fails, the parser says how it is."""
BREAKS = re.compile(rb"[\n;}]")
BRACKETS = re.compile(rb"[(){}\[\]]|^[ \t]*#[ \t]*(?:if|endif)", re.MULTILINE)
LONG = 1000
"""Declarations before the last one are forgotten as soon as they have so many bytes."""


def languages() -> list[str]:
    """The languages whose parsers are installed, sorted."""
    return sorted(each.name.removeprefix(PREFIX) for each in pkgutil.iter_modules() if each.name.startswith(PREFIX))


@cache
def parser(name: str) -> Parser:
    """Raises `UserError`."""
    try:
        from tree_sitter import Language, Parser
    except ImportError:
        raise UserError(
            "Programs are checked by tree-sitter, which is not installed: pip install 'rhapsode[valid]'."
        ) from None
    installed = languages()
    if name not in installed:
        hint = f"Each language is a package of its own, such as tree-sitter-{name.replace('_', '-')}."
        raise choice("tree-sitter's languages that are installed", name, installed, hint)
    module: Any = importlib.import_module(PREFIX + name)
    language = getattr(module, "language", None) or getattr(module, f"language_{name}")
    return Parser(Language(language()))


class Treesitter(Constraint):
    """A program of which the syntax is judged at the ends of lines and statements. What its parser accepts is valid."""

    name = "treesitter"
    argument = "LANGUAGE"
    local = True
    breaks = re.compile(rb"[\n;} \t]")

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        if not argument:
            raise UserError(f"{self.name}: which language? Installed: {', '.join(languages()) or 'none'}.")
        self._language = argument
        self._parser = parser(argument)
        self._text = b""  # from one of the last declarations of the outermost level on
        self._line = 1  # in which that begins
        self._judged = 0  # so many bytes of it have been judged
        self._open: tuple[str, ...] = ()  # the ends of the brackets that seem to be open, the outermost first
        self._tree: Tree | None = None  # of so many bytes and ends of brackets, without an error
        self._kept = 0
        self._size = 0  # of these bytes and ends
        self._known = Verdict.VALID  # of the text that has been judged
        self._commented = False  # the last line ended in a comment
        self._impossible = False
        # Generation that goes back reads the same text again and again: all copies share what they found.
        self._found: dict[tuple[str, bytes], Any] = {}

    @property
    def verdict(self) -> Verdict:
        if self._impossible:
            return Verdict.IMPOSSIBLE
        if self._known is Verdict.VALID and self._text[self._judged :].strip():
            return Verdict.INCOMPLETE  # until the statement ends
        return self._known

    @property
    def settled(self) -> bool:
        return not self._impossible and not self._text[self._judged :].strip(b" \t")

    def read(self, data: bytes) -> Verdict:
        start = 0
        while start < len(data) and not self._impossible:
            found = BREAKS.search(data, start)
            end = found.end() if found else len(data)
            self._text += data[start:end]
            # A declaration may end within a line.
            if found and (found[0] == b"\n" or not self._guess()):
                self._judge()
            start = end
        return self.verdict

    def closing(self) -> bytes | None:
        if self._impossible:
            return None
        if self.verdict is Verdict.VALID:
            return b""
        text = self._text
        comment = _in_comment(text[self._judged :])
        if not comment and (text[-1:].isalnum() or text[-1:] == b"_"):
            return None  # in a name, perhaps
        if self._accepted(text):
            return b"\n"  # only its last line has not been judged
        ends = "".join(self._guess()[::-1]).encode()
        braces = ends.find(b"}") if b"}" in ends else len(ends)
        for start in (b"*/",) if comment else (b"", b";"):
            for middle in (b"", b";"):
                for last in (b"", b";"):
                    end = start + ends[:braces] + middle + ends[braces:] + last
                    if end and self._accepted(text + end):
                        return end
        return None

    # How it is judged.

    def _parsed(self, text: bytes) -> Tree:
        """The tree of a text that begins as the one that was judged last."""
        tree = self._tree
        if tree is None:
            return self._parser.parse(text)
        tree, at = tree.copy(), self._kept
        tree.edit(at, self._size, len(text), self._point(at), (1 << 30, 0), (1 << 30, 0))
        return self._parser.parse(text, tree)

    def _point(self, at: int) -> tuple[int, int]:
        return self._text.count(b"\n", 0, at), at - self._text.rfind(b"\n", 0, at) - 1

    def _once(self, what: str, text: bytes, find: Callable[[bytes], R]) -> R:
        """What `find` gives for this text, which is looked for only once."""
        key = (what, text)
        if key not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[key] = find(text)
        found: R = self._found[key]
        return found

    def _accepted(self, text: bytes) -> bool:
        return self._once("accepted", text, lambda text: not self._parsed(text).root_node.has_error)

    def _verdict_of(self, text: bytes) -> Verdict:
        return self._once("verdict", text, self._logged)

    def _logged(self, text: bytes) -> Verdict:
        if self._accepted(text):
            return Verdict.VALID
        token, resumed = "end", False

        def log(_: object, message: str) -> None:
            nonlocal token, resumed
            if message.startswith("detect_error lookahead:") and not resumed:
                token = message.partition(":")[2]
            elif message.startswith("resume version"):
                resumed = True

        self._parser.logger = log
        try:
            self._parsed(text)
        finally:
            self._parser.logger = None  # type: ignore[assignment]
        return Verdict.INCOMPLETE if token == "end" else Verdict.IMPOSSIBLE

    def _guess(self) -> list[str]:
        """The ends of the brackets that seem to be open, the outermost first."""
        tokens = BRACKETS.findall(QUIET.sub(b"", self._text[self._judged :]))
        return _open(self._open, (b"".join(token.split()).decode() for token in tokens))

    def _judge(self) -> None:
        text, ends = self._text, self._guess()
        if ends and not QUIET.sub(b"", text[self._judged :]).strip():
            return  # an empty line or a comment
        commented, self._commented = self._commented, _in_comment(text[self._judged :])
        if self._commented:
            self._commented = commented or self._accepted(text + ("*/" + "".join(ends[::-1])).encode())
            if self._commented:
                return  # nothing changes up to its end
        for between in ("", ";") if ends else ("",):
            tried = text + (between + "".join(ends[::-1])).encode()
            if self._accepted(tried):
                self._known = Verdict.INCOMPLETE if ends else Verdict.VALID
                self._judged, self._open = len(text), tuple(ends)
                if len(text) > self._kept + LONG // 4:
                    self._tree, self._kept, self._size = self._parsed(tried), len(text), len(tried)
                if not ends and len(text) > LONG:
                    self._forget()
                return
        self._known = self._verdict_of(text)
        if self._known is Verdict.IMPOSSIBLE and any(
            self._verdict_of(text + end) is not Verdict.IMPOSSIBLE for end in MULTILINE
        ):
            self._known = Verdict.INCOMPLETE
        if self._known is Verdict.IMPOSSIBLE:
            self._impossible = True
            line = self._line + text[:-1].count(b"\n")
            words = text[:-1].rpartition(b"\n")[2].decode(errors="replace").strip()
            self.reason = f"line {line}: no program in {self._language} goes on with {words[-60:]!r}"
            return
        self._open, self._judged = self._once("ends", text, self._brackets), len(text)

    def _forget(self) -> None:
        """Keep the last declaration only: an else or the like may follow it."""
        last = self._parsed(self._text).root_node.children[-1:]
        if last and last[0].start_byte:
            start = last[0].start_byte
            self._line += self._text.count(b"\n", 0, start)
            self._text = self._text[start:]
            self._tree = self._parser.parse(self._text)
            self._judged = self._kept = self._size = len(self._text)

    def _brackets(self, text: bytes) -> tuple[str, ...]:
        """The ends of the brackets that are open, the outermost first: tokens of the tree, none in strings."""
        tokens: list[str] = []
        cursor = self._parsed(text).walk()
        while True:
            node = cursor.node
            assert node is not None
            if not node.child_count and not node.is_missing:
                tokens.append(node.type)
            if cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return tuple(_open((), tokens))


def _in_comment(text: bytes) -> bool:
    """Whether a comment of several lines seems to be open at its end."""
    last = next((found[0] for found in QUIET.finditer(text) if found.end() == len(text)), b"")
    return last.startswith(b"/*") and not (len(last) > 3 and last.endswith(b"*/"))


def _open(before: Iterable[str], tokens: Iterable[str]) -> list[str]:
    """The ends of what is open behind these tokens, the outermost first. before: behind the text before them."""
    ends = list(before)
    for token in tokens:
        if token in ENDS:
            ends.append(ENDS[token])
        elif ends and token == ends[-1].strip():
            ends.pop()
    return ends
