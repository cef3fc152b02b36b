"""Sessions to FACTS: what a decision needs, as keys, instants and flags."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.keys import KeyedHasher
from schemas.records import MAIN_THREAD, Block, Message, Session
from schemas.tables import ANSWER, FACTS, HUMAN, INSTANT, KEY, WORD
from schemas.units import Quarantined
from transforms.words import alike


class Read(NamedTuple):
    """One record as read: a session, or why it is none."""

    row: int
    offset: int
    length: int
    session: Session | None
    fault: Quarantined | None


def facts_table(reads: Sequence[Read], unit: str, hasher: KeyedHasher) -> pa.Table:
    """FACTS of the readable records among `reads`, in their order."""
    kept = [read for read in reads if read.session is not None]
    sessions = [read.session for read in kept if read.session is not None]
    messages = [message for session in sessions for message in session.messages]
    offsets = list(itertools.accumulate((len(session.messages) for session in sessions), initial=0))
    digest = hasher.message
    ids = [message.message_id for message in messages]
    digests = list(map(digest, ids))
    number_of = dict(zip(ids, digests, strict=True))  # most parents are messages of the same batch
    parents = [(number_of.get(p) or digest(p)) if (p := m.parent_id) else 0 for m in messages]
    sizes = list(itertools.accumulate(map(text_bytes, messages), initial=0))
    flat: dict[str, pa.Array] = {
        "message_id": pa.array(digests, pa.int64()),
        "message_parent": pa.array(parents, pa.int64()),
        "message_sent_at": pa.array([m.sent_at for m in messages], INSTANT),
        "message_flags": pa.array(map(flags_of, messages), pa.uint8()),
        "message_thread": pa.array([thread_of(m.thread, hasher) for m in messages], pa.int64()),
    }
    lists = {
        name: pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values) for name, values in flat.items()
    }
    columns: dict[str, Any] = {
        "user_key": pa.array([s.user_id and hasher.user(s.user_id) for s in sessions], KEY),
        "conversation_key": pa.array([hasher.conversation(s.conversation_id) for s in sessions], KEY),
        "organization_key": pa.array(
            [s.organization_id and hasher.organization(s.organization_id) for s in sessions], KEY
        ),
        "tier": pa.array([s.tier for s in sessions], WORD),
        "surface": pa.array([s.surface for s in sessions], WORD),
        "created_at": pa.array([s.created_at for s in sessions], INSTANT),
        "deleted_at": pa.array([s.deleted_at for s in sessions], INSTANT),
        "incognito": pa.array([bool(s.incognito) for s in sessions], pa.bool_()),
        "current_message": pa.array(
            [digest(s.current_message_id) if s.current_message_id else None for s in sessions], pa.int64()
        ),
        "text_bytes": pa.array([sizes[b] - sizes[a] for a, b in itertools.pairwise(offsets)], pa.int64()),
        "unit": alike(unit, len(kept)),
        "row": pa.array([read.row for read in kept], pa.int64()),
        "offset": pa.array([read.offset for read in kept], pa.int64()),
        "length": pa.array([read.length for read in kept], pa.int64()),
    }
    return pa.table([columns.get(name, lists.get(name)) for name in FACTS.names], schema=FACTS)


def flags_of(message: Message) -> int:
    """HUMAN and ANSWER of one message (eligibility.md, "Words")."""
    origin = message.origin
    if message.role == "user":
        return HUMAN if origin == "human" or (origin is None and has_text(message.content)) else 0
    if message.role == "assistant" and (origin is None or origin == "model"):
        return ANSWER if has_text(message.content) or has_call(message.content) else 0
    return 0


def has_text(content: str | list[Block] | None) -> bool:
    """True for at least one text that is not blank."""
    if isinstance(content, str):
        return bool(content) and not content.isspace()
    # A list, not any(): twice as fast for the few blocks of a message, and this runs for every one.
    return bool([1 for b in content or () if b.type == "text" and b.text and not b.text.isspace()])


def has_call(content: str | list[Block] | None) -> bool:
    """True for at least one tool call."""
    return not isinstance(content, str) and "tool_use" in [block.type for block in content or ()]


def thread_of(thread: str | None, hasher: KeyedHasher) -> int:
    """0 for the main thread, else a number for the thread's name."""
    return 0 if not thread or thread == MAIN_THREAD else hasher.message(f"thread\0{thread}")


def text_bytes(message: Message) -> int:
    """Size of a message's text, in characters for speed; it only sizes shards, so an estimate will do."""
    content = message.content
    if content is None or isinstance(content, str):
        return len(content or "")
    size = 0
    for block in content:
        size += len(block.text or block.thinking or "")
        if block.content is not None or block.input is not None:
            size += value_size(block.content) + value_size(block.input)
    return size


def value_size(value: Any) -> int:
    """Characters of all strings in a tool's input or result."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Block):
        return len(value.text or "")
    if isinstance(value, dict):
        return sum(map(value_size, value.values()))
    return sum(map(value_size, value)) if isinstance(value, list) else 0
