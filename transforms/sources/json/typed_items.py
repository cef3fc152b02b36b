"""The items of an array decoded to a type; what the type passes over is checked too."""

from __future__ import annotations

import msgspec

from transforms.sources.json.skipping import may_skip

_RAW = msgspec.json.Decoder(list[msgspec.Raw])


class TypedItems[T: msgspec.Struct]:
    """Decodes items of arrays to a type, None those that are none of that type."""

    def __init__(self, kind: type[T]) -> None:
        self._one = msgspec.json.Decoder(kind).decode
        self._many = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]

    def of(self, data: bytes) -> list[T] | list[T | None]:
        """The items of an array, at once if they can be.

        Raises ValueError where one that is read whole might be refused, or what msgspec raises for no array.
        """
        if not may_skip(data):
            raise ValueError
        try:
            found: list[T] = self._many(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [*map(self._or_none, _RAW.decode(data))]
        return found

    def _or_none(self, data: msgspec.Raw) -> T | None:
        try:
            return self._one(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
