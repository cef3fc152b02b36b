"""Secrets in command lines, SQL statements and the files of programs: each at the place that the program reads.

One line of `_PLACES` is one place: what precedes the secret, and what it consists of.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from transforms.deid.evidence import FITTING, STATED
from transforms.deid.rules.rule import Rule, Verdict
from transforms.deid.rules.secret_values import PLACEHOLDER, looks_random

_ARG = r"[\"']?(?P<value>[^\s\"'|;&<>$%{(-][^\s\"'|;&<>]{3,255})"
_QUOTED = r"[NnEe]?(?P<quote>[\"'])(?P<value>(?:(?!(?P=quote))[^\n]){3,256})(?P=quote)"
_CALLED = r"(?P<quote>[\"'])(?P<value>(?:(?!(?P=quote))[^\s]){4,256})(?P=quote)"


class Place(NamedTuple):
    """`before` is for Hyperscan and Python alike; `between` may be anything up to the option of the secret."""

    before: str
    between: str
    value: str = _ARG


_PLACES: tuple[Place, ...] = (
    # Command lines: the option after the command.
    Place(r"\bsshpass ", r"(?:-[a-z] ?)*-p ?"),
    Place(
        r"\b(?:docker|podman|nerdctl|helm registry|oras|skopeo|crane|buildah) (?:auth )?login\b",
        r"[^\n|;]{0,160}? (?:-p|--password)[ =]",
    ),
    Place(r"\b(?:redis-cli|keydb-cli|valkey-cli)\b", r"[^\n|;]{0,120}? (?:-a|--pass)[ =]"),
    Place(
        r"\b(?:mongo|mongosh|mongodump|mongorestore|mongoimport|mongoexport|az login|mosquitto_(?:pub|sub)|ldapsearch|ldapmodify|sqlcmd|bcp|"
        r"isql|sqlplus|vncviewer|smbmap|crackmapexec|rpcclient|cqlsh|ysql|influx|nuget push|oc login|ibmcloud login|cf login|argocd login|"
        r"vault login|kinit|snmpwalk|ftp-upload|lftp|wget|expect|zip|unzip|7z|rar|unrar|xfreerdp|rdesktop)\b",
        r"[^\n|;]{0,160}? (?:-p|-P|-w|-pw|/p:|-A|--password|--passwd|--pass|-password)[ =:]?(?=[^\s=:-])",
    ),
    Place(r"\bhtpasswd -[a-zA-Z]*b[a-zA-Z]* ", r"(?:-[a-zA-Z]+ )*[^\s]{1,128} [^\s]{1,64} "),
    Place(
        r"\b(?:smbclient|mount\.cifs|rpcclient|smbget)\b",
        r"[^\n|;]{0,160}? (?:-U|--user)[ =][\w.@\\-]{1,64}%",
    ),
    Place(r"\bnet use\b", r"[^\n|;]{0,160}?/user:[^\s]{1,64} "),
    Place(r"\bopenssl\b", r"[^\n|;]{0,200}? -pass(?:in|out)? pass:"),
    Place(r"\b(?:passin|passout|pass) pass:", ""),
    Place(r"\bgpg2?\b", r"[^\n|;]{0,160}?--passphrase[ =]"),
    Place(r"\bmysqladmin\b", r"[^\n|;]{0,120}? password "),
    Place(r"\bhttp (?:-[a-z]+ )*(?:-a|--auth)[ =]", r"[\w.@-]{1,64}:"),
    Place(
        r"\becho (?:-n )?[\"']?",
        r"(?:[\w.-]{1,32}:)?",
        r"(?P<value>[^\s\"'|$<>]{4,128})(?=[\"']? ?\| ?(?:sudo (?:-\w+ )*-S|sudo chpasswd|chpasswd|passwd --stdin|docker login))",
    ),
    # SQL.
    Place(r"(?i:\bidentified (?:with [\w\"'`]{1,40} )?by )", r"(?i:password )?", _QUOTED),
    Place(
        r"(?i:\b(?:with |encrypted |unencrypted |set )?password(?: for [^\n=']{1,80})?(?: ?= ?| to | ))",
        r"(?i:password\()?",
        _QUOTED,
    ),
    Place(r"(?i:\bpassword\()", "", _QUOTED),
    Place(r"(?i:\b(?:crypt|pwdencrypt|sha2|sha1|md5)\()", "", _QUOTED + r"(?=, ?(?:gen_salt|\d{3}\)))"),
    # Files of programs.
    Place(
        r"(?i:\b(?:psk|wpa_passphrase|passphrase|wifi_?password|wpa2?_?psk|wep_?key\d?)[ \t]?[=:][ \t]?)",
        "",
        r"[\"']?(?P<value>[^\s\"'#<>{]{6,64})",
    ),
    Place(
        r"\b(?:requirepass|masterauth|sentinel auth-pass [^ \n]{1,64}|enable secret \d?|enable password|snmp-server community|community-string) ",
        "",
        _ARG,
    ),
    Place(
        r"(?i:\b(?:smtp_?pass|db_?pass|mysql_?pass|admin_?pass|user_?pass|ftp_?pass|root_?pass|pass|passwd|pwd)[ \t]{0,2}(?:=|:=|=>)[ \t]{0,2})",
        "",
        r"(?P<quote>[\"'])(?P<value>(?:(?!(?P=quote))[^\s]){5,128})(?P=quote)",
    ),
    # Calls that take a user and a password.
    Place(
        r"(?i:\b(?:auth|basic_?auth|http_?basic_?auth|httpdigestauth|login|log_?in|sign_?in|authenticate|credentials?|networkcredential|"
        r"usernamepasswordcredentials|userpass|plainauth|set_?credentials)[=(: ]{1,3}\(?)",
        r"(?:[\"'][^\"'\n]{1,64}[\"']|[\w.]{1,40}), ?",
        _CALLED,
    ),
)
#: db.example.com:5432:app:user:password, in a line of its own.
_PGPASS = r"(?m)^[\w.*-]{1,128}:(?:\d{2,5}|\*):[\w*-]{1,63}:[\w.@*-]{1,63}:(?P<value>[^\s:\\]{4,128})[ \t]*$"
_DECODED = r"\becho (?:-n )?[\"']?(?P<value>[A-Za-z0-9+/_-]{12,512}={0,2})[\"']? ?\| ?(?:base64|openssl (?:base64|enc))"
#: A key that is cut into parts in source code: "AKIA..." + "...".
_PARTED = r"(?i:\b(?:[\w.-]{0,40})(?:key|token|secret|password)[\w.-]{0,20}[ \t]{0,3}[:=][ \t]{0,3})(?P<value>[\"'][\w+/=.-]{4,128}[\"'](?:[ \t]{0,3}(?:\+|\.|\\\n)?[ \t\n]{0,8}[\"'][\w+/=.-]{4,128}[\"']){1,8})"
_CODES = (
    r"(?i:\b(?:backup|recovery|rescue|scratch|emergency|one-time|2fa|mfa)(?: (?:2fa|mfa|login|access|recovery|backup))? codes?)\b[^\n\w]{0,4}(?:(?:are|is)\b:?)?"
    r"(?P<value>(?:[ \t\n,;|*\d.)]{0,6}?\b(?=[A-Za-z0-9-]{0,12}\d)[A-Za-z0-9]{4,8}(?:-[A-Za-z0-9]{4,8}){0,3}\b){1,16})"
)
_SAID = re.compile(
    r"(?i)(?:is|was|the|a|an|your|my|for|to|and|or|not|null|none|true|false|file|prompt|stdin|env|-|yes|no|[^\w]+|\$.*|%\w+%)\Z"
)


def _placed(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    if PLACEHOLDER.match(value) or _SAID.match(value) or len(set(value)) < 3:
        return None
    return (*found.span("value"), STATED)


def _decoded(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    return (*found.span("value"), FITTING) if len(set(value)) > 7 and not value.isdigit() else None


def _parted(found: re.Match[str]) -> Verdict | None:
    joined = "".join(re.findall(r"[\"']([\w+/=.-]+)[\"']", found.group("value")))
    if not looks_random(joined) and not re.fullmatch(r"(?=.*\d)[A-Z0-9]{16,64}", joined):
        return None
    return found.start("value") + 1, found.end("value") - 1, FITTING


def _codes(found: re.Match[str]) -> Verdict | None:
    start, end = found.span("value")
    start += len(found.group("value")) - len(found.group("value").lstrip(" \t\n,;|*"))
    return start, end, FITTING


def _rule(place: Place) -> Rule:
    exact = rf"{place.before}{place.between}{place.value}"
    return Rule("SECRET", place.before, exact, _placed, (220, 520))


COMMAND_RULES = (
    *(_rule(place) for place in _PLACES if place.value),
    Rule("SECRET", r":\d{2,5}:[\w*-]{1,63}:[\w.@*-]{1,63}:[^\s:]", _PGPASS, _placed, (280, 140)),
    Rule("SECRET", r"\| ?(?:base64|openssl (?:base64|enc))", _DECODED, _decoded, (560, 4)),
    Rule(
        "SECRET",
        r"(?i)(?:key|token|secret|password)[\w.-]{0,20}[ \t]{0,3}[:=][ \t]{0,3}[\"'][\w+/=.-]{4,128}[\"'][ \t]{0,3}[+.\\]",
        _PARTED,
        _parted,
        (220, 900),
    ),
    Rule(
        "SECRET",
        r"(?i)(?:backup|recovery|rescue|scratch|emergency|one-time|2fa|mfa)(?: \w{2,8})? codes?\b",
        _CODES,
        _codes,
        (40, 300),
    ),
)
