"""Credentials in URLs, headers, cookies and command lines."""

from __future__ import annotations

import re

from transforms.deid.evidence import CHECKED, FITTING
from transforms.deid.rules.rule import Rule, Verdict
from transforms.deid.rules.secret_values import PLACEHOLDER, looks_random, looks_secret


def _unless_placeholder(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    return (
        None if not value or PLACEHOLDER.match(value) else (found.start("value"), found.end("value"), CHECKED)
    )


def _header(found: re.Match[str]) -> Verdict | None:
    group = "value" if found.group("value") else "sent"
    value = found.group(group)
    if PLACEHOLDER.match(value):
        return None
    if group == "value" and not re.search(r"\d", value[:200]) and not looks_random(value):
        return None
    return found.start(group), found.end(group), CHECKED


def _cookie(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    return (
        (found.start("value"), found.end("value"), FITTING) if looks_secret(value, password=False) else None
    )


def _random_cookie(found: re.Match[str]) -> Verdict | None:
    return (*found.span("value"), FITTING) if looks_random(found.group("value")) else None


CREDENTIAL_RULES = (
    Rule(
        # Credentials in a URL (RFC 3986, 3.2.1). A port number after the colon is not a password.
        "SECRET",
        r"://[^\s/@]*:[^\s@]+@",
        (
            r"[A-Za-z][\w+.-]{1,30}://[^\s:/@\"'<>]{0,128}:"
            r"(?P<value>(?!\d{1,5}[/?#,;])[^\s\"'<>@]{1,256}(?:@[^\s\"'<>@/?#:]{1,64}(?=@))?)@"
        ),
        _unless_placeholder,
        (460, 80),
    ),
    Rule(
        # RFC 6750 and RFC 7617. Servers accept no more than 4,096 characters.
        "SECRET",
        r"(?i)\bbearer\s+[A-Za-z0-9]|\b(?:basic|token|negotiate|apikey)\s+[A-Za-z0-9]",
        (
            r"(?i:\b(?:bearer|basic|negotiate|apikey)\s{1,3})(?P<value>[A-Za-z0-9._~+/=-]{12,4096})|"
            r"(?i:\bauthorization\W{1,6}(?:bearer|basic|token|negotiate|apikey)\s{1,3})(?P<sent>[A-Za-z0-9._~+/=-]{8,4096})"
        ),
        _header,
        (60, 4_200),
    ),
    Rule(
        "SECRET",
        r"(?i)(?:sess|sid|csrf|xsrf|jwt|auth)[\w.-]*=",
        r"(?i)(?<![\w.-])[\w.-]{0,40}(?P<name>sess(?:ion)?|sid(?![a-z])|csrf|xsrf|jwt|auth)[\w.-]{0,20}=(?P<value>[^\s;\"'`,&<>()\[\]\\]{8,4096})",
        _cookie,
        (96, 4_200),
    ),
    Rule(
        # Any cookie with a random value, in a header or in the printed form of one.
        "SECRET",
        r"(?i)cookie[\"']?\s{0,3}[:=]",
        r"(?i)\b(?:set-)?cookie[\"']?\s{0,3}[:=]\s{0,3}[\[\"']{0,2}[\w.-]{1,40}=(?P<value>[\w.%+/~-]{16,4096}={0,2})",
        _random_cookie,
        (64, 4_200),
    ),
    Rule(
        # curl -u name:password, and similar options.
        "SECRET",
        r"(?:\s-u|--user|--proxy-user)[ =]",
        r"(?:(?<=\s)-u|--(?:proxy-)?user)[ =][\"']?[\w.@+-]{1,64}:(?P<value>[^\s\"':/]{4,256})(?=[\s\"']|\Z)",
        _unless_placeholder,
        (16, 340),
    ),
    Rule(
        # mysql -uroot -pS3cret: no space before the password.
        "SECRET",
        r"\bmysql(?:dump|admin|import|show)?\s",
        r"\bmysql(?:dump|admin|import|show)?\s[^\n|;]{0,160}?(?<=\s)-p(?P<value>[^\s\"'|;&-][^\s\"'|;&]{3,63})",
        _unless_placeholder,
        (12, 240),
    ),
)
