"""Secrets that their names or places give away: assignments, credentials in URLs and headers, random tokens."""

from __future__ import annotations

import itertools
import re

from transforms.deid.rules import BLANK, Rule, Verdict, after, before
from transforms.deid.secret_values import PLACEHOLDER, entropy, looks_secret, reads_like_words

_SECRET_NAME = (
    r"secret|token|passw(?:or)?d|passwd|passphrase|pwd|api[_.-]?key|access[_.-]?key|private[_.-]?key|"
    r"client[_.-]?secret|auth(?:orization)?[_.-]?(?:key|header)?|account[_.-]?key|signing[_.-]?key|encryption[_.-]?key|"
    r"credential|webhook|connection[_.-]?string"
)
#: Counts and kinds of tokens, and what is public about a key.
_NOT_SECRET_NAME = re.compile(
    r"(?i)(?:max|num|total|prompt|completion|input|output|cache[d_a-z]*|budget)_?tokens?|tokens\Z|token_?(?:count|type|s_|usage|limit|url)|"
    r"author\Z|auth_?(?:type|method|mode|url|uri|or)|(?:public|foreign|primary)_?key|tokeni[sz]|passed|passing|passive|secretary"
)
#: For Hyperscan: what may stand between the name of a secret and the sign that gives it its value.
_SET_TO = rf"s?(?:[\w.-]|[\x80-\xff]){{0,96}}[\"'`\]]{{0,2}}\\{{0,3}}[\"']?{BLANK}{{0,3}}"
#: A name of the program's own: an index, a call or an attribute of something.
_REFERENCE = re.compile(
    r"[A-Za-z_]\w*(?:\[[^\]]*\]?|\.[A-Za-z_]\w*)+\Z|[a-z]+(?:_[a-z]+)+\Z|_?[A-Z][A-Z_]+\Z|_?[A-Z][a-z]+(?:[A-Z][a-z]+)+\Z"
)
_SAID_OF_PASSWORDS = re.compile(
    r"(?i)(?:\w+ed|\w+ing|wrong|right|correct|incorrect|not|too|very|the|same|weak|strong|safe|secure|long|short|okay|fine|"
    r"never|always|still|also|only|just|being|gone|lost|invalid|valid|empty|missing|required|public|known|good|bad|what|that|"
    r"this|case|different|unknown|often|probably|already|unique|visible)\Z"
)
_VERSION = re.compile(r"[\dv:]*\d+(?:\.\d+)+\S*\Z")
#: Ids that services hand out openly, and alphabets.
_OPEN_ID = re.compile(
    r"(?:(?:srv)?toolu|msg|req|call|run|thread|asst|file|resp|chatcmpl|batch|cus|prod|price|evt|pi|ch)[_-]|.*(?:abcdefghijk|ABCDEFGHIJK|0123456789)"
)


def _assigned(found: re.Match[str]) -> Verdict | None:
    name, value = found.group("name"), found.group("value").rstrip(".,;:!?)")
    bare = before(found, 1, "value") not in ("'", '"', "`")
    if _NOT_SECRET_NAME.search(name) or (
        bare and (after(found, 1, "value") == "(" or _REFERENCE.match(value))
    ):
        return None
    if not looks_secret(value, re.search(r"(?i)pass|pwd|\bpw\b", name) is not None):
        return None
    return found.start("value"), found.start("value") + len(value), 0.75


def _spoken(found: re.Match[str]) -> Verdict | None:
    value = found.group("value").rstrip(".,;:!?)\"'`")
    if not looks_secret(value, password=True) or _REFERENCE.match(value) or _VERSION.match(value):
        return None
    return found.start("value"), found.start("value") + len(value), 0.7


def _pair(found: re.Match[str]) -> Verdict | None:
    value = found.group("value").rstrip(".,;:!?)\"'`")
    if not looks_secret(value, password=True):
        return None
    return found.start("value"), found.start("value") + len(value), 0.75


def _owned_password(found: re.Match[str]) -> Verdict | None:
    """What somebody says their password is, unless it is said what it is like."""
    value = found.group("value").rstrip(".,;:!?)\"'`")
    if len(value) < 4 or _SAID_OF_PASSWORDS.match(value):
        return None
    return found.start("value"), found.start("value") + len(value), 0.7


def _unless_placeholder(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    return None if not value or PLACEHOLDER.match(value) else (found.start("value"), found.end("value"), 0.9)


def _header(found: re.Match[str]) -> Verdict | None:
    group = "value" if found.group("value") else "sent"
    if PLACEHOLDER.match(found.group(group)):
        return None
    return found.start(group), found.end(group), 0.9


def _cookie(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    return (found.start("value"), found.end("value"), 0.75) if looks_secret(value, password=False) else None


def _random(found: re.Match[str]) -> Verdict | None:
    """A long token that mixes cases and digits like nothing people write, not a digest that says so."""
    text = found.group().strip("-_")
    if text.islower() or text.isupper():
        return None
    kinds = [len(re.findall(kind, text)) for kind in (r"[a-z]", r"[A-Z]", r"\d")]
    if min(kinds) < 3 or entropy(text) < 4.2 or text.count("/") > 3 or text.count("-") + text.count("_") > 3:
        return None
    if reads_like_words(text):
        return None
    if _OPEN_ID.match(text) or re.search(
        r"(?i)(?:sha\d+[-:=]|base64,|integrity\W{1,4})\Z", before(found, 12)
    ):
        return None
    return found.start(), found.end(), 0.65


def _mixed(found: re.Match[str]) -> Verdict | None:
    """Letters of one case and digits in turns, more than hexadecimal has: nothing people write, nor a digest."""
    text = found.group()
    turns = sum(a.isdigit() != b.isdigit() for a, b in itertools.pairwise(text))
    if (
        turns * 5 < len(text)
        or not re.search(r"(?i)[g-z]", text)
        or len(set(text)) < 10
        or _OPEN_ID.match(text)
    ):
        return None
    if text[0].isdigit() and re.match(r"\d+(?:px|em|ms|x\d)", text):
        return None
    return found.start(), found.end(), 0.65


def _keyed_token(found: re.Match[str]) -> Verdict | None:
    """What is assigned to a name that ends in key, if it is random; an index's key is a word."""
    value = found.group("value").rstrip(".,;")
    if _NOT_SECRET_NAME.search(found.group("name")) or PLACEHOLDER.match(value) or _REFERENCE.match(value):
        return None
    digits, letters = len(re.findall(r"\d", value)), len(re.findall(r"[A-Za-z]", value))
    if digits < 2 or letters < 4 or len(set(value)) < 8 or reads_like_words(value):
        return None
    return found.start("value"), found.start("value") + len(value), 0.7


def _tagged(found: re.Match[str]) -> Verdict | None:
    value = found.group("value")
    if not looks_secret(value, password=False) or len(set(value)) < 6:
        return None
    return found.start("value"), found.end("value"), 0.75


SECRET_RULES = (
    Rule(
        # Credentials in a URL (RFC 3986, 3.2.1). What is parted by a port's number is no password.
        "SECRET",
        r"://[^\s/@]*:[^\s@]+@",
        re.compile(
            r"[A-Za-z][\w+.-]{1,30}://[^\s:/@\"'<>]{0,128}:"
            r"(?P<value>(?!\d{1,5}[/?#])[^\s\"'<>@]{1,256}(?:@[^\s\"'<>@/?#:]{1,64}(?=@))?)@"
        ),
        _unless_placeholder,
        (460, 80),
    ),
    Rule(
        # RFC 6750 and RFC 7617; longer ones than 4,096 exceed what servers accept.
        "SECRET",
        r"(?i)\bbearer\s+[A-Za-z0-9]|\b(?:basic|token|negotiate|apikey)\s+[A-Za-z0-9]",
        re.compile(
            r"(?i:\b(?:bearer|basic|negotiate|apikey)\s{1,3})(?P<value>(?=[^\s]{0,200}\d)[A-Za-z0-9._~+/=-]{12,4096})|"
            r"(?i:\bauthorization\W{1,6}(?:bearer|basic|token|negotiate|apikey)\s{1,3})(?P<sent>[A-Za-z0-9._~+/=-]{8,4096})"
        ),
        _header,
        (60, 4_200),
    ),
    Rule(
        "SECRET",
        r"(?i)(?:sess|sid|csrf|xsrf|jwt|auth)[\w.-]*=",
        re.compile(
            r"(?i)(?<![\w.-])[\w.-]{0,40}(?P<name>sess(?:ion)?|sid(?![a-z])|csrf|xsrf|jwt|auth)[\w.-]{0,20}=(?P<value>[^\s;\"'`,&<>()\[\]\\]{8,4096})"
        ),
        _cookie,
        (96, 4_200),
    ),
    Rule(
        "SECRET",
        rf"(?i)(?:{_SECRET_NAME}|pass|\bpw){_SET_TO}(?:=|:|\|)",
        re.compile(
            rf"(?i)(?P<name>(?:{_SECRET_NAME}|(?<![A-Za-z])(?-i:pass|pw)(?![A-Za-z]))s?[\w.-]{{0,32}})[\"'`\]]{{0,2}}\\{{0,3}}[\"']?"
            r"\s{0,3}(?:=>|:=|==?|:|\|(?=[ \t]{1,9}[^\s|]{4,512}[ \t]{0,9}\|))\s{0,9}(?:[bru]?(?P<quote>\\{0,3}[\"'`]))?(?P<value>[^\s\"'`\\,;<>(){}&]{4,512})"
        ),
        _assigned,
        (100, 580),
    ),
    Rule(
        # In quotes a value may hold any sign but the quote.
        "SECRET",
        rf"(?i)(?:{_SECRET_NAME}){_SET_TO}(?:=>|:=|==?|:){BLANK}{{0,3}}[bru]?[\"'`]",
        re.compile(
            rf"(?i)(?P<name>(?:{_SECRET_NAME})s?[\w.-]{{0,32}})[\"'`\]]{{0,2}}\\{{0,3}}[\"']?"
            r"\s{0,3}(?:=>|:=|==?|:)\s{0,3}[bru]?(?P<quote>[\"'`])(?P<value>(?:(?!(?P=quote))[^\s]){4,512})(?P=quote)"
        ),
        _assigned,
        (100, 580),
    ),
    Rule(
        "SECRET",
        rf"(?i)<[\w:.-]*(?:{_SECRET_NAME})[\w:.-]*>[^\s<]",
        re.compile(
            rf"(?i)<(?P<name>[\w:.-]{{0,40}}(?:{_SECRET_NAME})[\w:.-]{{0,40}})>(?P<value>[^\s<]{{4,512}})</"
        ),
        _assigned,
        (120, 520),
    ),
    Rule(
        # A line of an environment file goes on to its end.
        "SECRET",
        rf"(?i)(?:{_SECRET_NAME})[A-Z0-9_]*=",
        re.compile(
            r"(?m)(?<![^\n])(?:export\s)?(?P<name>[A-Z0-9_]{0,40}(?:SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PWD|API_?KEY|"
            r"ACCESS_KEY|PRIVATE_KEY|CREDENTIAL)[A-Z0-9_]{0,20})=(?P<value>[^\s\"'`$<][^\s\"'`]{3,511})$"
        ),
        _assigned,
        (64, 600),
    ),
    Rule(
        "SECRET",
        r"(?i)(?:password|passwd|passphrase|pwd|\bpin (?:code )?is|passcode)",
        re.compile(
            r"(?i:\b(?:password|passwd|passphrase|pwd|passcode|pin(?: code)?(?= is))\b(?: (?:is|was|to|as|should be))?)[:=]?\s{1,2}[\"'`]?"
            r"(?P<value>[^\s\"'`<>]{4,128})"
        ),
        _spoken,
        (24, 170),
    ),
    Rule(
        "SECRET",
        rf"(?i)(?:(?:api|access|secret|private|license|auth)[ _-]?key|token|secret)(?: (?:is|was|to|as|here))?[:=]?{BLANK}{{1,2}}[\"'`]?"
        r"[^\s\"'`<>,;()]{12}",
        re.compile(
            r"(?i:(?:\b|(?<=_))(?P<name>(?:api|access|secret|private|license|auth)[ _-]?key|token|secret)\b"
            r"(?: (?:is|was|to|as|here))?)[:=]?\s{1,2}[\"'`]?(?P<value>[^\s\"'`<>,;()]{12,256})"
        ),
        _assigned,
        (72, 260),
    ),
    Rule(
        "SECRET",
        r"(?i)(?:my|our|his|her|their) (?:[a-z]+ ){0,2}(?:password|passphrase|passcode) is",
        re.compile(
            r"(?i)\b(?:my|our|his|her|their) (?:[a-z]+ ){0,2}(?:password|passphrase|passcode) is:? [\"'`]?(?P<value>[^\s\"'`<>]{4,64})"
        ),
        _owned_password,
        (60, 80),
    ),
    Rule(
        # A user's name and password in one line: `user/pass bob/Xk29`, `login: carol / s3cret99`.
        "SECRET",
        r"(?i)(?:user(?:name)?\s?[/&]\s?pass(?:word)?|login|creds?|credentials)\b",
        re.compile(
            r"(?i)\b(?:user(?:name)?\s?[/&]\s?pass(?:word)?|login|creds?|credentials)(?: (?:is|are|to|for \w+))?[:=]?\s{1,3}"
            r"[\w.@+-]{2,64}\s?[/:|]\s?(?P<value>[^\s\"'`<>/]{4,64})"
        ),
        _pair,
        (24, 160),
    ),
    Rule(
        "SECRET",
        r"(?i)--?(?:password|token|secret|api-key|pass)\s",
        re.compile(
            r"(?i:(?<!\w)--?(?P<name>password|token|secret|api-key|pass)\s+)[\"']?(?P<value>[^\s\"']{4,256})"
        ),
        _assigned,
        (24, 300),
    ),
    Rule(
        # curl -u name:password, and the like.
        "SECRET",
        r"(?:\s-u|--user|--proxy-user)[ =]",
        re.compile(
            r"(?:(?<=\s)-u|--(?:proxy-)?user)[ =][\"']?[\w.@+-]{1,64}:(?P<value>[^\s\"':/]{4,256})(?=[\s\"']|\Z)"
        ),
        _unless_placeholder,
        (16, 340),
    ),
    Rule(
        "SECRET",
        r"(?:^|[^A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{32}",
        re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{32,88}={0,2}(?![A-Za-z0-9+/_-])"),
        _random,
        (48, 64),
    ),
    Rule(
        "SECRET",
        r"(?:^|[^A-Za-z0-9+/_%-])(?:[a-z0-9]{20}|[A-Z0-9]{20})",
        re.compile(
            r"(?<![A-Za-z0-9+/_%-])(?=[a-z]{0,40}\d)(?:[a-z0-9]{20,128}|[A-Z0-9]{20,128})(?![A-Za-z0-9+/_=-])"
        ),
        _mixed,
        (24, 112),
    ),
    Rule(
        "SECRET",
        r"(?i)key[\"'`\]]{0,2}\s{0,3}(?:=>|:=|=|:)",
        re.compile(
            r"(?i)(?P<name>[\w.-]{0,40}key)[\"'`\]]{0,2}\s{0,3}(?:=>|:=|==?|:)\s{0,3}[\"'`]?(?P<value>[^\s\"'`<>&,;(){}\[\]]{16,300})"
        ),
        _keyed_token,
        (64, 330),
    ),
    Rule(
        # Credentials stores of build servers: several values may stand in one element.
        "SECRET",
        r"(?i)<(?:secret|token|password|api-?key|private-?key|passphrase)>",
        re.compile(r"(?<=[\s{>])(?P<value>[^\s<>{}]{12,512})(?=[^<>]{0,20}</)"),
        _tagged,
        (0, 700),
    ),
)
