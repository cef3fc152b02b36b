"""The de-identification config: what is looked for, how sure one must be, what stands in its place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import pydantic

from schemas.errors import ConfigError
from schemas.strict_yaml import StrictModel, load_model

EntityThreshold = float


class ModelConfig(StrictModel):
    """A spaCy model: an installed package that carries it, or a folder; `sha256` pins its files."""

    package: str | None = None
    path: str | None = None
    sha256: str | None = pydantic.Field(default=None, pattern=r"^[0-9a-f]{64}$")

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> ModelConfig:
        if (self.package is None) == (self.path is None):
            raise ValueError("give either package or path")
        return self


class LanguageConfig(StrictModel):
    """`supported` languages; text surely in another is refused, or masked by patterns only."""

    default: str = "en"
    supported: list[str] = pydantic.Field(default_factory=lambda: ["en"], min_length=1)
    unsupported: Literal["refuse", "patterns_only"] = "refuse"
    min_characters: int = pydantic.Field(default=200, ge=1)
    min_probability: float = pydantic.Field(default=0.9, ge=0, le=1, strict=False)


class RefusalConfig(StrictModel):
    """When a session is refused whole: too much of it masked, or too much of it."""

    max_masked_fraction: float = pydantic.Field(default=0.6, gt=0, le=1, strict=False)
    min_characters: int = pydantic.Field(default=1_000, ge=0)
    max_characters: int = pydantic.Field(default=64_000_000, ge=1)


class DeidConfig(StrictModel):
    """A whole de-identification config; entities that `thresholds` lacks are off."""

    version: Literal[1]
    model: ModelConfig
    surrogates: Literal["placeholder", "realistic"] = "placeholder"
    thresholds: dict[str, EntityThreshold]
    person_in_user_turns: float = pydantic.Field(default=0.45, ge=0, le=1, strict=False)
    language: LanguageConfig = pydantic.Field(default_factory=LanguageConfig)
    refuse: RefusalConfig = pydantic.Field(default_factory=RefusalConfig)
    recognizers: list[str] = pydantic.Field(default_factory=list)

    @pydantic.field_validator("thresholds", mode="after")
    @classmethod
    def _in_range(cls, value: dict[str, float]) -> dict[str, float]:
        if not value or not all(0 <= threshold <= 1 for threshold in value.values()):
            raise ValueError("expected a score between 0 and 1 for each entity, and at least one entity")
        return value


def load_deid(path: Path) -> tuple[DeidConfig, str]:
    """The config and the SHA-256 of its file; paths in it are made absolute, from its folder."""
    config = load_model(path, DeidConfig, ConfigError)
    base = path.resolve().parent
    recognizers = [str(base / Path(name).expanduser()) for name in config.recognizers]
    model = config.model
    if model.path is not None:
        model = model.model_copy(update={"path": str(base / Path(model.path).expanduser())})
    digest = hashlib.sha256(path.read_bytes())
    for name in recognizers:
        try:
            digest.update(Path(name).read_bytes())
        except OSError as error:
            raise ConfigError(f"{path}: recognizers: {name} cannot be read ({error.strerror})") from None
    return config.model_copy(update={"recognizers": recognizers, "model": model}), digest.hexdigest()
