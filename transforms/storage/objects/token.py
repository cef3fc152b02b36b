"""A line of white space at the end of objects that are written under a condition, different for each write.

S3 identifies an object by its ETag, which is a digest of the content. Two writes of equal content would not
be told apart: a writer that gets no answer could not find out if the object is its own, and writing the same
catalog again would not stop a replacement that is on its way. So each such write ends in a token of 64 random
bits, as spaces and tabs, which JSON ignores. A token alone is an object that is absent for the contract.
"""

from __future__ import annotations

import re
import secrets

_BITS = 64
_TOKEN = re.compile(rb"[ \t]{%d}\n\Z" % _BITS)


def with_token(data: bytes | bytearray | memoryview) -> bytes:
    """The data and a new token."""
    bits = secrets.randbits(_BITS)
    return bytes(data) + bytes(b" \t"[bits >> n & 1] for n in range(_BITS)) + b"\n"


def without_token(data: bytes) -> bytes:
    """The data without the token that they may end in."""
    found = _TOKEN.search(data, max(0, len(data) - _BITS - 1))
    return data[: found.start()] if found else data
