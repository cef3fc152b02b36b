"""Finds a field that one JSON object has twice: readers keep the first or the last, so it is ambiguous.

Names are compared decoded, as JSON readers do (`user\\u005fid` is `user_id`), and exactly otherwise: a name
that differs in case or in Unicode normal form is another name.

A decoder that keeps one of two fields does not report it. So the fields that it found are counted, and
compared with the keys in the bytes. Only where the numbers differ is the text read again, key by key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_QUOTE, _COLON = b'":'
#: An escape of a letter, a digit or a sign that names consist of; writers escape none of them.
_ESCAPED_NAME = re.compile(rb"\\u00[3-7]")
#: The last characters of a key that are compared, with its opening quote.
_TAIL = 8
_PADDING = b"\0" * (_TAIL + 2)


def _table(characters: bytes) -> npt.NDArray[np.bool_]:
    """True at the numbers of the characters."""
    table = np.zeros(256, np.bool_)
    table[list(characters)] = True
    return table


_IS_BLANK, _IS_BLANK_OR_QUOTE = _table(b" \t\r\n"), _table(b' \t\r\n"')
_MAY_BE_NULL = ~_table(b'"[{tf')


class Keys(NamedTuple):
    """How many keys were found; names that none of them has; texts in which one may be null, by position."""

    found: int
    absent: frozenset[str]
    with_null: Sequence[int]


class Names:
    """Names of fields that an object may have once. `beside`: other names that are common in the texts."""

    def __init__(self, names: Iterable[str], beside: Iterable[str] = ()) -> None:
        self.names = frozenset(names)
        self._named = _by_tail(self.names)
        self._beside = _by_tail(set(beside) - self.names)

    def count(self, texts: Sequence[bytes]) -> Keys | None:
        """The keys of the JSON texts that have one of the names; None if that is not certain.

        A longer key that ends like a name of eight characters or more is counted too.
        """
        data = b"\n".join([_PADDING, *texts, b"  "])
        text = np.frombuffer(data, np.uint8)
        colons = np.flatnonzero(text == _COLON)
        before = text[colons - 1]
        at_key = before == _QUOTE
        blanks = colons[_IS_BLANK[before]]
        if len(blanks) and _IS_BLANK_OR_QUOTE[text[blanks - 2]].any():
            return None
        ends = colons[at_key] - 1
        # The bytes before each closing quote as one number; a view at any offset is as good as a copy.
        eights = np.ndarray((len(text) - _TAIL + 1,), "<u8", data, strides=(1,))
        tails = eights[ends - _TAIL]
        named = np.zeros(len(ends), np.bool_)
        absent: list[str] = []
        for (number, mask), names in self._named.items():
            same = (tails & mask) == number
            if same.any():
                named |= same
            else:
                absent += names
        found = int(np.count_nonzero(named))
        known = found + sum(int(np.count_nonzero((tails & m) == n)) for n, m in self._beside)
        if known < len(ends) and _ESCAPED_NAME.search(data):
            return None
        value = ends[named] + 2
        value += _IS_BLANK[text[value]]
        nulls = value[_MAY_BE_NULL[text[value]]]
        if not len(nulls):
            return Keys(found, frozenset(absent), ())
        starts = np.cumsum([len(_PADDING) + 1, *(len(each) + 1 for each in texts)])
        places = np.unique(np.searchsorted(starts, nulls, side="right") - 1).tolist()
        return Keys(found, frozenset(absent), places)

    def repeated(self, data: bytes, inside: Sequence[str]) -> str | None:
        """The first of the names that an object of the JSON text has twice; else None.

        The objects are the text itself, and those in its fields `inside`, as a value or in a list, at any
        depth along these fields. The empty string: the text is nested too deep to tell.
        """
        try:
            text = data.decode("utf-8", "replace")  # decoders do not check the texts that they skip
            whole = json.loads(text, object_pairs_hook=_Object, parse_int=len, parse_float=len, strict=False)
            return next(self._repeated_in(whole, inside), None)
        except (ValueError, RecursionError):
            return ""

    def _repeated_in(self, value: Any, inside: Sequence[str]) -> Iterator[str]:
        if isinstance(value, list):
            for item in value:
                yield from self._repeated_in(item, inside)
        elif isinstance(value, _Object):
            yield from (name for name in value.repeated if name in self.names)
            for name in inside:
                yield from self._repeated_in(value.get(name), inside)


class _Object(dict[str, Any]):
    """A JSON object, and the names that it has more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: Sequence[str] = ()
        if len(self) < len(pairs):
            names = [name for name, _ in pairs]
            self.repeated = [name for place, name in enumerate(names) if name in names[:place]]


def _by_tail(names: Iterable[str]) -> dict[tuple[np.uint64, np.uint64], list[str]]:
    """Names by number and mask of their tails; several names may have one tail."""
    found: dict[tuple[np.uint64, np.uint64], list[str]] = {}
    for name in sorted(names):
        found.setdefault(_number((b'"' + name.encode())[-_TAIL:]), []).append(name)
    return found


def _number(tail: bytes) -> tuple[np.uint64, np.uint64]:
    """The tail as the upper bytes of a little-endian number, and a mask of these bytes."""
    mask = (b"\xff" * len(tail)).rjust(_TAIL, b"\0")
    number = int.from_bytes(tail.rjust(_TAIL, b"\0"), "little")
    return np.uint64(number), np.uint64(int.from_bytes(mask, "little"))
