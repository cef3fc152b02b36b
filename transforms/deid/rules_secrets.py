"""Secrets: keys by their provider's documented shape, and values that their names or places give away."""

from __future__ import annotations

import collections
import math
import re

from transforms.deid.rules import Rule, Verdict, before, whole

_SECRET_NAME = (
    r"secret|token|passw(?:or)?d|passwd|passphrase|pwd|api[_.-]?key|access[_.-]?key|private[_.-]?key|"
    r"client[_.-]?secret|auth[_.-]?key|account[_.-]?key|signing[_.-]?key|encryption[_.-]?key|credential|webhook"
)
_PLACEHOLDER = re.compile(
    r"(?i)(?:x{3,}|\*{3,}|\.{3,}|-+|<[^>]*>?|\$[\w{(].*|%\w+%|\{\{?.*|\[.*|your[-_ ].*|.*(?:placeholder|redacted|changeme|"
    r"change[-_]me|insert|dummy|\bsample\b).*|none|null|nil|true|false|undefined|string|str|bool|int|password|passwd|"
    r"secret|token|required|optional|process\.env.*|os\.(?:environ|getenv).*|env[.\[(].*|self\..*|this\..*|config[.\[].*|"
    r"settings\..*|req\..*|request\..*|[\w.]+\(.*)\Z"
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_. ][A-Za-z]+)*\Z")
_CAMEL = re.compile(r"[a-z]+(?:[A-Z][a-z]+){1,5}\d{0,2}\Z")

#: Documented token shapes: provider, then what follows its prefix.
_PROVIDERS = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS access key id
    r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{22,255}",  # GitHub
    r"gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent)-[\w.-]{16,}",  # GitLab
    r"sk-(?:[A-Za-z0-9]+-){0,3}[A-Za-z0-9_-]{16,}",  # Anthropic, OpenAI and others
    r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}",  # Stripe
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{20,}",  # Slack
    r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{16,}",
    r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}",
    r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}",  # Google
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}|rubygems_[a-f0-9]{40,}",  # package registries
    r"hf_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{40,}|pplx-[A-Za-z0-9]{30,}",
    r"do[opr]_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|dckr_(?:pat|oat)_[\w-]{20,}",
    r"sq0(?:atp|csp|idp)-[\w-]{20,}|hv[sb]\.[\w-]{24,}|lin_api_[A-Za-z0-9]{30,}|ntn_[A-Za-z0-9]{40,}",
    r"sntry[su]_[\w+/=-]{40,}|figd_[\w-]{30,}|nfp_\w{30,}|tskey-[a-z]+-\w+-\w+|dp\.(?:pt|st|ct|sa|scim)\.[\w.-]{30,}",
    r"glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}|NRAK-[A-Z0-9]{27}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|dapi[a-f0-9]{32}",
    r"ATATT3[\w=-]{60,}|AGE-SECRET-KEY-1[A-Z0-9]{58}|\d{8,10}:AA[\w-]{32,33}|LTAI[A-Za-z0-9]{17,24}",
    r"key-[0-9a-f]{32}|(?:AC|SK)[a-f0-9]{32}|sbp_[a-f0-9]{40}|tvly-[\w-]{20,}|[MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.[\w-]{27,}",
)
_PREFIXES = (
    r"AKIA|ASIA|ABIA|ACCA|gh[pousr]_|github_pat_|gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent)-|sk-|(?:sk|pk|rk)_(?:live|test)_|"
    r"whsec_|xox[abeoprs]-|xapp-|hooks\.slack|/api/webhooks/|AIza|ya29\.|GOCSPX-|SG\.|npm_|pypi-|rubygems_|hf_|r8_|gsk_|xai-|"
    r"pplx-|do[opr]_v1_|shp(?:at|ca|pa|ss)_|dckr_|sq0|hv[sb]\.|lin_api_|ntn_|sntry[su]_|figd_|nfp_|tskey-|dp\.|glsa_|NRAK-|PMAK-|"
    r"dapi|ATATT3|AGE-SECRET|:AA|LTAI|key-|AC[a-f0-9]{8}|SK[a-f0-9]{8}|sbp_|tvly-|[MNO][A-Za-z\d_-]{23}"
)


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    counts = collections.Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def looks_secret(value: str, password: bool) -> bool:
    """True for a value that is random enough (or a password with a digit or sign), and no placeholder."""
    if len(value) < 4 or _PLACEHOLDER.match(value) or len(set(value)) < 3:
        return False
    if password:
        return bool(re.search(r"[\d!@#$%^&*+?]", value)) or (len(value) >= 12 and not _WORDS.match(value))
    if len(value) < 8 or _WORDS.match(value) or _CAMEL.match(value):
        return False
    if re.fullmatch(r"[\d.,:/-]+|\d{4}-\d\d-\d\dT?.*|(?:https?://|\.{0,2}/|~/)[\w./:@-]*", value):
        return len(value) >= 8 and value.isdigit()
    if re.fullmatch(r"[a-z]+(?:[-_.:/][a-z]*\d{0,4})+", value):
        return False
    return bool(re.search(r"\d", value)) or entropy(value) >= 3.7


def _assigned(found: re.Match[str]) -> Verdict | None:
    password = re.search(r"(?i)pass|pwd", found.group("name")) is not None
    value = found.group("value").rstrip(".,;:!?)")
    if not looks_secret(value, password):
        return None
    return found.start("value"), found.start("value") + len(value), 0.75


def _spoken(found: re.Match[str]) -> Verdict | None:
    value = found.group("value").rstrip(".,;:!?)\"'`")
    if not looks_secret(value, password=True):
        return None
    return found.start("value"), found.start("value") + len(value), 0.7


def _unless_placeholder(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    return None if not value or _PLACEHOLDER.match(value) else (found.start("value"), found.end("value"), 0.9)


def _provider(found: re.Match[str]) -> Verdict | None:
    text = found.group()
    if re.search(r"(?i)xxxx|\*{3}|\.\.\.", text) or len(set(text)) < 8:
        return None
    if text.startswith(("sk-", "key-")) and (_WORDS.match(text) or not re.search(r"\d|[A-Z]", text[3:])):
        return None
    return found.start(), found.end(), 0.95


def _random(found: re.Match[str]) -> Verdict | None:
    """A long token that mixes cases and digits like nothing people write, not a digest that says so."""
    text = found.group()
    kinds = [len(re.findall(kind, text)) for kind in (r"[a-z]", r"[A-Z]", r"\d")]
    if min(kinds) < 3 or entropy(text) < 4.2 or text.count("/") > 3 or text.count("-") + text.count("_") > 3:
        return None
    if re.search(r"(?i)(?:sha\d+[-:=]|base64,|integrity\W{1,4})\Z", before(found, 12)):
        return None
    return found.start(), found.end(), 0.65


SECRET_RULES = (
    Rule(
        "SECRET",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----BEGIN)[\s\S]){0,16000}?"
            r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)"
        ),
        whole(0.99),
    ),
    Rule(
        "SECRET",
        r"eyJ[A-Za-z0-9_-]{8,}\.",
        re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"),
        whole(0.95),
    ),
    Rule(
        "SECRET",
        rf"(?:{_PREFIXES})",
        re.compile(r"(?:(?<![A-Za-z0-9])|(?<=\\[ntr]))(?:" + "|".join(_PROVIDERS) + ")"),
        _provider,
    ),
    Rule(
        "SECRET",
        r"://[^\s/@]*:[^\s@]*@",
        re.compile(r"[A-Za-z][\w+.-]{1,30}://[^\s:/@\"'<>]{0,128}:(?P<value>[^\s\"'<>@]{1,256})@"),
        _unless_placeholder,
    ),
    Rule(
        "SECRET",
        r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9]",
        re.compile(r"(?i:\b(?:bearer|basic)\s{1,3})(?P<value>(?=[^\s]{0,200}\d)[A-Za-z0-9._~+/=-]{12,4096})"),
        _unless_placeholder,
    ),
    Rule(
        "SECRET",
        rf"(?i)(?:{_SECRET_NAME})",
        re.compile(
            rf"(?i)(?P<name>(?:{_SECRET_NAME})s?[\w.-]{{0,32}})[\"'`\]]{{0,2}}\\?[\"']?\s{{0,3}}(?:=>|:=|==?|:)\s{{0,3}}"
            r"(?:[bru]?\\?[\"'`])?(?P<value>[^\s\"'`\\,;<>(){}&]{4,512})"
        ),
        _assigned,
    ),
    Rule(
        "SECRET",
        r"(?i)(?:password|passwd|passphrase|pwd|\bpin\b|passcode)",
        re.compile(
            r"(?i:\b(?:password|passwd|passphrase|pwd|passcode|pin)\b(?: (?:is|was|to|as|should be))?)[:=]?\s{1,2}[\"'`]?"
            r"(?P<value>[^\s\"'`<>]{4,128})"
        ),
        _spoken,
    ),
    Rule(
        "SECRET",
        r"(?i)(?:api|access|secret|private|license|auth)[ _-]?key|token|secret",
        re.compile(
            r"(?i:\b(?P<name>(?:api|access|secret|private|license|auth)[ _-]?key|token|secret)\b"
            r"(?: (?:is|was|to|as|here))?)[:=]?\s{1,2}[\"'`]?(?P<value>[^\s\"'`<>,;()]{12,256})"
        ),
        _assigned,
    ),
    Rule(
        "SECRET",
        r"(?i)--?(?:password|token|secret|api-key|pass)\s",
        re.compile(
            r"(?i:(?<!\w)--?(?P<name>password|token|secret|api-key|pass)\s+)[\"']?(?P<value>[^\s\"']{4,256})"
        ),
        _assigned,
    ),
    Rule(
        "SECRET",
        r"[A-Za-z0-9+/_-]{32}",
        re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{32,88}={0,2}(?![A-Za-z0-9+/=_-])"),
        _random,
    ),
)
