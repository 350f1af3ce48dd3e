"""`/v1/completions` by the openai client: shapes to the letter, and the same text as `generate`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.model import Model
from rhapsode.serving.served import labels_of
from tests.serving.conftest import serving

openai = pytest.importorskip("openai")

PROMPT = "Sing, goddess"


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)


def ask(client: Any, **options: Any) -> Any:
    return client.completions.create(**{"model": "book", "prompt": PROMPT, "max_tokens": 30, "seed": 3} | options)


def test_an_answer(client: Any, book: Model) -> None:
    answer = ask(client)
    sample = book.generate(PROMPT, length=30, seed=3)[0]
    assert answer.object == "text_completion" and answer.model == "book" and answer.id.startswith("cmpl-")
    assert answer.system_fingerprint == f"fp_{book.digest[:16]}_integers"
    [choice] = answer.choices
    assert (choice.index, choice.text, choice.logprobs) == (0, sample.text, None)
    assert choice.finish_reason == ("stop" if sample.stopped == "end" else "length")
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (len(PROMPT), len(sample.steps))
    assert usage.total_tokens == len(PROMPT) + len(sample.steps)


@pytest.mark.parametrize(
    ("options", "extra", "sampling"),
    [
        ({"temperature": 0}, {}, {"temperature": 0.0}),
        ({"temperature": 0.7, "top_p": 0.9}, {}, {"temperature": 0.7, "top_p": 0.9}),
        ({}, {"top_k": 4, "min_p": 0.05}, {"top_k": 4, "min_p": 0.05}),
        ({}, {"typical": 0.9, "repetition_penalty": 1.2}, {"typical": 0.9, "repetition_penalty": 1.2}),
    ],
)
def test_options_of_sampling(
    client: Any, book: Model, options: dict[str, Any], extra: dict[str, Any], sampling: dict[str, Any]
) -> None:
    text = ask(client, **options, extra_body=extra).choices[0].text
    assert text == book.generate(PROMPT, length=30, seed=3, sampling=Sampling(**sampling))[0].text


def test_many_prompts_and_choices(client: Any, book: Model) -> None:
    prompts = ["Sing", "", "goddess, the"]
    answer = ask(client, prompt=prompts, n=2)
    texts = [one.text for prompt in prompts for one in book.generate(prompt, length=30, seed=3, samples=2)]
    assert [choice.text for choice in answer.choices] == texts
    assert [choice.index for choice in answer.choices] == list(range(6))
    assert answer.usage.prompt_tokens == sum(map(len, prompts))


def test_stops(client: Any, book: Model) -> None:
    stops = ["e", "th", "\n", ", "]
    choice = ask(client, stop=stops, max_tokens=200).choices[0]
    sample = book.generate(PROMPT, length=200, seed=3, stop=stops)[0]
    assert (choice.text, choice.finish_reason) == (sample.text, "stop") and sample.stopped == "stop"


def test_tokens_as_a_prompt(client: Any, book: Model) -> None:
    tokens = book.text_codec.encode(PROMPT.encode()).tolist()
    start = book.text_codec.steps.size
    for prompt in (tokens, [tokens], [start, *tokens]):
        assert ask(client, prompt=prompt).choices[0].text == book.generate(PROMPT, length=30, seed=3)[0].text


def test_a_stream(client: Any, book: Model) -> None:
    sample = book.generate(PROMPT, length=100, seed=3)[0]
    events = list(ask(client, max_tokens=100, stream=True, stream_options={"include_usage": True}))
    assert "".join(event.choices[0].text for event in events[:-1]) == sample.text
    reasons = [event.choices[0].finish_reason for event in events[:-1]]
    assert set(reasons[:-1]) <= {None} and reasons[-1] in ("stop", "length")
    assert events[-1].choices == [] and events[-1].usage.completion_tokens == len(sample.steps)
    assert len({event.id for event in events}) == 1
    assert all(event.usage is None for event in ask(client, stream=True))


def test_log_probabilities(client: Any, book: Model) -> None:
    labels = labels_of(book.text_codec)
    assert len(set(labels)) == len(labels)
    sample = book.generate(PROMPT, length=30, seed=3)[0]
    for stream in (False, True):
        answer = ask(client, logprobs=2, stream=stream)
        parts = [event.choices[0] for event in answer] if stream else [answer.choices[0]]
        tokens = [token for part in parts for token in part.logprobs.tokens]
        logs = [log for part in parts for log in part.logprobs.token_logprobs]
        tops = [top for part in parts for top in part.logprobs.top_logprobs]
        offsets = [offset for part in parts for offset in part.logprobs.text_offset]
        assert logs == sample.log_probs.tolist()
        assert tokens == [labels[step] for step in sample.steps]
        assert offsets[0] == 0 and offsets == sorted(offsets)
        for token, log, top in zip(tokens, logs, tops, strict=True):
            assert top[token] == log and len(top) in (2, 3)


def test_a_prompt_is_scored(client: Any, book: Model) -> None:
    choice = ask(client, echo=True, max_tokens=0, logprobs=1).choices[0]
    score = book.score(PROMPT, end=False)
    assert choice.text == PROMPT and "".join(choice.logprobs.tokens) == PROMPT
    assert -sum(choice.logprobs.token_logprobs) == pytest.approx(score.nats, abs=1e-12)
    both = ask(client, echo=True, logprobs=0).choices[0]
    drawn = book.generate(PROMPT, length=30, seed=3)[0]
    assert both.text == PROMPT + drawn.text
    assert both.logprobs.token_logprobs[len(PROMPT) :] == drawn.log_probs.tolist()
    assert ask(client, echo=True).choices[0].text == PROMPT + drawn.text


@pytest.mark.parametrize("stream", [False, True])
def test_nothing_is_drawn(client: Any, stream: bool) -> None:
    """So clients let a prompt be read before they need it."""
    answer = ask(client, max_tokens=0, n=2, stream=stream)
    choices = [event.choices[0] for event in answer] if stream else answer.choices
    assert [(one.index, one.text, one.finish_reason) for one in choices] == [(0, "", "length"), (1, "", "length")]
    if not stream:
        assert answer.usage.completion_tokens == 0 and answer.usage.prompt_tokens == len(PROMPT)


def test_what_must_be_valid(client: Any) -> None:
    choice = ask(client, prompt="", extra_body={"valid": "regex:[a-z]{3,9}"}).choices[0]
    assert choice.text.isalpha() and 3 <= len(choice.text) <= 9
    for one in ("schema:/etc/passwd", "grammar:x", "check:touch /tmp/x", "treesitter:os", ["json", "schema:x"]):
        with pytest.raises(openai.BadRequestError, match="files or programs are not served"):
            ask(client, extra_body={"valid": one})


def test_all_at_once(client: Any, book: Model) -> None:
    """What runs beside a request makes no difference."""

    def one(n: int) -> tuple[str, str]:
        options: dict[str, Any] = {"prompt": PROMPT[: n % 9], "seed": n, "max_tokens": 10 + 7 * n}
        if n % 3:
            text = ask(client, **options).choices[0].text
        else:
            text = "".join(event.choices[0].text for event in ask(client, **options, stream=True))
        return text, book.generate(PROMPT[: n % 9], length=10 + 7 * n, seed=n)[0].text

    with ThreadPoolExecutor(16) as pool:
        for ours, alone in pool.map(one, range(40)):
            assert ours == alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": True}, "max_tokens"),
        ({"seed": 1.5}, "seed"),
        ({"logprobs": 21}, "logprobs"),
        ({"n": 65}, "n"),
        ({"prompt": ["a"] * 33, "n": 2}, "- 33 prompts × n = 2 are more than 64 choices"),
        ({"extra_body": {"prompt": {}}}, "- prompt: Input should be"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [10_000]}, "does not exist"),
        ({"temperature": -1}, "temperature"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ""}, "stop"),
        ({"extra_body": {"tempreature": 1}}, "tempreature"),
        ({"suffix": "x"}, "suffix"),
        ({"extra_body": {"valid": "pyhton"}}, "Did you mean 'python'"),
    ],
)
def test_bad_requests(client: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(openai.BadRequestError, match=message) as caught:
        ask(client, **options)
    error = caught.value.response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"


def test_null_is_the_default(client: Any, book: Model) -> None:
    nulls = dict.fromkeys(("n", "stop", "logprobs", "temperature", "top_p", "best_of", "logit_bias", "user", "suffix"))
    assert ask(client, **nulls).choices[0].text == ask(client).choices[0].text


def test_unknown_models_and_chats(client: Any, book: Model) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="books")
    assert caught.value.response.json()["error"]["code"] == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="/v1/completions"):
        client.chat.completions.create(model="book", messages=[{"role": "user", "content": "hi"}])
    assert [model.id for model in client.models.list()] == ["book"]
    assert client.models.retrieve("book").owned_by == "rhapsode"


def test_a_full_queue(endless: Model) -> None:
    with serving({"book": endless}, rows=1, waiting=2) as (address, server):
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        with ThreadPoolExecutor(12) as pool:
            jobs = [pool.submit(ask, client, prompt="", max_tokens=20_000, seed=n) for n in range(12)]
            errors = [job.exception() for job in jobs]
        refused = [error for error in errors if error is not None]
        assert refused and len(refused) < 12
        for error in refused:
            assert isinstance(error, openai.RateLimitError)
            assert (
                error.response.headers["retry-after"] == "1" and error.response.json()["error"]["code"] == "queue_full"
            )
        for n, error in enumerate(errors):
            if error is None:
                assert jobs[n].result().choices[0].text == endless.generate("", length=20_000, seed=n)[0].text
        assert server.models["book"].batcher.figures.waiting == 0
