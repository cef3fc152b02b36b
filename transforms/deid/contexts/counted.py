"""Numbers that count something: lines, bytes, goods, constants of programs. They are no accounts."""

from __future__ import annotations

import re

#: Two numbers of one length are a range of lines; a number after such a word, or before such a unit, is counted.
_RANGE = re.compile(r"(\d{4,7})-(\d{4,7})\Z")
_COUNTED = re.compile(
    r"(?i)(?:\b(?:lines?|rows?|pages?|bytes?|size|max|min|limit|timeout|pid|tid|uid|gid|inode|offset|index|seed|count|total|qty|quantity|"
    r"order|invoice|ticket|tracking|upc|ean|gtin|sku|isbn|issn|doi|version|build|revision|timestamp|epoch|port|factorial|speed|light|"
    r"written|read|sent|received|memory|heap|int|integer|long|hash|checksum|population|budget|revenue|factorial \d+ is|\w*_\w*|"
    r"part|model|item|product|parcel|shipment|catalog(?:ue)?|barcode|serial) ?(?:#|no\.?|number|id|numbers)?\W{0,3}(?:\d+\W{1,3}){0,3}|[=<>]\s?|\w[\"']?\s?[=:]\s{0,3})\Z"
)
_ACCOUNT_WORD = re.compile(
    r"(?i)acc(?:oun)?t|bank|card|phone|tel|mobile|cell|call|text|fax|iban|routing|sort|konto|ssn|passport|licen|policy|member|nhs|patient|customer|my "
)
_UNIT = re.compile(
    r"(?i)\s?(?:m/s|ms|ns|us|s|kb|mb|gb|tb|bytes?|bits?|px|rows?|lines?|items?|tokens?|characters?|hz|kwh|usd|eur|dollars|euros|people|users|requests|seconds|iterations|steps)\b"
)


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
