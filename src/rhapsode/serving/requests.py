"""What clients may ask, one model a request: the names and limits of fields, which the OpenAPI page shows.

Types are strict: `true` is no number and `1e3` no whole one. `null` means the default. A field that is unknown is an
error, for a misspelled option must not be ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from rhapsode.arithmetic.sampling import BIASED, Sampling

CHOICES = 64
"""The most choices of a request: prompts × n."""
PROMPT = 1_000_000
"""The most characters, or tokens, of a prompt."""
BIASES = 1024
"""The most tokens with a bias."""
TOKENS = 100_000
"""The most tokens a choice may have."""
STOPS = 16
"""The most stop strings. OpenAI's API has four; tasks of lm-evaluation-harness have more."""

Token = Annotated[int, Field(ge=0, lt=2**31)]
Text = Annotated[str, Field(max_length=PROMPT)]
Tokens = Annotated[list[Token], Field(max_length=PROMPT, fail_fast=True)]
"""Checked up to the first mistake: a million mistakes would become a million errors, and take gigabytes."""
Stop = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(max_length=200)]


def _kind(prompt: Any) -> str:
    """Which of the forms of a prompt this is meant to be. So only one of them is tried: of the others, each of a
    million tokens would be an error."""
    if isinstance(prompt, str):
        return "a text"
    first = prompt[0] if isinstance(prompt, list) and prompt else None
    return "some texts" if isinstance(first, str) else "lists of tokens" if isinstance(first, list) else "some tokens"


Prompt = Annotated[
    Annotated[Text, Tag("a text")] | Annotated[Tokens, Tag("some tokens")],
    Discriminator(lambda prompt: "a text" if isinstance(prompt, str) else "some tokens"),
]
"""A text, or tokens, which are read as they are."""
Prompts = Annotated[
    Annotated[Text, Tag("a text")]
    | Annotated[list[Text], Field(min_length=1, max_length=CHOICES, fail_fast=True), Tag("some texts")]
    | Annotated[Tokens, Field(min_length=1), Tag("some tokens")]
    | Annotated[list[Tokens], Field(min_length=1, max_length=CHOICES, fail_fast=True), Tag("lists of tokens")],
    Discriminator(_kind),
]
"""A prompt, or a list of them."""


def _few(biases: Any) -> Any:
    """Checked before each is: a million mistakes would become a million errors. Raises ValueError."""
    if isinstance(biases, dict) and len(biases) > BIASES:
        raise ValueError(f"no more than {BIASES:,} tokens may have a bias.")
    return biases


class Asked(BaseModel):
    """A request. Fields that are null have their default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, values: Any) -> Any:
        return (
            {name: value for name, value in values.items() if value is not None} if isinstance(values, dict) else values
        )


class StreamOptions(Asked):
    """include_usage: the last event but `[DONE]` says how many tokens were read and drawn."""

    include_usage: bool = False
    include_obfuscation: bool = False
    """Of no meaning here."""


class Sampled(Asked):
    """The options of sampling."""

    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.0
    typical: Annotated[float, Field(gt=0, le=1)] = 1.0
    repetition_penalty: Annotated[float, Field(gt=0, le=1000)] = 1.0
    repetition_window: Annotated[int, Field(ge=1, le=4096)] = 64

    logit_bias: Annotated[
        dict[
            Annotated[str, Field(pattern="^(0|[1-9][0-9]{0,8})$")],
            Annotated[float, Field(ge=-BIASED, le=BIASED)],
        ],
        Field(json_schema_extra={"additionalProperties": False, "maxProperties": BIASES}),
        BeforeValidator(_few),
    ] = Field(default_factory=dict)
    """The number of a token → what is added to its log-probability, in nats."""
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0

    @property
    def sampling(self) -> Sampling:
        options = {name: getattr(self, name) for name in Sampling.model_fields if hasattr(self, name)}
        options["logit_bias"] = {int(token): bias for token, bias in self.logit_bias.items()}
        return Sampling(**options)


class Continuation(Sampled):
    """How a text is continued: a completion but for its prompt."""

    max_tokens: Annotated[int, Field(ge=0, le=TOKENS)] = 16
    n: Annotated[int, Field(ge=1, le=CHOICES)] = 1
    best_of: Annotated[int, Field(ge=1, le=CHOICES)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=STOPS, fail_fast=True)] = Field(default_factory=list)
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    valid: Name | Annotated[list[Name], Field(max_length=4)] = Field(default_factory=list)
    """Constraints, as of `--valid`. Those that use files or programs are not served."""
    suffix: Annotated[str, Field(json_schema_extra={"maxLength": 0})] | None = None
    user: Annotated[str, Field(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.suffix:
            raise ValueError("suffix: text can only be continued at its end; leave it out.")
        if self.best_of not in (None, self.n):
            raise ValueError("best_of: only the value of n is allowed; leave it out.")
        return self

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop


class Completion(Continuation):
    """`POST /v1/completions`. With the same `seed`, the answer is the same, whatever the server does beside it."""

    model: Name
    prompt: Prompts = ""
    echo: bool = False

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if len(self.prompts) * self.n > CHOICES:
            raise ValueError(f"{len(self.prompts)} prompts × n = {self.n} are more than {CHOICES} choices.")
        return self

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, each a text or tokens."""
        found: Any = self.prompt
        return [found] if isinstance(found, str) or (found and isinstance(found[0], int)) else list(found)


class NewSession(Asked):
    """`POST /api/sessions`: a session at the end of a text, which is read."""

    model: Name | None = None
    prompt: Prompt = ""


class Going(Continuation):
    """`POST /api/sessions/{id}/completions`: how the text of a session goes on. keep: append this choice to it."""

    keep: Annotated[int, Field(ge=0, lt=CHOICES)] | None = None

    @model_validator(mode="after")
    def _kept(self) -> Self:
        if self.keep is not None and self.keep >= self.n:
            raise ValueError(f"keep: choices go from 0 to {self.n - 1}, and {self.keep} is to be kept.")
        return self


class Tokenize(Asked):
    """`POST /tokenize`."""

    prompt: Text
    model: Name | None = None
    add_special_tokens: bool = True


class Detokenize(Asked):
    """`POST /detokenize`."""

    tokens: Tokens
    model: Name | None = None


class Read(Asked):
    """`POST /api/read`: what the model makes of the tokens of a text, from number `begin` to before `end`. top: so many
    alternatives at each."""

    prompt: Prompt
    model: Name | None = None
    begin: Annotated[int, Field(ge=0)] = 0
    end: Annotated[int, Field(ge=0)] | None = None
    top: Annotated[int, Field(ge=0, le=20)] = 5


class Next(Sampled):
    """`POST /api/next`: what comes behind a text, and what the options of sampling leave of it. top: so many tokens."""

    prompt: Prompt = ""
    model: Name | None = None
    top: Annotated[int, Field(ge=1, le=100)] = 12


class Look(Asked):
    """`POST /api/states`: what the units of a layer hold behind each token of a text.

    layer: from 0. what: `cells`, `outputs`, or `gates`; without it, cells, if the layer has any. gate: which one, with
    `gates`: `input`, `forget` and others, as the cell names them. cells: the numbers of units, from 0; all without it.
    span: two places in the text, in tokens: find units that are high from the first to the one
    before the second, and low elsewhere; top: so many.
    """

    prompt: Prompt
    model: Name | None = None
    layer: Annotated[int, Field(ge=0, lt=1000)] = 0
    what: Literal["cells", "outputs", "gates"] | None = None
    gate: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    cells: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=4096)] | None = None
    span: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)] | None = None
    top: Annotated[int, Field(ge=1, le=100)] = 10

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.cells is not None and self.span is not None:
            raise ValueError("cells: with span, the units are found; leave one of the two out.")
        return self
