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
UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_MIN_RANDOM = 12
#: Identifiers of programs have long runs of one kind of character: on average 3.8 in HintSignPep695TypeAlias.
_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+|.")
_WORD_LENGTH = 3.2
#: A secret of letters alone must change its case more often than words in camel case.
_ALPHA_LENGTH = 3.4


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    counts = collections.Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def looks_secret(value: str, password: bool) -> bool:
    """True for a random value, or a password with a digit or sign, that is not a placeholder."""
    if len(value) < 4 or PLACEHOLDER.match(value) or len(set(value)) < 3:
        return False
    if password and value.isalpha() and value.islower() and len(value) >= 12:
        return True
    if password:
        return bool(re.search(r"[\d!@#$%^&*+?]", value)) or (len(value) >= 12 and not _WORDS.match(value))
    if value.isalpha() and _changes_case(value):
        return True
    if len(value) < 8 or _WORDS.match(value) or _CAMEL.match(value):
        return False
    if re.fullmatch(r"[\d.,:/-]+|\d{4}-\d\d-\d\dT?.*|(?:https?://|\.{0,2}/|~/)[\w./:@-]*", value):
        return len(value) >= 8 and value.isdigit()
    if re.fullmatch(r"[a-z]+(?:[-_.:/][a-z]*\d{0,4})+", value):
        return False
    return bool(re.search(r"\d", value)) or entropy(value) >= 3.7


def reads_like_words(value: str) -> bool:
    """True for a value with runs of one kind of character as long as in identifiers of programs."""
    return len(value) >= _WORD_LENGTH * len(_RUNS.findall(value))


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
