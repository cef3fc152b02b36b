"""All pattern rules over many texts: one Hyperscan pass says what to try where, exact expressions decide."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from transforms.deid.hits import Expressions
from transforms.deid.normalise import TWIN_TRIGGER, plain_twins
from transforms.deid.overlaps import resolve
from transforms.deid.rules import Rule
from transforms.deid.rules_accounts import ACCOUNT_RULES
from transforms.deid.rules_assigned import ASSIGNED_RULES
from transforms.deid.rules_contact import CONTACT_RULES
from transforms.deid.rules_credentials import CREDENTIAL_RULES
from transforms.deid.rules_identifiers import IDENTIFIER_RULES
from transforms.deid.rules_network import NETWORK_RULES
from transforms.deid.rules_places import PLACE_RULES
from transforms.deid.rules_provider_keys import PROVIDER_KEY_RULES
from transforms.deid.rules_random import RANDOM_RULES
from transforms.deid.rules_spoken import SPOKEN_RULES
from transforms.deid.rules_titles import TITLE_RULES
from transforms.deid.spans import Span
from transforms.deid.texts import Texts

RULES: tuple[Rule, ...] = (
    *CONTACT_RULES,
    *IDENTIFIER_RULES,
    *NETWORK_RULES,
    *PROVIDER_KEY_RULES,
    *CREDENTIAL_RULES,
    *ASSIGNED_RULES,
    *SPOKEN_RULES,
    *RANDOM_RULES,
    *ACCOUNT_RULES,
    *PLACE_RULES,
    *TITLE_RULES,
)
#: No identifier is shorter; most keys and words of tool inputs are.
_MIN_CHARACTERS = 4


class PatternScanner:
    """Finds structured identifiers and secrets. One instance a thread: Hyperscan has one scratch space."""

    def __init__(self, types: Collection[str] | None = None) -> None:
        self._rules = [rule for rule in RULES if types is None or rule.type in types]
        self._twin = len(self._rules)
        self._triggers = Expressions([*(rule.trigger for rule in self._rules), TWIN_TRIGGER])

    def scan(self, texts: Sequence[str]) -> list[list[Span]]:
        """Per text its spans, sorted and disjoint, in code points of the text as given."""
        return self.scan_all(Texts(texts))

    def scan_all(self, texts: Texts) -> list[list[Span]]:
        """The same for texts that are laid out already."""
        found, twins = self._find(texts)
        disguised = [(n, twin) for n in twins for twin in plain_twins(texts.each[n])]
        if disguised:
            again, _ = self._find(Texts([twin.text for _, twin in disguised]))
            for (n, twin), spans in zip(disguised, again, strict=True):
                found[n] += [Span(*twin.original(s.start, s.end), s.type, s.score) for s in spans]
        return [resolve(spans) if spans else spans for spans in found]

    def _find(self, texts: Texts) -> tuple[list[list[Span]], list[int]]:
        """Per text its spans, unresolved; and the numbers of the texts that may have twins."""
        found: list[list[Span]] = [[] for _ in texts.each]
        twins: list[int] = []
        rules, ends = self._triggers.hits(texts)
        if not len(rules):
            return found, twins
        places = texts.text_of(ends)
        ends -= texts.begins[places]
        edges = np.flatnonzero((np.diff(rules) != 0) | (np.diff(places) != 0)) + 1
        bounds = [0, *edges.tolist(), len(rules)]
        firsts = bounds[:-1]
        for number, place, low, high in zip(
            rules[firsts].tolist(), places[firsts].tolist(), firsts, bounds[1:], strict=True
        ):
            text = texts.each[place]
            if number == self._twin:
                twins.append(place)
            elif len(text) >= _MIN_CHARACTERS:
                rule = self._rules[number]
                for match in _matches(rule, text, ends[low:high].tolist()):
                    verdict = rule.judge(match)
                    if verdict is not None:
                        found[place].append(Span(verdict[0], verdict[1], rule.type, verdict[2]))
        return found, twins


def _matches(rule: Rule, text: str, ends: list[int]) -> Iterator[re.Match[str]]:
    """Matches of the exact expression, in the windows around the triggers only where the rule has a reach."""
    if rule.reach is None:
        yield from rule.exact.finditer(text)
        return
    back, ahead = rule.reach
    low, high = 0, -1
    for end in ends:
        if end - back > high:
            if high >= 0:
                yield from rule.exact.finditer(text, low, high)
            low = max(0, end - back)
        high = max(high, end + ahead)
    yield from rule.exact.finditer(text, low, high)
