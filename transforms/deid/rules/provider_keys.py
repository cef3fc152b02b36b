"""Keys and tokens in formats documented by their providers, private keys and JSON Web Tokens."""

from __future__ import annotations

import re

from transforms.deid.evidence import CHECKED, PROVEN, STATED
from transforms.deid.rules.provider_secrets import ProviderSecret, provider_secrets
from transforms.deid.rules.rule import Judge, Rule, Verdict, before, compiled, whole
from transforms.deid.rules.secret_values import entropy

#: Characters directly after a token belong to it.
_GOES_ON = re.compile(r"[A-Za-z0-9_-]+")

#: A kebab-case name that begins with sk-, as in style sheets.
_KEBAB = re.compile(r"(?:sk|key)-(?:[a-z]+\d{0,2}|\d{1,2})(?:[-_]+(?:[a-z]+\d{0,2}|\d{1,2}))*\Z")


#: How many characters before a secret its context word may be.
_CONTEXT_REACH = 60
_BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=\\[ntr])|(?<=%[0-9A-F][0-9A-F]))"


def _provider(found: re.Match[str]) -> Verdict | None:
    """The match and the characters directly after it. A token may be longer than documented."""
    text = found.group()
    if re.search(r"(?i)xxxx|\*{3}|\.\.\.", text) or len(set(text)) < 8 or _KEBAB.match(text):
        return None
    more = _GOES_ON.match(found.string, found.end())
    return found.start(), more.end() if more else found.end(), PROVEN


def _with_context(words: tuple[str, ...]) -> Judge:
    expression = "(?i)" + "|".join(map(re.escape, words))

    def judge(found: re.Match[str]) -> Verdict | None:
        text = found.group()
        if len(set(text)) < 8 or not compiled(expression).search(before(found, _CONTEXT_REACH)):
            return None
        return (found.start(), found.end(), STATED) if re.search(r"\d", text) or entropy(text) > 3.5 else None

    return judge


def _rule(secret: ProviderSecret) -> Rule:
    width = secret.longest
    if secret.context:
        exact = f"(?<![A-Za-z0-9+/])(?:{secret.pattern})(?![A-Za-z0-9+/])"
        trigger = "(?i)(?:" + "|".join(map(re.escape, secret.context)) + ")"
        return Rule("SECRET", trigger, exact, _with_context(secret.context), (0, _CONTEXT_REACH + width))
    exact = f"{_BEGIN}(?:{secret.pattern})"
    return Rule("SECRET", secret.trigger, exact, _provider, (width + 4, 2 * width + 4))


PROVIDER_KEY_RULES = (
    Rule(
        "SECRET",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        (
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:(?!-----BEGIN)[\s\S]){0,16000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|"
            r"(?:(?:\\[nr]|[\s\\\"',+]){0,8}[A-Za-z0-9+/=]{16,512}){0,400})"
        ),
        whole(0.99),
        (80, 17_000),
    ),
    Rule(
        # RFC 7519; the first part is a JSON object, so base64url of '{"', or of '{' and a blank.
        "SECRET",
        r"(?:eyJ|\b(?:eyA|ewo|ew0K))[A-Za-z0-9_-]{8,}\.|\bey[A-Za-z0-9_-]{16,}\.ey",
        (
            r"(?:eyJ|\b(?:eyA|ewo|ew0K))[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*|"
            r"\bey[A-Za-z0-9_-]{16,}\.ey[A-Za-z0-9/_-]{16,}\.[A-Za-z0-9/_-]*={0,2}"
        ),
        whole(PROVEN),
    ),
    Rule(
        # The same, encoded in base64 again, as in Kubernetes secrets.
        "SECRET",
        r"ZXlK[A-Za-z0-9+/]{40}",
        r"ZXlK[A-Za-z0-9+/]{40,}={0,2}",
        whole(CHECKED),
    ),
    *(_rule(secret) for secret in provider_secrets()),
)
