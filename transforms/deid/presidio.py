"""Presidio with our work inside: an NLP engine that finds, recognizers that hand out, a masking operator.

Presidio calls its NLP engine with the texts of a batch: a batch here is a session, so the batched work is
done there, and each text's spans hang on its artifacts. Recognizers of the user's own YAML run as usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from presidio_analyzer import (
    AnalyzerEngine,
    BatchAnalyzerEngine,
    EntityRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, NoOpNlpEngine
from presidio_anonymizer import AnonymizerEngine, OperatorConfig
from presidio_anonymizer import RecognizerResult as AnonymizerResult
from presidio_anonymizer.operators import Operator, OperatorType
from spacy.tokens import Doc

from schemas.errors import ConfigError
from transforms.deid.find import SpanFinder
from transforms.deid.forms import Form, forms_of
from transforms.deid.spans import Kind, Made, Segment, Span
from transforms.deid.surrogates import Surrogates

LANGUAGE = "en"
#: Parts an entity type from the form of its surrogate.
_FORM = "|"
_SPANS_AT_ONCE = 32
FAMILIES = {
    "PeopleRecognizer": ["PERSON", "USERNAME", "ADDRESS", "DATE_OF_BIRTH"],
    "ContactRecognizer": ["EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS", "MAC_ADDRESS"],
    "AccountRecognizer": ["CREDIT_CARD", "IBAN_CODE", "BANK_ACCOUNT", "US_SSN", "GOV_ID"],
    "SecretRecognizer": ["SECRET"],
}


class SessionAnalyzer:
    """Presidio's batch analyzer over the texts of one session at a time."""

    def __init__(self, finder: SpanFinder, thresholds: dict[str, float], recognizers: Sequence[str]) -> None:
        self._nlp = _SessionNlpEngine(finder)
        ours: list[EntityRecognizer] = [_Family(name, types) for name, types in FAMILIES.items()]
        registry = RecognizerRegistry(recognizers=ours, supported_languages=[LANGUAGE])
        for path in recognizers:
            _add_user_recognizers(registry, path)
        engine = AnalyzerEngine(
            registry=registry,
            nlp_engine=self._nlp,
            context_aware_enhancer=_NoEnhancer(),
            supported_languages=[LANGUAGE],
        )
        self._batch = BatchAnalyzerEngine(engine)
        self._thresholds = thresholds
        self._types = sorted(set(thresholds) & set(engine.get_supported_entities(LANGUAGE)))

    def spans(self, segments: Sequence[Segment], language: str | None) -> list[list[Span]]:
        """Per segment what all recognizers found, unresolved, at or above its type's threshold."""
        texts = [segment.text for segment in segments]
        self._nlp.begin(segments, language)
        results = self._batch.analyze_iterator(
            texts, LANGUAGE, batch_size=max(1, len(texts)), entities=self._types
        )
        return [[self._span(result) for result in found if self._sure(result)] for found in results]

    def _sure(self, result: RecognizerResult) -> bool:
        # Ours were weighed by the finder, which knows whose turn a text is.
        name = (result.recognition_metadata or {}).get(RecognizerResult.RECOGNIZER_NAME_KEY)
        return name in FAMILIES or result.score >= self._thresholds[result.entity_type]

    @staticmethod
    def _span(result: RecognizerResult) -> Span:
        return Span(result.start, result.end, result.entity_type, round(float(result.score), 4))


class SessionAnonymizer:
    """Presidio's anonymizer with the session's surrogates as its operator."""

    def __init__(self) -> None:
        self._engine = AnonymizerEngine()
        self._engine.add_anonymizer(_Surrogate)

    def mask(self, text: str, spans: Sequence[Span], surrogates: Surrogates, kind: Kind) -> Made:
        """The text with each of its (disjoint) spans replaced, in the form that its place asks for."""
        if not spans:
            return Made(text, [], [])
        made: list[str] = []
        places: list[tuple[int, int]] = []
        length = done = 0
        forms = forms_of(text, spans, kind)
        # Presidio copies the whole text for each span: piece by piece its cost stays linear.
        for begin in range(0, len(spans), _SPANS_AT_ONCE):
            some = spans[begin : begin + _SPANS_AT_ONCE]
            last = begin + len(some) == len(spans)
            end = len(text) if last else some[-1].end
            piece, items = self._piece(text[done:end], done, some, forms[begin:], surrogates)
            made.append(piece)
            places += [(length + start, length + stop) for start, stop in items]
            length, done = length + len(piece), end
        return Made("".join(made), places, list(spans))

    def _piece(
        self, text: str, offset: int, spans: Sequence[Span], forms: Sequence[Form], surrogates: Surrogates
    ) -> tuple[str, list[tuple[int, int]]]:
        # The operator is told the entity type and nothing of the place: the form goes with the type.
        results = [
            AnonymizerResult(f"{span.type}{_FORM}{form}", span.start - offset, span.end - offset, span.score)
            for span, form in zip(spans, forms, strict=False)
        ]
        operator = OperatorConfig(_Surrogate.NAME, {"surrogates": surrogates})
        masked = self._engine.anonymize(
            text, results, {"DEFAULT": operator}, merge_entities_with_spaces=False
        )
        return masked.text, sorted((item.start, item.end) for item in masked.items)


class _SessionNlpEngine(NoOpNlpEngine):  # type: ignore[misc]
    def __init__(self, finder: SpanFinder) -> None:
        super().__init__(models=[{"lang_code": LANGUAGE, "model_name": "none"}])
        self._finder = finder
        self._doc = Doc(self._vocab)
        self._segments: Sequence[Segment] = ()
        self._language: str | None = LANGUAGE
        self.load()

    def begin(self, segments: Sequence[Segment], language: str | None) -> None:
        """Tells what the next batch's texts are."""
        self._segments, self._language = segments, language

    def process_batch(self, texts: Iterable[str], *_: Any, **__: Any) -> Iterator[tuple[str, NlpArtifacts]]:
        """The session's texts, each with its spans."""
        found = self._finder.find(self._segments, self._language)
        for text, spans in zip(texts, found, strict=True):
            yield text, self._artifacts(spans)

    def process_text(self, text: str, language: str) -> NlpArtifacts:  # noqa: ARG002 - Presidio's signature
        """One text as a session of its own."""
        return self._artifacts(self._finder.find([Segment(text, "user")], LANGUAGE)[0])

    def _artifacts(self, spans: Sequence[Span]) -> NlpArtifacts:
        artifacts = NlpArtifacts(
            entities=[],
            tokens=self._doc,
            tokens_indices=[],
            lemmas=[],
            nlp_engine=self,
            language=LANGUAGE,
            scores=[],
        )
        artifacts.chatsieve_spans = spans
        return artifacts


class _Family(EntityRecognizer):  # type: ignore[misc]
    def __init__(self, name: str, types: list[str]) -> None:
        super().__init__(supported_entities=types, name=name, supported_language=LANGUAGE)
        self._own = frozenset(types)

    def load(self) -> None:
        """Nothing to load: the NLP engine did the work."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:  # noqa: ARG002
        """The spans of this family that were found in the text."""
        wanted = self._own.intersection(entities)
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return [
            RecognizerResult(s.type, s.start, s.end, s.score, recognition_metadata=metadata)
            for s in getattr(nlp_artifacts, "chatsieve_spans", ())
            if s.type in wanted
        ]


class _NoEnhancer(ContextAwareEnhancer):  # type: ignore[misc]
    """Presidio's own is quadratic in the text; our rules look at context themselves."""

    def __init__(self) -> None:
        super().__init__(0, 0, 0, 0)

    def enhance_using_context(
        self,
        text: str,  # noqa: ARG002
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,  # noqa: ARG002
        recognizers: list[EntityRecognizer],  # noqa: ARG002
        context: list[str] | None = None,  # noqa: ARG002
    ) -> list[RecognizerResult]:
        """The results as they are."""
        return raw_results


class _Surrogate(Operator):  # type: ignore[misc]
    NAME = "chatsieve_surrogate"

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """The surrogate of the text, from the session's."""
        given = params or {}
        surrogates: Surrogates = given["surrogates"]
        kind, _, form = given["entity_type"].partition(_FORM)
        return surrogates.of(kind, text, form)

    def validate(self, params: dict[str, Any] | None = None) -> None:
        """Nothing to check: the parameters are ours."""

    def operator_name(self) -> str:
        """Its name in operator configs."""
        return self.NAME

    def operator_type(self) -> OperatorType:
        """An anonymizer."""
        return OperatorType.Anonymize


def _add_user_recognizers(registry: RecognizerRegistry, path: str) -> None:
    try:
        registry.add_recognizers_from_yaml(path)
    except Exception:  # noqa: BLE001 - Presidio raises what its YAML makes it raise
        raise ConfigError(f"{path}: cannot be read as Presidio recognizers") from None
