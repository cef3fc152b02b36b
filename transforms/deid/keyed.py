"""Leaves of a tool input whose JSON key says what they are."""

from __future__ import annotations

import re

from transforms.deid.rules_places import GENERIC_USERS
from transforms.deid.secret_values import looks_secret
from transforms.deid.spans import Segment, Span

_SECRET = re.compile(
    r"(?i)secret|token|passw|passphrase|pwd|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key|credential"
)
_NOT_SECRET = re.compile(
    r"(?i)(?:max|num|total|prompt|completion|input|output|cache)\w*_?tokens?|tokens\Z|token_(?:count|type)"
)
_PHONE = re.compile(r"(?i)(?:\A|_)(?:phone|tel|telephone|mobile|fax|cell)(?:_?(?:number|no))?\Z|phone")
_GOVERNMENT = re.compile(
    r"(?i)ssn|social_?security|tax_?id|passport|national_?id|licen[cs]e_?(?:no|number)|driver"
)
_BANK = re.compile(r"(?i)account_?(?:no|number)|iban|routing")
_PERSON = re.compile(
    r"(?i)\A(?:(?:full|first|last|given|family|middle|display|customer|patient|employee|contact|author|sender|"
    r"recipient|owner|user)_?name|name|surname|author|assignee|reviewer|customer|patient|contact|attendee)s?\Z"
)
_USER = re.compile(r"(?i)\A(?:user_?name|login|screen_?name|handle)\Z")
_ADDRESS = re.compile(r"(?i)address(?:_?line)?_?\d?\Z|street")
_BIRTH = re.compile(r"(?i)\bdob\b|birth")
_NAME_SHAPE = re.compile(r"[A-ZÀ-ÞŠŽČĆĐŁŚŻ][\w'’.-]*(?: [A-Za-zÀ-ÿŠšŽžČčĆćĐđŁł][\w'’.-]*){0,4}\Z")
_MAX_LEAF = 256


def keyed_span(segment: Segment) -> Span | None:
    """The whole leaf as a span, where its key and its shape agree on what it is."""
    key, text = segment.key, segment.text
    if not key or not 3 <= len(text) <= _MAX_LEAF:
        return None
    digits = sum(character.isdigit() for character in text)
    kind, score = None, 0.8
    if _SECRET.search(key) and not _NOT_SECRET.search(key):
        kind = "SECRET" if looks_secret(text, "pass" in key.lower() or "pwd" in key.lower()) else None
    elif _PHONE.search(key):
        kind = "PHONE_NUMBER" if 7 <= digits <= 15 else None
    elif _GOVERNMENT.search(key):
        kind = "GOV_ID" if digits >= 5 and len(text) <= 30 else None
    elif _BANK.search(key):
        kind = "BANK_ACCOUNT" if digits >= 6 and len(text) <= 42 else None
    elif _BIRTH.search(key):
        kind = "DATE_OF_BIRTH" if digits >= 4 else None
    elif _USER.match(key):
        kind = (
            "USERNAME" if re.fullmatch(r"[\w.-]{2,40}", text) and text.lower() not in GENERIC_USERS else None
        )
    elif _PERSON.match(key):
        kind, score = ("PERSON", 0.7) if " " in text and _NAME_SHAPE.match(text) else (None, 0.0)
    elif _ADDRESS.search(key):
        kind = "ADDRESS" if digits and " " in text and "@" not in text and "://" not in text else None
    return Span(0, len(text), kind, score) if kind else None
