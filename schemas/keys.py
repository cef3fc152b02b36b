"""Keyed digests of ids. Readers give no raw ids, only these digests.

Source: HMAC (RFC 2104) with SHA-256. `conversation_key` = first 16 bytes of
HMAC-SHA256(key, b"conversation\\0" + utf8(id)); `user_key` and `organization_key` likewise.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any

import xxhash
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from schemas.errors import ConfigError

KEY_BYTES = 16
_BLOCK = 64
_HEX = re.compile(r"[0-9a-fA-F]+\Z")


def parse_key(text: str, where: str) -> bytes:
    """The bytes of a key of 64 or more hex digits; `where` names its source in the ConfigError."""
    text = text.strip()
    if len(text) < 64 or len(text) % 2 or not _HEX.match(text):
        raise ConfigError(f"{where}: expected 64 or more hex digits; make a key with `chatsieve keygen`")
    return bytes.fromhex(text)


def key_id(key: bytes) -> str:
    """16 hex digits that identify a key; the key cannot be derived from them."""
    return hmac.digest(key, b"key-id\0", "sha256")[:8].hex()


class KeyedHasher:
    """Digests of ids under one key. The digests never change between versions; one takes about 1 µs."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        block = key if len(key) <= _BLOCK else hashlib.sha256(key).digest()
        block = block.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(b ^ 0x36 for b in block))
        self._outer = hashlib.sha256(bytes(b ^ 0x5C for b in block))
        #: The seed of message digests, for `message` and for code that computes them for a whole column.
        self.message_seed = int.from_bytes(self._digest(b"message-seed\0")[:8], "big")

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a key is not pickled; use a RunHasher, which travels as a reference to its key")

    def conversation(self, conversation_id: str) -> bytes:
        """16 bytes for a conversation id."""
        return self._digest(b"conversation\0" + conversation_id.encode())[:KEY_BYTES]

    def conversations(self, conversation_ids: Sequence[bytes]) -> list[bytes]:
        """The conversation keys of many ids (UTF-8); faster than `conversation` per id."""
        return self._many(b"conversation\0", conversation_ids)

    def users(self, user_ids: Sequence[bytes]) -> list[bytes]:
        """The user keys of many ids (UTF-8); faster than one call per id."""
        return self._many(b"user\0", user_ids)

    def organizations(self, organization_ids: Sequence[bytes]) -> list[bytes]:
        """16 bytes for each of many organisation ids in UTF-8."""
        return self._many(b"organization\0", organization_ids)

    def _many(self, purpose: bytes, ids: Sequence[bytes]) -> list[bytes]:
        begun = HMAC(self.key, SHA256())
        begun.update(purpose)
        begin = begun.copy
        found = []
        for each in ids:
            digest = begin()
            digest.update(each)
            found.append(digest.finalize()[:KEY_BYTES])
        return found

    def user(self, user_id: str) -> bytes:
        """16 bytes for a user id."""
        return self._digest(b"user\0" + user_id.encode())[:KEY_BYTES]

    def organization(self, organization_id: str) -> bytes:
        """16 bytes for an organisation id."""
        return self._digest(b"organization\0" + organization_id.encode())[:KEY_BYTES]

    def record(self, raw: bytes) -> str:
        """32 hex digits for a raw record.

        Equal records have equal digests; the record cannot be guessed from it.
        """
        return self._digest(b"record\0" + raw)[:KEY_BYTES].hex()

    def state(self, data: bytes) -> bytes:
        """16 bytes for what a state file refers to: an input file in one state, a unit, a place."""
        return self._digest(b"state\0" + data)[:KEY_BYTES]

    def message(self, message_id: str) -> int:
        """A signed 64-bit number for a message id, never 0.

        XXH3 seeded from the key, so that the author of a log cannot construct a collision.
        """
        return (xxhash.xxh3_64_intdigest(message_id.encode(), self.message_seed) - 2**63) or 1

    def content(self, data: bytes | memoryview) -> int:
        """A signed 64-bit number for the bytes that a record was read from.

        XXH3 seeded from the key, as in `message`: a record that changes keeps its number by chance only.
        """
        return self.signed(xxhash.xxh3_64_intdigest(data, self.message_seed))

    def contents(self) -> xxhash.xxh3_64:
        """A digest to update with many bytes; `signed` of its `intdigest()` is a number as from `content`."""
        return xxhash.xxh3_64(seed=self.message_seed)

    @staticmethod
    def signed(number: int) -> int:
        """An unsigned 64-bit number as a signed one."""
        return number - 2**63

    def _digest(self, message: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()
