"""The models of a de-identification config that find names, and the languages that they cover."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from schemas.strict_yaml import StrictModel

_MIN_SCORE = 0.5

#: A score of a model, above 0.
Score = Annotated[float, pydantic.Field(gt=0, le=1, strict=False)]


class ModelConfig(StrictModel):
    """A spaCy model, an installed package or a folder, or `onnx`, a folder with an ONNX token classifier.

    Exactly one of `package`, `path` and `onnx`.
    """

    package: str | None = pydantic.Field(
        default=None, description="An installed package with a spaCy model.", examples=["fr_core_news_sm"]
    )
    path: str | None = pydantic.Field(
        default=None, description="A folder with a spaCy model.", examples=["models/spacy"]
    )
    onnx: str | None = pydantic.Field(
        default=None, description="A folder with an ONNX token classifier.", examples=["models/pii"]
    )
    sha256: str | None = pydantic.Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="The digest that the files of the model must have, in hex.",
        examples=["4c5632f91540d6cc17bdd0ace73e7d3bf6f02d9c6c55f6d292f8becd87c9b45f"],
    )
    windows: Literal["doubtful", "all"] = pydantic.Field(
        default="doubtful",
        description=(
            "Run the model where the small model is uncertain, and both must find a person; or around all "
            "possible names, and it decides alone."
        ),
        examples=["all"],
    )
    labels: dict[str, Literal["PERSON", "ADDRESS"]] = pydantic.Field(
        default_factory=dict,
        description="ONNX: entity types by label of the model, without `B-` and `I-`.",
        examples=[{"GIVEN_NAME": "PERSON", "STREET_NAME": "ADDRESS"}],
    )
    min_score: Score = pydantic.Field(
        default=_MIN_SCORE, description="ONNX: the least probability of a token.", examples=[0.7]
    )

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
    """Score thresholds of the bundled small model; the defaults come from `make thresholds`."""

    use: bool = pydantic.Field(default=True, description="Use the small model.", examples=[False])
    person: Score = pydantic.Field(
        default=0.5, description="The least score of a name that only this model finds.", examples=[0.6]
    )
    person_agreed: Score = pydantic.Field(
        default=0.05, description="The least score of a name that the spaCy model finds too.", examples=[0.1]
    )
    person_alone: Score = pydantic.Field(
        default=0.3, description="The least score of a name if there is no spaCy model.", examples=[0.4]
    )
    person_word: Score = pydantic.Field(
        default=0.6, description="The least score of a listed name that is also a word.", examples=[0.7]
    )
    person_word_inside: Score = pydantic.Field(
        default=0.5,
        description="As `person_word`, for a word with a capital inside a sentence.",
        examples=[0.6],
    )
    person_word_bare: Score = pydantic.Field(
        default=0.9,
        description="As `person_word`, in headings, lists and texts that users typed without capitals.",
        examples=[0.8],
    )
    person_in_code: Score = pydantic.Field(
        default=0.6, description="The least score of a name in a line of code.", examples=[0.8]
    )
    address: Score = pydantic.Field(default=0.2, description="The least score of an address.", examples=[0.3])


class LanguageConfig(StrictModel):
    """Supported languages by ISO 639-1 code."""

    default: str = pydantic.Field(
        default="en", description="The language of texts whose language is not detected.", examples=["fr"]
    )
    supported: list[str] = pydantic.Field(
        default=["en"],
        min_length=1,
        description="Languages in which names are found; each needs a model.",
        examples=[["en", "fr"]],
    )
    unsupported: Literal["refuse", "patterns_only"] = pydantic.Field(
        default="refuse",
        description="For a session in another language: refuse it, or mask it by patterns only.",
        examples=["patterns_only"],
    )
    min_characters: int = pydantic.Field(
        default=200, ge=1, description="The language of shorter texts is not checked.", examples=[500]
    )
    min_probability: float = pydantic.Field(
        default=0.9,
        ge=0,
        le=1,
        strict=False,
        description="The probability from which on a detected language counts.",
        examples=[0.95],
    )
