"""All pattern rules over many texts: one Hyperscan pass says what to try where, exact expressions decide."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import hyperscan
import numpy as np

from transforms.deid.normalise import TWIN_TRIGGER, plain_twins
from transforms.deid.overlaps import resolve
from transforms.deid.rules import Rule
from transforms.deid.rules_accounts import ACCOUNT_RULES
from transforms.deid.rules_contact import CONTACT_RULES
from transforms.deid.rules_identifiers import IDENTIFIER_RULES
from transforms.deid.rules_network import NETWORK_RULES
from transforms.deid.rules_places import PLACE_RULES
from transforms.deid.rules_provider_keys import PROVIDER_KEY_RULES
from transforms.deid.rules_secrets import SECRET_RULES
from transforms.deid.spans import Span

RULES: tuple[Rule, ...] = (
    *CONTACT_RULES,
    *IDENTIFIER_RULES,
    *NETWORK_RULES,
    *PROVIDER_KEY_RULES,
    *SECRET_RULES,
    *ACCOUNT_RULES,
    *PLACE_RULES,
)
#: No identifier is shorter; most keys and words of tool inputs are.
_MIN_CHARACTERS = 4


class PatternScanner:
    """Finds structured identifiers and secrets. One instance a thread: Hyperscan has one scratch space."""

    def __init__(self, types: Collection[str] | None = None) -> None:
        self._rules = [rule for rule in RULES if types is None or rule.type in types]
        self._twin_id = len(self._rules)
        once = hyperscan.HS_FLAG_SINGLEMATCH
        triggers = [*(rule.trigger for rule in self._rules), TWIN_TRIGGER]
        reaches = [*(rule.reach for rule in self._rules), None]
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[trigger.encode() for trigger in triggers],
            ids=list(range(len(triggers))),
            elements=len(triggers),
            flags=[hyperscan.HS_FLAG_DOTALL | (once if reach is None else 0) for reach in reaches],
        )

    def scan(self, texts: Sequence[str]) -> list[list[Span]]:
        """Per text its spans, sorted and disjoint, in code points of the text as given."""
        return [self._scan(text) for text in texts]

    def _scan(self, text: str) -> list[Span]:
        if len(text) < _MIN_CHARACTERS:
            return []
        hits = self._triggers(text)
        spans = self._find(text, hits)
        if self._twin_id in hits:
            for twin in plain_twins(text):
                for span in self._find(twin.text, self._triggers(twin.text)):
                    spans.append(Span(*twin.original(span.start, span.end), span.type, span.score))
        return resolve(spans) if spans else []

    def _triggers(self, text: str) -> dict[int, list[int]]:
        """By rule, where its triggers end, in code points; one place for rules without a reach."""
        hits: dict[int, list[int]] = {}

        def note(rule: int, _start: int, end: int, *_: object) -> None:
            ends = hits.get(rule)
            if ends is None:
                hits[rule] = [end]
            else:
                ends.append(end)

        data = text.encode("utf-8", "surrogatepass")
        self._database.scan(data, match_event_handler=note)
        if hits and len(data) != len(text):
            bytes_ = np.frombuffer(data, dtype=np.uint8)
            characters = np.cumsum((bytes_ & 0xC0) != 0x80)
            hits = {rule: characters[np.array(ends) - 1].tolist() for rule, ends in hits.items()}
        return hits

    def _find(self, text: str, hits: dict[int, list[int]]) -> list[Span]:
        spans = []
        for number in sorted(hits):
            if number == self._twin_id:
                continue
            rule = self._rules[number]
            for found in _matches(rule, text, hits[number]):
                verdict = rule.judge(found)
                if verdict is not None:
                    spans.append(Span(verdict[0], verdict[1], rule.type, verdict[2]))
        return spans


def _matches(rule: Rule, text: str, ends: list[int]) -> Iterator[re.Match[str]]:
    """Matches of the exact expression, in the windows around the triggers only where the rule has a reach."""
    if rule.reach is None:
        yield from rule.exact.finditer(text)
        return
    back, ahead = rule.reach
    low, high = 0, -1
    for end in sorted(ends):
        if end - back > high:
            if high >= 0:
                yield from rule.exact.finditer(text, low, high)
            low = max(0, end - back)
        high = max(high, end + ahead)
    yield from rule.exact.finditer(text, low, high)
