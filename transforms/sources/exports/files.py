"""The conversations in the files of data exports, read as a stream with bounded memory."""

from __future__ import annotations

import functools
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO, NamedTuple

import msgspec

from schemas.records import Session
from transforms.sources.decode import Fault, json_fault
from transforms.sources.files import magic_of, open_stream
from transforms.sources.json.array import Element, elements
from transforms.sources.json.array_blocks import whole_elements
from transforms.sources.json.first_byte import first_byte


class Shape(NamedTuple):
    """How the exports of one service are laid out.

    `members`: names of the files that hold conversations. `others`: names of the files beside them that
    hold none. `whole`: a field of a conversation, for a file that is one conversation. `session_of`: converts
    a decoded item to a session; raises Fault.
    """

    members: re.Pattern[str]
    others: frozenset[str]
    whole: str
    session_of: Callable[[object], Session]


class Item(NamedTuple):
    """An item of an export, and the label of its archive member (empty if there is one member)."""

    member: str
    element: Element


def items_of_export(path: str, shape: Shape, max_bytes: int) -> Iterator[Item]:
    """The conversations of an export, one at a time; raises Fault for a file that is not an export."""
    for name, member in _members(path, shape):
        yield from (Item(name, element) for element in _conversations(path, member, shape, max_bytes))


def _members(path: str, shape: Shape) -> Iterator[tuple[str, str]]:
    """Label and name of each archive member with conversations; both empty for a JSON file."""
    if not magic_of(path).startswith(b"PK"):
        yield "", ""
        return
    with zipfile.ZipFile(path) as archive:
        members = sorted(name for name in archive.namelist() if shape.members.fullmatch(PurePath(name).name))
    if not members:
        raise Fault("unknown_format")
    for number, member in enumerate(members, 1):
        # A number, not the name: a member's name may identify the user.
        yield f"member {number}" if len(members) > 1 else "", member


def _first(path: str, member: str) -> bytes:
    """The bracket that opens a file; raises Fault if it is neither an array nor an object."""
    with _opened(path, member) as file:
        first = first_byte(file)
    if first not in (b"[", b"{"):
        raise Fault("unknown_format")
    return first


def _conversations(path: str, member: str, shape: Shape, max_bytes: int) -> Iterator[Element]:
    if _first(path, member) == b"[":
        yield from whole_elements(functools.partial(_opened, path, member), max_bytes)
        return
    with _opened(path, member) as file:
        whole = file.read(max_bytes + 1)
    too_long = len(whole) > max_bytes
    if not too_long and _kind(whole, shape) == "one":
        yield Element(len(whole), whole.removeprefix(b"\xef\xbb\xbf"))
        return
    del whole
    try:
        with _opened(path, member) as file:
            yield from elements(file, max_bytes, b"conversations")
    except KeyError:
        raise Fault("oversize_record" if too_long else "unknown_format") from None


def _kind(whole: bytes, shape: Shape) -> str:
    """`one` for a single conversation, as the API returns it; `wrapped` for several; else raises Fault."""
    try:
        outline = msgspec.json.decode(whole.removeprefix(b"\xef\xbb\xbf"), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault(json_fault(whole)) from None
    if "conversations" in outline:
        return "wrapped"
    if shape.whole not in outline:
        raise Fault("unknown_format")
    return "one"


@contextmanager
def _opened(path: str, member: str) -> Iterator[IO[bytes]]:
    """The file, or the member of an archive, decompressed."""
    if not member:
        with open_stream(path) as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        yield file
