"""What is found once in a session is masked wherever it stands again in that session, in any field."""

from __future__ import annotations

import re
from collections.abc import Sequence

from transforms.deid.lexicon import is_common_word
from transforms.deid.overlaps import resolve
from transforms.deid.spans import Span

_VERBATIM = frozenset(
    {
        "SECRET",
        "CREDIT_CARD",
        "IBAN_CODE",
        "EMAIL_ADDRESS",
        "US_SSN",
        "GOV_ID",
        "PHONE_NUMBER",
        "IP_ADDRESS",
        "MAC_ADDRESS",
        "BANK_ACCOUNT",
    }
)
_MIN_VERBATIM = 6
_MIN_USERNAME = 3
_MAX_VALUES = 2_000


def propagate_values(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """`found` with every verbatim other occurrence of a found value added; user names by whole words."""
    values: dict[str, Span] = {}
    users: dict[str, Span] = {}
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            value = text[span.start : span.end]
            if span.type == "USERNAME":
                name = value.lower()
                if len(name) >= _MIN_USERNAME and not is_common_word(name) and name not in users:
                    users[name] = span
            elif span.type in _VERBATIM and len(value) >= _MIN_VERBATIM:
                values.setdefault(value, span)
    if not values and not users:
        return [list(spans) for spans in found]
    longest = sorted(values, key=lambda value: (-len(value), value))[:_MAX_VALUES]
    names = sorted(users, key=lambda name: (-len(name), name))[:_MAX_VALUES]
    parts = [re.escape(value) for value in longest]
    parts += [f"(?<![A-Za-z0-9])(?i:{re.escape(name)})(?![A-Za-z0-9])" for name in names]
    expression = re.compile("|".join(parts))
    return [
        resolve([*spans, *(_again(match, values, users) for match in expression.finditer(text))])
        for text, spans in zip(texts, found, strict=True)
    ]


def _again(match: re.Match[str], values: dict[str, Span], users: dict[str, Span]) -> Span:
    first = values.get(match.group()) or users[match.group().lower()]
    return Span(match.start(), match.end(), first.type, first.score)
