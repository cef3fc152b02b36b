"""Lists of turns, decoded by type: most of them, at a fraction of the price.

A record with a field that is not named here, or with anything else in one, is for the careful way.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from schemas.keys import KeyedHasher
from schemas.records import Defaults, Role
from transforms.shuffle.digests import numbers_of
from transforms.shuffle.instants import Bools, Ints
from transforms.sources.decode import Fault, check_value
from transforms.sources.facts.messages import sizes_of, value_size
from transforms.sources.facts.session_columns import Plains
from transforms.sources.json.item_source import Told

_SPEAKERS: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
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


class _Function(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str | None = None
    arguments: Any = None


class _Call(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    function: _Function
    id: str | None = None
    type: Any = None


class _OpenaiTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | None = None
    name: Any = None
    weight: Any = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
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
    """What chat fine-tuning records tell; raises Fault if one may be none."""
    turns = [*itertools.chain.from_iterable([item.messages for item in items])]
    roles: list[Role] = [ROLES[turn.role] for turn in turns]
    counts = [len(item.messages) for item in items]
    contents, calls = [turn.content for turn in turns], [turn.tool_calls for turn in turns]
    texts = [content or "" for content in contents]
    if None not in contents and "tool" not in roles and not any(calls):
        return _told(items, counts, roles, texts, defaults, hasher)
    said: list[str | bytes] = [*texts]
    calling, others = np.fromiter(map(bool, calls), np.bool_, len(calls)), np.zeros(len(turns), np.int64)
    for place, turn in enumerate(turns):
        if turn.content is None or calls[place] or roles[place] == "tool":
            blocks = _blocks(turn, roles[place])
            said[place] = _encode(blocks)
            if roles[place] == "tool":
                texts[place], others[place] = "", len(texts[place])
            else:
                others[place] = sum([value_size(block.get("input")) for block in blocks])
    return _told(items, counts, roles, texts, defaults, hasher, _Tools(said, calling, others))


class _Tools(NamedTuple):
    """Of turns, some with tools: what is said in each, as text or JSON; and what `Plains` has of them."""

    said: Sequence[str | bytes]
    calling: Bools
    others: Ints


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


def _digests(counts: Ints, roles: Sequence[Role], said: Sequence[str | bytes]) -> list[str]:
    """`said_digest` of records, each with so many of the turns; of turns the text, or JSON as bytes."""
    texts = [each for each in said if isinstance(each, str)]
    together, kinds = "".join(texts), np.zeros(len(said), np.int64)
    if len(texts) == len(said) and together.isascii():
        sizes, whole = sizes_of(texts), memoryview(together.encode())
    else:
        data = [each.encode() if isinstance(each, str) else each for each in said]
        sizes, whole = sizes_of(data), memoryview(b"".join(data))
        kinds = np.fromiter([isinstance(each, bytes) for each in said], np.int64, len(said))
    codes = np.frombuffer(bytes(map(_CODES.__getitem__, roles)), np.uint8).astype(np.int64)
    frames = memoryview((sizes * 8 + codes * 2 + kinds).astype("<i8").tobytes())
    ends = [0, *np.cumsum(counts).tolist()]
    upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])[ends].tolist()
    found = []
    for place in range(len(counts)):
        digest = hashlib.sha256(frames[ends[place] * 8 : ends[place + 1] * 8])
        digest.update(whole[upto[place] : upto[place + 1]])
        found.append(digest.hexdigest())
    return found


def _blocks(turn: _OpenaiTurn, role: Role) -> list[dict[str, Any]]:
    """The content of a turn that is no text, or not just that; raises Fault for what has to be looked at."""
    calls = turn.tool_calls or []
    if role == "tool":
        if calls:
            raise Fault("bad_field")
        return [{"type": "tool_result", "tool_use_id": turn.tool_call_id, "content": turn.content or ""}]
    blocks: list[dict[str, Any]] = []
    if turn.content is not None:
        blocks.append({"type": "text", "text": turn.content})
    for call in calls:
        given = given_to(call.function.arguments)
        check_value(given, None)
        blocks.append({"type": "tool_use", "id": call.id, "name": call.function.name, "input": given})
    return blocks


def given_to(arguments: Any) -> Any:
    """What a function is given: the object in a text, where there is one that is not empty."""
    found = decoded(arguments) if isinstance(arguments, str) else None
    return found if isinstance(found, dict) and found else arguments


def decoded(text: str) -> Any:
    """The JSON value in a text; None where it holds none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


_CODES: dict[Role, int] = {"user": 0, "assistant": 1, "system": 2, "tool": 3}
_encode = msgspec.json.Encoder(order="sorted").encode


def _told(
    items: Sequence[_Record],
    counts: Sequence[int],
    roles: list[Role],
    texts: list[str],
    defaults: Defaults,
    hasher: KeyedHasher,
    tools: _Tools | None = None,
) -> Told:
    at = defaults.created_at
    if at is None or at.tzinfo is None or not items:
        return Told([], None)
    named = [item.id or item.conversation_id for item in items]
    if None in named:
        digests = _digests(np.array(counts, np.int64), roles, tools.said if tools else texts)
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
        calling=tools and tools.calling,
        others=tools and tools.others,
    )
    return Told(range(len(items)), plains)


def _ordinals(counts: Sequence[int], hasher: KeyedHasher) -> Ints:
    """The numbers of messages that are known by their places."""
    of_place = numbers_of([b"%d" % place for place in range(max(counts, default=0))], hasher)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    numbers: Ints = of_place[np.arange(len(begins)) - begins]
    return numbers
