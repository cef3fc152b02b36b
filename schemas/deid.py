"""The de-identification configuration: entity types, score thresholds, and what replaces a span."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Literal

import pydantic

from schemas.errors import ConfigError
from schemas.strict_yaml import StrictModel, load_model
from schemas.yaml_tree import bytes_of

_CLASS = r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"
_MIN_SCORE = 0.5


class ModelConfig(StrictModel):
    """A spaCy model, an installed package or a folder, or `onnx`, a folder with an ONNX token classifier.

    `sha256`: the digest its files must have. `windows`: the parts of a text that the model reads, all with
    possible names or only those in which the small model is in doubt. ONNX only: `labels` are entity types by
    label of the model, without B- and I-; `min_score` is the least probability of a token.
    """

    package: str | None = None
    path: str | None = None
    onnx: str | None = None
    sha256: str | None = pydantic.Field(default=None, pattern=r"^[0-9a-f]{64}$")
    windows: Literal["doubtful", "all"] = "doubtful"
    labels: dict[str, Literal["PERSON", "ADDRESS"]] = pydantic.Field(default_factory=dict)
    min_score: float = pydantic.Field(default=_MIN_SCORE, gt=0, le=1, strict=False)

    @property
    def name(self) -> str:
        """The package or folder, for messages."""
        return str(self.package or self.path or self.onnx)

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> ModelConfig:
        if [self.package, self.path, self.onnx].count(None) != 2:
            raise ValueError("expected one of package, path and onnx")
        if self.onnx is None and (self.labels or self.min_score != _MIN_SCORE):
            raise ValueError("labels and min_score: only a model of onnx takes them")
        return self


class TaggerConfig(StrictModel):
    """Score thresholds of the bundled small model; the defaults come from `make thresholds`.

    `person`: names found by this model only. `person_agreed`: names that the spaCy model finds as well.
    `person_alone`: used when there is no spaCy model. `person_word`: listed names that are also words;
    `person_word_inside`: the same with a capital inside a sentence; `person_word_bare`: without a sentence,
    as in headings and lists, and in texts that users typed without capitals.
    `person_in_code`: used in lines of code.
    """

    use: bool = True
    person: float = pydantic.Field(default=0.5, gt=0, le=1, strict=False)
    person_agreed: float = pydantic.Field(default=0.05, gt=0, le=1, strict=False)
    person_alone: float = pydantic.Field(default=0.3, gt=0, le=1, strict=False)
    person_word: float = pydantic.Field(default=0.6, gt=0, le=1, strict=False)
    person_word_inside: float = pydantic.Field(default=0.5, gt=0, le=1, strict=False)
    person_word_bare: float = pydantic.Field(default=0.9, gt=0, le=1, strict=False)
    person_in_code: float = pydantic.Field(default=0.6, gt=0, le=1, strict=False)
    address: float = pydantic.Field(default=0.2, gt=0, le=1, strict=False)


class LanguageConfig(StrictModel):
    """Supported languages by ISO 639-1 code.

    Text detected as another language with `min_probability` is refused or masked by patterns only. Texts
    under `min_characters` are not checked.
    """

    default: str = "en"
    supported: list[str] = pydantic.Field(default_factory=lambda: ["en"], min_length=1)
    unsupported: Literal["refuse", "patterns_only"] = "refuse"
    min_characters: int = pydantic.Field(default=200, ge=1)
    min_probability: float = pydantic.Field(default=0.9, ge=0, le=1, strict=False)


class RefusalConfig(StrictModel):
    """When a whole session is refused: masked fraction too large, or text too long."""

    max_masked_fraction: float = pydantic.Field(default=0.6, gt=0, le=1, strict=False)
    min_characters: int = pydantic.Field(default=1_000, ge=0)
    max_characters: int = pydantic.Field(default=64_000_000, ge=1)


def _or_its_name(schema: dict[str, Any]) -> None:
    """Makes a JSON Schema accept the short form of an operator too."""
    whole = {name: schema.pop(name) for name in list(schema) if name not in ("title", "description")}
    schema["anyOf"] = [whole["properties"]["operator"], whole]


Style = Literal["placeholder", "realistic"]


class Operator(StrictModel):
    """What replaces the spans of an entity type, instead of the surrogate of the configured style.

    `mask` writes * over all letters and digits except the last `keep_last`. `replace` writes `value`. `hash`
    writes 16 hex digits, equal for equal values of one session only. `drop_session` refuses the session.
    `custom` calls a Presidio operator of the user's own, `class` (module:Class), with `params`.
    """

    model_config = pydantic.ConfigDict(json_schema_extra=_or_its_name)

    operator: Literal[
        "placeholder", "realistic", "replace", "mask", "redact", "hash", "keep", "drop_session", "custom"
    ]
    value: str | None = None
    class_: str | None = pydantic.Field(default=None, alias="class", pattern=_CLASS)
    params: dict[str, Any] = pydantic.Field(default_factory=dict)
    keep_last: int = pydantic.Field(default=0, ge=0, le=8)

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

    version: Literal[1]
    models: dict[str, ModelConfig] = pydantic.Field(default_factory=dict)
    tagger: TaggerConfig = pydantic.Field(default_factory=TaggerConfig)
    surrogates: Style = "placeholder"
    operators: dict[str, Operator] = pydantic.Field(default_factory=dict)
    thresholds: dict[str, float]
    person_in_user_turns: float = pydantic.Field(default=0.45, ge=0, le=1, strict=False)
    language: LanguageConfig = pydantic.Field(default_factory=LanguageConfig)
    refuse: RefusalConfig = pydantic.Field(default_factory=RefusalConfig)
    recognizers: list[str] = pydantic.Field(default_factory=list)

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
