"""Identifiers of people, accounts and machines: by shape, check digit and context."""

from __future__ import annotations

import functools
import ipaddress
import re

import phonenumbers
import tldextract

from transforms.deid.checks import IBAN_LENGTH, luhn, mod97
from transforms.deid.rules import BEGIN, Rule, Verdict, before, whole

#: RFC 2606, RFC 6761 and common private names: no registry has them, people's test and company mail does.
_RESERVED_TLDS = frozenset(
    ("example test invalid localhost local internal intranet lan corp home arpa onion").split()
)
_SERVICE_LOCALS = re.compile(r"(?i)(?:git|no-?reply|do-?not-?reply|mailer-daemon|postmaster)\Z")
_PHONE_CONTEXT = re.compile(
    r"(?i)\b(?:phone|tel|telephone|mobile|cell|cellphone|call|fax|whatsapp|sms|text me|contact|reach|dial|"
    r"handy|telefon|hotline|helpline|number is)\b[^\n]{0,24}\Z"
)
_CARD_CONTEXT = re.compile(r"(?i)card|visa|amex|mastercard|\bcc\b|credit|debit|payment")
#: Issuer ranges by ISO/IEC 7812 as the card networks publish them.
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}\Z|5[1-5]\d{14}\Z|2(?:2[2-9]|[3-6]\d|7[01])\d{13}\Z|3[47]\d{13}\Z|"
    r"3(?:0[0-5]|[68]\d)\d{11}\Z|6(?:011|5\d\d|4[4-9]\d)\d{12}(?:\d{3})?\Z|(?:2131|1800|35\d{3})\d{11}\Z|"
    r"62\d{14,17}\Z|(?:5018|5020|5038|6304|6759|676[1-3])\d{8,15}\Z"
)
_VERSION_BEFORE = re.compile(
    r"(?i)(?:\bv|\bver(?:sion)?\W{0,3}|[=~<>!]=\s?|\^|~>\s?|\b(?:chrome|chromium|safari|firefox|edge?|edga|opr|version|"
    r"mozilla|electron|headlesschrome|node|python)/)\Z"
)
_WELL_KNOWN = frozenset(
    ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "169.254.169.254", "255.255.255.255"]
)


@functools.cache
def top_level_domains() -> frozenset[str]:
    """Every public top-level domain, from the list that tldextract ships; nothing is fetched."""
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    return frozenset(suffix.rsplit(".", 1)[-1].lower() for suffix in extract.tlds) | _RESERVED_TLDS


def _email(found: re.Match[str]) -> Verdict | None:
    if _SERVICE_LOCALS.match(found.group("local")):
        return None
    end = _domain_end(found.group("domain"))
    return (found.start(), found.start("domain") + end, 0.95) if end else None


def _domain_end(domain: str) -> int:
    """How much of a domain ends in a real top-level domain: text may follow the last dot unspaced."""
    labels = domain.split(".")
    while len(labels) > 1:
        last = labels[-1]
        for length in range(len(last), 1, -1):
            ends_word = length == len(last) or last[length].isupper()
            if ends_word and (last[:length].lower() in top_level_domains() or not last.isascii()):
                return len(".".join(labels)) - len(last) + length
        labels.pop()
    return 0


def _international_phone(found: re.Match[str]) -> Verdict | None:
    """E.164: 8 to 15 digits. Digits of another number may follow unmarked: then it ends before them."""
    text = found.group()
    ends = [len(text), *(place.start() for place in re.finditer(r"(?<=\d)\D+\d*\Z|(?<=\d)\D+(?=\d)", text))]
    for end in sorted(set(ends), reverse=True):
        digits = re.sub(r"\D", "", text[:end].split("x")[0].removeprefix("%2B"))
        if 8 <= len(digits) <= 15:
            sure = len(digits) >= 10 or _possible(f"+{digits}")
            return (found.start(), found.start() + end, 0.85) if sure else None
    return None


def _possible(text: str, region: str | None = None) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _national_phone(found: re.Match[str]) -> Verdict | None:
    digits = re.sub(r"\D", "", found.group())
    if re.match(
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\Z|\d{1,3}(?:\.\d{1,3}){3}\Z",
        found.group(),
    ):
        return None
    if _PHONE_CONTEXT.search(before(found, 60)) and 7 <= len(digits) <= 15:
        return found.start(), found.end(), 0.6
    return None


def _card(found: re.Match[str]) -> Verdict | None:
    """The longest run of digit groups from here that is a card number; other numbers may follow it."""
    text = found.group("digits")
    for end in range(len(text), 11, -1):
        if not text[end - 1].isdigit() or text[end : end + 1].isalnum():
            continue
        digits = re.sub(r"\D", "", text[:end])
        if len(digits) < 12:
            break
        if len(set(digits)) < 2 or not luhn(digits):
            continue
        if _ISSUER.match(digits):
            return found.start("digits"), found.start("digits") + end, 0.95
        if _CARD_CONTEXT.search(before(found, 60, "digits")):
            return found.start("digits"), found.start("digits") + end, 0.6
    return None


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
            if mod97(compact) and not rest.isalnum():
                return found.start("iban"), found.start("iban") + place + 1, 0.95
            return None
    return None


def _ssn(found: re.Match[str]) -> Verdict | None:
    area, group, serial = re.split(r"[- ]", found.group())
    if area in ("000", "666") or group == "00" or serial == "0000":
        return None
    return found.start(), found.end(), 0.85 if area < "900" else 0.7


def _ip4(found: re.Match[str]) -> Verdict | None:
    text = found.group()
    parts = text.split(".")
    if any(int(part) > 255 or (len(part) > 1 and part[0] == "0") for part in parts):
        return None
    if parts[0] in ("0", "127", "255") or text in _WELL_KNOWN or _VERSION_BEFORE.search(before(found, 20)):
        return None
    return found.start(), found.end(), 0.8


def _ip6(found: re.Match[str]) -> Verdict | None:
    text = found.group()
    if text.endswith(":") and not text.endswith("::"):
        text = text[:-1]
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or len(text) < 6 or not re.search(r"\d", text):
        return None
    return found.start(), found.start() + len(text), 0.8


_GOV_WORDS = (
    r"passport|driver'?s?[ _-]?licen[cs]e|licen[cs]e (?:no|number)|national[ _-]?id|national insurance|"
    r"tax[ _-]?(?:id|number)|\btin\b|\bnin\b|\bnino\b|\bssn\b|social security|\bdni\b|\bnif\b|\bnie\b|\bbsn\b|\bcpf\b|"
    r"\bcurp\b|aadhaar|pan card|pesel|personalausweis|steuer-?id|medicare|nhs (?:no|number)|health id"
)
_BANK_WORDS = r"account (?:no|number|#)|acct\.? (?:no|number|#)|bank account|kontonummer|sort code|routing (?:no|number)"


def _gov_id(found: re.Match[str]) -> Verdict | None:
    digits = sum(character.isdigit() for character in found.group("id"))
    return (found.start("id"), found.end("id"), 0.7) if digits >= 5 else None


IDENTIFIER_RULES = (
    Rule(
        "EMAIL_ADDRESS",
        r"[^\s@]@[^\s@]+\.|[^\s@]%40[^\s@]+\.",
        re.compile(
            r"(?P<local>[\w.+%-]{1,64}|\"[^\"\n]{1,64}\")(?:@|%40)"
            r"(?P<domain>(?:[A-Za-z0-9\u00a1-\uffff_-]{1,63}\.){1,8}[A-Za-z\u00a1-\uffff]{2,24})"
        ),
        _email,
    ),
    Rule(
        "PHONE_NUMBER",
        r"(?:\+|%2B)\(?\d",
        re.compile(
            r"(?:(?<![\w+])|(?<=\\n)|(?<=\\t)|(?<=\\r))(?:\+|%2B)\(?[1-9]\d{0,3}\)?"
            r"(?:[ \u00a0\u2009\u202f.\-/()\u2010-\u2013]{0,3}\d){6,14}(?!\d)(?:\s?(?:x|ext\.?)\s?\d{1,6})?"
        ),
        _international_phone,
    ),
    Rule(
        "PHONE_NUMBER",
        r"00[1-9]\d?[ -]",
        re.compile(r"(?<![\w.+-])00[1-9]\d{0,2}[ -](?:[ .\-/()]{0,2}\d){7,12}(?!\w)"),
        whole(0.7),
    ),
    Rule(
        "PHONE_NUMBER",
        r"\d{3}\)?[-. ]{1,2}\d{3}[-. ]\d{4}",
        re.compile(
            r"(?:(?<![\w.\-/])|(?<=\\[ntr]))(?:1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}"
            r"(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w-]|\.\d)"
        ),
        whole(0.75),
    ),
    Rule(
        "PHONE_NUMBER",
        r"(?i)(?:phone|tel|mobile|cell|call|fax|whatsapp|sms|text me|contact|reach|dial|handy|hotline|helpline|number is)",
        re.compile(r"(?<![\w.])\(?\d(?:[ .\-/()]{0,2}\d){6,13}(?!\w|\.\d)"),
        _national_phone,
    ),
    Rule(
        "CREDIT_CARD",
        r"\d[ \-]?\d{2,4}[ \-]?\d{2,6}[ \-]?\d{2,6}",
        re.compile(
            r"(?:(?<![A-Za-z0-9.])|(?<=\\[ntr])|(?<=[^\d]\.))(?=(?P<digits>\d(?:[ \-\u00a0\u2009]{0,2}\d){11,18})(?!\d))"
        ),
        _card,
    ),
    Rule(
        "IBAN_CODE",
        r"(?i)[A-Z]{2}\d{2}[ -]?[A-Z0-9]{2,4}[ -]?[A-Z0-9]",
        # Zero-width, since one match may not hide the next that begins inside it.
        re.compile(BEGIN + r"(?=(?P<iban>[A-Za-z]{2}\d{2}(?:[ \-\u00a0]?[A-Za-z0-9]){11,32}))"),
        _iban,
    ),
    Rule(
        "US_SSN",
        r"\d{3}[- ]\d{2}[- ]\d{4}",
        re.compile(BEGIN + r"(?<![\d-])\d{3}([- ])\d{2}\1\d{4}(?![\w-])"),
        _ssn,
    ),
    Rule(
        "IP_ADDRESS",
        r"\d\.\d{1,3}\.\d{1,3}\.\d",
        re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)"),
        _ip4,
    ),
    Rule(
        "IP_ADDRESS",
        r"(?i)[0-9a-f]{1,4}:[0-9a-f:]*:",
        re.compile(
            r"(?:(?<![\w:.])|(?<=\\[ntr]))(?:[0-9A-Fa-f]{1,4}:|:){2,7}(?:[0-9A-Fa-f]{1,4})?(?!\w|:\w)"
        ),
        _ip6,
    ),
    Rule(
        "MAC_ADDRESS",
        r"(?i)[0-9a-f]{2}[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-]",
        re.compile(
            BEGIN + r"(?<![:-][0-9A-Fa-f]{2}[:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
            r"(?![0-9A-Za-z]|[:-][0-9A-Fa-f]{2}(?![0-9A-Za-z]))"
        ),
        whole(0.85),
    ),
    Rule(
        "MAC_ADDRESS",
        r"(?i)[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
        re.compile(r"(?<![\w.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w.]*[\w])"),
        whole(0.8),
    ),
    Rule(
        "GOV_ID",
        r"(?i)passport|licen[cs]e|national|tax|\btin\b|\bnino?\b|\bssn\b|social security|\bdni\b|\bni[ef]\b|\bbsn\b|\bcpf\b|"
        r"\bcurp\b|aadhaar|pan card|pesel|personalausweis|steuer|medicare|nhs|health id",
        re.compile(
            rf"(?i:{_GOV_WORDS})[^\n\d]{{0,24}}?(?P<id>\b(?=[A-Z0-9])(?=[A-Za-z0-9. /-]{{0,24}}\d{{2}})"
            r"[A-Z]{0,3}[- ]?[A-Z0-9]{2,12}(?:[-. /]?[A-Z0-9]{1,10}){0,4}\b)"
        ),
        _gov_id,
    ),
    Rule(
        "BANK_ACCOUNT",
        r"(?i)accou?n?t|konto|sort code|routing",
        re.compile(rf"(?i:{_BANK_WORDS})[^\n\d]{{0,24}}?(?P<id>\b\d[\d -]{{4,20}}\d\b)"),
        whole(0.7, "id"),
    ),
    Rule(
        "DATE_OF_BIRTH",
        r"(?i)born|birth|\bdob\b|geburt",
        re.compile(
            r"(?i:\bborn(?: on)?|date of birth|birth ?da(?:te|y)|\bdob\b|geburtsdatum)[^\n\d]{0,20}?"
            r"(?P<id>\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}|(?:\d{1,2}(?:st|nd|rd|th)? )?(?i:jan|feb|mar|apr|may|jun|jul|aug|"
            r"sep|oct|nov|dec)[a-z]{0,6}\.?,? (?:\d{1,2}(?:st|nd|rd|th)?,? )?\d{4})"
        ),
        whole(0.7, "id"),
    ),
)
