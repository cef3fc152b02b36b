"""Numbers that count something: lines, bytes, goods, constants of programs. They are no accounts."""

from __future__ import annotations

import re
from importlib import resources


def _words(section: str) -> str:
    """The expressions of a section of `counted.txt` as alternatives."""
    text = (resources.files("transforms.deid.contexts") / "counted.txt").read_text("utf-8")
    return "|".join(text.split(f"\n[{section}]\n")[1].split("\n[")[0].split("\n")).strip("|")


#: Two numbers of one length are a range of lines.
_RANGE = re.compile(r"(\d{4,7})-(\d{4,7})\Z")
_BEFORE = rf"\b(?:{_words('before')}|factorial \d+ is|\w*_\w*)"
#: A word, with up to three numbers before this one; a sign of comparison; an assignment.
_COUNTED = re.compile(
    rf"(?i)(?:{_BEFORE} ?(?:#|no\.?|number|id|numbers)?\W{{0,3}}(?:\d+\W{{1,3}}){{0,3}}|[=<>]\s?|\w[\"']?\s?[=:]\s{{0,3}})\Z"
)
_ACCOUNT_WORD = re.compile(rf"(?i){_words('account')}|my ")
_UNIT = re.compile(rf"(?i)\s?(?:{_words('unit')})\b")


def is_range(value: str) -> bool:
    """True for two numbers of one length in order, as in line 20411-20475."""
    pair = _RANGE.match(value)
    return pair is not None and len(pair.group(1)) == len(pair.group(2)) and pair.group(1) <= pair.group(2)


def is_counted(text: str, start: int, end: int) -> bool:
    """True for a number [start, end) of lines, bytes or goods, a constant of programs, or a range."""
    value = text[start:end]
    number = int(re.sub(r"\D", "", value))
    if is_range(value) or any(n & (n - 1) == 0 for n in (number, number + 1)) or _UNIT.match(text, end):
        return True
    left = text[max(0, start - 48) : start]
    return _COUNTED.search(left) is not None and not _ACCOUNT_WORD.search(left)
