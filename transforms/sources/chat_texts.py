"""Lists of turns that are nothing but texts, decoded by type: most of them, at a fraction of the price.

A record with a field that is not named here, or with anything else in one, is for the careful way.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from schemas.keys import KeyedHasher
from schemas.records import Defaults, Role
from transforms.digests import numbers_of
from transforms.instants import Ints
from transforms.message_facts import sizes_of
from transforms.plain import Plains
from transforms.sources.item_file import Told

_SPEAKERS: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`Any`: decoded, so that it is known to be sound, and not read."""

    id: str | int | None = None
    conversation_id: str | int | None = None
    user_id: Any = None
    model: Any = None
    source: Any = None
    lang: Any = None
    metadata: Any = None


class _SharegptTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    value: str
    speaker: Literal["human", "user", "gpt", "chatgpt", "assistant", "system"] = msgspec.field(name="from")
    weight: Any = None
    markdown: Any = None
    text: Any = None


class Sharegpt(_Record, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A record of `conversations`."""

    conversations: list[_SharegptTurn]
    system: str | None = None


class _OpenaiTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str
    role: Literal["system", "developer", "user", "assistant"]
    name: Any = None
    weight: Any = None
    tool_calls: None = None
    function_call: None = None
    reasoning_content: None = None
    refusal: None = None


class Openai(_Record, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A record of `messages`."""

    messages: list[_OpenaiTurn]
    tools: Any = None
    parallel_tool_calls: Any = None


def sharegpt_told(items: Sequence[Sharegpt], defaults: Defaults, hasher: KeyedHasher) -> Told:
    """What ShareGPT records tell."""
    for item in items:
        if item.system:
            item.conversations.insert(0, _SharegptTurn(item.system, "system"))
    turns = [*itertools.chain.from_iterable([item.conversations for item in items])]
    roles = [_SPEAKERS[turn.speaker] for turn in turns]
    counts = [len(item.conversations) for item in items]
    return _told(items, counts, roles, [turn.value for turn in turns], defaults, hasher)


def openai_told(items: Sequence[Openai], defaults: Defaults, hasher: KeyedHasher) -> Told:
    """What chat fine-tuning records tell."""
    turns = [*itertools.chain.from_iterable([item.messages for item in items])]
    roles: list[Role] = ["system" if turn.role == "developer" else turn.role for turn in turns]
    counts = [len(item.messages) for item in items]
    return _told(items, counts, roles, [turn.content for turn in turns], defaults, hasher)


def said_digest(said: Sequence[tuple[Role, Any]]) -> str:
    """What tells a record without an id from others: all that it says, by role and content of each turn.

    SHA-256 of, for each turn, its length with who says it and whether that is text, and then of all that is
    said. Raises UnicodeEncodeError.
    """
    parts = [
        (role, each.encode(), 0) if isinstance(each, str) else (role, _encode(each), 1) for role, each in said
    ]
    frames = [len(data) * 8 + _CODES[role] * 2 + json for role, data, json in parts]
    digest = hashlib.sha256(np.array(frames, "<i8").tobytes())
    digest.update(b"".join([data for _, data, _ in parts]))
    return digest.hexdigest()


def _text_digests(counts: Ints, roles: Sequence[Role], texts: Sequence[str]) -> list[str]:
    """`said_digest` of records of texts, one after another, each with so many turns."""
    together = "".join(texts)
    sizes = sizes_of(texts if together.isascii() else [*map(str.encode, texts)])
    codes = np.frombuffer(bytes(map(_CODES.__getitem__, roles)), np.uint8).astype(np.int64)
    frames = memoryview((sizes * 8 + codes * 2).astype("<i8").tobytes())
    whole = memoryview(together.encode())
    ends = [0, *np.cumsum(counts).tolist()]
    upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])[ends].tolist()
    found = []
    for place in range(len(counts)):
        digest = hashlib.sha256(frames[ends[place] * 8 : ends[place + 1] * 8])
        digest.update(whole[upto[place] : upto[place + 1]])
        found.append(digest.hexdigest())
    return found


_CODES: dict[Role, int] = {"user": 0, "assistant": 1, "system": 2, "tool": 3}
_encode = msgspec.json.Encoder(order="sorted").encode


def _told(
    items: Sequence[_Record],
    counts: Sequence[int],
    roles: list[Role],
    texts: list[str],
    defaults: Defaults,
    hasher: KeyedHasher,
) -> Told:
    at = defaults.created_at
    if at is None or at.tzinfo is None or not items:
        return Told([], None)
    named = [item.id or item.conversation_id for item in items]
    if None in named:
        digests = _text_digests(np.array(counts, np.int64), roles, texts)
        named = [digest if name is None else name for name, digest in zip(named, digests, strict=True)]
    plains = Plains(
        conversation_ids=[*map(str, named)],
        user_ids=[item.user_id if isinstance(item.user_id, str) else None for item in items],
        organization_ids=[None] * len(items),
        created_at=[at] * len(items),
        last_at=None,
        counts=np.array(counts, np.int64),
        ids=_ordinals(counts, hasher),
        linked=False,
        roles=roles,
        texts=texts,
    )
    return Told(range(len(items)), plains)


def _ordinals(counts: Sequence[int], hasher: KeyedHasher) -> Ints:
    """The numbers of messages that are known by their places."""
    of_place = numbers_of([b"%d" % place for place in range(max(counts, default=0))], hasher)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    numbers: Ints = of_place[np.arange(len(begins)) - begins]
    return numbers
