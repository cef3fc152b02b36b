"""Tokens that are too random for text or names, without any context."""

from __future__ import annotations

import itertools
import re

from transforms.deid.evidence import POSSIBLE
from transforms.deid.rules.rule import Rule, Verdict, before
from transforms.deid.rules.secret_values import entropy, reads_like_words

#: Public ids of services, and alphabets.
_OPEN_ID = re.compile(
    r"(?:(?:srv)?toolu|msg|req|call|run|thread|asst|file|resp|chatcmpl|batch|cus|prod|price|evt|pi|ch)[_-]|.*(?:abcdefghijk|ABCDEFGHIJK|0123456789)"
)


def _random(found: re.Match[str]) -> Verdict | None:
    """A long token with a random mix of cases and digits, unless it is marked as a digest."""
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
    return found.start(), found.end(), POSSIBLE


def _mixed(found: re.Match[str]) -> Verdict | None:
    """Letters of one case mixed with digits. Letters after f rule out a hexadecimal digest."""
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
    return found.start(), found.end(), POSSIBLE


RANDOM_RULES = (
    Rule(
        "SECRET",
        r"(?:^|[^A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{32}",
        r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{32,88}={0,2}(?![A-Za-z0-9+/_-])",
        _random,
        (48, 64),
    ),
    Rule(
        "SECRET",
        r"(?:^|[^A-Za-z0-9+/_%-])(?:[a-z0-9]{20}|[A-Z0-9]{20})",
        r"(?<![A-Za-z0-9+/_%-])(?=[A-Za-z]{0,40}\d)(?:[a-z0-9]{20,128}|[A-Z0-9]{20,128})(?![A-Za-z0-9+/_=-])",
        _mixed,
        (24, 112),
    ),
)
