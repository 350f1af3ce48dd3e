"""Constraints of text as a guide of symbols: one mechanism for all that says what may be drawn."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from rhapsode import registry
from rhapsode.data.codecs.text import Decoder, TextCodec
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.data.guide import Guide
from rhapsode.data.shallow import shallow
from rhapsode.errors import UserError

Valid = str | Constraint | Sequence[str | Constraint] | None
"""What a text must be: a constraint as `NAME` or `NAME:ARGUMENT`, or one that was made, or several."""


def constraints_of(valid: Valid) -> list[Constraint]:
    """All constraints that must hold. Raises `UserError` for names and arguments that there are not."""
    found: list[Constraint] = []
    given: Any = () if valid is None else valid
    for one in given if isinstance(given, Iterable) and not isinstance(given, str) else (given,):
        if isinstance(one, Constraint):
            found.append(one.copy())
            continue
        if not isinstance(one, str):
            raise UserError(f"valid: {one!r} is not allowed. Allowed: NAME or NAME:ARGUMENT, a Constraint, or a list.")
        name, colon, argument = one.partition(":")
        kind: type[Constraint] = registry.get("constraint", name)
        if kind.argument and not argument:
            raise UserError(f"constraint {name}: it needs {kind.argument}. Write: {name}:{kind.argument}")
        if colon and not kind.argument:
            raise UserError(f"constraint {name}: nothing follows its name, and {argument!r} was given. Write: {name}")
        found.append(kind(argument))
    return found


class Constrained(Guide):
    """A place in a text that must satisfy constraints, all of them.

    The text of a constraint is that of one document: it ends where the codec's end symbol stands, or with the line
    where lines are units. Neither is accepted before the text is valid. After it, another text begins.
    """

    judges: ClassVar[bool] = True

    def __init__(self, constraints: Sequence[Constraint], codec: TextCodec, *, lines: bool = False) -> None:
        """constraints: their own, which have read nothing. lines: a newline ends the text. Raises `UserError`."""
        self._codec, self._lines = codec, lines
        self._end = None if lines else codec.end
        self._fresh = [one.bound(codec) for one in constraints]
        self._halves = range(0) if codec.first_half is None else range(codec.first_half, codec.first_half + 32)
        self._high, self._low = self._halves[:16], self._halves[16:]
        self._pieces = codec.pieces
        self._special = {*self._halves} | ({self._end} if self._end is not None else set())
        self._masked = [n for n, one in enumerate(self._fresh) if type(one).mask is not Constraint.mask]
        self._judging = [n for n in range(len(self._fresh)) if n not in self._masked]
        self._only_masks = not self._judging
        self._breaks = re.compile(rb"\n") if self._only_masks else self._fresh[self._judging[0]].breaks
        self._newlines = {n for n, piece in enumerate(codec.pieces) if piece == b"\n"} if lines else set()
        self._begin()

    def _begin(self) -> None:
        self._constraints = [one.copy() for one in self._fresh]
        self._decoder: Decoder = self._codec.decoder()
        self._half: int | None = None
        """The high half of a byte that was read last."""
        self._ended = self._unfit = self._newline = False
        self._now = self._judged(self._constraints)

    @staticmethod
    def _judged(constraints: Sequence[Constraint]) -> Verdict:
        verdicts = {one.verdict for one in constraints}
        for verdict in (Verdict.IMPOSSIBLE, Verdict.INCOMPLETE):
            if verdict in verdicts:
                return verdict
        return Verdict.VALID

    def prompted(self, data: bytes) -> None:
        """Read a prompt. Raises `UserError` for one that is impossible."""
        data = data.rpartition(b"\n")[2] if self._lines else data
        for one in self._constraints:
            if one.prompted(data) is Verdict.IMPOSSIBLE:
                raise UserError(
                    f"the prompt is not valid by constraint {one.name}, whatever follows: {_plain(one.reason)}. "
                    "Change the prompt, or the constraint."
                )
        self._now = self._judged(self._constraints)

    def read(self, step: Any) -> None:
        if step == self._end:
            fits = self.verdict() is Verdict.VALID
            self._begin()
            self._ended, self._unfit = fits, not fits
            self._now = Verdict.VALID if fits else Verdict.IMPOSSIBLE
            return
        if self._ended:
            self._ended, self._now = False, self._judged(self._constraints)
        data, fits = self._decoder.feed(step), self._fits(step)
        self._half = step - self._high.start if step in self._high else None
        if data:
            self._read(data)
        if not fits:
            self._unfit, self._now = True, Verdict.IMPOSSIBLE

    def _fits(self, step: int) -> bool:
        """Whether the halves of bytes fit, where there are masks. They forbid halves without another half, and a high
        half with which there is no byte that may follow."""
        if not self._masked or not self._halves:
            return True
        if self._half is not None:
            return step in self._low
        if step in self._high:
            return bool(self._lows(step - self._high.start).any())
        return step not in self._low

    def _lows(self, high: int) -> np.ndarray:
        """[16] bool: the low halves that may follow this high one, where there are masks."""
        fits = np.ones(16, bool)
        for n in self._masked:
            for low in np.flatnonzero(fits).tolist():
                byte = bytes([high << 4 | low])
                fits[low] = self._constraints[n].copy().read(byte) is not Verdict.IMPOSSIBLE
        return fits

    def read_all(self, steps: Sequence[Any]) -> Iterator[int]:
        if self._half is not None or self._ended or not self._special.isdisjoint(steps):
            yield from super().read_all(steps)
            return
        pieces = [self._pieces[step] for step in steps]
        data, at = b"".join(pieces), 0
        ends = list(itertools.accumulate(map(len, pieces)))
        while at < len(steps):
            many = self._unsettled(data, ends[at - 1] if at else 0, ends, at)
            at += self._read_pieces(pieces[at:many])
            if self._now is Verdict.IMPOSSIBLE or at == len(steps) or self.settled():
                yield at

    def _unsettled(self, data: bytes, begin: int, ends: list[int], at: int) -> int:
        """So many steps are read at once: the text is not settled before the last of them. data: of all steps, which
        end at these bytes; it is read from `begin` on, by the step `at`."""
        found = self._breaks.search(data, begin) if self._breaks else None
        end = found.end() if found else begin + 1 if self._breaks is None else len(data)
        many = max(at + 1, min(bisect.bisect_left(ends, end, at) + 1, len(ends)))
        if self._lines and many > at + 1 and b"\n" in data[ends[many - 2] : ends[many - 1]]:
            many -= 1  # what precedes the newline must be valid
        return many

    def _read_pieces(self, pieces: Sequence[bytes]) -> int:
        """Go on by these, up to the first that is refused; returns how many were read."""
        before, now, many = self._constraints, self._now, len(pieces)
        if many > 1:
            before = [one.copy() for one in before]
        self._read(b"".join(pieces))
        if self._now is not Verdict.IMPOSSIBLE or many == 1:
            return many
        low, high = 0, many  # the first so many are not refused, and these are
        while high - low > 1:
            middle = (low + high) // 2
            self._constraints, self._now = [one.copy() for one in before], now
            self._read(b"".join(pieces[low:middle]))
            if self._now is Verdict.IMPOSSIBLE:
                high = middle
            else:
                low, before, now = middle, self._constraints, self._now
        self._constraints, self._now = before, now
        self._read(pieces[low])
        return high

    def _read(self, data: bytes) -> None:
        self._newline = data.endswith(b"\n")
        before, now = self._now, Verdict.VALID
        for one in self._constraints:
            verdict = one.read(data)
            if verdict is not Verdict.VALID and now is not Verdict.IMPOSSIBLE:
                now = verdict
        if self._lines and data.endswith(b"\n") and now is not Verdict.VALID:
            # A text of one line may have its newline, or not: `[a-z]+` means the line.
            self._unfit = not (before is Verdict.VALID and data == b"\n")
            now = Verdict.IMPOSSIBLE if self._unfit else Verdict.VALID
        self._now = now

    def read_part(self, data: bytes) -> None:
        if data:
            self._read(data)

    def verdict(self) -> Verdict:
        if self._half is not None and self._now is Verdict.VALID:
            return Verdict.INCOMPLETE  # the other half of a byte is to come
        return self._now

    @property
    def reason(self) -> str:
        found = [f"{one.name}: {_plain(one.reason)}" for one in self._constraints if one.reason]
        if self._unfit and not found:
            return "it cannot end there"
        return "; ".join(found)

    def settled(self) -> bool:
        if self._now is Verdict.IMPOSSIBLE or self._half is not None:
            return False
        if self._only_masks and not self._ended:
            # Masks draw on from anywhere, so nothing comes back; and each place would cost a search for a closing.
            return self._now is Verdict.VALID and self._newline
        return self._ended or all(one.settled for one in self._constraints)

    def sound(self, steps: Sequence[Any]) -> int | None:
        faults = [one.fault for one in self._constraints if one.verdict is Verdict.IMPOSSIBLE]
        left, count = max(faults, default=0), len(steps)
        if not all(faults) or self._special.intersection(steps[-2 * left :]):
            return None
        while left > 0 and count:
            count -= 1
            left -= len(self._pieces[steps[count]])
        return count if left <= 0 else None

    def redraws(self, step: Any) -> bool:
        return bool(self._masked) or step == self._end or step in self._newlines

    def instead(self, step: Any) -> np.ndarray | None:
        decoder = self._decoder.copy()
        data = b"" if step == self._end else decoder.feed(step)
        allowed = np.ones(self._codec.steps.size, bool)
        if self._half is not None and self._masked:
            allowed[:] = False
            allowed[self._low] = self._lows(self._half)
        for n, one in enumerate(self._constraints):
            if n not in self._masked:
                if data and one.copy().read(data) is Verdict.IMPOSSIBLE:
                    return None
            elif self._half is None and (mask := one.mask()) is not None:
                allowed &= mask
        allowed[step] = False
        if self._half is not None and self._masked:
            return allowed
        if self._end is not None:
            allowed[self._end] = self.verdict() is Verdict.VALID and step != self._end
        if self._now is Verdict.VALID:
            allowed[list(self._newlines - {step})] = True
        return allowed

    def complete(self) -> bool:
        if not self._masked or self._end is not None or self._newlines or self.verdict() is not Verdict.VALID:
            return False
        allowed = np.ones(self._codec.steps.size, bool)
        for n in self._masked:
            mask = self._constraints[n].mask()
            allowed &= True if mask is None else mask
        return not allowed.any()

    def closing(self) -> Sequence[int] | None:
        if self._half is not None:
            return None
        if self._now is Verdict.VALID:
            return ()
        constraints, closing = [one.copy() for one in self._constraints], b""
        for _ in range(len(constraints) + 1):
            ends = [one.closing() for one in constraints]
            if None in ends:
                return None
            more = next((end for end in ends if end), b"")
            if not more:
                break
            closing += more
            for one in constraints:
                if one.read(more) is Verdict.IMPOSSIBLE:
                    return None
        else:
            return None
        symbols: list[int] = self._codec.encode(closing).tolist()
        return symbols

    def copy(self) -> Self:
        other = shallow(self)
        other._constraints = [one.copy() for one in self._constraints]
        if self._halves:
            other._decoder = self._decoder.copy()
        return other


def _plain(reason: str) -> str:
    return reason.rstrip(".") or "no reason is known"
