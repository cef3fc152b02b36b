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
from transforms.sources.faults import Fault, Field, bad_field, no_field

EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T t]\d\d:\d\d(:\d\d(\.\d+)?)?\Z")
#: Nesting levels of a tool's input or result: real ones have fewer than 20, and every stage recurses.
MAX_NESTING = 100
#: Types that are neither nested nor infinite; most tool inputs are an object of these.
_HARMLESS = frozenset({str, int, bool, type(None)})
#: The path in an error of msgspec, its steps, and places in lists.
_PATH = re.compile(r" - at `\$((?:\.\w+|\[\d+\])*)`\Z")
_LACKING = re.compile(r"missing required field `(\w+)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_PLACE = re.compile(r"\[\d+\]")
REQUIRED = ("conversation_id", "created_at", "messages")
REQUIRED_OF_MESSAGES = ("message_id", "role", "sent_at")
#: Ids that lists name too; one that could be trimmed on one side would silently match nothing.
ID_FIELDS = ("conversation_id", "user_id", "organization_id")


def convert_session(record: Any, max_messages: int) -> Session:
    """The session in a decoded mapping, as Parquet rows give it; raises Fault."""
    try:
        session = msgspec.convert(record, Session)
    except (msgspec.ValidationError, RecursionError, ValueError) as error:
        raise _classify_record(record, error) from None
    return checked(session, max_messages)


def checked(session: Session, max_messages: int) -> Session:
    """The session itself, if its values are valid; raises Fault."""
    conversation_id = session.conversation_id
    if not conversation_id.strip():
        raise bad_field("conversation_id", conversation_id, "missing_field")
    for name, text in zip(
        ID_FIELDS, (conversation_id, session.user_id, session.organization_id), strict=True
    ):
        if text and is_unclean(text) and text.strip():
            raise bad_field(name, text).of(conversation_id)
    if len(session.messages) > max_messages:
        raise Fault("oversize_record", conversation_id)
    ids = [message.message_id for message in session.messages]
    if not all(ids):
        raise bad_field("messages[].message_id", "", "missing_field").of(conversation_id)
    if len(set(ids)) < len(ids):
        _check_copies(session.messages, conversation_id)
    instants = [message.sent_at for message in session.messages]
    instants.append(session.created_at)
    if session.deleted_at is not None:
        instants.append(session.deleted_at)
    if min(instants) < EARLIEST or max(instants) > LATEST:
        raise _impossible_time(session)
    _check_values(session.messages, conversation_id)
    return session


def _impossible_time(session: Session) -> Fault:
    times = {"created_at": session.created_at, "deleted_at": session.deleted_at or session.created_at}
    names = [name for name, at in times.items() if not EARLIEST <= at <= LATEST]
    return bad_field(names[0] if names else "messages[].sent_at", session.created_at, "bad_timestamp").of(
        session.conversation_id
    )


def _check_values(messages: Sequence[Message], conversation_id: str | None) -> None:
    for message in messages:
        if message.content.__class__ is list:
            for block in message.content:
                if block.input is not None or block.content is not None:
                    check_value(block.input, conversation_id)
                    check_value(block.content, conversation_id, "messages[].content[].content")


def _check_copies(messages: list[Message], conversation_id: str) -> None:
    """Accepts a repeated message id only for equal messages; their times may differ."""
    seen: dict[str, Message] = {}
    for message in messages:
        first = seen.setdefault(message.message_id, message)
        if msgspec.structs.replace(message, sent_at=first.sent_at) != first:
            raise bad_field("messages[].message_id", "", "duplicate_message").of(conversation_id)


def check_value(value: Any, conversation_id: str | None, name: str = "messages[].content[].input") -> None:
    """Raises Fault for a tool's input or result that is nested too deep, or not finite."""
    if value is None or value.__class__ is str:
        return
    if value.__class__ is dict and _HARMLESS.issuperset(map(type, value.values())):
        return
    if _deeper_than(value, MAX_NESTING):
        raise bad_field(name, value, "malformed_json").of(conversation_id)
    if not _finite(value):
        raise Fault("bad_field", conversation_id, Field(name, "number"))


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


def present(text: str | msgspec.UnsetType | None) -> str | None:
    """The text; None if it is missing or blank."""
    return text if isinstance(text, str) and text.strip() else None


def classify(data: bytes, error: Exception) -> Fault:
    """Why the JSON text of a record is no session; `error`: of its typed conversion."""
    try:
        record = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # also an integer of thousands of digits, which is valid JSON
        return unreadable_json(data)
    if not isinstance(record, dict):
        return Fault("not_an_object")
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return Fault("invalid_unicode", readable_id(record.get("conversation_id")))
    return _classify_record(record, error)


def unreadable_json(data: bytes) -> Fault:
    """The fault of bytes that are not strict JSON, or that have a number out of range."""
    code = json_fault(data)
    return Fault(code, None, Field("*", "number") if code == "bad_field" else None)


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


def _classify_record(record: Any, error: Exception) -> Fault:
    """Why a record is no session; `error`: of its typed conversion."""
    if not isinstance(record, dict):
        return Fault("not_an_object")
    return _fault_of(record, error).of(readable_id(record.get("conversation_id")))


def _fault_of(record: dict[str, Any], error: Exception) -> Fault:
    for name in REQUIRED:
        if record.get(name) is None:
            return no_field(record, name)
    if record["conversation_id"] == "":
        return bad_field("conversation_id", "", "missing_field")
    messages = record["messages"]
    if not isinstance(messages, list):
        return bad_field("messages", messages)
    for message in messages:
        if not isinstance(message, dict):
            return bad_field("messages[]", message)
    for message in messages:
        for name in REQUIRED_OF_MESSAGES:
            if message.get(name) is None:
                return no_field(message, name, f"messages[].{name}")
    times = [(name, record.get(name)) for name in ("created_at", "deleted_at")]
    times += [("messages[].sent_at", message["sent_at"]) for message in messages]
    found = [(code, name, value) for name, value in times if (code := _time_fault(value))]
    for code, name, value in sorted(found, key=lambda each: each[0] != "naive_timestamp"):
        return bad_field(name, value, code)
    return _field_of_error(record, error)


def _field_of_error(record: dict[str, Any], error: Exception) -> Fault:
    """The fault at the path that msgspec names; it consists of names of the schema and places in lists."""
    value: Any = record
    match, lacking = _PATH.search(str(error)), _LACKING.search(str(error))
    if match is None:
        return Fault("bad_field", None, Field("*", "object" if _finite(record) else "number"))
    path = _PLACE.sub("[]", match[1]).removeprefix(".")
    if lacking:
        return Fault("bad_field", None, Field(f"{path}.{lacking[1]}".removeprefix("."), "missing"))
    for name, place in _STEP.findall(match[1]):
        value = value[name] if name else value[int(place)]
    return bad_field(path, value)


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
