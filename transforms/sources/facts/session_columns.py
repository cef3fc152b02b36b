"""Sessions by column, and of their messages just the texts: cheaper where only facts are wanted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.records import Role
from schemas.tables import ANSWER, HUMAN
from transforms.shuffle.instants import Bools, Ints, instants
from transforms.sources.facts.messages import Flags, sizes_of, visible

_SPEAKERS: dict[Role, int] = {"user": HUMAN, "assistant": ANSWER, "system": 0, "tool": 0}


class Plains(NamedTuple):
    """Sessions, and the messages of all of them one after another.

    Messages are sent at the session's `created_at`, the last one at `last_at`; None: that one too. `counts`:
    how many messages a session has. `ids`: theirs, as texts or the numbers of these. `linked`: each follows
    the one before it. Nothing is said of origins but that the model may be that of an assistant. `calling`:
    which messages call a tool; `others`: the characters in each besides its text.
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
    calling: Bools | None = None
    others: Ints | None = None


class Columns(NamedTuple):
    """What FACTS has of the messages of some sessions, one after another; `sizes` of their texts."""

    sent_at: Ints
    flags: Flags
    sizes: Ints


def columns_of(plains: Plains) -> Columns:
    """The columns of all messages of the sessions."""
    counts = plains.counts
    sent_at = np.repeat(_micros(plains.created_at), counts)
    if plains.last_at is not None:
        some = counts > 0
        sent_at[np.cumsum(counts)[some] - 1] = _micros(plains.last_at)[some]
    speaker = np.frombuffer(bytes(map(_SPEAKERS.__getitem__, plains.roles)), np.uint8)
    sizes = sizes_of(plains.texts)
    flags = speaker * visible(plains.texts, sizes)
    if plains.calling is not None:
        flags |= (speaker & np.uint8(ANSWER)) * plains.calling
    if plains.others is not None:
        sizes += plains.others
    return Columns(sent_at, flags, sizes)


def _micros(moments: Sequence[dt.datetime]) -> Ints:
    found: Ints = instants(moments).view("int64").to_numpy()
    return found
