"""A canonical record's bytes to a Session, or the code of what is wrong with it.

The fast way is one typed decode. Only when it fails is the record looked at field by field, to tell which
code it deserves and whether its id can still be read.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import msgspec

from schemas.records import Defaults, Message, Session

_DECODER = msgspec.json.Decoder(Session)
_EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T t]\d\d:\d\d(:\d\d(\.\d+)?)?\Z")
_REQUIRED = ("conversation_id", "created_at", "messages")
_REQUIRED_MESSAGE = ("message_id", "role", "sent_at")


class Fault(Exception):  # noqa: N818 - becomes a quarantine entry, never an error
    """Why a record is no session: a quarantine code, and its id if that can be read."""

    def __init__(self, code: str, conversation_id: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.conversation_id = conversation_id


def decode_session(data: bytes, max_messages: int) -> Session:
    """The session in one JSON object; raises Fault."""
    try:
        session = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise _classify(data) from None
    return checked(session, max_messages)


def convert_session(record: Any, max_messages: int) -> Session:
    """The session in a decoded mapping, as Parquet rows give it; raises Fault."""
    try:
        session = msgspec.convert(record, Session)
    except (msgspec.ValidationError, RecursionError, ValueError):
        raise _classify_record(record) from None
    return checked(session, max_messages)


def checked(session: Session, max_messages: int) -> Session:
    """The session itself, if its values are possible; raises Fault."""
    conversation_id = session.conversation_id
    if not conversation_id.strip():
        raise Fault("missing_field")
    if len(session.messages) > max_messages:
        raise Fault("oversize_record", conversation_id)
    if any(not message.message_id for message in session.messages):
        raise Fault("missing_field", conversation_id)
    instants = [session.created_at, *(message.sent_at for message in session.messages)]
    if session.deleted_at is not None:
        instants.append(session.deleted_at)
    if min(instants) < _EARLIEST or max(instants) > _LATEST:
        raise Fault("bad_timestamp", conversation_id)
    return session


def with_defaults(session: Session, defaults: Defaults) -> Session:
    """The session with absent values filled; a blank user or organisation id counts as absent."""
    session.user_id = _present(session.user_id) or defaults.user_id
    session.organization_id = _present(session.organization_id) or defaults.organization_id
    session.tier = _present(session.tier) or defaults.tier
    session.surface = _present(session.surface) or defaults.surface
    return session


def _present(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _classify(data: bytes) -> Fault:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Fault("invalid_unicode")
    try:
        record = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return Fault("malformed_json")
    if not isinstance(record, dict):
        return Fault("not_an_object")
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return Fault("invalid_unicode", _readable_id(record))
    return _classify_record(record)


def _classify_record(record: Any) -> Fault:
    if not isinstance(record, dict):
        return Fault("not_an_object")
    conversation_id = _readable_id(record)
    if any(record.get(name) is None for name in _REQUIRED) or record["conversation_id"] == "":
        return Fault("missing_field", conversation_id)
    messages = record["messages"]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return Fault("bad_field", conversation_id)
    if any(message.get(name) is None for message in messages for name in _REQUIRED_MESSAGE):
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


def _readable_id(record: dict[str, Any]) -> str | None:
    value = record.get("conversation_id")
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _refuse_constant(_: str) -> Any:
    raise ValueError("NaN and infinities are not JSON")


def text_of(message: Message) -> str:
    """All text of a message's text blocks, joined."""
    content = message.content
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(block.text for block in content if block.type == "text" and block.text)
