"""`/api/sessions`: texts that are gone on from, so that a client sends only what is new.

A session is a text that a model has read: its tokens. What the network remembers of it is kept in the prefix cache like
that of any prompt, and read again if it has gone from there. So an answer is that of a completion of the whole text, a
fork costs nothing to read, and a session is a few bytes a token.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from rhapsode.serving.completions import Answer
from rhapsode.serving.errors import ApiError
from rhapsode.serving.rendering import beside
from rhapsode.serving.requests import PROMPT, Going
from rhapsode.serving.served import Served

SESSIONS = 1024
"""The most sessions."""
BYTES = 64 << 20
"""The most bytes of all sessions together."""
OVERHEAD = 1000
"""About so many bytes a session costs beside its text."""


@dataclass(frozen=True)
class Written:
    """The text of a session. Forks share it.

    data: its bytes. symbols: [N], as the model reads them. own: the symbols are those that the codec gives the text.
    characters: of the text.
    """

    data: bytes
    symbols: np.ndarray
    own: bool
    characters: int

    @property
    def nbytes(self) -> int:
        return len(self.data) + self.symbols.nbytes + OVERHEAD


def written(served: Served, prompt: str | list[int]) -> Written:
    """A text, or that of tokens. Raises `UserError`."""
    symbols = served.symbols(prompt)
    data = served.decoded(symbols)
    own = isinstance(prompt, str) or np.array_equal(served.encoded(data), symbols)
    return Written(data, symbols, own, _characters(data))


def longer(served: Served, text: Written, more: bytes) -> Written:
    """The text and more. It is encoded as a whole: only its end can be encoded in another way by what follows. Where
    the tokens were given, and are not those of their text, what is new is encoded by itself."""
    data = text.data + more
    kept = len(text.symbols)
    if text.own:
        rest = text.data[served.codec.cut(text.data) :]
        kept -= len(served.encoded(rest))
        more = rest + more
    symbols = np.concatenate([text.symbols[:kept], served.encoded(more)])
    return Written(data, symbols, text.own, _characters(data))


def _characters(data: bytes) -> int:
    return len(data.decode("utf-8", "replace"))


@dataclass
class Session:
    """A text that clients go on from. owner: a digest of the key with which it was made; busy: a request will append
    to it."""

    served: Served
    owner: str
    text: Written
    id: str
    created: float
    used: float
    busy: bool = False

    @property
    def about(self) -> dict[str, Any]:
        """As clients see it."""
        return {
            "id": self.id,
            "object": "session",
            "model": self.served.name,
            "system_fingerprint": self.served.fingerprint,
            "tokens": len(self.text.symbols),
            "characters": self.text.characters,
            "created": int(self.created),
            "used": int(self.used),
        }


class Sessions:
    """All sessions, in bounded number and memory. It belongs to one event loop.

    What was not used for longest goes first, of those whose owner has most: so one client cannot drive out the sessions
    of another.
    """

    def __init__(self, number: int = SESSIONS, limit: int = BYTES) -> None:
        """number: of sessions. limit: of memory, in bytes."""
        self._number, self._limit = number, limit
        self._owned: dict[str, OrderedDict[str, Session]] = {}
        """Owner → id → session, the one that was used last behind all others."""
        self.bytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._owned.values()))

    def of(self, owner: str) -> list[Session]:
        """The sessions of one owner, the one that was used last behind all others."""
        return list(self._owned.get(owner, {}).values())

    def add(self, served: Served, owner: str, text: Written) -> Session:
        """A new session. Raises `ApiError` for a text that has no room."""
        self._check(text)
        now = time.time()
        made = Session(served, owner, text, f"sess-{secrets.token_hex(12)}", now, now)
        self._owned.setdefault(owner, OrderedDict())[made.id] = made
        self.bytes += text.nbytes
        self._bound(made)
        return made

    def get(self, owner: str, name: str) -> Session:
        """A session, which is used now. Raises `ApiError`."""
        found = self._owned.get(owner, {}).get(name)
        if found is None:
            raise ApiError(
                404,
                "There is no such session. Those that were not used for longest make room for others: begin one at its "
                "text.",
                code="session_not_found",
            )
        found.used = time.time()
        self._owned[owner].move_to_end(name)
        return found

    def drop(self, session: Session) -> None:
        """End a session, if it has not ended."""
        own = self._owned.get(session.owner, {})
        if own.pop(session.id, None) is not None:
            self.bytes -= session.text.nbytes
            if not own:
                del self._owned[session.owner]

    def grown(self, session: Session, text: Written) -> bool:
        """A session has another text. Whether it was still there. Raises `ApiError` for a text that has no room."""
        self._check(text)
        if session.id not in self._owned.get(session.owner, {}):
            return False
        self.bytes += text.nbytes - session.text.nbytes
        session.text, session.used = text, time.time()
        self._owned[session.owner].move_to_end(session.id)
        self._bound(session)
        return True

    def _check(self, text: Written) -> None:
        if text.nbytes > self._limit:
            raise ApiError(
                400,
                f"prompt: the text of a session may take {self._limit:,} bytes; this one takes {text.nbytes:,}.",
                "prompt",
                "too_large",
            )

    def _bound(self, newest: Session) -> None:
        """Make room; the newest one stays."""
        while len(self) > self._number or self.bytes > self._limit:
            most = max(self._owned.values(), key=lambda own: sum(one.text.nbytes for one in own.values()))
            oldest = next(iter(most.values()))
            if oldest is newest:
                return
            self.drop(oldest)


class Turn(Answer):
    """A completion of a session's text, as it is when the request comes. One that will append to it excludes others
    that would; those that append nothing may run beside it."""

    def __init__(self, sessions: Sessions, session: Session, asked: Going) -> None:
        """Raises `ApiError`."""
        self._sessions, self._session, self._keep, self._holds = sessions, session, asked.keep, False
        super().__init__(session.served, asked, [session.text.symbols])
        if self._keep is not None:
            if session.busy:
                raise ApiError(
                    409,
                    "Another request appends to this session now. Wait for its end, or fork the session.",
                    code="session_busy",
                )
            if len(session.text.symbols) + asked.max_tokens > PROMPT:
                raise ApiError(
                    400,
                    f"keep: the session has {len(session.text.symbols):,} tokens, and with max_tokens more it might "
                    f"have more than {PROMPT:,}. Begin another one at the end of its text.",
                    "keep",
                    "too_large",
                )
            session.busy = self._holds = True

    def cancel(self) -> None:
        super().cancel()
        if self._holds:
            self._session.busy = self._holds = False

    async def ended(self) -> dict[str, Any]:
        """The session, with the choice appended that is to be kept: all of its text, but no stop string, and no end."""
        if self._keep is not None:
            sample = self.choices[self._keep].sample
            assert sample is not None
            text = self._session.text
            grown = await beside(len(text.data) + len(sample.data), longer, self.served, text, sample.data)
            if not self._sessions.grown(self._session, grown):
                raise ApiError(404, "The session was dropped while its text was drawn.", code="session_not_found")
            self._session.busy = self._holds = False
        return {"session": self._session.about}
