"""FACTS: the flags, times and keys that every decision uses."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from schemas.records import Message, Session
from schemas.tables import ANSWER, FACTS, HUMAN
from tests.support.source_files import HASHER, message, record, utc
from transforms.sources.facts.messages import text_bytes
from transforms.sources.facts.table import ReadRecord, facts_table

TEXT = [{"type": "text", "text": "hi"}]
BLANK = [{"type": "text", "text": " \n\u00a0"}, {"type": "text", "text": ""}]
CALL = [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]


def rows(*sessions: dict[str, Any]) -> list[dict[str, Any]]:
    reads = [ReadRecord(n, 0, 0, msgspec.convert(each, Session), None) for n, each in enumerate(sessions)]
    table = facts_table(reads, "unit", HASHER)
    assert table.schema == FACTS
    found: list[dict[str, Any]] = table.to_pylist()
    return found


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({"role": "user", "content": "hi"}, HUMAN),
        ({"role": "user", "content": " \t"}, 0),
        ({"role": "user", "content": None}, 0),
        ({"role": "user", "content": TEXT}, HUMAN),
        ({"role": "user", "content": BLANK}, 0),
        ({"role": "user", "content": [{"type": "image"}]}, 0),
        ({"role": "user", "origin": "human", "content": [{"type": "image"}]}, HUMAN),
        ({"role": "user", "origin": "harness", "content": "hi"}, 0),
        ({"role": "user", "origin": "summary", "content": "hi"}, 0),
        ({"role": "user", "origin": "tool", "content": "hi"}, 0),
        ({"role": "user", "origin": "model", "content": "hi"}, 0),
        ({"role": "system", "content": "hi"}, 0),
        ({"role": "tool", "content": "hi"}, 0),
        ({"role": "assistant", "content": "hi"}, ANSWER),
        ({"role": "assistant", "origin": "model", "content": TEXT}, ANSWER),
        ({"role": "assistant", "content": CALL}, ANSWER),
        ({"role": "assistant", "content": BLANK}, 0),
        ({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]}, 0),
        ({"role": "assistant", "origin": "harness", "content": "hi"}, 0),
        ({"role": "assistant", "origin": "human", "content": "hi"}, 0),
        ({"role": "assistant", "content": []}, 0),
    ],
)
def test_flags_mark_human_messages_and_model_answers(fields: dict[str, Any], flags: int) -> None:
    """A harness line with the flag HUMAN would count as activity of the user."""
    (row,) = rows(record(messages=[message("a", **fields), message("b", role="system")]))
    assert row["message_flags"] == [flags, 0]


def test_instants_are_utc_whatever_the_offset_they_were_written_with() -> None:
    """Consent is compared with these instants; a wrong offset moves them by hours."""
    (row,) = rows(
        record(
            created_at="2025-10-01T15:30:00.000001+05:30",
            messages=[message(sent_at="2025-09-30T23:00:00-11:00")],
        )
    )
    assert row["created_at"] == utc("2025-10-01T10:00:00.000001+00:00")
    assert row["message_sent_at"] == [dt.datetime(2025, 10, 1, 10, tzinfo=dt.UTC)]


def test_parents_threads_and_the_current_message_are_the_numbers_of_the_names() -> None:
    """Branches are followed by these numbers, across records: equal ids must have equal numbers."""
    (row,) = rows(
        record(
            current_message_id="b",
            messages=[
                message("a"),
                message("b", parent_id="a", thread="main"),
                message("c", parent_id="elsewhere", thread="agent"),
                message("d", parent_id="", thread=""),
            ],
        )
    )
    number = HASHER.message
    assert row["message_id"] == [number(name) for name in "abcd"]
    assert row["message_parent"] == [0, number("a"), number("elsewhere"), 0]
    assert row["current_message"] == number("b")
    assert [thread == 0 for thread in row["message_thread"]] == [True, True, False, True]


def test_keys_are_keyed_digests_and_absent_ids_are_null() -> None:
    """No raw id may leave a reader, and sessions without a user must not share a key."""
    known, unknown = rows(record(organization_id="o"), record(user_id=None))
    assert known["user_key"] == HASHER.user("u1")
    assert known["conversation_key"] == HASHER.conversation("c1")
    assert known["organization_key"] == HASHER.organization("o")
    assert unknown["user_key"] is None
    assert unknown["organization_key"] is None


def test_a_missing_incognito_is_false_and_a_given_one_is_kept() -> None:
    """The default is false; a lost `true` would include a private chat."""
    assert [row["incognito"] for row in rows(record(), record(incognito=None), record(incognito=True))] == [
        False,
        False,
        True,
    ]


def test_messages_stay_with_their_session() -> None:
    """The lists are slices of flat columns; a wrong offset gives a session the times of another."""
    first, empty, last = rows(
        record(messages=[message("a"), message("b")]), record(messages=[]), record(messages=[message("c")])
    )
    assert first["message_id"] == [HASHER.message("a"), HASHER.message("b")]
    assert empty["message_id"] == []
    assert last["message_id"] == [HASHER.message("c")]
    assert (first["text_bytes"], empty["text_bytes"], last["text_bytes"]) == (4, 0, 2)


def test_tool_text_counts_towards_the_size_of_a_shard() -> None:
    """Most text of coding sessions is tool text; without it, shards would be too big."""
    blocks = [
        {"type": "tool_use", "input": {"a": ["xyz", 1], "b": "q"}},
        {"type": "tool_result", "content": "12345"},
        {"type": "tool_result", "content": [{"type": "text", "text": "ab"}]},
    ]
    assert text_bytes(msgspec.convert(message(content=blocks), Message)) == 4 + 5 + 2 + len("text")
