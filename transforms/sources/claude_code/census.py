"""Tool versions and line types of Claude Code session files, as `chatsieve inspect` reports them."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from transforms.sources.claude_code.kinds import KINDS, LINES, unknown_kind
from transforms.sources.files import Truncated, lines, open_stream

_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")
_TYPE = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}\Z")
_MAX_LINE_BYTES = 64 << 20


class _Line(msgspec.Struct):
    type: Any = None
    version: Any = None
    subtype: Any = None
    operation: Any = None
    data: Any = None
    attachment: Any = None


class Census(NamedTuple):
    """Lines by tool version, and lines of unknown types by type, or by type and kind.

    `other` for a type or kind that is no plain word.
    """

    versions: collections.Counter[str]
    unknown_types: collections.Counter[str]


def census_of(paths: Sequence[str]) -> Census:
    """The census of session files. A file that is damaged counts up to the damage."""
    found = Census(collections.Counter(), collections.Counter())
    decoder = msgspec.json.Decoder(_Line)
    for path in paths:
        try:
            with open_stream(path) as file:
                for line in lines(file, 0, None, _MAX_LINE_BYTES):
                    _count(found, decoder, line.data)
        except (OSError, Truncated):
            continue
    return found


def _count(found: Census, decoder: msgspec.json.Decoder[_Line], data: bytes | None) -> None:
    if data is None:
        return
    try:
        line = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if isinstance(line.version, str) and _VERSION.match(line.version):
        found.versions[line.version] += 1
    if not isinstance(line.type, str):
        return
    if line.type not in LINES:
        found.unknown_types[_named(line.type)] += 1
    elif line.type in KINDS:
        kind = unknown_kind(line.type, getattr(line, KINDS[line.type][0]))
        if kind is not None:
            found.unknown_types[f"{line.type} {_named(kind)}"] += 1


def _named(kind: str) -> str:
    return kind if _TYPE.match(kind) else "other"
