"""Presidio around our finder: an NLP engine with the spans, recognizers that return them, a masking operator.

The spans of a batch of sessions are found first and attached to the artifacts of our NLP engine; our
recognizers return them from there. Recognizers from the user's YAML files or classes run as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
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
from presidio_anonymizer.operators import Operator, OperatorsFactory, OperatorType
from spacy.tokens import Doc

from schemas.deid import is_class
from schemas.errors import ConfigError
from schemas.yaml_tree import load_tree
from transforms.deid.masking.forms import Form
from transforms.deid.masking.replace import Replace
from transforms.deid.masking.surrogates import Surrogates
from transforms.deid.plugins import recognizer_of
from transforms.deid.spans import Span
from transforms.deid.text.overlaps import resolve

LANGUAGE = "en"
_SPANS_AT_ONCE = 256
#: From a text to its spans, as a session of its own.
Find = Callable[[str], list[Span]]
FAMILIES = {
    "PeopleRecognizer": ["PERSON", "USERNAME", "ADDRESS", "DATE_OF_BIRTH"],
    "ContactRecognizer": ["EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS", "MAC_ADDRESS"],
    "AccountRecognizer": ["CREDIT_CARD", "IBAN_CODE", "BANK_ACCOUNT", "US_SSN", "GOV_ID"],
    "SecretRecognizer": ["SECRET"],
}
_FAMILY_OF = {entity: name for name, types in FAMILIES.items() for entity in types}


class SessionAnalyzer:
    """Presidio's batch analyzer over the texts of sessions."""

    def __init__(self, find: Find, thresholds: dict[str, float], recognizers: Sequence[str]) -> None:
        self._nlp = _SessionNlpEngine(find)
        ours: list[EntityRecognizer] = [_Family(name, types) for name, types in FAMILIES.items()]
        registry = RecognizerRegistry(recognizers=ours, supported_languages=[LANGUAGE])
        for name in recognizers:
            if is_class(name):
                registry.add_recognizer(recognizer_of(name))
            else:
                _add_user_recognizers(registry, name)
        self._user_recognizers = bool(recognizers)
        engine = AnalyzerEngine(
            registry=registry,
            nlp_engine=self._nlp,
            context_aware_enhancer=_NoEnhancer(),
            supported_languages=[LANGUAGE],
        )
        self._batch = BatchAnalyzerEngine(engine)
        self._thresholds = thresholds
        self._types = sorted(set(thresholds) & set(engine.get_supported_entities(LANGUAGE)))

    def spans(self, texts: Sequence[str], found: Sequence[list[Span]]) -> list[list[Span]]:
        """By text the spans of all recognizers, resolved, at or above the threshold of their type; `found` is
        ours.
        """
        return self._each(texts, found) if self._user_recognizers else self._joined(texts, found)

    def _each(self, texts: Sequence[str], found: Sequence[list[Span]]) -> list[list[Span]]:
        return [resolve(spans) for spans in self._analyzed(texts, found)]

    def _joined(self, texts: Sequence[str], found: Sequence[list[Span]]) -> list[list[Span]]:
        """The same as `_each`, with many texts joined into one: a call of Presidio costs more than most
        texts.
        """
        result: list[list[Span]] = [[] for _ in texts]
        shown: list[str] = []
        handed: list[list[_Handed]] = []
        for some in _batches(found):
            shown.append("\n".join([texts[n] for n in some]))
            handed.append([])
            begin = 0
            for n in some:
                handed[-1] += [_Handed(begin, n, span) for span in found[n]]
                begin += len(texts[n]) + 1
        self._nlp.hand_out(handed)
        for answer in self._answers(shown):
            for one in answer:
                result[one.number].append(one.span)
        # Ours are disjoint in each text, but sorted by type.
        for spans in result:
            spans.sort()
        return result

    def _analyzed(self, texts: Sequence[str], found: Sequence[list[Span]]) -> list[list[Span]]:
        self._nlp.hand_out([[_Handed(0, 0, span) for span in spans] for spans in found])
        return [[self._span(one) for one in answer if self._sure(one)] for answer in self._answers(texts)]

    def _answers(self, texts: Sequence[str]) -> list[list[Any]]:
        answers: list[list[Any]] = self._batch.analyze_iterator(
            texts, LANGUAGE, batch_size=max(1, len(texts)), entities=self._types
        )
        return answers

    def _sure(self, result: RecognizerResult) -> bool:
        # The finder has applied the thresholds to ours, which depend on the role of the message.
        name = (result.recognition_metadata or {}).get(RecognizerResult.RECOGNIZER_NAME_KEY)
        return name in FAMILIES or result.score >= self._thresholds[result.entity_type]

    @staticmethod
    def _span(result: RecognizerResult) -> Span:
        return Span(result.start, result.end, result.entity_type, round(float(result.score), 4))


class _Handed(RecognizerResult):  # type: ignore[misc]
    """Our span as a Presidio result: in text `number`, which begins at `begin` in the analysed text."""

    def __init__(self, begin: int, number: int, span: Span) -> None:
        # Presidio's constructor sets the same fields, but checks the log level for each result.
        self.number, self.span = number, span
        self.entity_type, self.score = span.type, span.score
        self.start, self.end = begin + span.start, begin + span.end
        self.analysis_explanation = None
        self.recognition_metadata: dict[str, str] | None = None

    def __hash__(self) -> int:
        return hash((self.start, self.end, self.entity_type))


def _batches(found: Sequence[list[Span]]) -> Iterator[list[int]]:
    """The numbers of the texts with spans, some 256 spans a batch: Presidio compares each span with each."""
    some: list[int] = []
    count = 0
    for n, spans in enumerate(found):
        if spans:
            some.append(n)
            count += len(spans)
            if count >= _SPANS_AT_ONCE:
                yield some
                some, count = [], 0
    if some:
        yield some


def presidio_operator() -> Replace:
    """Presidio's anonymizer for one span: it calls our operator, which returns the session's surrogate.

    Presidio's engine would resolve overlaps, of which there are none, and copy the text for each span.
    """
    operators = OperatorsFactory()
    operators.add_anonymize_operator(_Surrogate)
    operator = operators.create_operator_class(_Surrogate.NAME, OperatorType.Anonymize)

    def replace(surrogates: Surrogates, entity: str, value: str, form: Form) -> str:
        params = {"entity_type": entity, "surrogates": surrogates, "form": form}
        return str(operator.operate(value, params))

    return replace


class _SessionNlpEngine(NoOpNlpEngine):  # type: ignore[misc]
    def __init__(self, find: Find) -> None:
        super().__init__(models=[{"lang_code": LANGUAGE, "model_name": "none"}])
        self._find = find
        self._doc = Doc(self._vocab)
        self._found: Sequence[list[_Handed]] = ()
        self.load()

    def hand_out(self, found: Sequence[list[_Handed]]) -> None:
        """Sets the spans of the texts of the next batch."""
        self._found = found

    def process_batch(self, texts: Iterable[str], *_: Any, **__: Any) -> Iterator[tuple[str, NlpArtifacts]]:
        """The texts, each with its spans."""
        for text, spans in zip(texts, self._found, strict=True):
            yield text, self._artifacts(spans)

    def process_text(self, text: str, language: str) -> NlpArtifacts:  # noqa: ARG002 - Presidio's signature
        """One text as a session of its own."""
        return self._artifacts([_Handed(0, 0, span) for span in self._find(text)])

    def _artifacts(self, found: Sequence[_Handed]) -> NlpArtifacts:
        artifacts = NlpArtifacts(
            entities=[],
            tokens=self._doc,
            tokens_indices=[],
            lemmas=[],
            nlp_engine=self,
            language=LANGUAGE,
            scores=[],
        )
        by_family: dict[str | None, list[_Handed]] = {}
        artifacts.chatsieve_spans = by_family
        for one in found:
            by_family.setdefault(_FAMILY_OF.get(one.span.type), []).append(one)
        return artifacts


class _Family(EntityRecognizer):  # type: ignore[misc]
    def __init__(self, name: str, types: list[str]) -> None:
        super().__init__(supported_entities=types, name=name, supported_language=LANGUAGE)
        self._own = frozenset(types)

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:  # noqa: ARG002
        """The spans of this family in the text."""
        wanted = self._own.intersection(entities)
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        found = [
            one
            for one in getattr(nlp_artifacts, "chatsieve_spans", {}).get(self.name, ())
            if one.span.type in wanted
        ]
        for one in found:
            one.recognition_metadata = metadata
        return found


class _NoEnhancer(ContextAwareEnhancer):  # type: ignore[misc]
    """Does nothing: Presidio's enhancer takes time quadratic in the text, and our rules use context
    themselves.
    """

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
        """The results, unchanged."""
        return raw_results


class _Surrogate(Operator):  # type: ignore[misc]
    NAME = "chatsieve_surrogate"

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """The session's surrogate for the text."""
        given = params or {}
        surrogates: Surrogates = given["surrogates"]
        return surrogates.of(given["entity_type"], text, given["form"])

    def validate(self, params: dict[str, Any] | None = None) -> None:
        """Nothing to check."""

    def operator_name(self) -> str:
        """Its name in operator configs."""
        return self.NAME

    def operator_type(self) -> OperatorType:
        """An anonymizer."""
        return OperatorType.Anonymize


def _add_user_recognizers(registry: RecognizerRegistry, path: str) -> None:
    # Presidio's reader does not bound size, nesting and aliases.
    load_tree(Path(path))
    try:
        registry.add_recognizers_from_yaml(path)
    except Exception:  # noqa: BLE001 - Presidio raises what its YAML makes it raise
        raise ConfigError(f"{path}: cannot be read as Presidio recognizers") from None
