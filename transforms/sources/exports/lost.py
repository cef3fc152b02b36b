"""Messages of a conversation that cannot be read, while the conversation is read without them."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from schemas.records import Session
from transforms.sources.decode import EARLIEST, LATEST
from transforms.sources.faults import Fault, bad_field


class Lost(NamedTuple):
    """A message that cannot be read: its place in the conversation, from 0, and its decoded value."""

    place: int
    value: Any
    fault: Fault


class Conversation(NamedTuple):
    """The session of an item, and what of it could not be read."""

    session: Session
    lost: list[Lost]


def in_range(instant: dt.datetime, name: str, value: Any) -> dt.datetime:
    """The instant; raises Fault if it is one that no record can have."""
    if not EARLIEST <= instant <= LATEST:
        raise bad_field(name, value, "bad_timestamp")
    return instant
