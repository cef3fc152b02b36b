"""The JSON items of a file: one per line, in an array, or one over several lines; plain or compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from transforms.sources.decode import unreadable_json
from transforms.sources.faults import Fault
from transforms.sources.files import (
    Lines,
    blocks_of_lines,
    bodies_of_lines,
    compression_of,
    open_range,
    open_stream,
)
from transforms.sources.json.array import Element
from transforms.sources.json.array_blocks import Block, blocks_of_elements, elements_by_block
from transforms.sources.json.first_byte import first_byte
from transforms.sources.json.once import decoded_once

_HEAD_BYTES = 1 << 20
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


def holds_array(path: str) -> bool:
    """True for a file that is an array; False for lines, even if the first line begins with a bracket.

    In an array, a line that begins with a brace follows a line that ends with a bracket, a comma or a colon.
    Raises OSError.
    """
    with open_stream(path) as file:
        if first_byte(file) != b"[":
            return False
    with open_stream(path) as file:
        head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    above, _, below = head.partition(b"\n")
    return not below.lstrip().startswith(b"{") or above.rstrip().endswith((b"[", b",", b":"))


class Item(NamedTuple):
    """The bytes of an item, None if it is too long; and its offset if it is a line of a plain file.

    `within`: the bytes that it was read with, at least its own.
    """

    data: bytes | None
    offset: int | None
    within: bytes | None


class Items[T](NamedTuple):
    """Consecutive items of a file, decoded by type; None for an item that does not fit the type.

    `raw`: returns the bytes of each. `within`: as in Item. `size`: an upper bound of the bytes of an item.
    """

    decoded: Sequence[T | None]
    raw: Callable[[], Sequence[Item]]
    within: Sequence[bytes | None]
    size: int


class Decoders[T](NamedTuple):
    """Decoders of one item, and of an array of items."""

    one: Callable[[bytes], T]
    many: Callable[[bytes], list[T]]

    @classmethod
    def of(cls, kind: type[T]) -> Decoders[T]:
        """The decoders of a type."""
        return cls(msgspec.json.Decoder(kind).decode, msgspec.json.Decoder(list[kind]).decode)  # type: ignore[valid-type]


def is_in_lines(path: str, *, over_lines: bool = True) -> bool:
    """True for a plain file that can be split at any line; `over_lines` as in `items_of`. Raises OSError."""
    if compression_of(path) is not None or holds_array(path):
        return False
    if not over_lines:
        return True
    with open_stream(path) as file:
        head = file.readline(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").strip()
    return not isinstance(object_of(head), Fault)


def lines_of[T](
    path: str, start: int, end: int, max_bytes: int, decode: Callable[[bytes], T]
) -> Iterator[Items[T]]:
    """The lines of a plain file that begin in [start, end), many at a time."""
    with open_range(path, start, end) as file:
        for some in blocks_of_lines(file, start, end, max_bytes):
            yield _of_lines(some, decode, some.offsets)


def items_of[T](
    path: str, max_bytes: int, decoders: Decoders[T], *, over_lines: bool = True
) -> Iterator[Items[T]]:
    """The items of a file, many at a time. `over_lines`: the file may be one object over several lines.

    Raises ArrayCut, Truncated, OSError.
    """
    if over_lines and (whole := _one_over_lines(path, max_bytes)) is not None:
        yield Items([None], lambda: [Item(whole, None, whole)], [whole], len(whole))
    elif not holds_array(path):
        with open_stream(path) as file:
            for some in blocks_of_lines(file, 0, None, max_bytes):
                yield _of_lines(some, decoders.one, [None] * len(some.raw))
    else:
        for block in blocks_of_elements(lambda: open_stream(path), max_bytes, decoders.many):
            yield _of_elements(block)


def raw_lines(path: str, start: int, end: int, max_bytes: int) -> Iterator[Item]:
    """The lines of a plain file that begin in [start, end), one by one."""
    with open_range(path, start, end) as file:
        for some in blocks_of_lines(file, start, end, max_bytes):
            yield from map(Item, some.raw, some.offsets, some.raw)


def raw_items(path: str, max_bytes: int, *, over_lines: bool = True) -> Iterator[Item]:
    """The items of a file, one by one."""
    if over_lines and (whole := _one_over_lines(path, max_bytes)) is not None:
        yield Item(whole, None, whole)
    elif holds_array(path):
        for within, some in elements_by_block(lambda: open_stream(path), max_bytes):
            yield from (Item(element.data, None, within) for element in some)
    else:
        with open_stream(path) as file:
            yield from (Item(data, None, data) for data in bodies_of_lines(file, max_bytes))


def _of_lines[T](some: Lines, decode: Callable[[bytes], T], offsets: Sequence[int | None]) -> Items[T]:
    raw = some.raw
    try:
        decoded: list[T | None] = [None if data is None else decode(data) for data in raw]
    except _UNDECODABLE:
        decoded = [None if data is None else _decoded(decode, data) for data in raw]
    return Items(decoded, lambda: [*map(Item, raw, offsets, raw)], raw, max(some.lengths))


def _of_elements[T](block: Block[T | None] | Element) -> Items[T]:
    data = block.data
    if isinstance(block, Element):
        return Items([None], lambda: [Item(data, None, data)], [data], block.length)
    within = [data] * len(block.decoded)
    return Items(
        block.decoded,
        lambda: [Item(element.data, None, data) for element in block.elements()],
        within,
        len(block.data),
    )


def _decoded[T](decode: Callable[[bytes], T], data: bytes) -> T | None:
    try:
        return decode(data)
    except _UNDECODABLE:
        return None


def object_of(data: bytes | None) -> dict[str, Any] | Fault:
    """The JSON object in the bytes, or a Fault; `data` None is an item that was too long."""
    if data is None:
        return Fault("oversize_record")
    try:
        value = decoded_once(data)
    except _UNDECODABLE:
        return unreadable_json(data)
    return value if isinstance(value, dict) else Fault("not_an_object")


def _one_over_lines(path: str, max_bytes: int) -> bytes | None:
    """The whole file, if it is one object and its first line is not."""
    with open_stream(path) as file:
        if first_byte(file) != b"{":
            return None
    with open_stream(path) as file:
        head = file.readline(max_bytes).strip().removeprefix(b"\xef\xbb\xbf")
        if head.endswith(b"}") and not isinstance(object_of(head), Fault):
            return None
        rest = file.read(max_bytes + 1)
    whole = head + b"\n" + rest
    return None if len(rest) > max_bytes or isinstance(object_of(whole), Fault) else whole
