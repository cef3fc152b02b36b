"""Fields: which names of keys, columns, elements and parameters say that a value is of an entity type.

One row of `FIELDS` counts for the leaves of tool inputs, table cells, JSON text, assignments, calls, SQL and
markup alike.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from transforms.deid.contexts.name_words import ANY, CLEAR, accepted
from transforms.deid.evidence import LIKELY, STATED
from transforms.deid.people.lexicon import is_clear_first_name, is_common_word, is_listed, last_names
from transforms.deid.rules.places import GENERIC_USERS
from transforms.deid.rules.secret_values import looks_secret
from transforms.deid.spans import Segment, Span
from transforms.deid.text.casing import CAPITALS

_SECRET = re.compile(
    r"(?i)secret|token|passw|passphrase|pwd|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key|credential"
)
_NOT_SECRET = re.compile(
    r"(?i)(?:max|num|total|prompt|completion|input|output|cache)\w*_?tokens?|tokens\Z|token_(?:count|type)"
)
#: Whose names are fields of their own, and before "_name".
_ROLES = (
    r"author|assignee|reviewer|approver|customer|patient|contact|attendee|tenant|landlord|employee|recipient|sender|cardholder|"
    r"beneficiary|guest|passenger|spouse|nurse|physician|teacher|student|applicant|candidate|interviewer|"
    r"reporter|manager|supervisor|owner|creator|maintainer|committer|signatory|witness|driver|buyer|seller|payee|payer|"
    r"account_?holder|next_?of_?kin|emergency_?contact|primary_?contact"
)
_PARTS = r"first|last|given|family|middle|maiden|fore|sur"


class Field(NamedTuple):
    """The entity type of a value, and the expression that its key matches as a whole or in part."""

    type: str
    key: re.Pattern[str]


#: By precedence; a key of a secret takes precedence over all.
FIELDS = (
    Field(
        "PHONE_NUMBER",
        re.compile(r"(?i)(?:\A|_)(?:phone|tel|telephone|mobile|fax|cell)(?:_?(?:number|no))?\Z|phone"),
    ),
    Field(
        "GOV_ID",
        re.compile(
            r"(?i)ssn|social_?(?:security|insurance)|tax_?(?:id|file)|passport|national_?(?:id|insurance)|licen[cs]e_?(?:no|number|plate)|"
            r"driver_?(?:id|no|number|licen[cs]e)|driver_|"
            r"(?:\A|_)(?:mrn|npi|nhs|nino?|cpf|curp|dni|nif|nie|bsn|sin|tfn|vin|pesel)(?:_?(?:no|number))?\Z|aadhaa?r|medical_?record|"
            r"(?:patient|member|insurance|insured|policy|subscriber|beneficiary|student|employee|badge)_?(?:id|no|number)\Z"
        ),
    ),
    Field("BANK_ACCOUNT", re.compile(r"(?i)account_?(?:no|number)|iban|routing")),
    Field("DATE_OF_BIRTH", re.compile(r"(?i)\bdob\b|birth")),
    Field("USERNAME", re.compile(r"(?i)\A(?:user_?name|login|screen_?name|handle)\Z")),
    Field(
        "PERSON",
        re.compile(
            rf"(?i)\A(?:(?:full|display|legal|real|preferred|nick|user|contact|person|{_ROLES})_?names?|(?:{_PARTS})_?names?|"
            rf"names?|(?:{_ROLES})s?|(?:assigned|created|updated|reviewed|approved|requested|reported|submitted|written|signed)_?(?:to|by))\Z"
        ),
    ),
    Field("ADDRESS", re.compile(r"(?i)address(?:_?line)?_?\d?\Z|street")),
)
#: Keys of one part of a name: the value may be in capitals or lower case.
_PART_OF_NAME = re.compile(rf"(?i)\A(?:{_PARTS})_?names?\Z")
#: Keys that products, files and jobs also have.
_OF_ANYTHING = re.compile(
    r"(?i)\A(?:names?|display_?names?|owners?|nick_?names?|creator|manager|driver|contact|customer|seller|buyer)\Z"
)
_NAME_SHAPE = re.compile(rf"[{CAPITALS}][\w'’.-]*(?: [^\W\d_][\w'’.-]*){{0,4}}\Z")
_LOWER_NAME = re.compile(r"[^\W\d_]{3,20}\Z")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MAX_LEAF = 256
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
    if not key or not 2 <= len(text) <= _MAX_LEAF:
        return None
    key = _CAMEL.sub("_", key)
    kind = type_of_key(key)
    if kind is None or not _shaped(kind, key, text):
        return None
    return Span(0, len(text), kind, LIKELY if kind == "PERSON" else STATED)


@functools.lru_cache(maxsize=4_096)
def type_of_key(key: str) -> str | None:
    """The entity type that a key names."""
    if _SECRET.search(key) and not _NOT_SECRET.search(key):
        return "SECRET"
    return next((field.type for field in FIELDS if field.key.search(key)), None)


def _shaped(kind: str, key: str, text: str) -> bool:
    """True if the value has the shape of the key's type."""
    if kind == "PERSON":
        return names_a_person(key, text)
    if len(text) < 3:
        return False
    if kind == "SECRET":
        return looks_secret(text, "pass" in key.lower() or "pwd" in key.lower())
    if kind == "USERNAME":
        return re.fullmatch(r"[\w.-]{2,40}", text) is not None and text.lower() not in GENERIC_USERS
    digits = sum(character.isdigit() for character in text)
    if kind == "ADDRESS":
        return digits > 0 and " " in text and "@" not in text and "://" not in text
    least, most, longest = _NUMBERS[kind]
    return least <= digits <= most and len(text) <= longest


def names_a_person(key: str, text: str) -> bool:
    """True for a person's name as the value of such a key. A key that things also have asks for a listed name."""
    if _PART_OF_NAME.match(key):
        return _is_part(text)
    if _NAME_SHAPE.match(text) is None or (text.isupper() and " " not in text):
        return False
    words = text.split(" ")
    if not _OF_ANYTHING.match(key):
        return accepted(words, ANY) == len(words)
    if len(words) == 1:
        return is_clear_first_name(text)
    known = is_listed(words[0]) or is_listed(words[-1])
    if known and accepted(words, ANY) == len(words):
        return (
            accepted(words, CLEAR) > 0 or words[-1].lower() in last_names() or not is_common_word(words[-1])
        )
    return not any(is_common_word(word.strip(".")) for word in words) and accepted(words, ANY) == len(words)


def _is_part(text: str) -> bool:
    if _NAME_SHAPE.match(text) is not None:
        words = text.title().split(" ") if text.isupper() else text.split(" ")
        return accepted(words, ANY) == len(words)
    return (
        _LOWER_NAME.match(text) is not None
        and text.islower()
        and is_listed(text)
        and not is_common_word(text)
    )
