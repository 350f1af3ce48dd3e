"""What a codec of text makes of the steps that are drawn."""

from __future__ import annotations

import pytest

from rhapsode import registry
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.output import Prompt
from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError

TEXT = "aé🎭\n".encode() + b"\xff\xfe"


@pytest.fixture(scope="module", params=["bytes", "chars", "chars+end"])
def codec(request: pytest.FixtureRequest) -> TextCodec:
    name, _, ends = request.param.partition("+")
    fitted: TextCodec = registry.get("codec", name).fit([b"abcab"])
    return Ending(fitted) if ends else fitted


def test_a_copy_goes_on_by_itself(codec: TextCodec) -> None:
    """From within a character, within a symbol's bytes, and within what may be a stop string."""
    symbols = codec.encode(TEXT).tolist()
    begun = codec.begin(Prompt(stops={b"\xff\xfe\xfd": True}), attends=False, ends=True, lines=False)
    for n in range(len(symbols)):
        one = begun.output.copy()
        pieces = [one.add(symbol).data for symbol in symbols[:n]]
        for output in (one.copy(), one):
            after = [*(output.add(symbol).data for symbol in symbols[n:]), output.finish(symbols).data]
            made = output.made(symbols)
            assert made.data == b"".join(pieces + after) == TEXT and made.text == TEXT.decode("utf-8", "replace")


def test_lines_and_documents_end(codec: TextCodec) -> None:
    symbols = codec.encode(b"a\n").tolist()
    for ignore_end, lines in ((False, True), (True, True), (False, False)):
        prompt = Prompt(b"b", ignore_end=ignore_end)
        output = codec.begin(prompt, attends=False, ends=True, lines=lines).output
        for symbol in symbols:
            assert output.stopped == "unfinished"
            output.add(symbol)
        assert output.stopped == ("end" if lines and not ignore_end else "unfinished")
        if codec.end is not None and not lines:
            assert output.add(codec.end).data == b"" and output.stopped == "end"


def test_a_text_has_no_outline(codec: TextCodec) -> None:
    with pytest.raises(UserError, match="goes on from a prompt"):
        codec.begin(Prompt(outline=object()), attends=False, ends=True, lines=False)
