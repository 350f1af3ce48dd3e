"""What clients get, one model an answer, for the OpenAPI page: programs that make clients of it need to know.

The names and kinds of a completion are those of OpenAI's API.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Given(BaseModel):
    """An answer. It has all of its fields, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Logprobs(Given):
    """Of each token, the same place in each list."""

    tokens: list[str]
    """Names of tokens, all different: a token that is no character alone is called `bytes:` and its bytes."""
    token_logprobs: list[float | None]
    """log p in nats; null for `<|start|>`, which is the first of a prompt if the client has sent it."""
    top_logprobs: list[dict[str, float] | None]
    """The likeliest tokens, and the token itself."""
    text_offset: list[int]
    """Where the token begins, in characters of the text."""


class CompletionChoice(Given):
    """One text."""

    index: int
    """Choice number `prompt * n + sample`."""
    text: str
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length"] | None
    """stop: it came to an end, or to a stop string. null: the stream goes on."""


class Usage(Given):
    """How many tokens were read and drawn. A prompt of several samples counts once."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Head(Given):
    """What the answer and each event of a completion begin with."""

    id: str
    object: Literal["text_completion"]
    created: int
    """Seconds since 1970."""
    model: str
    system_fingerprint: str
    """The model's digest and its arithmetic: with the same, and the same seed, texts are the same."""
    choices: list[CompletionChoice]


class CompletionAnswer(Head):
    """All texts of a request."""

    usage: Usage


class CompletionEvent(Head):
    """The data of one server-sent event. `[DONE]` is the last."""

    usage: Usage | None = None
    """If it is asked for: null, and in the last event but `[DONE]`, which has no choices, the numbers."""


class ModelAnswer(Given):
    """A model."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["model"]
    created: int
    """When it was loaded: seconds since 1970."""
    owned_by: str


class ModelList(Given):
    """The models that are served."""

    object: Literal["list"]
    data: list[ModelAnswer]


class Tokenized(Given):
    """The tokens of a text."""

    count: int
    max_model_len: int
    """There is no limit: the largest number of 32 bits."""
    tokens: list[int]


class Detokenized(Given):
    """The text of tokens."""

    prompt: str


class TokenizerAnswer(Given):
    """The names of special tokens."""

    tokenizer_class: str
    eos_token: str
    bos_token: str
    pad_token: str | None
    chat_template: str | None


class ReadToken(Given):
    """One token of a text."""

    token: str
    id: int
    offset: int
    """Where it begins, in characters."""
    nats: float
    """-log p."""
    entropy: float
    """Of what was expected here, in nats."""
    rank: int
    """1 if it was the likeliest."""
    top: list[tuple[str, float]]
    """The likeliest tokens, each with log p."""


class ReadAnswer(Given):
    """What a model makes of a text."""

    model: str
    system_fingerprint: str
    count: int
    """Tokens of the whole text."""
    nats: float
    tokens: list[ReadToken]


class NextToken(Given):
    """One token that may come next."""

    token: str
    id: int
    text: str
    """What it adds."""
    p: float
    """Its probability."""
    drawn: float
    """Its probability with the options of sampling."""


class NextAnswer(Given):
    """What comes behind a text."""

    model: str
    system_fingerprint: str
    entropy: tuple[float, float]
    """In nats: by the model, and with the options of sampling."""
    left: int
    """Tokens that the options of sampling leave."""
    size: int
    """All tokens."""
    tokens: list[NextToken]


class Health(Given):
    """ok with status 200, loading with 503."""

    status: Literal["ok", "loading"]


class Marking(Given):
    """A unit, and how it marks a span."""

    unit: int
    correlation: float
    """Of its value with being in the span."""
    inside: float
    outside: float
    """Means."""
    lowest: float
    """Inside."""
    highest: float
    """Outside."""


class StatesAnswer(Given):
    """What units of a layer hold behind each token of a text."""

    model: str
    system_fingerprint: str
    layer: int
    what: Literal["cells", "outputs", "gates"]
    gate: str | None = None
    """Which one, of gates."""
    parts: list[str]
    """What else can be asked for: `cells`, where there are any, and `outputs`."""
    gates: list[str]
    """The gates that can be asked for."""
    width: int
    """Units of the layer."""
    cells: list[int]
    """The units that are told of."""
    span: list[int] | None = None
    found: list[Marking] | None = None
    """With `span`: the units that mark it, best first."""
    open: list[float] | None = None
    closed: list[float] | None = None
    """Of gates, for each of the units that are told of: in which share of the steps it is above 0.9, and below 0.1."""
    shape: list[int]
    """Tokens and units."""
    type: Literal["float16", "float32"]
    ids: list[int]
    tokens: list[str]
    data: str
    """base64 of the numbers, little-endian, one token after another."""


class SessionAnswer(Given):
    """A session."""

    id: str
    object: Literal["session"]
    model: str
    system_fingerprint: str
    tokens: int
    characters: int
    created: int
    """Seconds since 1970, as `used`."""
    used: int


class SessionList(Given):
    """The sessions of a key."""

    object: Literal["list"]
    data: list[SessionAnswer]


class Deleted(Given):
    """A session that was dropped."""

    id: str
    object: Literal["session"]
    deleted: Literal[True]


class SessionCompletion(CompletionAnswer):
    """All texts of a request. session: as it is then, if a choice was kept."""

    session: SessionAnswer | None = None


class SessionEvent(CompletionEvent):
    """The data of one server-sent event. session: in the last but the usage, as it is then, if a choice was kept."""

    session: SessionAnswer | None = None


class Error(Given):
    """What was wrong. param: the field of the request; code: a name that programs test."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorAnswer(Given):
    """Any answer but 200."""

    error: Error


class Page(BaseModel):
    """An OpenAPI page."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    paths: dict[str, object] = Field(default_factory=dict)


ANSWERS: dict[tuple[str, str], type[BaseModel]] = {
    ("GET", "/health"): Health,
    ("GET", "/v1/models"): ModelList,
    ("GET", "/v1/models/{id}"): ModelAnswer,
    ("POST", "/v1/completions"): CompletionAnswer,
    ("POST", "/tokenize"): Tokenized,
    ("POST", "/detokenize"): Detokenized,
    ("GET", "/tokenizer_info"): TokenizerAnswer,
    ("POST", "/api/read"): ReadAnswer,
    ("POST", "/api/next"): NextAnswer,
    ("POST", "/api/states"): StatesAnswer,
    ("GET", "/api/sessions"): SessionList,
    ("POST", "/api/sessions"): SessionAnswer,
    ("GET", "/api/sessions/{id}"): SessionAnswer,
    ("DELETE", "/api/sessions/{id}"): Deleted,
    ("POST", "/api/sessions/{id}/fork"): SessionAnswer,
    ("POST", "/api/sessions/{id}/completions"): SessionCompletion,
    ("GET", "/openapi.json"): Page,
}
"""The JSON of status 200 of each method and path."""
