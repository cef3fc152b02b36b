"""All pattern rules, and a scan of one short text without a scanner."""

from __future__ import annotations

from transforms.deid.rules.accounts import ACCOUNT_RULES
from transforms.deid.rules.assigned import ASSIGNED_RULES
from transforms.deid.rules.broken_lines import BROKEN_RULES
from transforms.deid.rules.contact import CONTACT_RULES
from transforms.deid.rules.credentials import CREDENTIAL_RULES
from transforms.deid.rules.government import GOVERNMENT_RULES
from transforms.deid.rules.handles import HANDLE_RULES
from transforms.deid.rules.identifiers import IDENTIFIER_RULES
from transforms.deid.rules.network import NETWORK_RULES
from transforms.deid.rules.places import PLACE_RULES
from transforms.deid.rules.provider_keys import PROVIDER_KEY_RULES
from transforms.deid.rules.random_tokens import RANDOM_RULES
from transforms.deid.rules.rule import Rule
from transforms.deid.rules.spoken import SPOKEN_RULES
from transforms.deid.rules.titles import TITLE_RULES
from transforms.deid.spans import Span
from transforms.deid.text.normalise import normalised_copies
from transforms.deid.text.overlaps import resolve

RULES: tuple[Rule, ...] = (
    *CONTACT_RULES,
    *IDENTIFIER_RULES,
    *GOVERNMENT_RULES,
    *BROKEN_RULES,
    *NETWORK_RULES,
    *PROVIDER_KEY_RULES,
    *CREDENTIAL_RULES,
    *ASSIGNED_RULES,
    *SPOKEN_RULES,
    *RANDOM_RULES,
    *ACCOUNT_RULES,
    *HANDLE_RULES,
    *PLACE_RULES,
    *TITLE_RULES,
)


def spans_of(text: str) -> list[Span]:
    """The spans that `PatternScanner` finds in a text, by trying every exact expression on the whole text.

    For a few hundred names this takes less time than building the scanner.
    """
    spans = []
    for copy in (None, *normalised_copies(text)):
        read = text if copy is None else copy.text
        for rule in RULES:
            for found in rule.exact.finditer(read):
                verdict = rule.judge(found)
                if verdict is not None:
                    start, end = verdict[:2] if copy is None else copy.original(*verdict[:2])
                    spans.append(Span(start, end, rule.type, verdict[2]))
    return resolve(spans)
