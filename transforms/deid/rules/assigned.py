"""Secrets assigned to a name that means a secret: in code, configuration, environments, markup and calls."""

from __future__ import annotations

import re

from transforms.deid.evidence import FITTING, LIKELY
from transforms.deid.rules.rule import BLANK, Rule, Verdict, after, before
from transforms.deid.rules.secret_values import (
    PLACEHOLDER,
    UUID,
    looks_random,
    looks_secret,
    reads_like_words,
    without_tail,
)

SECRET_NAME = (
    r"secret|token|passw(?:or)?d|passwd|passphrase|pwd|api[_.-]?key|access[_.-]?key|private[_.-]?key|"
    r"client[_.-]?secret|auth(?:orization)?[_.-]?(?:key|header)?|account[_.-]?key|signing[_.-]?key|encryption[_.-]?key|"
    r"credential|webhook|connection[_.-]?string|passwort|kennwort|contrase(?:n|ñ|Ñ)a|пароль|Пароль|ПАРОЛЬ"
)
#: Names that contain a word for a secret but hold none: token counts and types, public parts of a key, the place of a secret.
NOT_SECRET_NAME = re.compile(
    r"(?i)(?:max|num|total|prompt|completion|input|output|cache[d_a-z]*|budget)_?tokens?|tokens\Z|token_?(?:count|type|s_|usage|limit|url)|"
    r"author\Z|auth_?(?:type|method|mode|url|uri|or)|(?:public|foreign|primary)_?key|tokeni[sz]|passed|passing|passive|secretary|"
    r"(?:secret|token|credentials?|key|auth\w{0,12})[_.-]?(?:ids?|names?|files?|paths?|ur[il]s?|source|results|endpoint|arn|ref)\Z"
)
#: For Hyperscan: the name of a secret and the characters allowed between it and the assignment sign.
_NAMED = rf"(?i)(?:{SECRET_NAME})s?(?:[\w.-]|[\x80-\xff]){{0,96}}[\"'`\]]{{0,2}}"
_SET_TO = rf"s?(?:[\w.-]|[\x80-\xff]){{0,96}}[\"'`\]]{{0,2}}\\{{0,3}}[\"']?{BLANK}{{0,3}}"
#: A lookahead for the first letter makes the case-insensitive alternatives many times faster.
_FIRST = "(?=[acekpstwпACEKPSTWП])"
_NAME = rf"(?i){_FIRST}(?P<name>(?:{SECRET_NAME})s?[\w.-]{{0,32}})"
#: Assignment signs, including assignment if unset (make, PHP, JavaScript, Ruby) and appending (PHP).
_SIGN = r"(?:=>|:{1,3}=|==?|\?{1,2}=|\|\|=|\.=|\+=|:)"
#: A reference in code instead of a value: an index, a call or an attribute.
REFERENCE = re.compile(
    r"[A-Za-z_]\w*(?:\[[^\]]*\]?|\.[A-Za-z_]\w*)+\Z|[a-z]+(?:_[a-z]+)+\Z|_?[A-Z][A-Z_]+\Z|_?[A-Z][a-z]+(?:[A-Z][a-z]+)+\Z"
)
_OF_PASSWORDS = re.compile(r"(?i)pass|pwd|\bpw\b|kennwort|contrase|пароль")
#: Words that are written where a password would be: types, states, places and prompts.
_NO_PASSWORD = re.compile(
    r"(?i)(?:strings?|text|varchar|char|password|passwd|passphrase|secrets?|hidden|input|field|value|values|label|type|types|number|integer|"
    r"boolean|object|array|required|optional|mandatory|empty|blank|unset|missing|invalid|incorrect|wrong|correct|valid|expired|reset|change|changed|"
    r"update|updated|hash|hashed|hashing|encrypted|plain|plaintext|encoded|masked|redacted|removed|stored|saved|sent|needed|enter|entered|confirm|"
    r"forgot|forgotten|current|default|existing|random|generate|generated|prompt|stdin|files?|compat|winbind|systemd|ldap|shadow|"
    r"manager|protected|protection|authentication|authorization|policy|strength|length|rules?|fields?|inputs?|form|login|logon|user|username|"
    r"users|admin|email|server|client|account|request|response|result|params?|options?|props|config|settings|environ|environment|args|data|"
    r"request|session|context|event|state|self|this|null|none|false|true|undefined|await|async|return|const|example|sample|dummy|test(?:ing)?|"
    r"please|should|must|will|with|from|your|their|never|always|based|only|less|auth|oauth|basic|bearer|digest|token|tokens|public|private)\Z"
)
#: The most characters of a value that an expression matches; the rest of a longer value is added afterwards.
_MOST = 512
_GOES_ON = re.compile(r"[^\s\"'`\\,;<>(){}&]{1,8192}")


def assigned(found: re.Match[str]) -> Verdict | None:
    """The assigned value, unless its name or its form rules out a secret."""
    name = found.group("name")
    bare = before(found, 1, "value") not in ("'", '"', "`")
    value = without_tail(found.group("value"), not bare)
    if NOT_SECRET_NAME.search(name) or (bare and (after(found, 1, "value") == "(" or REFERENCE.match(value))):
        return None
    password = _OF_PASSWORDS.search(name) is not None
    if not looks_secret(value, password) and not (password and _is_word_password(found, value, bare)):
        return None
    return found.start("value"), _end(found, value), FITTING


def _is_word_password(found: re.Match[str], value: str, bare: bool) -> bool:
    """True for letters alone as the value of a password: quoted, or to the end of the line or element."""
    if (
        not value.isalpha()
        or not 5 <= len(value) <= 32
        or _NO_PASSWORD.match(value)
        or PLACEHOLDER.match(value)
    ):
        return False
    if re.search(r"[a-z][A-Z]", value) or (value.isupper() and len(value) > 12):
        return False
    if found.group("name").lower() in ("pass", "pw", "creds") or before(found, 1, "value") == "`":
        return False
    behind = after(found, 3, "value")
    ends = (
        not behind.strip(" \t\r")
        or behind.lstrip(" \t\r")[:1] == "\n"
        or behind.startswith(("</", '"', "'", "`"))
    )
    return ends if bare else True


def _end(found: re.Match[str], value: str) -> int:
    more = _GOES_ON.match(found.string, found.end("value")) if len(found.group("value")) == _MOST else None
    return more.end() if more else found.start("value") + len(value)


def _random(found: re.Match[str]) -> Verdict | None:
    """A value beside the name of a secret, if it is random. Lists of words have the same form."""
    name, value = found.group("name"), found.group("value")
    password = _OF_PASSWORDS.search(name) is not None and re.search(r"\d", value) is not None
    if NOT_SECRET_NAME.search(name) or not looks_secret(value, password):
        return None
    if not password and not looks_random(value):
        return None
    return found.start("value"), found.end("value"), FITTING


def _keyed_token(found: re.Match[str]) -> Verdict | None:
    """A value assigned to a name that ends in "key", if it is random. The key of an index is a word."""
    value = found.group("value").rstrip(".,;")
    if NOT_SECRET_NAME.search(found.group("name")) or PLACEHOLDER.match(value) or REFERENCE.match(value):
        return None
    digits, letters = len(re.findall(r"\d", value)), len(re.findall(r"[A-Za-z]", value))
    odd = digits >= 2 and letters >= 4 and len(set(value)) >= 8 and not reads_like_words(value)
    if not odd and not looks_random(value):
        return None
    return found.start("value"), _end(found, value), LIKELY


def _tagged(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    if not looks_secret(value, password=False) or len(set(value)) < 6:
        return None
    return found.start("value"), found.end("value"), FITTING


def _queried(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    random = looks_random(value) and not UUID.match(value)
    return (found.start("value"), found.end("value"), FITTING) if random else None


ASSIGNED_RULES = (
    Rule(
        "SECRET",
        rf"(?i)(?:{SECRET_NAME}|pass|\bpw|\bcreds){_SET_TO}(?:[?|+.:]{{0,3}}=|:|\|)",
        (
            rf"(?i){_FIRST}(?P<name>(?:{SECRET_NAME}|(?<![A-Za-z])(?:(?-i:pass|pw)|pw|creds)(?![A-Za-z]))s?[\w.-]{{0,32}})"
            r"[\"'`\]]{0,2}\\{0,3}[\"']?"
            rf"\s{{0,3}}(?:{_SIGN}|\|(?=[ \t]{{1,9}}[^\s|]{{4,512}}[ \t]{{0,9}}\|))\s{{0,9}}"
            r"(?:[bru]?(?P<quote>\\{0,3}[\"'`]))?(?P<value>[^\s\"'`\\,;<>(){}&]{4,512})"
        ),
        assigned,
        (100, 580),
    ),
    Rule(
        # A quoted value may contain any character except the quote.
        "SECRET",
        rf"(?i)(?:{SECRET_NAME}){_SET_TO}(?:=>|[?|+.:]{{0,3}}=|:){BLANK}{{0,3}}[bru]?[\"'`]",
        (
            rf"{_NAME}[\"'`\]]{{0,2}}\\{{0,3}}[\"']?"
            rf"\s{{0,3}}{_SIGN}\s{{0,3}}[bru]?(?P<quote>[\"'`])(?P<value>(?:(?!(?P=quote))[^\s]){{4,512}})(?P=quote)"
        ),
        assigned,
        (100, 580),
    ),
    Rule(
        # Declared with a type: var apiToken string = "...", token: &str = "...", char token[] = "...".
        "SECRET",
        rf"{_NAMED}(?:{BLANK}{{0,2}}:?{BLANK}{{0,2}}&?(?:'static )?(?:string|str|std::string|char|varchar)\b|\[\])",
        (
            rf"{_NAME}(?:\s{{0,2}}:?\s{{0,2}}&?(?:'static )?(?:string|str|std::string|char|varchar)\b[?!]?(?:\[\])?|\[\])"
            r"\s{0,3}=\s{0,3}(?P<quote>[\"'`])(?P<value>(?:(?!(?P=quote))[^\s]){4,512})(?P=quote)"
        ),
        assigned,
        (130, 560),
    ),
    Rule(
        # Decoded or wrapped by a call: signingKey: Buffer.from("...", "hex").
        "SECRET",
        rf"{_NAMED}{BLANK}{{0,3}}(?:=|:){BLANK}{{0,3}}[\w.]{{1,40}}\([\"'`]",
        rf"{_NAME}[\"'`]?\s{{0,3}}{_SIGN}\s{{0,3}}(?:new )?[\w.]{{1,40}}\((?P<quote>[\"'`])(?P<value>(?:(?!(?P=quote))[^\s]){{12,512}})(?P=quote)",
        _random,
        (170, 540),
    ),
    Rule(
        # Passed to a call together with its name: setProperty("API_TOKEN", "..."), header("X-Api-Key", "...").
        "SECRET",
        rf"{_NAMED}{BLANK}{{0,3}},{BLANK}{{0,3}}[\"'`]",
        rf"{_NAME}[\"'`]\s{{0,3}},\s{{0,3}}(?P<quote>[\"'`])(?P<value>(?:(?!(?P=quote))[^\s]){{8,512}})(?P=quote)\s{{0,3}}[),\]]",
        _random,
        (130, 540),
    ),
    Rule(
        # A pair of name and value: name="ApiToken" value="...", {"name": "API_TOKEN", "value": "..."}, name: and value: in YAML.
        "SECRET",
        rf"{_NAMED},?{BLANK}{{1,40}}[\"']?value",
        rf"{_NAME}[\"']?,?\s{{1,40}}[\"']?value[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?(?P<value>[^\s\"'`<>{{}}]{{8,512}})",
        _random,
        (170, 540),
    ),
    Rule(
        # A YAML block scalar of one line.
        "SECRET",
        rf"{_NAMED}:{BLANK}{{1,3}}[|>][+-]?\r?\n",
        rf"{_NAME}[\"']?:\s{{1,3}}[|>][+-]?\r?\n[ \t]{{1,20}}(?P<value>[^\s\"'`<>{{}}:]{{8,512}})(?=\s|\Z)",
        _random,
        (130, 560),
    ),
    Rule(
        # A markup element. Its value is on the line of its tags or on a separate line.
        "SECRET",
        rf"(?i)<[\w:.-]*(?:{SECRET_NAME})[\w:.-]*>",
        rf"(?i)<(?P<name>[\w:.-]{{0,40}}(?:{SECRET_NAME})[\w:.-]{{0,40}})>\s{{0,40}}(?P<value>[^\s<]{{4,512}})\s{{0,40}}</",
        assigned,
        (120, 600),
    ),
    Rule(
        # In an environment file the value extends to the end of the line.
        "SECRET",
        rf"(?i)(?:{SECRET_NAME})[A-Z0-9_]*=",
        (
            r"(?m)(?<![^\n])(?:export\s)?(?P<name>[A-Z0-9_]{0,40}(?:SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PWD|API_?KEY|"
            r"ACCESS_KEY|PRIVATE_KEY|CREDENTIAL)[A-Z0-9_]{0,20})=(?P<value>[^\s\"'`$<][^\s\"'`]{3,511})$"
        ),
        assigned,
        (64, 600),
    ),
    Rule(
        "SECRET",
        r"(?i)--?(?:password|token|secret|api-key|pass)\s",
        r"(?i:(?<!\w)--?(?P<name>password|token|secret|api-key|pass)\s+)[\"']?(?P<value>[^\s\"']{4,256})",
        assigned,
        (24, 300),
    ),
    Rule(
        "SECRET",
        r"(?i)key[\"'`\]]{0,2}\s{0,3}(?:=>|:=|=|:)",
        r"(?i)(?P<name>[\w.-]{0,40}key)[\"'`\]]{0,2}\s{0,3}(?:=>|:=|==?|:)\s{0,3}[\"'`]?(?P<value>[^\s\"'`<>&,;(){}\[\]]{16,512})",
        _keyed_token,
        (64, 540),
    ),
    Rule(
        # Signatures and access keys in the query of a URL.
        "SECRET",
        r"(?i)[?&](?:sig|signature|hmac|code|ticket|access|key)=",
        r"(?i)[?&](?:sig|signature|hmac|code|ticket|access|key)=(?P<value>[\w%+/.~-]{16,512}={0,2})",
        _queried,
        (16, 530),
    ),
    Rule(
        # Credential stores of build servers. One element may contain several values.
        "SECRET",
        r"(?i)<(?:secret|token|password|api-?key|private-?key|passphrase)>",
        r"(?<=[\s{>])(?P<value>[^\s<>{}]{12,512})(?=[^<>]{0,20}</)",
        _tagged,
        (0, 700),
    ),
)
