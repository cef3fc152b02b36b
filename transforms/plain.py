"""Sessions whose messages are nothing but texts, by column: cheaper than messages where facts are wanted."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.keys import KeyedHasher
from schemas.records import Message, Role, Session
from schemas.tables import ANSWER, HUMAN
from transforms.digests import numbers_of
from transforms.instants import Ints, instants
from transforms.message_facts import Flags, sizes_of, visible

_SPEAKERS = {"user": HUMAN, "assistant": ANSWER}


class Plain(NamedTuple):
    """A session of texts. Nothing is said of origins but that the model may be that of an assistant.

    `head`: the session without its messages. `ids`: of the messages, in UTF-8. `texts`: all that each says.
    `linked`: each message follows the one before it. All are sent at the session's `created_at`, the last one
    at `last_at` if that is given. `messages` makes them whole.
    """

    head: Session
    ids: Sequence[bytes]
    roles: Sequence[Role]
    texts: Sequence[str]
    linked: bool
    last_at: dt.datetime | None
    messages: Callable[[], list[Message]]

    def session(self) -> Session:
        """The session with its messages."""
        self.head.messages = self.messages()
        return self.head


class Columns(NamedTuple):
    """What FACTS has of the messages of some sessions, one after another; `sizes` of their texts."""

    numbers: Ints
    parents: Ints
    sent_at: Ints
    flags: Flags
    sizes: Ints


def columns_of(sessions: Sequence[Plain], hasher: KeyedHasher) -> Columns:
    """The columns of all messages of the sessions."""
    counts = np.fromiter([len(session.ids) for session in sessions], np.int64, len(sessions))
    numbers = numbers_of([*itertools.chain.from_iterable([session.ids for session in sessions])], hasher)
    ends = np.cumsum(counts)
    parents = np.zeros(len(numbers), np.int64)
    if any(session.linked for session in sessions):
        parents[1:] = numbers[:-1]
        parents[(ends - counts)[counts > 0]] = 0
        parents[~np.repeat([session.linked for session in sessions], counts)] = 0
    sent_at = np.repeat(_micros([session.head.created_at for session in sessions]), counts)
    later = [place for place, session in enumerate(sessions) if session.last_at is not None and session.ids]
    sent_at[ends[later] - 1] = _micros([sessions[place].last_at for place in later])
    roles = itertools.chain.from_iterable([session.roles for session in sessions])
    speaker = np.frombuffer(bytes(map(_SPEAKERS.get, roles, itertools.repeat(0))), np.uint8)
    texts = [*itertools.chain.from_iterable([session.texts for session in sessions])]
    sizes = sizes_of(texts)
    return Columns(numbers, parents, sent_at, speaker * visible(texts, sizes), sizes)


def _micros(moments: Sequence[dt.datetime | None]) -> Ints:
    found: Ints = instants([moment for moment in moments if moment is not None]).view("int64").to_numpy()
    return found
