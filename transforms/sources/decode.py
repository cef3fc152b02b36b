"""Converts a canonical record to a Session, or raises a Fault with a quarantine code.

If the typed conversion fails, the record is examined field by field to find the code, and the id if it can be
read. `transforms/sources/canonical/line_decoder.py` decodes JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.ids import is_unclean
from schemas.records import Message, Session

EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T t]\d\d:\d\d(:\d\d(\.\d+)?)?\Z")
#: Nesting levels of a tool's input or result: real ones have fewer than 20, and every stage recurses.
MAX_NESTING = 100
#: Types that are neither nested nor infinite; most tool inputs are an object of these.
_HARMLESS = frozenset({str, int, bool, type(None)})
REQUIRED = ("conversation_id", "created_at", "messages")
REQUIRED_OF_MESSAGES = ("message_id", "role", "sent_at")


#: Ids that lists name too; one that could be trimmed on one side would silently match nothing.
ID_FIELDS = ("conversation_id", "user_id", "organization_id")


class Fault(Exception):  # noqa: N818 - becomes a quarantine entry, never an error
    """Why a record is not a session: a quarantine code, the conversation's id if it can be read.

    `field`: the name of a field that makes the record ambiguous.
    """

    def __init__(self, code: str, conversation_id: str | None = None, field: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.conversation_id = conversation_id
        self.field = field


def convert_session(record: Any, max_messages: int) -> Session:
    """The session in a decoded mapping, as Parquet rows give it; raises Fault."""
    try:
        session = msgspec.convert(record, Session)
    except (msgspec.ValidationError, RecursionError, ValueError):
        raise _classify_record(record) from None
    return checked(session, max_messages)


def checked(session: Session, max_messages: int) -> Session:
    """The session itself, if its values are valid; raises Fault."""
    conversation_id = session.conversation_id
    if not conversation_id.strip():
        raise Fault("missing_field")
    for name, text in zip(
        ID_FIELDS, (conversation_id, session.user_id, session.organization_id), strict=True
    ):
        if text and is_unclean(text) and text.strip():
            raise Fault("bad_field", conversation_id, name)
    if len(session.messages) > max_messages:
        raise Fault("oversize_record", conversation_id)
    ids = [message.message_id for message in session.messages]
    if not all(ids):
        raise Fault("missing_field", conversation_id)
    if len(set(ids)) < len(ids):
        _check_copies(session.messages, conversation_id)
    instants = [message.sent_at for message in session.messages]
    instants.append(session.created_at)
    if session.deleted_at is not None:
        instants.append(session.deleted_at)
    if min(instants) < EARLIEST or max(instants) > LATEST:
        raise Fault("bad_timestamp", conversation_id)
    _check_values(session.messages, conversation_id)
    return session


def _check_values(messages: Sequence[Message], conversation_id: str | None) -> None:
    for message in messages:
        if message.content.__class__ is list:
            for block in message.content:
                if block.input is not None or block.content is not None:
                    check_value(block.input, conversation_id)
                    check_value(block.content, conversation_id)


def _check_copies(messages: list[Message], conversation_id: str) -> None:
    """Accepts a repeated message id only for equal messages; their times may differ."""
    seen: dict[str, Message] = {}
    for message in messages:
        first = seen.setdefault(message.message_id, message)
        if msgspec.structs.replace(message, sent_at=first.sent_at) != first:
            raise Fault("duplicate_message", conversation_id)


def check_value(value: Any, conversation_id: str | None) -> None:
    """Raises Fault for a tool's input or result that is nested too deep, or not finite."""
    if value is None or value.__class__ is str:
        return
    if value.__class__ is dict and _HARMLESS.issuperset(map(type, value.values())):
        return
    if _deeper_than(value, MAX_NESTING):
        raise Fault("malformed_json", conversation_id)
    if not _finite(value):
        raise Fault("bad_field", conversation_id)


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(item, levels - 1) for item in items)


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return True


def present(text: str | None) -> str | None:
    """The text; None if it is missing or blank."""
    return text if text and text.strip() else None


def classify(data: bytes) -> Fault:
    """Why the JSON text of a record is no session."""
    try:
        record = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # also an integer of thousands of digits, which is valid JSON
        return Fault(json_fault(data))
    if not isinstance(record, dict):
        return Fault("not_an_object")
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return Fault("invalid_unicode", readable_id(record.get("conversation_id")))
    return _classify_record(record)


def json_fault(data: bytes) -> str:
    """The code of bytes that are not strict JSON; `bad_field` for a number out of range."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant, parse_int=len)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        return "invalid_unicode"
    except (ValueError, RecursionError):
        return "malformed_json"
    return "bad_field"


def _classify_record(record: Any) -> Fault:
    if not isinstance(record, dict):
        return Fault("not_an_object")
    conversation_id = readable_id(record.get("conversation_id"))
    if any(record.get(name) is None for name in REQUIRED) or record["conversation_id"] == "":
        return Fault("missing_field", conversation_id)
    messages = record["messages"]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return Fault("bad_field", conversation_id)
    if any(message.get(name) is None for message in messages for name in REQUIRED_OF_MESSAGES):
        return Fault("missing_field", conversation_id)
    times = [record["created_at"], record.get("deleted_at"), *(message["sent_at"] for message in messages)]
    codes = {code for code in map(_time_fault, times) if code}
    for code in ("naive_timestamp", "bad_timestamp"):
        if code in codes:
            return Fault(code, conversation_id)
    return Fault("bad_field", conversation_id)


def _time_fault(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return "naive_timestamp" if value.tzinfo is None else None
    if not isinstance(value, str):
        return "bad_timestamp"
    if _NAIVE.match(value):
        return "naive_timestamp"
    try:
        msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError:
        return "bad_timestamp"
    return None


def readable_id(value: Any) -> str | None:
    """The value, if it can be the id of a quarantine entry."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _refuse_constant(_: str) -> Any:
    raise ValueError("NaN and infinities are not JSON")
