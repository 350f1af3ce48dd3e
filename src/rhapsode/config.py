"""What can be set, and what is written in a model file. Everything is validated when made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rhapsode.errors import UserError, choice

Rate = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1, le=65536)]


class Config(BaseModel):
    """Frozen, nothing unknown admitted."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkConfig(Config):
    """The shape of a network: all that decides its weights, together with the kind of step."""

    cell: str = "lstm"
    """What a layer is made of."""
    head: str = "categorical"
    """The distribution of the next step; the codec says which (see `rhapsode train --codec`)."""
    layers: int = Field(default=1, ge=0, le=64)
    """Of LSTM that read step after step; 0 leaves it to the context."""
    width: Width = 256
    """H, outputs per layer that reads step after step; and what the other widths follow."""
    embedding: int = Field(default=32, ge=0, le=65536)
    """Numbers per input symbol, learnt; 0 for one-hot inputs."""
    tied: bool = False
    """Output weights are the embedding's (Press & Wolf 2017); needs embedding == features."""
    skip: bool = False
    """The input goes to all layers, all layers go to the output (Graves 2013, section 2)."""
    lead: int = Field(default=0, ge=0, le=65536)
    """So many numbers of a step are the first layer's own: it reads and predicts these alone, and is heard by the
    layers above, which read all and predict the others (Eck & Schmidhuber 2002: chords lead, the melody listens). Needs
    skip, and a head whose parameters are one a number."""
    reads: bool = True
    """The network reads the step before. If not, steps depend on what is given only: regression."""
    dense: int = Field(default=0, ge=0, le=64)
    """Of the context (what is given with all steps of a unit, read before any is predicted): feed-forward layers."""
    dense_width: int = Field(default=0, ge=0, le=65536)
    """Outputs of each; 0 for twice the width."""
    both: int = Field(default=0, ge=0, le=64)
    """Of the context, above those: bidirectional LSTM layers (Schuster & Paliwal 1997)."""
    both_width: int = Field(default=0, ge=0, le=65536)
    """Outputs of each direction; 0 for the width."""
    residual: bool = False
    """Each layer after the first adds to its input (He et al. 2016)."""
    mixtures: int = Field(default=20, ge=1, le=1000)
    """Gaussians in the distribution of a pen's next move (head mixture) or of a frame (head gaussians)."""
    ends: bool = True
    """That head says where a drawing ends, too. (The paper's does not.)"""
    hidden: int = Field(default=128, ge=1, le=65536)
    """Hidden units of the distribution within a step (head nade)."""
    condition: str = ""
    """How the text that goes with the steps is attended: `window` (Graves 2013, section 5). Empty: there is no text."""
    components: int = Field(default=10, ge=1, le=1000)
    """Gaussians in that window."""
    feedback: bool = False
    """The window of a step is an input of the first layer at the next one, too, as in the paper. (It costs speed.)"""


class Dropout(Config):
    """Rates at which training sets numbers to zero; the rest is scaled up."""

    input: Rate = 0.0
    """Of the embedded input."""
    between: Rate = 0.0
    """Of what goes from layer to layer (Zaremba et al. 2014)."""
    output: Rate = 0.0
    """Of the features before the head."""
    recurrent: Rate = 0.0
    """Of the recurrent weights themselves: weight-drop (Merity et al. 2018)."""
    locked: bool = False
    """One mask for all steps of a window instead of one a step (Gal & Ghahramani 2016)."""


class FramingConfig(Config):
    """How the past is presented to the network; see `rhapsode.data.framing`."""

    name: Literal["stream", "whole", "one-to-one", "many-to-one", "one-to-many"] = "stream"
    length: int = Field(default=0, ge=0, le=1_000_000)
    """Steps in a many-to-one window, or predicted by one-to-many; 0 where it has no meaning."""

    @model_validator(mode="after")
    def _has_its_length(self) -> FramingConfig:
        if self.length == 0 and self.name in ("many-to-one", "one-to-many"):
            raise ValueError(f"{self.name} needs a length of 1 or more")
        return self


class ModelConfig(Config):
    """All of a model but its weights. The model file carries it as JSON."""

    format: Literal[1] = 1
    codec: dict[str, Any]
    network: NetworkConfig
    framing: FramingConfig
    reset: str
    facts: dict[str, Any] = {}
    """For people: what it was trained on, for how long, how well it did."""


C = TypeVar("C", bound=BaseModel)


def make(kind: type[C], values: Any, where: str) -> C:
    """`kind` from untrusted values. Raises `UserError` naming each bad value, in `where`."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise explain(error, where, kind) from None


def explain(error: ValidationError, where: str, kind: type[BaseModel] | None = None) -> UserError:
    """pydantic's findings as one message. kind: what was to be made, so that a wrong key can be told the right ones."""
    lines = []
    for e in error.errors():
        path = ".".join(str(p) for p in e["loc"]) or "(all)"
        if e["type"] == "extra_forbidden" and (allowed := _fields(kind, e["loc"][:-1])):
            lines.append(str(unknown(".".join(map(str, e["loc"][:-1])), str(e["loc"][-1]), allowed)))
            continue
        given = "" if e["type"] == "missing" else f" (given: {str(e.get('input'))[:80]!r})"
        lines.append(f"{path}: {e['msg']}{given}")
    return UserError(f"{where}: " + "; ".join(lines))


def _fields(kind: Any, path: tuple[int | str, ...]) -> list[str]:
    """The settings of what stands at `path` in a `kind`, if that is a table of settings."""
    for name in path:
        kind = kind.model_fields[name].annotation if _is_table(kind) and name in kind.model_fields else None
    return list(kind.model_fields) if _is_table(kind) else []


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


ELSEWHERE = {
    "rate": ("learning_rate", "lr"),
    "lr": ("learning_rate", "rate"),
    "decay": ("weight_decay",),
    "clip": ("grad_clip", "max_grad_norm"),
    "rows": ("batch", "batch_size"),
    "batch_size": ("batch", "rows"),
    "window": ("bptt", "seq_len", "seq_length", "sequence_length"),
    "width": ("hidden_size", "rnn_size", "units"),
    "layers": ("num_layers", "n_layers"),
    "embedding": ("embedding_dim", "embed_size"),
    "tied": ("tie_weights",),
    "both": ("bidirectional",),
    "between": ("rate", "dropout"),
}
"""What settings are called in other programs."""


def unknown(what: str, key: str, allowed: Iterable[str]) -> UserError:
    """The error for a setting that is not one of `allowed`: it names the one that was meant, and all."""
    names = list(allowed)
    return choice(what, key, names, meant=meant(key, names))


def meant(key: str, names: Iterable[str]) -> str:
    """Which of the names is another program's `key`; empty if none is."""
    plain = key.lower().replace("-", "_")
    return next((name for name in names if plain == name or plain in ELSEWHERE.get(name, ())), "")
