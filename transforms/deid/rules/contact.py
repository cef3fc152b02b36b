"""E-mail addresses and telephone numbers."""

from __future__ import annotations

import functools
import re

import phonenumbers

from transforms.deid.evidence import CHECKED, FITTING, FORM, LIKELY, PROVEN, STATED, WEAK
from transforms.deid.people.word_lists import word_lists
from transforms.deid.rules.rule import BEGIN, END, GAP, Rule, Verdict, before, whole

#: RFC 2606, RFC 6761 and common private names. They are in no registry, but test and company addresses use them.
_RESERVED_TLDS = frozenset(
    ("example test invalid localhost local internal intranet lan corp home arpa onion").split()
)
_SERVICE_LOCALS = re.compile(r"(?i)(?:git|no-?reply|do-?not-?reply|mailer-daemon|postmaster)\Z")
#: An escaped delimiter before a mailbox is not part of it: ?to%3Dbob%40example.com.
_ESCAPED_DELIMITER = re.compile(r".*%(?:0[9AaDd]|2[02678CcFf]|3[A-Fa-f]|5[BbDd]|7[BbCcDd])(?=.)")
#: In postgres://app:secret@host a password precedes the @ and a host follows it.
_PASSWORD_OF_URL = re.compile(r"://[^\s/@:\"'<>]{0,64}:\Z")
_APOSTROPHE = re.compile(r"(?:\A|[\s(<\[,;:=\"])(?P<local>(?P<prefix>[\w.+-]{1,32})['’])\Z")
_STRING_PREFIXES = frozenset("b r f u br rb fr rf".split())
_PHONE_CONTEXT = re.compile(
    r"(?i)\b(?:phones?|tel|telephone|mobile|cell|cellphone|calls?|fax|whatsapp|sms|texts? (?:me|us|him|her|them)|contact|"
    r"reach|dial|handy|telefon|tel[eé]fono|téléphone|celular|móvil|cellulare|телефон|hotline|helpline|number is|ruf(?:e|en|t)?|anruf(?:en)?|telefonum|τηλ|τηλέφωνο|โทร|הטלפון|טלפון|رقمي|هاتف|نंबर|नंबर|điện thoại|nomor|numer|número|messages? to|"
    r"answering at|desk|office)\b[^\n]{0,24}\Z|(?:电话|電話|手机|手機|휴대폰|전화)[^\n]{0,12}\Z"
)
_PHONE_CONTEXT_LINE = re.compile(r"(?i)\b(?:phone|tel|telephone|mobile|fax|telefon|cell)\s{0,2}:?\s{0,4}\Z")
#: Words before "at" that are not a mailbox.
_BEFORE_AT = frozenset(
    "look looks looking me us it you him her them is are was be work works working here there and".split()
)
#: Words before the domain of a mailbox: outside the @example.com domain.
_BEFORE_DOMAIN = frozenset("the a an this your our my their its any all".split())
_DIGIT_WORD = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_DATE_OR_ADDRESS = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\Z|\d{1,3}(?:\.\d{1,3}){3}\Z"
)
_EXTENSION = r"(?:\s?(?:x|ext\.?|#)\s?\d{1,6}){0,2}"
_LABEL = r"[A-Za-z0-9\u00a1-\uffff_-]{1,63}"


@functools.cache
def top_level_domains() -> frozenset[str]:
    """Every public top-level domain, from the list bundled with tldextract; no network access."""
    return word_lists().domains | _RESERVED_TLDS


def is_service_mailbox(address: str) -> bool:
    """True for mailboxes of programs: git@, noreply@ and similar ones."""
    return _SERVICE_LOCALS.match(address.split("@")[0]) is not None


def is_password_of_url(text: str, start: int) -> bool:
    """True where the user info of a URL goes on: the password of `https://user:password@host`."""
    return _PASSWORD_OF_URL.search(text, max(0, start - 80), start) is not None


def _email(found: re.Match[str]) -> Verdict | None:
    start, local = found.start(), found.group("local")
    escaped = _ESCAPED_DELIMITER.match(local)
    if escaped is not None:
        start, local = start + escaped.end(), local[escaped.end() :]
    if _SERVICE_LOCALS.match(local) or is_password_of_url(found.string, start):
        return None
    end = _domain_end(found.group("domain"))
    if not end:
        return None
    name = _APOSTROPHE.search(before(found, 34)) if escaped is None else None
    if name is not None and name.group("prefix").lower() not in _STRING_PREFIXES:
        start = found.start() - len(name.group("local"))
    return start, found.start("domain") + end, PROVEN


def _domain_end(domain: str) -> int:
    """The length of the longest prefix that ends in a real top-level domain.

    Text may follow the last dot without a space.
    """
    labels = domain.split(".")
    while len(labels) > 1:
        last = labels[-1]
        for length in range(len(last), 1, -1):
            ends_word = length == len(last) or last[length].isupper() or not last[length].isascii()
            if ends_word and last[:length].lower() in top_level_domains():
                return len(".".join(labels)) - len(last) + length
        if last.isalpha() and not last[0].isascii():
            return len(".".join(labels))
        labels.pop()
    return 0


def _spelled_email(found: re.Match[str]) -> Verdict | None:
    last = re.split(r"[\W_]+", found.group().rstrip(")]} "))[-1]
    return (found.start(), found.end(), CHECKED) if last.lower() in top_level_domains() else None


def _spaced_email(found: re.Match[str]) -> Verdict | None:
    local = found.group().partition("@")[0].strip().lower()
    named = " " in found.group() and local not in _BEFORE_DOMAIN
    return (found.start(), found.end(), CHECKED) if named else None


def _all_spaced_email(found: re.Match[str]) -> Verdict | None:
    domain = found.group().partition("@")[2].replace(" ", "")
    return (found.start(), found.end(), CHECKED) if _domain_end(domain) == len(domain) else None


def _spoken_email(found: re.Match[str]) -> Verdict | None:
    """`alice at example dot com`, unless the first word is an ordinary one such as "look" or "me"."""
    if found.group("local").lower() in _BEFORE_AT or found.group("tld").lower() not in top_level_domains():
        return None
    return found.start(), found.end(), CHECKED


def _international_phone(found: re.Match[str]) -> Verdict | None:
    """8 to 15 digits (E.164). If digits of another number follow directly, the span ends before them."""
    text = found.group()
    ends = [len(text), *(place.start() for place in re.finditer(r"(?<=\d)\D+\d*\Z|(?<=\d)\D+(?=\d)", text))]
    for end in sorted(set(ends), reverse=True):
        digits = re.sub(r"%[0-9A-Fa-f]{2}|\D", "", re.split(r"x|ext|#", text[:end])[0])
        if 8 <= len(digits) <= 15:
            sure = len(digits) >= 10 or is_possible_number(f"+{digits}")
            return (found.start(), found.start() + end, FORM) if sure else None
    return None


def _parted_plus(found: re.Match[str]) -> Verdict | None:
    """A number after "+" and a space. It must be in groups (not a sum) and have a length of its country."""
    text = found.group()
    for end in _group_ends(text):
        digits = re.sub(r"\D", "", text[:end])
        if 9 <= len(digits) <= 15 and is_possible_number(f"+{digits}"):
            return found.start(), found.start() + end, WEAK
    return None


def _group_ends(text: str) -> list[int]:
    """The ends of the digit groups, last first. The last groups may belong to another number."""
    return [len(text), *reversed([gap.start() for gap in re.finditer(r"(?<=[\d)])[^\d)]+(?=\d)", text)])]


def is_possible_number(text: str, valid: bool = False) -> bool:
    """True if the number's country has numbers of that length; with `valid`, also of that range."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number) if valid else phonenumbers.is_possible_number(number)


def _dialled(found: re.Match[str]) -> Verdict | None:
    """A number with the prefix 00. Without separators it must be a valid number of its country."""
    text = found.group("number")
    if re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    for end in _group_ends(text):
        digits = re.sub(r"\D", "", text[:end])[2:]
        if 8 <= len(digits) <= 15 and is_possible_number(f"+{digits}", valid=text[:end].isdigit()):
            stop = found.end() if end == len(text) else found.start("number") + end
            return found.start("number"), stop, LIKELY
    return None


def _national_phone(found: re.Match[str]) -> Verdict | None:
    digits = re.sub(r"\D", "", found.group())
    if _DATE_OR_ADDRESS.match(found.group()) or not 7 <= len(digits) <= 15:
        return None
    if _PHONE_CONTEXT.search(before(found, 60)) or _PHONE_CONTEXT_LINE.search(before(found, 24)):
        return found.start(), found.end(), WEAK
    return None


CONTACT_RULES = (
    Rule(
        "EMAIL_ADDRESS",
        r"[^\s@]@[^\s@]|[^\s@]%40[^\s@]",
        (
            r"(?P<local>[\w.+%-]{1,64}|(?<!\w)\"\w[\w.+ -]{0,63}\")(?:@|%40)"
            rf"(?P<domain>(?:{_LABEL}\.){{1,8}}[A-Za-z\u00a1-\uffff]{{2,24}})"
        ),
        _email,
        (72, 600),
    ),
    Rule(
        "EMAIL_ADDRESS",
        r"(?i)[\[({<]\s?at\s?[\])}>]",
        (
            r"(?i)[\w.+-]{1,64}\s?[\[({<]\s?at\s?[\])}>]\s?"
            r"[a-z0-9-]{1,63}(?:(?:\.|\s?[\[({<]\s?dot\s?[\])}>]\s?)[a-z0-9-]{1,63}){1,5}"
        ),
        _spelled_email,
        (80, 400),
    ),
    Rule(
        "EMAIL_ADDRESS",
        r"(?i) dot [a-z]{2}",
        (
            r"(?i)\b(?P<local>[\w+-]{1,40}(?:(?:\.| dot )[\w+-]{1,40}){0,3}) at "
            r"[a-z0-9-]{2,63}(?: dot [a-z0-9-]{1,63}){0,3} dot (?P<tld>[a-z]{2,12})\b"
        ),
        _spoken_email,
        (300, 60),
    ),
    Rule(
        # A space between all characters.
        "EMAIL_ADDRESS",
        r"[\w.+-] @ [a-z0-9] [a-z0-9]",
        r"(?i)(?<!\w)(?:[\w.+-] ){2,40}@(?: [a-z0-9.-]){4,60}(?!\w)",
        _all_spaced_email,
        (90, 130),
    ),
    Rule(
        # Spaces around "@" and "." hide an address from harvesters, and from simple expressions.
        "EMAIL_ADDRESS",
        r"[\w ] @ ?\w|\w ?@ \w",
        r"(?i)(?<!\w)(?:(?:\w ){3,30}|[\w.+-]{1,64} ?)@ ?[a-z0-9-]{1,63}(?: ?\. ?[a-z0-9-]{1,63}){0,3} ?\. ?(?:com|org|net|edu|gov)\b",
        _spaced_email,
        (80, 300),
    ),
    Rule(
        "PHONE_NUMBER",
        rf"(?i){_DIGIT_WORD}[ ,-]{{1,2}}{_DIGIT_WORD}[ ,-]{{1,2}}{_DIGIT_WORD}",
        rf"(?i)\b{_DIGIT_WORD}(?:[ ,-]{{1,3}}{_DIGIT_WORD}){{6,15}}\b",
        whole(LIKELY),
        (40, 200),
    ),
    Rule(
        "PHONE_NUMBER",
        r"(?:\+|%2B)\(?\d",
        (
            r"(?:(?<![A-Za-z0-9+])|(?<=\\[ntr])|(?<=%[0-9A-F][0-9A-F]))(?:\+|%2B)\(?[1-9]\d{0,3}\)?"
            rf"(?:{GAP}{{0,3}}\d){{6,14}}(?!\d){_EXTENSION}"
        ),
        _international_phone,
        (12, 100),
    ),
    Rule(
        "PHONE_NUMBER",
        r"(?i)%2B(?:%28)?\d",
        r"(?i)%2B(?:%28)?[1-9]\d{0,3}(?:(?:\+|%20|%28|%29|%2D|[-._]){0,3}\d){6,14}(?!\d)",
        _international_phone,
        (12, 200),
    ),
    Rule(
        "PHONE_NUMBER",
        r"\+ \(?[1-9]",
        rf"(?<![A-Za-z0-9+])\+ \(?[1-9]\d{{0,2}}\)?(?:{GAP}{{1,2}}\(?\d{{2,6}}\)?){{2,5}}{END}",
        _parted_plus,
        (16, 80),
    ),
    Rule(
        # A click-to-chat link.
        "PHONE_NUMBER",
        r"wa\.me/\d|phone=\d",
        r"(?:\bwa\.me/|[?&]phone=)(?P<number>[1-9]\d{7,14})(?!\d)",
        whole(STATED, "number"),
        (16, 20),
    ),
    Rule(
        "PHONE_NUMBER",
        r"00[1-9]",
        rf"(?:(?<![A-Za-z0-9+])|(?<=\\[ntr]))(?<!\d[.-])(?P<number>00[1-9]\d{{0,2}}(?:{GAP}{{0,2}}\d){{6,13}})(?!\d){_EXTENSION}(?![A-Za-wyz])",
        _dialled,
        (16, 100),
    ),
    Rule(
        "PHONE_NUMBER",
        r"\d{3}\)?[-. _/]{0,2}\d{3}[-. _]\d{4}",
        BEGIN
        + r"(?<!\d[.\-])(?:1[-. _])?(?:\([2-9]\d{2}\)[-. ]?|[2-9]\d{2}[-. _])[2-9]\d{2}[-. _]\d{4}"
        + _EXTENSION
        + r"(?![A-Za-z0-9]|[-.]\d)",
        whole(FITTING),
        (24, 60),
    ),
    Rule(
        # United Kingdom and France (Ofcom and Arcep numbering plans), with separators.
        "PHONE_NUMBER",
        r"0[1-9]\d{0,3}[ .-]\d{2}",
        BEGIN
        + r"(?<!\d[.\-/])(?:0[1-9](?P<gap>[ .-])\d\d(?:(?P=gap)\d\d){3}|07\d{3} \d{3} ?\d{3}|020 \d{4} \d{4}|"
        r"01\d{3} \d{6}|011\d \d{3} \d{4})(?![A-Za-z0-9]|[-. ]?\d)",
        whole(WEAK),
        (16, 40),
    ),
    Rule(
        "PHONE_NUMBER",
        r"(?i)(?:phone|tel[eé]|\btel\b|mobile|cell|calls?\b|fax|whatsapp|sms|text|contact|reach|dial|handy|hotline|helpline|"
        r"number is|messages? to|answering at|desk|office|celular|m\xc3\xb3vil|\bruf|anruf|telefonum|nomor|numer|τηλ|โทร|טלפון|رقمي|هاتف|नंबर|điện thoại|número|телефон|电话|電話|手机|手機|휴대폰|전화)",
        rf"(?<![A-Za-z0-9.])\(?\d(?:{GAP}{{0,2}}\d){{6,13}}(?![A-Za-z0-9]|\.\d)",
        _national_phone,
        # The number follows the trigger word.
        (0, 110),
    ),
)
