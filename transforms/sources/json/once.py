"""Decodes JSON so that a field that one object gives twice cannot be read.

A decoder keeps the last of the two values and does not report it. So the value is encoded again: a value that
lost a field has fewer colons than its text. Only then is the text decoded a second time, to `Fields`. Which
fields count is decided where they are read: texts, and objects that no format reads, may repeat any name.
"""

from __future__ import annotations

import collections
import json
import re
import threading
from collections.abc import Iterable, Mapping, Set
from typing import Any, Self

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from transforms.sources.faults import Fault, Field

_decode = msgspec.json.Decoder().decode
_encode, _encode_into = msgspec.json.Encoder().encode, msgspec.json.Encoder().encode_into
_COLON, _BACKSLASH, _U = b":\\u"
_find_escaped_colon = re.compile(rb"\\u003[aA]").search
#: From this size on, counting with NumPy is faster.
_LARGE = 1 << 15
#: Deeper values are not searched.
_MAX_NESTING = 100


class _Buffer(threading.local):
    """Reused, because new memory for each encoded value costs more than to encode it."""

    def __init__(self) -> None:
        self.bytes = bytearray()


_buffer = _Buffer()


class Repeated(Fault):
    """The fault `bad_field` of a field that an object gives twice, with its path from the top of the text."""

    def __init__(self, path: str) -> None:
        super().__init__("bad_field", None, Field(path, "repeated"))

    def within(self, path: str) -> Self:  # noqa: ARG002 - the path is complete
        """The same fault."""
        return self


class Fields(dict[str, Any]):
    """A JSON object; reading a field that it gives twice raises Repeated.

    `repeated`: the names that it gives more than once. `path`: its place in the schema, of the names by which
    it was read. Iteration gives each name once, and `items` every value, the last one if there are several.
    """

    def __init__(self, pairs: Iterable[tuple[str, Any]], path: str = "") -> None:
        pairs = list(pairs)
        super().__init__(pairs)
        self.path = path
        self.repeated: Set[str] = frozenset()
        if len(self) < len(pairs):
            counts = collections.Counter(name for name, _ in pairs)
            self.repeated = frozenset(name for name, count in counts.items() if count > 1)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the field; raises Repeated."""
        return self[name] if name in self else default  # noqa: SIM401 - `self.get` is this method

    def __getitem__(self, name: str) -> Any:
        """The value of the field; raises Repeated."""
        if name in self.repeated:
            raise Repeated(self._below(name))
        return _placed(super().__getitem__(name), self._below(name))

    def items(self) -> Any:
        """The fields of an object whose names are data, such as ids: no path contains them."""
        for value in self.values():
            _placed(value, f"{self.path}[]")
        return super().items()

    def check(self, *names: str) -> None:
        """Raises Repeated if one of the fields is given twice."""
        for name in names:
            self.get(name)

    def given_once(self) -> dict[str, Any]:
        """The fields that are given once, as plain values."""
        once = Fields((name, value) for name, value in super().items() if name not in self.repeated)
        found: dict[str, Any] = opaque(once)
        return found

    def copy(self) -> Fields:
        """The same fields."""
        return overlaid(self, {})  # type: ignore[return-value]  # never a plain mapping for Fields

    def _below(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def decoded_once(text: bytes | str, path: str = "") -> Any:
    """The value of a JSON text; its objects are Fields if one of them may give a field twice.

    `path`: of the text in the schema of its record. Raises msgspec.DecodeError, UnicodeError, RecursionError.
    """
    data = text.encode() if isinstance(text, str) else text
    value = _decode(data)
    if keeps_all_fields(data, value):
        return value
    return _placed(json.loads(data.decode(), object_pairs_hook=Fields), path)


def keeps_all_fields(data: bytes, value: Any, texts: bytes = b"") -> bool:
    """True if it is certain that a value has every field of the JSON text that it was decoded from.

    The value may consist of structs whose missing fields are UNSET. For a text with an escaped colon
    (`\\u003a`) it is not certain. `texts`: strings that were taken out of the value.
    """
    encoded = _buffer.bytes
    _encode_into(value, encoded)
    if len(data) < _LARGE:
        if encoded.count(_COLON) + texts.count(_COLON) != data.count(_COLON):
            return False
        return _BACKSLASH not in data or _find_escaped_colon(data) is None
    characters = np.frombuffer(data, np.uint8)
    colons = [np.count_nonzero(np.frombuffer(each, np.uint8) == _COLON) for each in (encoded, texts, data)]
    if colons[0] + colons[1] != colons[2]:
        return False
    escapes = np.flatnonzero(characters[:-1] == _BACKSLASH)
    return not (characters[escapes + 1] == _U).any() or _find_escaped_colon(data) is None


def given[T](value: T | UnsetType) -> T | None:
    """The value of a field of a struct; None for a missing one."""
    return None if value is UNSET else value


def fields_of(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs: Fields if a name occurs twice."""
    pairs = list(pairs)
    found = dict(pairs)
    return found if len(found) == len(pairs) else Fields(pairs)


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of both, those of `above` where both have one; Fields if one of them is."""
    found = {**below, **above}
    if not isinstance(below, Fields) and not isinstance(above, Fields):
        return found
    fields = Fields(found.items(), below.path if isinstance(below, Fields) else "")
    fields.repeated = (_repeated(below) - above.keys()) | _repeated(above)
    return fields


def opaque(value: Any) -> Any:
    """A value that is passed on unread, such as the input of a tool: of repeated fields the last counts."""
    return _decode(_encode(value)) if _has_fields(value) else value


def unread(holder: Mapping[str, Any], name: str) -> Any:
    """The field `name` as `opaque` returns it. Without Fields it costs nothing."""
    value = holder.get(name)
    return value if holder.__class__ is dict else opaque(value)


def _has_fields(value: Any, levels: int = _MAX_NESTING) -> bool:
    """True if the value is or holds Fields, or is nested deeper than these levels."""
    if value.__class__ is dict:
        value = [*value.values()]
    if value.__class__ is not list:
        return isinstance(value, Fields)
    return levels == 0 or any(_has_fields(each, levels - 1) for each in value)


def check_once(value: Any) -> None:
    """Raises Repeated if the value, or any object in it, gives a field twice."""
    if isinstance(value, Fields) and _repeats(value):
        raise Repeated(value.path)


def _repeats(value: Any, levels: int = _MAX_NESTING) -> bool:
    """True if an object gives a field twice, or the value is nested deeper than these levels."""
    if levels == 0 or (isinstance(value, Fields) and value.repeated):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_repeats(each, levels - 1) for each in inner)


def _repeated(fields: Mapping[str, Any]) -> Set[str]:
    return fields.repeated if isinstance(fields, Fields) else frozenset()


def _placed(value: Any, path: str) -> Any:
    """The value, after its path was noted in it."""
    if isinstance(value, Fields):
        value.path = path
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Fields):
                item.path = f"{path}[]"
    return value
