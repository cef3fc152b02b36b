"""Values that contain a line end: cards, telephone numbers and mailboxes that e-mail or a terminal wrapped.

Ordinary words are wrapped in the same way, so each value needs more evidence than its shape.
"""

from __future__ import annotations

import re

from transforms.deid.evidence import CHECKED, FORM
from transforms.deid.rules.contact import is_possible_number, is_service_mailbox, top_level_domains
from transforms.deid.rules.identifiers import CARD_CONTEXT, is_card_number
from transforms.deid.rules.rule import Rule, Verdict, before

_LINE_END = r"[ \t]{0,2}(?:\r?\n|\\n)[ \t>|#*]{0,6}"
_SIGN = rf"(?:{_LINE_END}|[ \-]?)"


def _card(found: re.Match[str]) -> Verdict | None:
    """Digit groups as printed on cards, with a word for a card before them."""
    if not is_card_number(found.group()) or not CARD_CONTEXT.search(before(found, 60)):
        return None
    return found.start(), found.end(), CHECKED


def _phone(found: re.Match[str]) -> Verdict | None:
    """An international number that has the length of its country only with the digits after the line end."""
    alone, whole = (f"+{re.sub(r'\D', '', text)}" for text in (found.group("first"), found.group()))
    if is_possible_number(alone, valid=True) or not is_possible_number(whole, valid=True):
        return None
    return found.start(), found.end(), FORM


def _email(found: re.Match[str]) -> Verdict | None:
    last = found.group("domain").rsplit(".", 1)[-1].lower()
    if last not in top_level_domains() or is_service_mailbox(found.group("local")):
        return None
    return found.start(), found.end(), CHECKED


BROKEN_RULES = (
    Rule(
        "CREDIT_CARD",
        r"\d{4}[ \t]{0,2}(?:\r?\n|\\n)[ \t>|#*]{0,6}\d{4}",
        rf"(?<![\d.])\d{{4}}{_SIGN}\d{{4}}{_SIGN}\d{{4}}{_SIGN}\d{{4}}(?![\d.]\d|\d)",
        _card,
        (110, 40),
    ),
    Rule(
        "PHONE_NUMBER",
        r"\d[ \t]{0,2}\r?\n[ \t>|#*]{0,6}\d{2}",
        rf"(?<![A-Za-z0-9+])(?P<first>\+[1-9]\d?[\d ().-]{{3,16}}\d){_LINE_END}\d{{2,5}}(?:[ .-]\d{{2,5}}){{0,2}}(?![\d\w])",
        _phone,
        (40, 24),
    ),
    Rule(
        "EMAIL_ADDRESS",
        r"[A-Za-z0-9](?:@[ \t]{0,2}\r?\n|[ \t]{0,2}\r?\n[ \t>|#*]{0,6}@)",
        (
            rf"(?<![\w.+-])(?P<local>[A-Za-z][\w.+-]{{0,62}}[A-Za-z0-9])(?:@{_LINE_END}|{_LINE_END}@)"
            r"(?P<domain>[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24})(?![\w(])"
        ),
        _email,
        (80, 300),
    ),
)
