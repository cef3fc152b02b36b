"""Records of own schemas: each field by its path, and the code and field of each that cannot be read."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from schemas.mapped.fields import FieldsConfig
from schemas.records import Defaults, Limits
from schemas.sections.inputs import reader_of
from tests.support.source_files import CONTEXT, Everything, read_all, utc, write_lines

FIELDS: dict[str, Any] = {
    "conversation_id": "sid",
    "user_id": "meta.user.id",
    "tier": {"path": "meta.plan", "values": {"plus": "pro"}},
    "created_at": {"path": "started", "unit": "ms"},
    "messages": {
        "role": "turns[].speaker",
        "content": "turns[].text",
        "sent_at": {"path": "turns[].at", "zone": "Europe/Berlin"},
    },
}
TURNS = [
    {"speaker": "Human", "text": "hi", "at": "2025-12-01 10:00:00"},
    {"speaker": "bot", "text": "hello", "at": "2025-12-01 10:00:01.5"},
]


def one(**changes: Any) -> dict[str, Any]:
    whole = {
        "sid": "s1",
        "meta": {"user": {"id": "u1"}, "plan": "plus"},
        "started": 1_764_579_600_000,
        "turns": TURNS,
    }
    return whole | changes


def turn(**changes: Any) -> list[dict[str, Any]]:
    return [TURNS[0] | changes, TURNS[1]]


def read(tmp_path: Path, records: list[Any], fields: dict[str, Any] = FIELDS, **limits: Any) -> Everything:
    config = FieldsConfig.model_validate(fields)
    context = dataclasses.replace(CONTEXT, fields=(config,), limits=Limits(**limits))
    return read_all([write_lines(tmp_path / "log.jsonl", records)], reader_of(config), context)


def with_messages(**changes: Any) -> dict[str, Any]:
    messages = {name: value for name, value in (FIELDS["messages"] | changes).items() if value is not ...}
    return FIELDS | {"messages": messages}


def test_every_field_comes_from_its_path(tmp_path: Path) -> None:
    """Nested ids, a value map, milliseconds, roles and local times, as a user would configure them."""
    (session,) = read(tmp_path, [one()]).sessions
    assert (session.conversation_id, session.user_id, session.tier) == ("s1", "u1", "pro")
    assert session.created_at == utc("2025-12-01T09:00:00Z")
    assert [(m.role, m.content, m.sent_at) for m in session.messages] == [
        ("user", "hi", utc("2025-12-01T09:00:00Z")),
        ("assistant", "hello", utc("2025-12-01T09:00:01.5Z")),
    ]


#: A record, and the code, field and kind of its entry.
BAD: list[tuple[str, Any, tuple[str, str | None, str | None]]] = [
    ("no id", one(sid=None), ("missing_field", "sid", "missing")),
    ("blank id", one(sid=" "), ("missing_field", "sid", "text")),
    ("id that could be trimmed", one(sid="s1 "), ("bad_field", "sid", "text")),
    ("number with a fraction as id", one(sid=1.5), ("bad_field", "sid", "number")),
    ("boolean as user", one(meta={"user": {"id": True}}), ("bad_field", "meta.user.id", "boolean")),
    ("text where an object is due", one(meta={"user": "u1"}), ("bad_field", "meta.user.id", "text")),
    ("no list", one(turns=None), ("missing_field", "turns", "missing")),
    ("object for a list", one(turns={"a": 1}), ("bad_field", "turns", "object")),
    ("text for a turn", one(turns=["hi"]), ("bad_field", "turns[].speaker", "text")),
    ("no role", one(turns=turn(speaker=None)), ("missing_field", "turns[].speaker", "null")),
    ("unknown role", one(turns=turn(speaker="Zoe Quill")), ("bad_field", "turns[].speaker", "text")),
    ("number as text", one(turns=turn(text=7)), ("bad_field", "turns[].text", "number")),
    ("part without text", one(turns=turn(text=[7])), ("bad_field", "turns[].text[]", "number")),
    ("no time", one(turns=turn(at=None), started=None), ("missing_field", "turns[].at", "missing")),
    ("date alone", one(turns=turn(at="2025-12-01")), ("bad_timestamp", "turns[].at", "text")),
    ("number for a text time", one(turns=turn(at=1)), ("bad_timestamp", "turns[].at", "number")),
    ("text for a number", one(started="soon"), ("bad_timestamp", "started", "text")),
    ("time before 1970", one(started=-1), ("bad_timestamp", "started", "time")),
    ("time after 2199", one(started=10**17), ("bad_timestamp", "started", "number")),
    ("an infinite time", one(started=float("inf")), ("malformed_json", None, None)),
    ("list", [one()], ("not_an_object", None, None)),
    ("damaged line", b'{"sid": "s1", ', ("malformed_json", None, None)),
    ("field twice", b'{"sid": "a", "sid": "b", "turns": []}', ("bad_field", "sid", "repeated")),
]


@pytest.mark.parametrize(("record", "entry"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_record_that_cannot_be_read_costs_no_other_and_names_its_field(
    tmp_path: Path, record: Any, entry: tuple[str, str | None, str | None]
) -> None:
    """The field is named as the user wrote its path, with the kind of its value and never the value."""
    found = read(tmp_path, [one(sid="a"), record, one(sid="b")])
    assert [session.conversation_id for session in found.sessions] == ["a", "b"]
    (fault,) = found.quarantined
    assert (fault.code, fault.field, fault.kind) == entry
    name = record["sid"] if isinstance(record, dict) else None
    readable = isinstance(name, str) and name.strip() and entry[0] != "malformed_json"
    assert fault.conversation_key == (CONTEXT.hasher.conversation(name) if readable else None)


def test_a_naive_time_without_a_zone_is_quarantined(tmp_path: Path) -> None:
    """Consent may change within the hours between two zones."""
    found = read(tmp_path, [one()], with_messages(sent_at="turns[].at"))
    (fault,) = found.quarantined
    assert (fault.code, fault.field, fault.kind) == ("naive_timestamp", "turns[].at", "text")


TIMES: list[tuple[dict[str, str], Any, str]] = [
    ({}, "2025-12-01T10:00:00Z", "2025-12-01T10:00:00Z"),
    ({}, "2025-12-01 10:00:00+01", "2025-12-01T09:00:00Z"),
    ({}, "2025-12-01 10:00:00.25 UTC", "2025-12-01T10:00:00.25Z"),
    ({"zone": "Europe/Berlin"}, "2025-07-01T10:00:00", "2025-07-01T08:00:00Z"),
    ({"zone": "Europe/Berlin"}, "2025-07-01T10:00:00-05:00", "2025-07-01T15:00:00Z"),
    ({"zone": "-05:30"}, "2025-07-01T10:00:00", "2025-07-01T15:30:00Z"),
    ({"zone": "UTC", "format": "%d.%m.%Y %H:%M"}, "31.12.2025 23:59", "2025-12-31T23:59:00Z"),
    ({"format": "%Y/%m/%d %H:%M %z"}, "2025/12/31 23:59 +0100", "2025-12-31T22:59:00Z"),
    ({"unit": "s"}, 1_764_579_600, "2025-12-01T09:00:00Z"),
    ({"unit": "s"}, 1_764_579_600.25, "2025-12-01T09:00:00.25Z"),
    ({"unit": "s"}, "1764579600", "2025-12-01T09:00:00Z"),
    ({"unit": "ms"}, 1_764_579_600_001, "2025-12-01T09:00:00.001Z"),
    ({"unit": "us"}, 1_764_579_600_000_001, "2025-12-01T09:00:00.000001Z"),
    ({"unit": "ns"}, 1_764_579_600_000_001_999, "2025-12-01T09:00:00.000001Z"),
]


@pytest.mark.parametrize(("given", "value", "instant"), TIMES)
def test_times_are_read_in_their_unit_zone_and_format(
    tmp_path: Path, given: dict[str, str], value: Any, instant: str
) -> None:
    """A wrong hour may be on the other side of a refusal."""
    fields = with_messages(sent_at={"path": "turns[].at", **given})
    found = read(tmp_path, [one(turns=turn(at=value)[:1])], fields)
    assert found.codes == []
    assert found.sessions[0].messages[0].sent_at == utc(instant)


def test_roles_by_value_number_and_boolean_and_messages_left_out(tmp_path: Path) -> None:
    """Values are matched as JSON writes them; null leaves the messages with a value out."""
    values = {"Kunde": "user", "true": "user", "2": "assistant", "event": None}
    fields = with_messages(role={"path": "turns[].speaker", "values": values})
    speakers = ["Kunde", True, 2, "event", "AI", "system"]
    turns = [{"speaker": who, "text": f"t{n}", "at": "2025-12-01 10:00:00"} for n, who in enumerate(speakers)]
    (session,) = read(tmp_path, [one(turns=turns)], fields).sessions
    assert [message.role for message in session.messages] == [
        "user",
        "user",
        "assistant",
        "assistant",
        "system",
    ]


def test_contents_as_parts_tools_and_thoughts(tmp_path: Path) -> None:
    """A tool call stays a tool call, and a result that of its call; a part without text is a placeholder."""
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    at = "2025-12-01 10:00:00"
    turns = [
        {
            "speaker": "user",
            "text": ["a", {"type": "text", "text": "b"}, {"text": "c"}, {"data": 1}],
            "at": at,
        },
        {"speaker": "bot", "text": None, "calls": [call], "why": "because", "at": at},
        {"speaker": "tool", "text": "42", "of": "t1", "at": at},
    ]
    more = {"tool_calls": "turns[].calls", "tool_call_id": "turns[].of", "thinking": "turns[].why"}
    (session,) = read(tmp_path, [one(turns=turns)], with_messages(**more)).sessions
    first, second, third = (message.content for message in session.messages)
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert isinstance(third, list)
    assert [(block.type, block.text) for block in first] == [
        ("text", "a"), ("text", "b"), ("text", "c"), ("other", None)
    ]  # fmt: skip
    assert [(block.type, block.thinking, block.input) for block in second] == [
        ("thinking", "because", None), ("tool_use", None, {"a": 1})
    ]  # fmt: skip
    assert (third[0].type, third[0].tool_use_id, third[0].content) == ("tool_result", "t1", "42")


def test_pairs_system_prompt_and_inner_lists(tmp_path: Path) -> None:
    """Prompt and answer in one element, a prompt of the record before them, and texts in an inner list."""
    fields = {
        "conversation_id": "id",
        "messages": [
            {"role": "system", "content": "setup"},
            {"role": "user", "content": "rounds[].in.parts[].text"},
            {"role": "assistant", "content": "rounds[].out"},
        ],
    }
    at = dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
    record = {
        "id": 7,
        "setup": "Be brief.",
        "rounds": [
            {"in": {"parts": [{"text": "a"}, {"text": "b"}]}, "out": "c"},
            {"in": {"parts": [{"text": "d"}]}, "out": None},
        ],
    }
    config = FieldsConfig.model_validate(fields)
    context = dataclasses.replace(CONTEXT, fields=(config,), defaults=(Defaults(created_at=at),))
    (session,) = read_all([write_lines(tmp_path / "a.jsonl", [record])], "mapped", context).sessions
    assert session.conversation_id == "7"
    assert [message.role for message in session.messages] == ["system", "user", "assistant", "user"]
    parts = session.messages[1].content
    assert isinstance(parts, list)
    assert [block.text for block in parts] == ["a", "b"]
    assert {message.sent_at for message in session.messages} == {at}


def test_own_ids_parents_flags_and_deletion(tmp_path: Path) -> None:
    """A deleted or private session must be known as such, and the branch that the person left."""
    fields = with_messages(message_id="turns[].id", parent_id="turns[].after") | {
        "deleted_at": "gone",
        "incognito": {"path": "mode", "values": {"private": "true", "open": "false"}},
        "current_message_id": "leaf",
        "surface": {"constant": "chat"},
    }
    turns = [TURNS[0] | {"id": 1}, TURNS[1] | {"id": 2, "after": 1}]
    record = one(turns=turns, gone="2026-01-01T00:00:00Z", mode="private", leaf=2)
    (session,) = read(tmp_path, [record], fields).sessions
    assert [(m.message_id, m.parent_id) for m in session.messages] == [("1", None), ("2", "1")]
    assert (session.incognito, session.current_message_id, session.surface) == (True, "2", "chat")
    assert session.deleted_at == utc("2026-01-01T00:00:00Z")


def test_records_without_ids_have_ids_by_user_and_content(tmp_path: Path) -> None:
    """Two people may write the same: they must not become one conversation."""
    fields = {name: value for name, value in FIELDS.items() if name != "conversation_id"}
    assert reader_of(FieldsConfig.model_validate(fields)) == "mapped-histories"
    users = [one(meta={"user": {"id": name}}) for name in ("u1", "u2", "u1")]
    ids = [session.conversation_id for session in read(tmp_path, users, fields).sessions]
    assert ids[0] == ids[2] != ids[1]


def test_a_session_longer_than_the_limits_is_quarantined(tmp_path: Path) -> None:
    """A record that no stage could hold."""
    assert read(tmp_path, [one()], max_messages=1).codes == ["oversize_record"]
    assert read(tmp_path, [one()], max_record_bytes=100).codes == ["oversize_record"]
