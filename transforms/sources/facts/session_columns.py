"""Sessions by column, with the texts of their messages only: cheaper where only facts are needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.records import Role
from schemas.tables import ANSWER, HUMAN
from transforms.shuffle.instants import Bools, Ints, instants
from transforms.sources.facts.messages import Flags, has_visible_text, sizes_of

_FLAGS_OF_ROLE: dict[Role, int] = {"user": HUMAN, "assistant": ANSWER, "system": 0, "tool": 0}


class SessionColumns(NamedTuple):
    """Sessions, and the messages of all sessions one after another.

    All messages of a session are sent at its `created_at`, except the last one, which is sent at `last_at`
    unless that is None. `counts`: messages per session. `ids`: message ids as texts, or as the numbers of
    these. `linked`: each message is the child of the one before it. `calls_tool`: which messages call a tool.
    `other_sizes`: characters of each message besides its text.

    Origins are missing (user) or `model` (assistant).
    """

    conversation_ids: Sequence[str]
    user_ids: Sequence[str | None]
    organization_ids: Sequence[str | None]
    created_at: Sequence[dt.datetime]
    last_at: Sequence[dt.datetime] | None
    counts: Ints
    ids: pa.Array | Ints
    linked: bool
    roles: Sequence[Role]
    texts: Sequence[str]
    calls_tool: Bools | None = None
    other_sizes: Ints | None = None


class MessageColumns(NamedTuple):
    """Columns of FACTS for the messages of some sessions, one after another; `sizes` in characters."""

    sent_at: Ints
    flags: Flags
    sizes: Ints


def message_columns(sessions: SessionColumns) -> MessageColumns:
    """The columns of all messages of the sessions."""
    counts = sessions.counts
    sent_at = np.repeat(_micros(sessions.created_at), counts)
    if sessions.last_at is not None:
        not_empty = counts > 0
        sent_at[np.cumsum(counts)[not_empty] - 1] = _micros(sessions.last_at)[not_empty]
    of_role = np.frombuffer(bytes(map(_FLAGS_OF_ROLE.__getitem__, sessions.roles)), np.uint8)
    sizes = sizes_of(sessions.texts)
    flags = of_role * has_visible_text(sessions.texts, sizes)
    if sessions.calls_tool is not None:
        flags |= (of_role & np.uint8(ANSWER)) * sessions.calls_tool
    if sessions.other_sizes is not None:
        sizes += sessions.other_sizes
    return MessageColumns(sent_at, flags, sizes)


def _micros(moments: Sequence[dt.datetime]) -> Ints:
    found: Ints = instants(moments).view("int64").to_numpy()
    return found
