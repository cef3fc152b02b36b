"""Finds the next element of an array behind a damaged one, by how earlier elements began.

After a missing or extra bracket or quote the nesting is unknown, and everything behind it would be lost. The
elements of an export begin with the same fields in the same order, and that beginning can be searched for.
"""

from __future__ import annotations

import re

from transforms.sources.files import is_json

_STRING = rb'"(?:[^"\\]|\\.){0,200}+"'
#: The first field, and the second one if the value of the first is no list or object.
_FIELDS = re.compile(
    rb"\s*\{\s*("
    + _STRING
    + rb")\s*:\s*(?:(?:"
    + _STRING
    + rb'|[^\s"{}\[\],]{1,100})\s*,\s*('
    + _STRING
    + rb"))?",
    re.DOTALL,
)
_MOST = 8


class Beginnings:
    """How the elements of an array begin, learned from the well-formed ones."""

    def __init__(self) -> None:
        self._known: dict[bytes, None] = {}
        self.pattern: re.Pattern[bytes] | None = None
        self._begins: re.Pattern[bytes] | None = None

    def fit(self, data: bytes | None) -> bool:
        """False if the bytes neither begin in a known way nor are JSON."""
        if data is None or (self._begins is not None and self._begins.match(data)):
            return True
        if not is_json(data):
            return False
        if len(self._known) < _MOST and (beginning := beginning_of(data)):
            self._learn(beginning)
        return True

    def _learn(self, beginning: bytes) -> None:
        self._known[beginning] = None
        either = b"|".join(self._known)
        self.pattern = re.compile(either, re.DOTALL)
        self._begins = re.compile(rb"\s*(?:" + either + rb")", re.DOTALL)


def beginning_of(data: bytes) -> bytes | None:
    """A regular expression for how the first element begins; None if it is no object with fields."""
    fields = _FIELDS.match(data)
    if fields is None:
        return None
    first, second = fields[1], fields[2]
    beginning = rb"\{\s*" + re.escape(first) + rb"\s*:"
    if second is not None:
        beginning += rb"\s*(?:" + _STRING + rb'|[^\s"{}\[\],]{1,100})\s*,\s*' + re.escape(second) + rb"\s*:"
    return beginning
