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

_QUOTE, _COLON = b'":'
_BLANKS = np.frombuffer(b" \t\r\n", np.uint8)
_BLANKS_OR_QUOTE = np.frombuffer(b' \t\r\n"', np.uint8)
#: An escape of a letter, a digit or a sign that names consist of; writers escape none of them.
_ESCAPED_NAME = re.compile(rb"\\u00[3-7]")
_NOT_NULL = np.frombuffer(b'"[{tf', np.uint8)
#: The last characters of a key that are compared, with its opening quote.
_TAIL = 8
_PADDING = b"\0" * (_TAIL + 2)


class Keys(NamedTuple):
    """How many keys were found, and how many of them may have the value null."""

    found: int
    nulls: int


class Names:
    """Names of fields that an object may have once."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        tails = {(b'"' + name.encode())[-_TAIL:] for name in self.names}
        self._tails = [_number(tail) for tail in sorted(tails)]

    def count(self, texts: Iterable[bytes]) -> Keys | None:
        """The keys of the JSON texts that have one of the names; None if that is not certain.

        A longer key that ends like a name of eight characters or more is counted too.
        """
        data = b"\n".join([_PADDING, *texts, b"  "])
        text = np.frombuffer(data, np.uint8)
        colons = np.flatnonzero(text == _COLON)
        before = text[colons - 1]
        blanks = colons[np.isin(before, _BLANKS)]
        if len(blanks) and np.isin(text[blanks - 2], _BLANKS_OR_QUOTE).any():
            return None
        ends = colons[before == _QUOTE] - 1
        windows = np.lib.stride_tricks.sliding_window_view(text, _TAIL)
        tails = np.ascontiguousarray(windows[ends - _TAIL]).view("<u8").reshape(-1)
        named = np.zeros(len(ends), np.bool_)
        for tail, mask in self._tails:
            named |= (tails & mask) == tail
        found = int(np.count_nonzero(named))
        if found < len(ends) and _ESCAPED_NAME.search(data):
            return None
        value = ends[named] + 2
        blank = np.isin(text[value], _BLANKS)
        if blank.any():
            value = value + blank
        return Keys(found, int(np.count_nonzero(~np.isin(text[value], _NOT_NULL))))

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


def _number(tail: bytes) -> tuple[np.uint64, np.uint64]:
    """The tail as the upper bytes of a little-endian number, and a mask of these bytes."""
    mask = (b"\xff" * len(tail)).rjust(_TAIL, b"\0")
    number = int.from_bytes(tail.rjust(_TAIL, b"\0"), "little")
    return np.uint64(number), np.uint64(int.from_bytes(mask, "little"))
