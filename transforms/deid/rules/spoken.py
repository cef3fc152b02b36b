"""Secrets in sentences: "the password is letmein", "my pin is 4821"."""

from __future__ import annotations

import re

from transforms.deid.evidence import FITTING, LIKELY
from transforms.deid.people.lexicon import is_common_word
from transforms.deid.rules.assigned import REFERENCE, assigned
from transforms.deid.rules.rule import BLANK, Rule, Verdict
from transforms.deid.rules.secret_values import PLACEHOLDER, UUID, looks_random, looks_secret, without_tail

_SAID_OF_PASSWORDS = re.compile(
    r"(?i)(?:[\w-]+ed|\w+ing|wrong|right|correct|incorrect|not|too|very|the|same|weak|strong|safe|secure|long|short|okay|fine|"
    r"never|always|still|also|only|just|being|gone|lost|invalid|valid|empty|missing|required|public|known|good|bad|what|that|"
    r"this|case|different|unknown|often|probably|already|unique|visible)\Z"
)
_VERSION = re.compile(r"[\dv:]*\d+(?:\.\d+)+\S*\Z")
_PASSWORD = (
    r"pass ?word|passwd|pass ?phrase|passcode|passkey|pwd|passwort|kennwort|contrase(?:n|ñ|Ñ)a|mot de passe|senha|"
    r"пароль|Пароль|ПАРОЛЬ|密码|パスワード|비밀번호"
)
#: The object of a password: "the password for the guest wifi is ...".
_FOR = r"(?: (?:for|to|of|on|at|in) (?:[\w.@'-]{1,40} ){0,4}?[\w.@'-]{1,40})?"
_IS = r"(?:is|was|are|ist|lautet|es|est|é|это)"
_WORD_ALONE = re.compile(r"[^\W\d_]{4,32}\Z")


def _spoken(found: re.Match[str]) -> Verdict | None:
    value = without_tail(found.group("value"), quoted=False)
    if value.isalpha() and is_common_word(value):
        return None
    if not looks_secret(value, password=True) or REFERENCE.match(value) or _VERSION.match(value):
        return None
    return found.start("value"), found.start("value") + len(value), LIKELY


def _pair(found: re.Match[str]) -> Verdict | None:
    value = without_tail(found.group("value"), quoted=False)
    if not looks_secret(value, password=True):
        return None
    return found.start("value"), found.start("value") + len(value), FITTING


def _owned(found: re.Match[str]) -> Verdict | None:
    """The value after "my password is", unless it is a description of the password."""
    value = without_tail(found.group("value"), quoted=False)
    if len(value) < 4 or _SAID_OF_PASSWORDS.match(value):
        return None
    return found.start("value"), found.start("value") + len(value), LIKELY


def _told(found: re.Match[str]) -> Verdict | None:
    """The value after "the password is": random, quoted, or a word that is not in the dictionary."""
    value = without_tail(found.group("value"), quoted=False)
    if len(value) < 4 or PLACEHOLDER.match(value) or _SAID_OF_PASSWORDS.match(value) or _VERSION.match(value):
        return None
    if found.group("quote") is None and not looks_secret(value, password=True):
        strange = _WORD_ALONE.match(value) and not value.isupper() and not is_common_word(value)
        if not strange or REFERENCE.match(value):
            return None
    return found.start("value"), found.start("value") + len(value), LIKELY


def _random(found: re.Match[str]) -> Verdict | None:
    value = found.group("value").rstrip(".")
    random = looks_random(value) and not UUID.match(value)
    return (found.start("value"), found.start("value") + len(value), LIKELY) if random else None


def _code(found: re.Match[str]) -> Verdict:
    return found.start("value"), found.end("value"), FITTING


SPOKEN_RULES = (
    Rule(
        "SECRET",
        r"(?i)(?:password|passwd|passphrase|pwd|\bpin (?:code )?is|passcode)",
        (
            r"(?i:\b(?:password|passwd|passphrase|pwd|passcode|pin(?: code)?(?= is))\b(?: (?:is|was|to|as|should be))?)[:=]?\s{1,2}[\"'`]?"
            r"(?P<value>[^\s\"'`<>]{4,128})"
        ),
        _spoken,
        (24, 170),
    ),
    Rule(
        # "The password for the guest wifi is letmein".
        "SECRET",
        rf"(?i)(?:{_PASSWORD})",
        rf"(?i)(?:{_PASSWORD}){_FOR} {_IS}(?: now| still)?:? (?P<quote>[\"'`“‘«])?(?P<value>(?(quote)[^\n\"'`“”‘’«»<>]|[^\s\"'`“”‘’«»<>]){{4,128}})",
        _told,
        (24, 420),
    ),
    Rule(
        "SECRET",
        rf"(?i)(?:(?:api|access|secret|private|license|auth)[ _-]?key|token|secret)(?: (?:is|was|to|as|here))?[:=]?{BLANK}{{1,2}}[\"'`]?"
        r"[^\s\"'`<>,;()]{12}",
        (
            r"(?i:(?:\b|(?<=_))(?P<name>(?:api|access|secret|private|license|auth)[ _-]?key|token|secret)\b"
            r"(?: (?:is|was|to|as|here))?)[:=]?\s{1,2}[\"'`]?(?P<value>[^\s\"'`<>,;()]{12,256})"
        ),
        assigned,
        (72, 260),
    ),
    Rule(
        # "Your Acme key is 4f1c...".
        "SECRET",
        rf"(?i)key (?:is|was):?{BLANK}{{1,2}}[\"'`]?[A-Za-z0-9]",
        r"(?i)\b[\w.-]{2,40} key (?:is|was):?\s{1,2}[\"'`]?(?P<value>[\w+/=.-]{16,256})",
        _random,
        (64, 270),
    ),
    Rule(
        # After a dash, as in lists: `token - 4f1c...`.
        "SECRET",
        rf"(?i)(?:key|token|secret|password|passwd){BLANK}{{1,2}}(?:-|\xe2\x80[\x93\x94]){{1,2}}>?{BLANK}{{1,2}}",
        (
            r"(?i)\b(?P<name>(?:[\w.-]{1,30}[ _-])?(?:key|token|secret|password|passwd))\s{1,2}[-–—]{1,2}>?\s{1,2}[\"'`]?"
            r"(?P<value>[^\s\"'`<>,;()]{8,512})"
        ),
        assigned,
        (64, 530),
    ),
    Rule(
        "SECRET",
        r"(?i)(?:my|our|his|her|their) (?:[a-z]+ ){0,2}(?:password|passphrase|passcode) is",
        r"(?i)\b(?:my|our|his|her|their) (?:[a-z]+ ){0,2}(?:password|passphrase|passcode) is:? [\"'`]?(?P<value>[^\s\"'`<>]{4,64})",
        _owned,
        (60, 80),
    ),
    Rule(
        # PINs and codes of a card, an account or a door.
        "SECRET",
        r"(?i)(?:\b(?:pin|otp|cvv2?|cvc2?)\b|passcode|(?:verification|security|confirmation|sms|2fa|mfa|login|one-time|one time|otp|"
        r"alarm|door|gate|garage|lock|locker|safe|entry|unlock|backup|recovery) (?:code|combination|pin)\b)",
        (
            r"(?i)\b(?:pin(?: code| number)?|otp|cvv2?|cvc2?|passcode|(?:verification|security|confirmation|sms|2fa|mfa|login|one-time|one time|otp|"
            rf"alarm|door|gate|garage|lock|locker|safe|entry|unlock|backup|recovery) (?:code|combination|pin)){_FOR}"
            r"(?: (?:is|was)(?: now)?:?|:|=) ?[\"'`]?(?P<value>(?:[A-Z]-)?\d{3,4}[ -]?\d{2,4}|\d{3,10}|\d{1,2}(?:[- ]\d{1,2}){2,3})(?![\w.%/]*[\w%/])"
        ),
        _code,
        (40, 260),
    ),
    Rule(
        # User name and password in one line: `user/pass bob/Xk29`, `login: carol / s3cret99`.
        "SECRET",
        r"(?i)(?:user(?:name)?\s?[/&]\s?pass(?:word)?|login|creds?|credentials)\b",
        (
            r"(?i)\b(?:user(?:name)?\s?[/&]\s?pass(?:word)?|login|creds?|credentials)(?: (?:is|are|to|for \w+))?[:=]?\s{1,3}"
            r"[\w.@+-]{2,64}\s?[/:|]\s?(?P<value>[^\s\"'`<>/]{4,64})"
        ),
        _pair,
        (24, 160),
    ),
    Rule(
        # BIP 39: twelve to twenty-four words give full access to a wallet.
        "SECRET",
        r"(?i)(?:seed|recovery|mnemonic|backup|secret)(?: recovery)? (?:phrase|words|seed)",
        (
            r"(?i)(?:seed|recovery|mnemonic|backup|secret)(?: recovery)? (?:phrase|words|seed)(?: is| are|:|=){1,2}\s{1,2}[\"'`]?"
            r"(?P<value>(?:(?-i:[a-z]{3,8})[ ,]{1,2}){11,23}(?-i:[a-z]{3,8}))(?![\w])"
        ),
        _code,
        (40, 300),
    ),
    Rule(
        # The content of a Wi-Fi QR code: WIFI:T:WPA;S:...;P:...;;
        "SECRET",
        r"WIFI:[TSPH]:",
        r"WIFI:(?:[TSH]:[^;\n]{0,64};){0,3}P:(?P<value>[^;\n]{4,128});",
        _code,
        (8, 400),
    ),
)
