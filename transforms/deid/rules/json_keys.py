"""Spans of tool input values with a JSON key that names their entity type."""

from __future__ import annotations

import functools
import re

from transforms.deid.rules.places import GENERIC_USERS
from transforms.deid.rules.secret_values import looks_secret
from transforms.deid.spans import Segment, Span

_SECRET = re.compile(
    r"(?i)secret|token|passw|passphrase|pwd|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key|credential"
)
_NOT_SECRET = re.compile(
    r"(?i)(?:max|num|total|prompt|completion|input|output|cache)\w*_?tokens?|tokens\Z|token_(?:count|type)"
)
_PHONE = re.compile(r"(?i)(?:\A|_)(?:phone|tel|telephone|mobile|fax|cell)(?:_?(?:number|no))?\Z|phone")
_GOVERNMENT = re.compile(
    r"(?i)ssn|social_?(?:security|insurance)|tax_?(?:id|file)|passport|national_?(?:id|insurance)|licen[cs]e_?(?:no|number|plate)|driver|"
    r"(?:\A|_)(?:mrn|npi|nhs|nino?|cpf|curp|dni|nif|nie|bsn|sin|tfn|vin|pesel)(?:_?(?:no|number))?\Z|aadhaa?r|medical_?record|"
    r"(?:patient|member|insurance|insured|policy|subscriber|beneficiary|student|employee|badge)_?(?:id|no|number)\Z"
)
_BANK = re.compile(r"(?i)account_?(?:no|number)|iban|routing")
_PERSON = re.compile(
    r"(?i)\A(?:(?:full|first|last|given|family|middle|display|customer|patient|employee|contact|author|sender|"
    r"recipient|owner|user)_?name|name|surname|author|assignee|reviewer|customer|patient|contact|attendee)s?\Z"
)
#: Keys of one part of a name; the value is one word.
_PART_OF_NAME = re.compile(r"(?i)\A(?:first|last|given|family|middle)_?name\Z|\Asurname\Z")
_USER = re.compile(r"(?i)\A(?:user_?name|login|screen_?name|handle)\Z")
_ADDRESS = re.compile(r"(?i)address(?:_?line)?_?\d?\Z|street")
_BIRTH = re.compile(r"(?i)\bdob\b|birth")
_NAME_SHAPE = re.compile(r"[A-ZÀ-ÞŠŽČĆĐŁŚŻ][\w'’.-]*(?: [A-Za-zÀ-ÿŠšŽžČčĆćĐđŁł][\w'’.-]*){0,4}\Z")
_MAX_LEAF = 256
#: Keys by entity type, in order of precedence; a key of a secret takes precedence over all.
_KINDS = (
    ("PHONE_NUMBER", _PHONE),
    ("GOV_ID", _GOVERNMENT),
    ("BANK_ACCOUNT", _BANK),
    ("DATE_OF_BIRTH", _BIRTH),
    ("USERNAME", _USER),
    ("PERSON", _PERSON),
    ("ADDRESS", _ADDRESS),
)
#: The minimum and maximum number of digits of a value, and its maximum length.
_NUMBERS = {
    "PHONE_NUMBER": (7, 15, _MAX_LEAF),
    "GOV_ID": (5, 30, 30),
    "BANK_ACCOUNT": (6, 42, 42),
    "DATE_OF_BIRTH": (4, _MAX_LEAF, _MAX_LEAF),
}


def keyed_span(segment: Segment) -> Span | None:
    """The whole value as a span, if key and shape agree on a type."""
    key, text = segment.key, segment.text
    if not key or not 3 <= len(text) <= _MAX_LEAF:
        return None
    kind = _said_by(key)
    if kind is None or not _shaped(kind, key, text):
        return None
    return Span(0, len(text), kind, 0.7 if kind == "PERSON" else 0.8)


@functools.lru_cache(maxsize=4_096)
def _said_by(key: str) -> str | None:
    """The entity type that a key names."""
    if _SECRET.search(key) and not _NOT_SECRET.search(key):
        return "SECRET"
    found = (kind for kind, expression in _KINDS if expression.search(key))
    return next(found, None)


def _shaped(kind: str, key: str, text: str) -> bool:
    """True if the value has the shape of the key's type."""
    if kind == "SECRET":
        return looks_secret(text, "pass" in key.lower() or "pwd" in key.lower())
    if kind == "USERNAME":
        return re.fullmatch(r"[\w.-]{2,40}", text) is not None and text.lower() not in GENERIC_USERS
    if kind == "PERSON":
        return (" " in text or _PART_OF_NAME.search(key) is not None) and _NAME_SHAPE.match(text) is not None
    digits = sum(character.isdigit() for character in text)
    if kind == "ADDRESS":
        return digits > 0 and " " in text and "@" not in text and "://" not in text
    least, most, longest = _NUMBERS[kind]
    return least <= digits <= most and len(text) <= longest
