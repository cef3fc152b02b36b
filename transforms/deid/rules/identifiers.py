"""Cards, accounts and US social security numbers: by shape, check digit and context."""

from __future__ import annotations

import re

from stdnum.iso7064 import mod_97_10

from transforms.deid.evidence import FORM, LIKELY, PROVEN, WEAK
from transforms.deid.rules.check_digits import IBAN_LENGTH, luhn
from transforms.deid.rules.rule import BEGIN, END, Rule, Verdict, before, whole

CARD_CONTEXT = re.compile(r"(?i)card|visa|amex|mastercard|\bcc\b|credit|debit|payment")
#: Issuer ranges by ISO/IEC 7812 as the card networks publish them.
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}\Z|5[1-5]\d{14}\Z|2(?:2[2-9]|[3-6]\d|7[01])\d{13}\Z|3[47]\d{13}\Z|"
    r"3(?:0[0-5]|[68]\d)\d{11}\Z|6(?:011|5\d\d|4[4-9]\d)\d{12}(?:\d{3})?\Z|(?:2131|1800|35\d{3})\d{11}\Z|"
    r"62\d{14,17}\Z|(?:5018|5020|5038|6304|6759|676[1-3])\d{8,15}\Z"
)


def _card(found: re.Match[str]) -> Verdict | None:
    """The longest run of digit groups that is a card number. Other numbers may follow it."""
    text = found.group("digits")
    # The minutes of a time, then another number: `16:54 20260208000001_init.sql`.
    if re.search(r"\d:\Z", before(found, 2, "digits")):
        return None
    for end in range(len(text), 11, -1):
        if not text[end - 1].isdigit() or text[end : end + 1].isalnum():
            continue
        digits = re.sub(r"\D", "", text[:end])
        if len(digits) < 12:
            break
        if len(set(digits)) < 2 or not luhn(digits):
            continue
        if _ISSUER.match(digits):
            return found.start("digits"), found.start("digits") + end, PROVEN
        if CARD_CONTEXT.search(before(found, 60, "digits")):
            return found.start("digits"), found.start("digits") + end, WEAK
    return None


def _parted_card(found: re.Match[str]) -> Verdict | None:
    return (found.start(), found.end(), PROVEN) if is_card_number(found.group()) else None


def is_card_number(text: str) -> bool:
    """True for a number in an issuer's range with a correct check digit, in any grouping."""
    digits = re.sub(r"\D", "", text)
    return luhn(digits) and _ISSUER.match(digits) is not None


def _iban(found: re.Match[str]) -> Verdict | None:
    text = found.group("iban")
    length = IBAN_LENGTH.get(text[:2].upper())
    if length is None:
        return None
    seen = 0
    for place, character in enumerate(text):
        seen += character.isalnum()
        if seen == length:
            compact = re.sub(r"[^A-Za-z0-9]", "", text[: place + 1]).upper()
            rest = text[place + 1 : place + 2]
            if mod_97_10.is_valid(compact[4:] + compact[:4]) and not rest.isalnum():
                return found.start("iban"), found.start("iban") + place + 1, PROVEN
            return None
    return None


def _ssn(found: re.Match[str]) -> Verdict | None:
    area, group, serial = re.split(r"[- ]", found.group())
    if area in ("000", "666") or group == "00" or serial == "0000":
        return None
    return found.start(), found.end(), FORM if area < "900" else LIKELY


_BANK_WORDS = (
    r"account[ _-]?(?:no\b|num(?:ber)?|#)|acct\.?[ _-]?(?:no\b|num(?:ber)?|#)|bank account|kontonummer|sort[ _-]?code|"
    r"routing(?:[ _-]?(?:no\b|num(?:ber)?))?|(?:account|acct\.?|a/c)(?= \d{7})"
)


IDENTIFIER_RULES = (
    Rule(
        "CREDIT_CARD",
        r"\d[ \-]?\d{2,4}[ \-]?\d{2,6}[ \-]?\d{2,6}|\d{4}(?:\xc2\xa0|\xe2\x80\x89)\d{4}",
        (
            r"(?=\d)(?:(?<![A-Za-z0-9.])|(?<=\\[ntr])|(?<=[^\d]\.)|(?<=[Cc]ard)|(?<=CARD)|(?<=[Vv]isa)|(?<=\b[Cc][Cc]))"
            r"(?=(?P<digits>\d(?:[ \-\u00a0\u2009]{0,2}\d){11,18})(?!\d))"
        ),
        _card,
        (48, 72),
    ),
    Rule(
        # Separators other than spaces and dashes are accepted only between the groups printed on cards.
        "CREDIT_CARD",
        r"\d{4}[^0-9A-Za-z]{1,3}(?:\d{4}[^0-9A-Za-z]{1,3}\d{4}[^0-9A-Za-z]{1,3}\d{4}|\d{6}[^0-9A-Za-z]{1,3}\d{5})",
        (
            r"(?<!\d)(?<!\d[._/+|\t])(?:\d{4}(?P<gap>[._/+|\u00b7\u2022\u202f]|[ \t]{1,3}| ?[-\u2010-\u2015] ?)\d{4}(?P=gap)\d{4}(?P=gap)\d{4}|"
            r"\d{4}(?P<wide>[._/+|\u00b7\u2022\u202f]|[ \t]{1,3}| ?[-\u2010-\u2015] ?)\d{6}(?P=wide)\d{5})(?!\d|[._/+|\t]\d{4}(?!\d))"
        ),
        _parted_card,
        (40, 8),
    ),
    Rule(
        "IBAN_CODE",
        r"(?i)(?:^|[^a-z0-9]|\\[nrt])[a-z]{2}\d{2}(?:[ -]|\xc2\xa0|\xe2\x80[\x89\xaf])?[a-z0-9]{3,4}",
        # Zero-width, so that a match does not hide one that begins inside it.
        BEGIN
        + r"(?=(?P<iban>[A-Za-z]{2}\d{2}(?:(?:[ \-\u00a0\u2009\u202f]|\r?\n[ \t>]{0,4})?[A-Za-z0-9]){11,32}))",
        _iban,
        (24, 80),
    ),
    Rule(
        "US_SSN",
        r"\d{3}[- ]\d{2}[- ]\d{4}",
        BEGIN + r"(?<!\d-)\d{3}([- ])\d{2}\1\d{4}" + END + r"(?!-\d)",
        _ssn,
        (16, 4),
    ),
    Rule(
        "BANK_ACCOUNT",
        r"(?i)account[ _-]?n|acct|account ?#|bank account|konto|sort[ _-]?code|routing|(?:account|a/c) \d{7}",
        rf"(?i:{_BANK_WORDS})[^\n\d]{{0,24}}?(?P<id>\b\d[\d -]{{4,20}}\d\b)",
        whole(LIKELY, "id"),
        (32, 80),
    ),
)
