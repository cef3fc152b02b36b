"""Ids of what is said in calls that each hold the whole history: of messages by all up to them.

A conversation is told from those of others, so by SHA-256. Messages need only be told from those of their
own conversation: XXH3 is enough, and their sum, as the place of each goes into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from transforms.shuffle.instants import Ints
from transforms.sources.decode import Fault

_ROLES = {"user": 0, "assistant": 1, "system": 2, "tool": 3}
_ALL = (1 << 64) - 1
_ID_DIGITS = 32
_encode = msgspec.json.Encoder().encode


class Upto(NamedTuple):
    """All that was said in a conversation up to some place; `name` is the id of what was said last."""

    number: int
    place: int

    @classmethod
    def begin(cls, conversation_id: str) -> Self:
        """Before anything was said. Raises Fault for an id that is no Unicode."""
        return cls(xxhash.xxh3_64_intdigest(_bytes(conversation_id)), 0)

    @property
    def name(self) -> str:
        """16 hex digits."""
        return f"{self.number:016x}"

    def then(self, role: str, text: str, *more: str) -> Self:
        """With a turn of this text, and what else it holds. Raises Fault for text that is no Unicode."""
        data = _bytes(text) + (b"\0" + _json(more) if more else b"")
        said = xxhash.xxh3_64_intdigest(data, _seed(self.place, _ROLES[role], bool(more)))
        return self._replace(number=self.number + said & _ALL, place=self.place + 1)


def beginning_of(user_id: str | None, organization_id: str | None, turns: Sequence[Sequence[str]]) -> str:
    """What tells a conversation from others, 32 hex digits: whose it is, and all up to its first answer.

    `turns`: just those; of each the role, the text, and what else it holds. Raises Fault for text that is no
    Unicode.
    """
    data = _json((user_id or "", organization_id or "", turns))
    return hashlib.sha256(data).hexdigest()[:_ID_DIGITS]


def beginning_in(roles: Sequence[str], start: int, end: int) -> slice:
    """The turns between `start` and `end` up to the first answer."""
    try:
        return slice(start, roles.index("assistant", start, end) + 1)
    except ValueError:
        return slice(start, end)


def names_of(
    conversation_ids: Sequence[str],
    counts: Ints,
    roles: Sequence[str],
    texts: Sequence[str],
    more: Mapping[int, Sequence[str]],
) -> bytes:
    """`Upto.name` of each turn of some conversations, one after another.

    `counts`: how many turns each conversation has, at least one. Of each turn its role and text, and what
    `more` it holds by its place. Raises Fault for text that is no Unicode.
    """
    begins = np.cumsum(counts) - counts
    places = np.arange(len(texts)) - np.repeat(begins, counts)
    codes = np.frombuffer(bytes(map(_ROLES.__getitem__, roles)), np.uint8)
    seeds: list[int] = _seed(places, codes.astype(np.int64), False).tolist()
    data = [*map(str.encode, texts)]
    for place, others in more.items():
        data[place] += b"\0" + _json(others)
        seeds[place] += 1
    said = _numbers(map(xxhash.xxh3_64_digest, data, seeds))
    upto = np.cumsum(said, dtype=np.uint64)
    first = _numbers(map(xxhash.xxh3_64_digest, map(str.encode, conversation_ids)))
    first += said[begins] - upto[begins]
    return (upto + np.repeat(first, counts)).astype(">u8").tobytes().hex().encode()


def _numbers(digests: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def _seed[Number: (int, Ints)](place: Number, role: Number, more: bool) -> Number:
    return place * 8 + role * 2 + more


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
