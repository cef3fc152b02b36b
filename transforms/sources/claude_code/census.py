"""Tool versions of Claude Code session files, as `chatsieve inspect` reports them."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from transforms.sources.decompress import Truncated
from transforms.sources.files import lines, open_stream

_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")
_MAX_LINE_BYTES = 64 << 20


class _Line(msgspec.Struct):
    version: Any = None


def census_of(paths: Sequence[str]) -> collections.Counter[str]:
    """Lines of session files by tool version. A file that is damaged counts up to the damage."""
    versions: collections.Counter[str] = collections.Counter()
    decoder = msgspec.json.Decoder(_Line)
    for path in paths:
        try:
            with open_stream(path) as file:
                for line in lines(file, 0, None, _MAX_LINE_BYTES):
                    if (version := _version(decoder, line.data)) is not None:
                        versions[version] += 1
        except (OSError, Truncated):
            continue
    return versions


def _version(decoder: msgspec.json.Decoder[_Line], data: bytes | None) -> str | None:
    try:
        version = None if data is None else decoder.decode(data).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return version if isinstance(version, str) and _VERSION.match(version) else None
