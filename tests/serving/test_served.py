"""What an engine gives comes to the event loop of the requests."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rhapsode.inference.jobs import Part
from rhapsode.serving.served import Post


def test_all_parts_come_in_one_call_in_their_order() -> None:
    post, seen = Post(), list[tuple[str, int]]()

    async def run() -> None:
        post.listen()
        given = [(lambda part: seen.append((part.text, threading.get_ident())), Part(text=one)) for one in "abc"]
        await asyncio.to_thread(post, given)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert seen == [(one, threading.get_ident()) for one in "abc"]
    post([(lambda part: seen.clear(), Part())])  # the loop is closed: nobody waits
    assert len(seen) == 3


def test_a_part_that_nobody_takes_loses_no_other(caplog: pytest.LogCaptureFixture) -> None:
    seen = list[str]()

    def fails(part: Part) -> None:
        raise OSError("no")

    Post()([(fails, Part()), (lambda part: seen.append(part.text), Part(text="b"))])
    assert seen == ["b"] and "a part of an answer was lost" in caplog.text
