"""Valid, invalid and ambiguous JSON in records of every JSON format: only invalid records are lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import Path

import pytest

from schemas.records import Defaults
from tests.support.json_values import json_values
from tests.support.source_files import CONTEXT, Everything, read_all

AT = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=AT),))
#: Our own values, and those of the public JSONTestSuite.
VALUES = pytest.mark.parametrize(
    "samples", [False, pytest.param(True, marks=pytest.mark.samples)], ids=["own", "suite"]
)
ISO = b'"2026-01-05T10:00:00Z"'
#: A record of each format, with places for its id and for a JSON value that the adapter reads.
RECORDS = {
    "canonical": b'{"conversation_id":@,"created_at":%t,"messages":[{"message_id":"m","role":"assistant",'
    b'"sent_at":%t,"content":[{"type":"tool_use","input":%v}]}]}',
    "claude-code": b'{"type":"assistant","uuid":@,"sessionId":@,"timestamp":%t,'
    b'"message":{"id":@,"content":[{"type":"tool_use","input":%v}]}}',
    "claude-export": b'{"uuid":@,"created_at":%t,"chat_messages":[{"uuid":"m","sender":"assistant",'
    b'"created_at":%t,"content":[{"type":"tool_use","input":%v}]}]}',
    "chatgpt-export": b'{"conversation_id":@,"create_time":1.5,"unread":%v,"mapping":{"a":{"parent":null,'
    b'"message":{"author":{"role":"user"},"content":{"content_type":"text","parts":["hi"]}}}}}',
    "sharegpt": b'{"id":@,"unread":%v,"conversations":[{"from":"human","value":"hi"}]}',
    "openai-messages": b'{"id":@,"messages":[{"role":"assistant","tool_calls":['
    b'{"function":{"name":"n","arguments":%v}}]}]}',
    "anthropic-messages": b'{"conversation_id":@,"timestamp":%t,"request":{"messages":[{"role":"assistant",'
    b'"content":[{"type":"tool_use","input":%v}]}]},"response":null}',
    "otel-genai": b'{"span_id":"x","start_time":%t,"attributes":{"gen_ai.conversation.id":@,'
    b'"gen_ai.input.messages":[{"role":"assistant","parts":[{"type":"tool_call","arguments":%v}]}]}}',
}
LINES = ["canonical", "claude-code", "sharegpt", "openai-messages", "anthropic-messages", "otel-genai"]
ARRAYS = [name for name in RECORDS if name not in ("canonical", "claude-code")]


def record(form: str, name: str, value: bytes = b"1") -> bytes:
    parts = {b"@": b'"%s"' % name.encode(), b"%t": ISO, b"%v": value}
    return re.sub(rb"@|%[tv]", lambda found: parts[found[0]], RECORDS[form])


def values(kind: str, lines: bool, samples: bool) -> list[bytes]:
    """The values of a kind; for lines, those on one line."""
    found = json_values(kind, samples=samples)
    assert len(found) > 25
    return [value for value in found if not (lines and re.search(rb"[\r\n]", value.strip()))]


def read(folder: Path, form: str, lines: bool, parts: list[bytes]) -> Everything:
    path = folder / ("log.jsonl" if lines else "conversations.json")
    path.write_bytes(b"\n".join(parts) + b"\n" if lines else b"[" + b",\n".join(parts) + b"]")
    return read_all([path], form, TIMED)


def ids(found: Everything) -> set[str]:
    return {session.conversation_id for session in found.sessions}


@pytest.mark.parametrize(
    ("form", "lines"), [*((form, True) for form in LINES), *((form, False) for form in ARRAYS)]
)
@pytest.mark.parametrize("kind", ["y", "i"])
@VALUES
def test_json_is_read_and_what_may_be_none_spoils_nothing(
    tmp_path: Path, form: str, lines: bool, kind: str, samples: bool
) -> None:
    """A good record, then for each value a record that contains it and another good record."""
    tested = values(kind, lines, samples)
    parts = [record(form, "g0")]
    for number, value in enumerate(tested, 1):
        parts += [record(form, f"s{number}", value.strip() if lines else value), record(form, f"g{number}")]
    found = read(tmp_path, form, lines, parts)
    numbers = range(1, len(tested) + 1)
    assert {"g0", *(f"g{number}" for number in numbers)} <= ids(found)
    if kind == "y":
        assert {f"s{number}" for number in numbers} <= ids(found)
        assert found.codes == []
    # A line of Claude Code is a part of its session; here it is also a record of its own.
    whole = [entry for entry in found.quarantined if form == "claude-code" or not entry.is_part]
    assert len(whole) + len(found.sessions) == len(parts)


@pytest.mark.parametrize("form", LINES)
@pytest.mark.parametrize("inside", [True, False])
@VALUES
def test_a_line_that_is_no_json_is_one_entry(tmp_path: Path, form: str, inside: bool, samples: bool) -> None:
    """As part of a record, or instead of one."""
    tested = [value.strip() for value in values("n", True, samples) if value.strip()]
    parts = [record(form, "g0")]
    for number, value in enumerate(tested, 1):
        parts += [record(form, f"s{number}", value) if inside else value, record(form, f"g{number}")]
    found = read(tmp_path, form, True, parts)
    assert ids(found) == {f"g{number}" for number in range(len(tested) + 1)}
    assert len(found.codes) == len(tested)


@pytest.mark.parametrize("form", ARRAYS)
@VALUES
def test_an_element_that_is_no_json_spoils_no_other(tmp_path: Path, form: str, samples: bool) -> None:
    """Whatever brackets and quotes it leaves open, or closes too early, the elements behind it are read."""
    for value in values("n", False, samples):
        found = read(
            tmp_path, form, False, [record(form, "g0"), record(form, "s", value), record(form, "g1")]
        )
        assert ids(found) == {"g0", "g1"}, value
        assert 1 <= len(found.codes) <= 2, value  # what closes too early leaves a piece behind
        found = read(tmp_path, form, False, [record(form, "g0"), value, record(form, "g1")])
        assert ids(found) == {"g0", "g1"}, value
        assert found.codes or not value.strip(), value


@pytest.mark.parametrize("form", LINES)
@VALUES
def test_a_bad_first_line_does_not_make_an_array_of_a_log(tmp_path: Path, form: str, samples: bool) -> None:
    """A first line like the start of an array must not make one entry of all lines after it."""
    for value in [*values("n", True, samples), b"[1]", b"[", b"[]"]:
        found = read(tmp_path, form, True, [value.strip(), record(form, "g1"), record(form, "g2")])
        # A bracket alone, a comma or a colon at its end: so the first line of an array can end as well.
        if not value.strip().endswith((b"[", b",", b":")):
            assert ids(found) == {"g1", "g2"}, value
        assert found.codes or value.strip() in (b"", b"\xef\xbb\xbf"), value  # which may begin any file
