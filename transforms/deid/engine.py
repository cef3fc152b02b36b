"""The de-identification engine: sessions in, masked texts out.

The result of a session is a pure function of its segments, the config and the key. Other sessions in the same
call or process do not change it.
"""

from __future__ import annotations

import collections
import functools
import hmac
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from schemas.decisions import Reason
from schemas.deid import DeidConfig
from schemas.sections.name_models import ModelConfig
from transforms.deid.masking.replace import Replace, mask_text
from transforms.deid.masking.surrogates import Surrogates, session_key
from transforms.deid.model.tagger import shipped_tagger
from transforms.deid.people.line_signs import LineSigns
from transforms.deid.people.name_models import NameModel, load_name_model
from transforms.deid.people.names import NameFinder
from transforms.deid.people.reading import Reading
from transforms.deid.plugins import replacements
from transforms.deid.process_settings import use_one_matrix_thread
from transforms.deid.residual import ResidualCheck
from transforms.deid.rules.scanner import PatternScanner
from transforms.deid.session_spans import SpanFinder
from transforms.deid.spans import Masked, MaskedText, Segment, SessionText, Span
from transforms.deid.text.language import language_of
from transforms.deid.text.overlaps import resolve
from transforms.deid.text.word_table import WordTable

if TYPE_CHECKING:
    from transforms.deid.presidio import SessionAnalyzer

#: A result, and the spans of each segment.
Explained = tuple[Masked, list[list[Span]]]
_MAX_TOGETHER = 1 << 20


class DeidEngine:
    """Masks sessions; not thread-safe. Loads its models offline; raises DeidError or ConfigError.

    `load_model` gives each model of the config; engines with different configs can share models. With
    `presidio`, spans and replacements pass through Presidio's analyzer and operators. Without the user's own
    recognizers the result is the same without, and Presidio, which takes a second to import, is not loaded
    before the residual check needs one of its recognizers.
    """

    def __init__(
        self,
        config: DeidConfig,
        key: bytes,
        load_model: Callable[[ModelConfig], NameModel] = load_name_model,
        *,
        presidio: bool = True,
    ) -> None:
        use_one_matrix_thread()
        self._config = config
        self._key = key
        self._scanner = PatternScanner()
        self._models: dict[str, NameModel] = {}
        names = None
        if config.finds_names:
            self._models = {language: load_model(one) for language, one in sorted(config.models.items())}
            tagger = shipped_tagger(config.tagger) if config.tagger.use else None
            names = NameFinder(config.tagger, tagger, self._models)
        self._custom = replacements(config.operators)
        self._forbidden = {e for e, one in config.operators.items() if one.operator == "drop_session"}
        self._words = WordTable(hmac.digest(key, b"words", "sha256"))
        self._signs = LineSigns()
        self._finder = SpanFinder(config, self._scanner, names)
        # Not a method of the engine: a reference back to it would keep its models in memory until the next
        # garbage collection, 250 MB an engine.
        find_alone = functools.partial(
            _find_alone, self._finder, self._words, self._signs, config.language.default
        )
        self._analyzer: SessionAnalyzer | None = None
        self._replace: Replace = Surrogates.of
        if presidio or config.recognizers:
            from transforms.deid.presidio import SessionAnalyzer, presidio_operator

            self._analyzer = SessionAnalyzer(find_alone, config.thresholds, config.recognizers)
            self._replace = presidio_operator()
        self._residual = ResidualCheck(self._scanner, _masked_types(config))

    def load_models(self) -> None:
        """Loads models that would otherwise be loaded at their first use; raises DeidError."""
        for model in self._models.values():
            model.load()

    def mask_sessions(self, sessions: Sequence[SessionText]) -> list[Masked]:
        """One result per session, in order."""
        return [masked for masked, _ in self.explain_sessions(sessions)]

    def explain(self, session: SessionText) -> Explained:
        """The result, and the spans of each segment; no spans for a session that is refused before it is
        read.
        """
        return self.explain_sessions([session])[0]

    def explain_sessions(self, sessions: Sequence[SessionText]) -> list[Explained]:
        """The same for several sessions, read in batches."""
        explained: list[Explained] = []
        for part in _parts(sessions):
            explained += self._explain(part)
        return explained

    def _explain(self, sessions: Sequence[SessionText]) -> list[Explained]:
        done: dict[int, Explained] = {}
        for n, session in enumerate(sessions):
            if _size(session) > self._config.refuse.max_characters:
                done[n] = _refused(Reason.OVERSIZE, self._config.language.default), []
        read = [n for n in range(len(sessions)) if n not in done]
        reading = self._read([sessions[n] for n in read])
        languages = self._languages(reading)
        found = self._find(reading, languages)
        kept: list[_FoundSession] = []
        for place, n in enumerate(read):
            language, supported = languages[place]
            spans = found[reading.bounds[place] : reading.bounds[place + 1]]
            reason = self._reason(sessions[n], supported, spans)
            if reason is None:
                kept.append(_FoundSession(n, sessions[n], language, spans))
            else:
                done[n] = _refused(reason, language), [] if reason == Reason.LANGUAGE_UNSUPPORTED else spans
        for one, explained in zip(kept, self._masked(kept), strict=True):
            done[one.number] = explained
        return [done[n] for n in range(len(sessions))]

    def _reason(
        self, session: SessionText, supported: bool, found: Sequence[Sequence[Span]]
    ) -> Reason | None:
        """The reason to refuse the session before masking, or None."""
        if not supported and self._config.language.unsupported == "refuse":
            return Reason.LANGUAGE_UNSUPPORTED
        refuse, size = self._config.refuse, _size(session)
        covered = sum(span.end - span.start for spans in found for span in spans)
        if size >= refuse.min_characters and covered > refuse.max_masked_fraction * size:
            return Reason.PII_DENSITY
        if self._forbidden & {span.type for spans in found for span in spans}:
            return Reason.PII_DENSITY
        return None

    def _masked(self, sessions: Sequence[_FoundSession]) -> list[Explained]:
        """The sessions masked, checked for residual PII, and masked again where the check found spans."""
        first = [self._mask(one.session, one.spans) for one in sessions]
        left = self._left(sessions, [one.spans for one in sessions], first)
        again = {n: sum(map(len, more)) for n, more in enumerate(left) if any(more)}
        spans = {
            n: [resolve([*old, *new]) for old, new in zip(sessions[n].spans, left[n], strict=True)]
            for n in again
        }
        second = {n: self._mask(sessions[n].session, spans[n]) for n in again}
        still = self._left([sessions[n] for n in again], list(spans.values()), list(second.values()))
        refused = {n for n, more in zip(again, still, strict=True) if any(more)}
        explained: list[Explained] = []
        for n, one in enumerate(sessions):
            found = spans.get(n, one.spans)
            if n in refused:
                explained.append((_refused(Reason.RESIDUAL_PII, one.language), found))
                continue
            entities = collections.Counter(span.type for spans in found for span in spans)
            texts = [made.text for made in second.get(n, first[n])]
            counts = dict(sorted(entities.items()))
            explained.append((Masked(texts, counts, one.language, None, again.get(n, 0)), found))
        return explained

    def _left(
        self,
        sessions: Sequence[_FoundSession],
        found: Sequence[list[list[Span]]],
        made: Sequence[Sequence[MaskedText]],
    ) -> list[list[list[Span]]]:
        """By session and text, the spans that the residual check finds."""
        segments = [segment for one in sessions for segment in one.session.segments]
        left = iter(self._residual.left(segments, _flat(made), _flat(found)))
        return [[next(left) for _ in one.session.segments] for one in sessions]

    def _mask(self, session: SessionText, found: Sequence[Sequence[Span]]) -> list[MaskedText]:
        texts = [segment.text for segment in session.segments]
        if not any(found):
            return [MaskedText(text, [], []) for text in texts]
        surrogates = Surrogates(
            self._config.surrogates,
            session_key(self._key, session.key),
            texts,
            found,
            self._config.operators,
            self._custom,
        )
        return [
            mask_text(segment.text, spans, surrogates, segment.kind, self._replace)
            for segment, spans in zip(session.segments, found, strict=True)
        ]

    def analyze(self, session: SessionText) -> list[list[Span]]:
        """The spans that Presidio's batch analyzer finds in each segment, before masking."""
        return self.analyze_sessions([session])[0]

    def analyze_sessions(self, sessions: Sequence[SessionText]) -> list[list[list[Span]]]:
        """The same for several sessions."""
        analyzed: list[list[list[Span]]] = []
        for part in _parts(sessions):
            reading = self._read(part)
            found = self._find(reading, [(self._config.language.default, True)] * len(part))
            analyzed += [found[low:high] for low, high in itertools.pairwise(reading.bounds)]
        return analyzed

    def _read(self, sessions: Sequence[SessionText]) -> Reading:
        return Reading([session.segments for session in sessions], self._words, self._signs)

    def _languages(self, reading: Reading) -> list[tuple[str, bool]]:
        """By session its language, and whether the config supports it."""
        config = self._config.language
        shares = (
            reading.shares_of_english().tolist() if config.default == "en" else [0.0] * len(reading.sessions)
        )
        languages = [
            language_of(segments, config, share)
            for segments, share in zip(reading.sessions, shares, strict=True)
        ]
        return [(language, language in config.supported) for language in languages]

    def _find(self, reading: Reading, languages: Sequence[tuple[str, bool]]) -> list[list[Span]]:
        found = self._finder.find(reading, [language if known else None for language, known in languages])
        if self._analyzer is None:
            return found
        return self._analyzer.spans([segment.text for segment in reading.segments], found)


class _FoundSession(NamedTuple):
    """A session to mask: its number in the batch, and its spans by text."""

    number: int
    session: SessionText
    language: str
    spans: list[list[Span]]


def _find_alone(
    finder: SpanFinder, words: WordTable, signs: LineSigns, language: str, text: str
) -> list[Span]:
    """The spans of one text, as a session of its own."""
    return finder.find(Reading([[Segment(text, "user")]], words, signs), [language])[0]


def _parts(sessions: Sequence[SessionText]) -> Iterator[Sequence[SessionText]]:
    """Batches of sessions in order: large enough for array operations, at most a mebibyte; a longer session
    alone.
    """
    begin = size = 0
    for n, session in enumerate(sessions):
        more = _size(session)
        if n > begin and size + more > _MAX_TOGETHER:
            yield sessions[begin:n]
            begin, size = n, 0
        size += more
    if begin < len(sessions):
        yield sessions[begin:]


def _flat[T](lists: Sequence[Sequence[T]]) -> list[T]:
    return [one for some in lists for one in some]


def _size(session: SessionText) -> int:
    return sum(len(segment.text) for segment in session.segments)


def _masked_types(config: DeidConfig) -> frozenset[str]:
    """Types that must not remain in the output: all with a threshold except those with the operator
    `keep`.
    """
    kept = {entity for entity, one in config.operators.items() if one.operator == "keep"}
    return frozenset(config.thresholds) - kept


def _refused(reason: Reason, language: str) -> Masked:
    return Masked([], {}, language, str(reason))
