"""The de-identification engine: sessions in, masked texts out.

A session's result is a pure function of its segments, the config and the key: not of what else is masked in
the same call, in the same process or before.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

import threadpoolctl

from schemas.decisions import Reason
from schemas.deid import DeidConfig
from transforms.deid.find import SpanFinder
from transforms.deid.language import language_of
from transforms.deid.lexicon import lexicon_digest
from transforms.deid.names import NameFinder
from transforms.deid.ner import NameModel
from transforms.deid.overlaps import resolve
from transforms.deid.patterns import PatternScanner
from transforms.deid.presidio import SessionAnalyzer, SessionAnonymizer
from transforms.deid.residual import ResidualCheck
from transforms.deid.spans import Made, Masked, SessionText, Span
from transforms.deid.surrogates import Surrogates, session_key
from transforms.deid.tagger import shipped_tagger, tagger_digest


class DeidEngine:
    """Masks sessions; not thread-safe. Loads its model offline, or raises DeidError or ConfigError."""

    def __init__(self, config: DeidConfig, key: bytes) -> None:
        # A worker has one core: more threads of the matrix library would only wait for each other.
        threadpoolctl.threadpool_limits(1, user_api="blas")
        self._config = config
        self._key = key
        self._scanner = PatternScanner()
        self._models: dict[str, NameModel] = {}
        names = None
        if {"PERSON", "ADDRESS"} & set(config.thresholds):
            self._models = {language: NameModel(one) for language, one in sorted(config.models.items())}
            tagger = shipped_tagger(config.tagger) if config.tagger.use else None
            names = NameFinder(config.tagger, tagger, self._models)
        self._forbidden = {e for e, one in config.operators.items() if one.operator == "drop_session"}
        finder = SpanFinder(config, self._scanner, names)
        self._analyzer = SessionAnalyzer(finder, config.thresholds, config.recognizers)
        self._anonymizer = SessionAnonymizer()
        self._residual = ResidualCheck(self._scanner, _masked_types(config))

    def mask_sessions(self, sessions: Sequence[SessionText]) -> list[Masked]:
        """One result a session, in order."""
        return [self.explain(session)[0] for session in sessions]

    def explain(self, session: SessionText) -> tuple[Masked, list[list[Span]]]:
        """The result, and per segment what was found; nothing for a session that is refused unread."""
        texts = [segment.text for segment in session.segments]
        size = sum(map(len, texts))
        if size > self._config.refuse.max_characters:
            return _refused(Reason.OVERSIZE, self._config.language.default), []
        language = language_of(session.segments, self._config.language)
        supported = language in self._config.language.supported
        if not supported and self._config.language.unsupported == "refuse":
            return _refused(Reason.LANGUAGE_UNSUPPORTED, language), []
        found = self._find(session, language if supported else None)
        covered = sum(span.end - span.start for spans in found for span in spans)
        refuse = self._config.refuse
        if size >= refuse.min_characters and covered > refuse.max_masked_fraction * size:
            return _refused(Reason.PII_DENSITY, language), found
        if self._forbidden & {span.type for spans in found for span in spans}:
            return _refused(Reason.PII_DENSITY, language), found
        made = self._mask(session, texts, found)
        left = self._residual.left(session.segments, made, found)
        again = sum(map(len, left))
        if again:
            found = [resolve([*spans, *more]) for spans, more in zip(found, left, strict=True)]
            made = self._mask(session, texts, found)
            if any(self._residual.left(session.segments, made, found)):
                return _refused(Reason.RESIDUAL_PII, language), found
        entities = collections.Counter(span.type for spans in found for span in spans)
        return Masked(
            [one.text for one in made], dict(sorted(entities.items())), language, None, again
        ), found

    def _mask(
        self, session: SessionText, texts: Sequence[str], found: Sequence[Sequence[Span]]
    ) -> list[Made]:
        surrogates = Surrogates(
            self._config.surrogates,
            session_key(self._key, session.key),
            texts,
            found,
            self._config.operators,
        )
        return [
            self._anonymizer.mask(segment.text, spans, surrogates, segment.kind)
            for segment, spans in zip(session.segments, found, strict=True)
        ]

    def analyze(self, session: SessionText) -> list[list[Span]]:
        """What Presidio's batch analyzer finds in each segment, before anything is masked."""
        return self._find(session, self._config.language.default)

    def model_digests(self) -> dict[str, str]:
        """Digests of the model's files and of the word lists."""
        digests = {"lexicon": lexicon_digest()}
        if self._config.tagger.use:
            digests["tagger"] = tagger_digest()
        for language, model in self._models.items():
            digests[self._config.models[language].package or f"model {language}"] = model.sha256
        return digests

    def _find(self, session: SessionText, language: str | None) -> list[list[Span]]:
        return [resolve(spans) for spans in self._analyzer.spans(session.segments, language)]


def _masked_types(config: DeidConfig) -> frozenset[str]:
    """Types that have to be gone afterwards: all that are looked for but those that are kept."""
    kept = {entity for entity, one in config.operators.items() if one.operator == "keep"}
    return frozenset(config.thresholds) - kept


def _refused(reason: Reason, language: str) -> Masked:
    return Masked([], {}, language, str(reason))
