"""All pattern rules over many texts: one Hyperscan pass says which rules to try, exact expressions decide."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import hyperscan

from transforms.deid.normalise import plain_twin
from transforms.deid.overlaps import resolve
from transforms.deid.rules import Rule
from transforms.deid.rules_identifiers import IDENTIFIER_RULES
from transforms.deid.rules_places import PLACE_RULES
from transforms.deid.rules_secrets import SECRET_RULES
from transforms.deid.spans import Span

RULES: tuple[Rule, ...] = (*IDENTIFIER_RULES, *SECRET_RULES, *PLACE_RULES)
#: No identifier is shorter; most keys and words of tool inputs are.
_MIN_CHARACTERS = 4


class PatternScanner:
    """Finds structured identifiers and secrets. One instance a thread: Hyperscan has one scratch space."""

    def __init__(self, types: Collection[str] | None = None) -> None:
        self._rules = [rule for rule in RULES if types is None or rule.type in types]
        self._database = hyperscan.Database()
        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
        self._database.compile(
            expressions=[rule.trigger.encode() for rule in self._rules],
            ids=list(range(len(self._rules))),
            elements=len(self._rules),
            flags=[flags] * len(self._rules),
        )

    def scan(self, texts: Sequence[str]) -> list[list[Span]]:
        """Per text its spans, sorted and disjoint, in code points of the text as given."""
        return [self._scan(text) for text in texts]

    def _scan(self, text: str) -> list[Span]:
        if len(text) < _MIN_CHARACTERS:
            return []
        spans = self._find(text)
        twin = plain_twin(text)
        if twin is not None:
            plain, places = twin
            spans += [
                Span(places[s.start], places[s.end - 1] + 1, s.type, s.score) for s in self._find(plain)
            ]
        return resolve(spans) if spans else []

    def _find(self, text: str) -> list[Span]:
        triggered: set[int] = set()

        def note(rule: int, *_: object) -> None:
            triggered.add(rule)

        self._database.scan(text.encode("utf-8", "surrogatepass"), match_event_handler=note)
        spans = []
        for number in sorted(triggered):
            rule = self._rules[number]
            for found in rule.exact.finditer(text):
                verdict = rule.judge(found)
                if verdict is not None:
                    spans.append(Span(verdict[0], verdict[1], rule.type, verdict[2]))
        return spans
