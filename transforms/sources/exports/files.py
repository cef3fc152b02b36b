"""The conversations in the files of data exports, read as a stream with bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

import msgspec

from schemas.records import Limits
from transforms.sources.decode import unreadable_json
from transforms.sources.exports.archive import archive_members
from transforms.sources.exports.lost import Conversation
from transforms.sources.faults import Fault
from transforms.sources.files import magic_of, open_stream
from transforms.sources.json.array import Element, elements
from transforms.sources.json.array_blocks import whole_elements
from transforms.sources.json.first_byte import first_byte


class Shape(NamedTuple):
    """How the exports of one service are laid out.

    `members`: names of the files that hold conversations. `others`: names of the files beside them that
    hold none. `whole`: a field of a conversation, for a file that is one conversation. `conversation_of`:
    converts a decoded item; raises Fault.
    """

    members: re.Pattern[str]
    others: frozenset[str]
    whole: str
    conversation_of: Callable[[object], Conversation]


class Item(NamedTuple):
    """An item of an export, and the label of its archive member (empty if there is one member)."""

    member: str
    element: Element


def items_of_export(path: str, shape: Shape, limits: Limits) -> Iterator[Item]:
    """The conversations of an export, one at a time; raises Fault for a file that is not an export."""
    if not magic_of(path).startswith(b"PK"):
        for element in _conversations(lambda: open_stream(path), shape, limits.max_record_bytes):
            yield Item("", element)
        return
    with archive_members(path, shape.members.fullmatch, limits) as members:
        for member in members:
            for element in _conversations(member.open, shape, limits.max_record_bytes):
                yield Item(member.label, element)


def _conversations(opened: Callable[[], IO[bytes]], shape: Shape, max_bytes: int) -> Iterator[Element]:
    with opened() as file:
        first = first_byte(file)
    if first == b"[":
        yield from whole_elements(opened, max_bytes)
        return
    if first != b"{":
        raise Fault("unknown_format")
    with opened() as file:
        whole = file.read(max_bytes + 1)
    too_long = len(whole) > max_bytes
    if not too_long and _kind(whole, shape) == "one":
        yield Element(len(whole), whole.removeprefix(b"\xef\xbb\xbf"))
        return
    del whole
    try:
        with opened() as file:
            yield from elements(file, max_bytes, b"conversations")
    except KeyError:
        raise Fault("oversize_record" if too_long else "unknown_format") from None


def _kind(whole: bytes, shape: Shape) -> str:
    """`one` for a single conversation, as the API returns it; `wrapped` for several; else raises Fault."""
    try:
        outline = msgspec.json.decode(whole.removeprefix(b"\xef\xbb\xbf"), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise unreadable_json(whole) from None
    if "conversations" in outline:
        return "wrapped"
    if shape.whole not in outline:
        raise Fault("unknown_format")
    return "one"
