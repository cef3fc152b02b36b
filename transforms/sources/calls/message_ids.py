"""Ids of conversations and messages in calls that repeat the history, as digests of the content.

A conversation id must differ from the ids of all other conversations, so it is a SHA-256. A message id must
differ only within its conversation, so it is an XXH3: the sum over all turns up to the message, each seeded
with its place. The sum lets numpy compute many ids at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from transforms.shuffle.instants import Ints
from transforms.sources.faults import Fault

_ROLES = {"user": 0, "assistant": 1, "system": 2, "tool": 3}
_MASK = (1 << 64) - 1
_ID_DIGITS = 32
_MESSAGE_ID_BYTES = 16
_encode = msgspec.json.Encoder().encode


class PrefixHash(NamedTuple):
    """The digest of the first `place` turns of a conversation."""

    number: int
    place: int

    @classmethod
    def begin(cls, conversation_id: str) -> Self:
        """The digest of no turns. Raises Fault for an id that is not valid Unicode."""
        return cls(xxhash.xxh3_64_intdigest(_bytes(conversation_id)), 0)

    @property
    def message_id(self) -> str:
        """The id of the last turn, 16 hex digits."""
        return f"{self.number:016x}"

    def then(self, role: str, text: str, *other: str) -> Self:
        """The digest with one more turn. Raises Fault for text that is not valid Unicode."""
        data = _bytes(text) + (b"\0" + _json(other) if other else b"")
        turn = xxhash.xxh3_64_intdigest(data, _seed(self.place, _ROLES[role], bool(other)))
        return self._replace(number=self.number + turn & _MASK, place=self.place + 1)


def conversation_digest(
    user_id: str | None, organization_id: str | None, turns: Sequence[Sequence[str]]
) -> str:
    """The id of a conversation, 32 hex digits: its owner, and its turns up to the first answer.

    `turns`: these turns, each with role, text and other content. Raises Fault for text that is not valid
    Unicode.
    """
    data = _json((user_id or "", organization_id or "", turns))
    return hashlib.sha256(data).hexdigest()[:_ID_DIGITS]


def up_to_first_answer(roles: Sequence[str], start: int, end: int) -> slice:
    """The turns from `start` up to the first answer, or up to `end` if there is no answer."""
    try:
        return slice(start, roles.index("assistant", start, end) + 1)
    except ValueError:
        return slice(start, end)


def message_ids_of(
    conversation_ids: Sequence[str],
    counts: Ints,
    roles: Sequence[str],
    texts: Sequence[str],
    other: Mapping[int, Sequence[str]],
) -> bytes:
    """`PrefixHash.message_id` of each turn of some conversations, one after another.

    `counts`: turns per conversation, at least one. `other`: content besides the text, by place of the turn.
    Raises Fault for text that is not valid Unicode.
    """
    begins = np.cumsum(counts) - counts
    places = np.arange(len(texts)) - np.repeat(begins, counts)
    codes = np.frombuffer(bytes(map(_ROLES.__getitem__, roles)), np.uint8)
    seeds: list[int] = _seed(places, codes.astype(np.int64), False).tolist()
    data = [*map(str.encode, texts)]
    for place, content in other.items():
        data[place] += b"\0" + _json(content)
        seeds[place] += 1
    turns = _numbers(map(xxhash.xxh3_64_digest, data, seeds))
    sums = np.cumsum(turns, dtype=np.uint64)
    first = _numbers(map(xxhash.xxh3_64_digest, map(str.encode, conversation_ids)))
    first += turns[begins] - sums[begins]
    return (sums + np.repeat(first, counts)).astype(">u8").tobytes().hex().encode()


def id_column(ids: bytes) -> pa.Array:
    """The ids of `message_ids_of` as an array of strings."""
    count = len(ids) // _MESSAGE_ID_BYTES
    ends = np.arange(count + 1, dtype=np.int32) * _MESSAGE_ID_BYTES
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(ids))


def _numbers(digests: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def _seed[Number: (int, Ints)](place: Number, role: Number, has_other: bool) -> Number:
    return place * 8 + role * 2 + has_other


def _json(value: object) -> bytes:
    try:
        return _encode(value)
    except UnicodeEncodeError:
        raise Fault("invalid_unicode") from None


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Fault("invalid_unicode") from None
