"""The settings of networks and model files. They are checked when they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    WrapSerializer,
)

from rhapsode import registry
from rhapsode.errors import UserError, choice

Rate = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1, le=65536)]


class Config(BaseModel):
    """The base class of settings: they cannot be changed, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Part(Config):
    """The settings of a part of a network that is found by its name. Each cell, head and attention declares its own
    class of settings."""

    name: str


def _part(kind: str, value: Any) -> Any:
    """The settings of a part, as its class declares them. kind: the kind of part in the registry. value: a table of
    settings, or the name alone. A table without a name is for the first part that has all of these settings."""
    if isinstance(value, Part):
        return value
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise UserError(f"{kind}: {value!r} is neither a name nor a table of settings.")
    if "name" not in table:
        every = {part.name: part.Settings.model_fields for part in registry.every(kind)}
        if not table and len(every) > 1:
            raise UserError(f"{kind}: an empty table says nothing. Give it a name: {', '.join(every)}.")
        known = {name: None for fields in every.values() for name in fields}
        for key in table:
            if key not in known:
                raise unknown(kind, key, known)
        table = {"name": next((name for name, fields in every.items() if set(table) <= set(fields)), ""), **table}
    return make(registry.get(kind, str(table["name"])).Settings, table, kind)


def _part_or_none(kind: str, value: Any) -> Any:
    """As `_part`. An empty name, or `none`, means that there is no such part."""
    name = value.get("name", kind) if isinstance(value, dict) else value
    return None if name in (None, "", "none") else _part(kind, value)


def _short(value: Part, handler: SerializerFunctionWrapHandler) -> Any:
    """The name alone, of a part that has no settings beside it: so it stands in model files of all versions."""
    found = handler(value)
    return found["name"] if set(found) == {"name"} else found


class EncoderConfig(Config):
    """Layers that read the covariates of a whole unit before any step is predicted; none by default."""

    feedforward: int = Field(default=0, ge=0, le=64)
    """Feed-forward layers, each of which sees one step."""
    feedforward_width: int = Field(default=0, ge=0, le=65536)
    """Outputs of each; 0 for twice the network's width."""
    bidirectional: int = Field(default=0, ge=0, le=64)
    """Bidirectional LSTM layers above those (Schuster & Paliwal 1997)."""
    bidirectional_width: int = Field(default=0, ge=0, le=65536)
    """Outputs of each direction; 0 for the network's width."""

    @property
    def layers(self) -> int:
        """How many there are."""
        return self.feedforward + self.bidirectional

    def sized(self, width: int) -> EncoderConfig:
        """The same, with its widths filled in for a network of this width."""
        wide = {
            "feedforward_width": self.feedforward_width or 2 * width,
            "bidirectional_width": self.bidirectional_width or width,
        }
        return self.model_copy(update=wide)


class NetworkConfig(Config):
    """The shape of a network: all that decides its weights, together with the kind of step."""

    cell: Annotated[SerializeAsAny[Part], BeforeValidator(partial(_part, "cell")), WrapSerializer(_short)] = Part(
        name="lstm"
    )
    """What a layer is made of."""
    layers: int = Field(default=1, ge=0, le=64)
    """Recurrent layers, which read step after step; 0 leaves all work to the encoder."""
    width: Width = 256
    """H, the outputs of each recurrent layer (hidden size). The encoder's widths follow it."""
    embedding: int = Field(default=32, ge=0, le=65536)
    """Numbers that are learnt for each input symbol (embedding size); 0 for one-hot inputs."""
    tied: bool = False
    """The output weights are those of the embedding (Press & Wolf 2017). The embedding size must be that of the
    features."""
    skip: bool = False
    """Skip connections: the input goes to all layers, and all layers go to the output (Graves 2013, section 2)."""
    residual: bool = False
    """Residual connections: each layer after the first adds its output to its input (He et al. 2016)."""
    autoregressive: bool = True
    """The network reads the previous step. If not, steps depend on the covariates only: regression."""
    head: Annotated[SerializeAsAny[Part], BeforeValidator(partial(_part, "head"))] = Part(name="categorical")
    """The distribution of the next step; the codec says which."""
    attention: Annotated[SerializeAsAny[Part] | None, BeforeValidator(partial(_part_or_none, "attention"))] = None
    """How each step attends to the text that belongs to its unit."""
    encoder: EncoderConfig = EncoderConfig()
    """Layers that read the covariates of a whole unit."""

    def check(self) -> None:
        """Raises `UserError` for settings that contradict each other. (A table may be completed by the settings of a
        codec, so no table is checked alone.)"""
        if not self.layers and (self.autoregressive or self.skip or self.attention or self.tied):
            raise UserError("layers = 0 needs autoregressive = false, and no skip, no attention, no tied weights.")
        if self.layers == 1 and self.attention and not self.feedback:
            raise UserError(
                "what is attended is read by the layers above the first. Set layers = 2, or feedback = true in "
                "[network.attention]."
            )

    @property
    def feedback(self) -> bool:
        """Whether the attention of a step is an input of the first layer at the next step."""
        return bool(getattr(self.attention, "feedback", False))


class Dropout(Config):
    """Dropout rates: the part of the numbers that training sets to zero, while the others are scaled up."""

    input: Rate = 0.0
    """Of the embedded input."""
    between: Rate = 0.0
    """Of the outputs of a layer that go to the next layer (Zaremba et al. 2014)."""
    output: Rate = 0.0
    """Of the features before the head."""
    recurrent: Rate = 0.0
    """Of the recurrent weights themselves: weight-drop (Merity et al. 2018)."""
    locked: bool = False
    """One mask for all steps of a window, instead of one for each step (Gal & Ghahramani 2016)."""


class FramingConfig(Config):
    """How a sequence is cut into training examples; see `rhapsode.data.framing`."""

    name: str = "stream"
    length: int = Field(default=0, ge=0, le=1_000_000)
    """The steps that many-to-one reads, or that one-to-many predicts; 0 for the other framings."""


class ModelConfig(Config):
    """Everything about a model except its weights. The model file contains it as JSON."""

    format: Literal[3] = 3
    codec: dict[str, Any]
    network: NetworkConfig
    arithmetic: Literal["float32", "integers"] = "float32"
    """In which the network is computed (docs/arithmetic.md). Files of before do not say: float32."""
    framing: FramingConfig
    reset: str
    facts: dict[str, Any] = {}
    """Information for people: the training data, how long the training took, how good the model is."""


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a network, with those of `over` in the place of the old ones. A part that keeps its name keeps its
    other settings."""
    found = dict(base)
    for key, value in over.items():
        old, new = ({"name": one} if isinstance(one, str) else one for one in (found.get(key), value))
        if key in ("cell", "head", "attention", "encoder") and isinstance(old, Mapping) and isinstance(new, Mapping):
            name = old.get("name")
            value = {**old, **new} if new.get("name", name) == name else new
        found[key] = value
    return found


C = TypeVar("C", bound=BaseModel)


def make(kind: type[C], values: Any, where: str) -> C:
    """A `kind`, made from values that nobody has checked. Raises `UserError`, which names `where` and each bad
    value."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise explain(error, where, kind) from None
    except UserError as error:  # of a part
        raise UserError(f"{where}: {error}") from None


def explain(error: ValidationError, where: str, kind: type[BaseModel] | None = None) -> UserError:
    """The errors of pydantic as one message. kind: the class that was to be made, so that the message can list its
    names."""
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
    """The names of the settings at `path` in a `kind`, if there is a table of settings."""
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
    "batch_size": ("batch", "rows"),
    "sequence_length": ("bptt", "seq_len", "seq_length", "window"),
    "window": ("bptt", "seq_len", "seq_length", "sequence_length"),
    "width": ("hidden_size", "rnn_size", "units"),
    "layers": ("num_layers", "n_layers"),
    "embedding": ("embedding_dim", "embed_size"),
    "tied": ("tie_weights",),
    "between": ("rate", "dropout"),
}
"""Names of settings in other programs."""


def unknown(what: str, key: str, allowed: Iterable[str]) -> UserError:
    """The error for an unknown setting. It names the one that was probably meant, and all that are `allowed`."""
    names = list(allowed)
    return choice(what, key, names, meant=meant(key, names))


def meant(key: str, names: Iterable[str]) -> str:
    """The name of the setting that is called `key` in another program; empty if there is none."""
    plain = key.lower().replace("-", "_")
    return next((name for name in names if plain == name or plain in ELSEWHERE.get(name, ())), "")
