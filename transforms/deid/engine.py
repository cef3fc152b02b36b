"""The de-identification engine: sessions in, masked texts out.

A session's result is a pure function of its segments, the config and the key: not of what else is masked in
the same call, in the same process or before.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from schemas.decisions import Reason
from schemas.deid import DeidConfig
from transforms.deid.find import SpanFinder
from transforms.deid.language import language_of
from transforms.deid.lexicon import lexicon_digest
from transforms.deid.ner import NameModel
from transforms.deid.overlaps import resolve
from transforms.deid.patterns import PatternScanner
from transforms.deid.presidio import SessionAnalyzer, SessionAnonymizer
from transforms.deid.spans import Masked, SessionText, Span
from transforms.deid.surrogates import Surrogates, session_key

_RESIDUAL_SCORE = 0.7
_RESIDUAL = frozenset(
    {
        "EMAIL_ADDRESS",
        "PHONE_NUMBER",
        "CREDIT_CARD",
        "IBAN_CODE",
        "US_SSN",
        "IP_ADDRESS",
        "MAC_ADDRESS",
        "SECRET",
    }
)


class DeidEngine:
    """Masks sessions; not thread-safe. Loads its model offline, or raises DeidError or ConfigError."""

    def __init__(self, config: DeidConfig, key: bytes) -> None:
        self._config = config
        self._key = key
        self._scanner = PatternScanner()
        wants_names = "PERSON" in config.thresholds
        self._model = NameModel(config.model) if wants_names else None
        finder = SpanFinder(config, self._scanner, self._model)
        self._analyzer = SessionAnalyzer(finder, config.thresholds, config.recognizers)
        self._anonymizer = SessionAnonymizer()

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
        found = self._find(session, names=supported)
        covered = sum(span.end - span.start for spans in found for span in spans)
        refuse = self._config.refuse
        if size >= refuse.min_characters and covered > refuse.max_masked_fraction * size:
            return _refused(Reason.PII_DENSITY, language), found
        surrogates = Surrogates(self._config.surrogates, session_key(self._key, session.key), texts, found)
        masked = [self._anonymizer.mask(t, s, surrogates) for t, s in zip(texts, found, strict=True)]
        entities = collections.Counter(span.type for spans in found for span in spans)
        for last in (False, True):
            left = self._residual(masked, surrogates)
            if not any(left):
                return Masked(masked, dict(sorted(entities.items())), language), found
            if not last:
                masked = [self._anonymizer.mask(t, s, surrogates) for t, s in zip(masked, left, strict=True)]
                entities.update(span.type for spans in left for span in spans)
        return _refused(Reason.RESIDUAL_PII, language), found

    def model_digests(self) -> dict[str, str]:
        """Digests of the model's files and of the word lists."""
        digests = {"lexicon": lexicon_digest()}
        if self._model is not None:
            name = self._config.model.package or "model"
            digests[name] = self._model.sha256
        return digests

    def _find(self, session: SessionText, names: bool) -> list[list[Span]]:
        return [resolve(spans) for spans in self._analyzer.spans(session.segments, names)]

    def _residual(self, masked: Sequence[str], surrogates: Surrogates) -> list[list[Span]]:
        """What a second look still finds that is not a surrogate of ours."""
        made = surrogates.made
        return [
            [
                span
                for span in spans
                if span.type in _RESIDUAL
                and span.type in self._config.thresholds
                and span.score >= _RESIDUAL_SCORE
                and not any(one in text[span.start : span.end] for one in made)
            ]
            for text, spans in zip(masked, self._scanner.scan(masked), strict=True)
        ]


def _refused(reason: Reason, language: str) -> Masked:
    return Masked([], {}, language, str(reason))
