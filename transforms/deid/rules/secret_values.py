"""Whether a value is random enough to be a secret."""

from __future__ import annotations

import collections
import math
import re

#: Placeholders of secrets.
PLACEHOLDER = re.compile(
    r"(?i)(?:x{3,}|\*{3,}|\.{3,}|-+|<[^>]*>?|\$[\w{(].*|%\w+%|\{\{?.*|\[.*|your[-_ ].*|.*(?:placeholder|redacted|changeme|"
    r"change[-_]me|insert|dummy|x{5,}|\bsample\b).*|none|null|nil|true|false|undefined|string|str|bool|int|pass|password|passwd|"
    r"secret|token|required|optional|process\.env.*|os\.(?:environ|getenv).*|env[.\[(].*|self\..*|this\..*|config[.\[].*|"
    r"settings\..*|%\(?\w+\)?s?|req\..*|request\..*|[\w.]+\(.*|"
    # Surrogates of this program, as written in code.
    r"(?-i:PERSON|ADDRESS|EMAIL_ADDRESS|PHONE_NUMBER|CREDIT_CARD|IBAN_CODE|US_SSN|GOV_ID|BANK_ACCOUNT|DATE_OF_BIRTH|"
    r"IP_ADDRESS|MAC_ADDRESS|USERNAME|SECRET)_\d{1,9})\Z"
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_. ][A-Za-z]+)*\Z")
_CAMEL = re.compile(r"[a-z]+(?:[A-Z][a-z]+){1,5}\d{0,2}\Z")
UUID_FORM = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
UUID = re.compile(rf"{UUID_FORM}\Z")
_MIN_RANDOM = 12
_MIN_ENTROPY = 3.7
_SIGN = re.compile(r"[\d!@#$%^&*+?]")
_DIGIT = re.compile(r"\d")
#: Numbers, dates, paths and URLs: no key, except digits alone.
_NUMBER_OR_PLACE = re.compile(r"[\d.,:/-]+|\d{4}-\d\d-\d\dT?.*|(?:https?://|\.{0,2}/|~/)[\w./:@-]*")
#: Names of hosts, images and resources: api-gateway-v2, redis:7.
_HYPHENATED = re.compile(r"[a-z]+(?:[-_.:/][a-z]*\d{0,4})+")
#: Identifiers of programs have long runs of one kind of character: on average 3.8 in HintSignPep695TypeAlias.
_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+|.")
_WORD_LENGTH = 3.2
#: In paths with versions, dist/App_linux_arm64_v8, most characters belong to words; in random values few do.
_LONG_RUNS = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{3,}")
_MOSTLY = 0.6
#: A secret of letters alone must change its case more often than words in camel case.
_ALPHA_LENGTH = 3.4


#: Public by design: examples of documentation, digests of packages, public ids of services, identifiers with a time (ULID).
_EXAMPLE = re.compile(
    r"[A-Z0-9/+]EXAMPLE(?:KEY|TOKEN)?\Z|sk_test_4eC39HqLyjWDarjtT1zdp7dc\Z|"
    r"(?:toolu|msg|req|call|run|thread|asst|file|resp|chatcmpl|batch|srvtoolu)_[A-Za-z0-9]{10,40}\Z"
)
_DIGEST = re.compile(r"(?i)sha(?:1|224|256|384|512)[-:=]|h1:|md5[-:=]")
_DIGEST_BEFORE = re.compile(
    r"(?i)(?:\bsha(?:1|224|256|384|512)[-:=]?|\bh1:|\bmd5[-:]|\bintegrity\W{1,4}|\bsri\W{1,4}|\bfingerprint\W{1,4}(?:is )?|\bdigest\W{1,4}|"
    r"checksum\W{1,4}|ssh-(?:rsa|dss|ed25519) |ecdsa-sha2-nistp\d{3} |-----BEGIN (?:PUBLIC KEY|CERTIFICATE)[^\n]*\n)\Z"
)
_ULID = re.compile(r"(?:[\w.-]*[_.-])?[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")
#: Another assignment, on the line after the name of a secret: its own name decides.
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]*=[^=]")
_FLAG = re.compile(r"!+[A-Za-z_]\w*\Z")


def is_public(text: str, start: int, end: int) -> bool:
    """True for a value that is no secret by its own form or by what precedes it."""
    value = text[start:end]
    if _EXAMPLE.search(value) or _DIGEST.match(value) or _ULID.match(value):
        return True
    if _FLAG.match(value) and text[max(0, start - 1) : start] not in ("'", '"'):
        return True
    return _DIGEST_BEFORE.search(text[max(0, start - 120) : start]) is not None


def without_tail(value: str, quoted: bool) -> str:
    """An unquoted value without the punctuation of its sentence. Signs of the password itself stay."""
    if quoted:
        return value
    cut = value.rstrip(".,;:?")
    return cut[:-1] if cut.endswith(")") and "(" not in cut else cut


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    counts = collections.Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def looks_secret(value: str, password: bool) -> bool:
    """True for a random value, or a password with a digit or sign, that is not a placeholder."""
    if len(value) < 4 or PLACEHOLDER.match(value) or len(set(value)) < 3 or _ASSIGNMENT.match(value):
        return False
    return _looks_like_password(value) if password else _looks_like_key(value)


def _looks_like_password(value: str) -> bool:
    if _SIGN.search(value):
        return True
    one_word = value.isalpha() and value.islower()
    return len(value) >= _MIN_RANDOM and (one_word or not _WORDS.match(value))


def _looks_like_key(value: str) -> bool:
    if value.isalpha() and _changes_case(value):
        return True
    if len(value) < 8 or _WORDS.match(value) or _CAMEL.match(value):
        return False
    if _NUMBER_OR_PLACE.fullmatch(value):
        return value.isdigit()
    if _HYPHENATED.fullmatch(value):
        return False
    return _DIGIT.search(value) is not None or entropy(value) >= _MIN_ENTROPY


def reads_like_words(value: str) -> bool:
    """True for a value with runs of one kind of character as long as in identifiers of programs, or of words."""
    if len(value) >= _WORD_LENGTH * len(_RUNS.findall(value)):
        return True
    return sum(map(len, _LONG_RUNS.findall(value))) > _MOSTLY * len(value)


def looks_random(value: str) -> bool:
    """True for a token of letters and digits, or letters in mixed case, that is not made of words."""
    if len(value) < _MIN_RANDOM or PLACEHOLDER.match(value) or len(set(value)) < 8:
        return False
    bare = re.sub(r"[-_]", "", value)
    if bare.isalpha():
        return _changes_case(bare)
    digits, letters = len(re.findall(r"\d", value)), len(re.findall(r"[A-Za-z]", value))
    return digits >= 2 and letters >= 2 and not reads_like_words(value)


def _changes_case(letters: str) -> bool:
    return len(letters) >= _MIN_RANDOM and len(letters) < _ALPHA_LENGTH * len(_RUNS.findall(letters))
