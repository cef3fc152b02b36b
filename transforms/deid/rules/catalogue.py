"""All pattern rules, and a scan of one short text without a scanner."""

from __future__ import annotations

import re

from transforms.deid.contexts.cues import CUE_RULES
from transforms.deid.contexts.field_values import (
    FIELD_RULES,
    INSERT_TRIGGER,
    LIST_TRIGGER,
    inserted_spans,
    listed_spans,
)
from transforms.deid.contexts.log_users import LOG_USER_RULES
from transforms.deid.contexts.other_scripts import OTHER_SCRIPT_RULES
from transforms.deid.contexts.states import STATE_RULES
from transforms.deid.rules.accounts import ACCOUNT_RULES
from transforms.deid.rules.assigned import ASSIGNED_RULES
from transforms.deid.rules.broken_lines import BROKEN_RULES
from transforms.deid.rules.command_lines import COMMAND_RULES
from transforms.deid.rules.contact import CONTACT_RULES
from transforms.deid.rules.credentials import CREDENTIAL_RULES
from transforms.deid.rules.government import GOVERNMENT_RULES
from transforms.deid.rules.handles import HANDLE_RULES
from transforms.deid.rules.identifiers import IDENTIFIER_RULES
from transforms.deid.rules.network import NETWORK_RULES
from transforms.deid.rules.places import PLACE_RULES
from transforms.deid.rules.provider_keys import PROVIDER_KEY_RULES
from transforms.deid.rules.random_tokens import RANDOM_RULES
from transforms.deid.rules.rule import Rule, Verdict, compiled
from transforms.deid.rules.secret_values import is_public
from transforms.deid.rules.spoken import SPOKEN_RULES
from transforms.deid.rules.table_cells import TABLE_TRIGGER, table_cells
from transforms.deid.rules.titles import TITLE_RULES
from transforms.deid.spans import Span
from transforms.deid.text.normalise import normalised_copies
from transforms.deid.text.overlaps import resolve

_ALL: tuple[Rule, ...] = (
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
    *CUE_RULES,
    *STATE_RULES,
    *FIELD_RULES,
    *COMMAND_RULES,
    *LOG_USER_RULES,
    *OTHER_SCRIPT_RULES,
)


def _unless_public(rule: Rule) -> Rule:
    """The rule, without values that are public by design."""

    def judge(found: re.Match[str]) -> Verdict | None:
        verdict = rule.judge(found)
        return None if verdict is None or is_public(found.string, *verdict[:2]) else verdict

    return rule._replace(judge=judge)


RULES: tuple[Rule, ...] = tuple(_unless_public(rule) if rule.type == "SECRET" else rule for rule in _ALL)

#: Readers of tables, statements and lists, with their triggers as expressions of Python.
_READERS = (
    (TABLE_TRIGGER.replace(r"\z", r"\Z"), table_cells),
    (INSERT_TRIGGER, inserted_spans),
    (LIST_TRIGGER, listed_spans),
)


def spans_of(text: str) -> list[Span]:
    """The spans that `PatternScanner` finds in a text, by trying every exact expression on the whole text.

    For a few hundred names this takes less time than building the scanner.
    """
    spans = []
    for copy in (None, *normalised_copies(text)):
        read = text if copy is None else copy.text
        for rule in RULES:
            for found in compiled(rule.exact).finditer(read):
                verdict = rule.judge(found)
                if verdict is not None:
                    start, end = verdict[:2] if copy is None else copy.original(*verdict[:2])
                    spans.append(Span(start, end, rule.type, verdict[2]))
        for trigger, reader in _READERS:
            for span in reader(read, [match.end() for match in re.finditer(trigger, read)]):
                start, end = span[:2] if copy is None else copy.original(*span[:2])
                spans.append(span._replace(start=start, end=end))
    return resolve(spans)
