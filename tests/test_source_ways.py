"""Two ways to read one record, a fast and a careful one: what comes out must not tell which it was."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import io
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from source_files import CONTEXT, Everything, read_all, write_lines
from test_source_fuzz import AT, STRANGE, bent

from schemas.records import Defaults
from transforms import files
from transforms.facts import Facts, Read, facts_table
from transforms.message_facts import text_bytes
from transforms.sources import (
    canonical_json,
    chat_lists,
    claude_code_records,
    claude_code_typed,
    claude_export_items,
)
from transforms.sources.json_skipping import may_skip

TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),))
_RESULT = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "y"}]}
_CALL = {"type": "tool_use", "id": "t", "name": "ls", "input": {"a": [1.5], "b": None}}
GOOD: dict[str, dict[str, Any]] = {
    "canonical": {
        "conversation_id": "c",
        "user_id": "u",
        "tier": "pro",
        "created_at": AT,
        "deleted_at": AT,
        "current_message_id": "b",
        "messages": [
            {"message_id": "a", "role": "user", "sent_at": AT, "content": "hi"},
            {"message_id": "b", "role": "assistant", "sent_at": AT, "parent_id": "a", "content": [_CALL]},
            {"message_id": "c", "role": "tool", "sent_at": AT, "content": [_RESULT], "thread": "x"},
        ],
    },
    "claude-code": {
        "type": "user",
        "uuid": "b",
        "parentUuid": "a",
        "logicalParentUuid": None,
        "sessionId": "s",
        "isSidechain": True,
        "agentId": "g",
        "isMeta": False,
        "timestamp": AT,
        "toolUseResult": {"a": 1e30},
        "message": {
            "id": "m",
            "content": [
                {"type": "text", "text": "<command-name>x", "id": "odd"},
                {"type": "thinking", "thinking": "hm"},
                {"type": "redacted_thinking"},
                {"type": "image"},
                _CALL,
                _RESULT,
            ],
        },
    },
    "sharegpt": {
        "id": "c",
        "system": "s",
        "user_id": "u",
        "conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "é", "weight": 1}],
    },
    "openai-messages": {
        "conversation_id": 7,
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "\ud83d\ude00", "tool_calls": None},
        ],
    },
    "claude-export": {
        "uuid": "c",
        "created_at": AT,
        "chat_messages": [
            {"uuid": "m1", "sender": "human", "created_at": AT, "content": [{"type": "text", "text": "a"}]},
            {"uuid": "m2", "sender": "assistant", "created_at": AT, "text": "b"},
        ],
    },
}
TIMES = ["2026-01-05T10:00:00", "1960-01-01T00:00:00Z", "2026-01-05 10:00:00+05:30", 1767600000, "x"]


def carefully(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the fast ways out."""
    monkeypatch.setattr(canonical_json, "decode_sessions", lambda *_: None)
    monkeypatch.setattr(claude_code_records, "typed_lines", lambda raw: [None] * len(raw))
    for lists in (chat_lists.SHAREGPT, chat_lists.OPENAI_MESSAGES):
        monkeypatch.setattr(lists, "_texts_of", lambda _: None)
    monkeypatch.setattr(claude_export_items, "_instants", lambda chat: [None] * len(chat))


def told(found: Everything) -> Any:
    """All that can be told of what was read."""
    return found.facts.to_pylist(), found.sessions, found.quarantined


def records(form: str) -> list[dict[str, Any]]:
    """A good record, with each of its parts made strange or left out, and bent anywhere."""
    rng, good = random.Random(form), GOOD[form]
    made = [good, *(bent(rng, good) for _ in range(250))]
    for name in good:
        made += [{**copy.deepcopy(good), name: value} for value in [*STRANGE, *TIMES]]
        made.append({key: value for key, value in good.items() if key != name})
    return made


@pytest.mark.parametrize("form", GOOD)
def test_both_ways_give_the_same_of_good_and_of_bent_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """The fast way is taken or not by what stands beside a record: its result must be the same."""
    monkeypatch.setattr(claude_code_typed, "_FEW_BYTES", 0)
    paths = [tmp_path / f"{n}.jsonl" for n in range(len(records(form)))]
    for path, record in zip(paths, records(form), strict=True):
        write_lines(path, [record])
        if form == "claude-export":
            path.write_text(json.dumps([record]))
    together = write_lines(tmp_path / "all.jsonl", records(form))
    if form == "claude-export":
        together.write_text(json.dumps(records(form)))
    fast = [told(read_all([path], form, TIMED)) for path in [*paths, together]]
    carefully(monkeypatch)
    assert [told(read_all([path], form, TIMED)) for path in [*paths, together]] == fast
    assert sum(bool(facts) for facts, *_ in fast) > 20


@pytest.mark.parametrize("form", ["canonical", "claude-code", "sharegpt", "openai-messages"])
def test_good_records_are_read_the_fast_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Else the test above compares the careful way with itself."""
    monkeypatch.setattr(claude_code_typed, "_FEW_BYTES", 0)
    path = write_lines(tmp_path / "log.jsonl", [GOOD[form]])
    monkeypatch.setattr(canonical_json, "_one_by_one", _never)
    monkeypatch.setattr(claude_code_records, "parse_line", _never)
    monkeypatch.setattr(chat_lists.ChatLists, "_record", _never)
    assert not read_all([path], form, TIMED).quarantined


def _never(*_: Any) -> Any:
    raise AssertionError("the careful way")


class _Nothing(msgspec.Struct):
    """A decoder of this skips every value."""


def _taken(data: bytes, kind: Any) -> bool:
    try:
        msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return False
    return True


NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.one_of(st.integers(0, 10**20), st.integers(300, 420).map(lambda size: 10**size)),
    st.one_of(st.just(""), st.integers(0, 10**9).map(".{}".format)),
    st.one_of(
        st.just(""), st.builds("{}{}".format, st.sampled_from(["e", "E+", "e-"]), st.integers(0, 9999))
    ),
)
VALUES = st.one_of(
    NUMBERS.map(str.encode),
    st.builds(lambda a, b: b'["x", ' + a.encode() + b",\n" + b.encode() + b"]", NUMBERS, NUMBERS),
    st.binary(max_size=6).map(lambda data: b'"' + data + b'"'),
    st.text(max_size=6).map(lambda text: json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")),
)


@given(VALUES)
@example(b"1e999")
@example(b'{"a":-1E+400}')
@example(b'"\xed\xa0\x80"')
@example(b'"\xff"')
def test_what_a_decoder_would_wrongly_pass_over_is_known(value: bytes) -> None:
    """A value that nobody reads may still be none: a record with it is malformed whoever decodes it."""
    data = b'{"a":' + value + b"}"
    if _taken(data, _Nothing) and not _taken(data, Any):
        assert not may_skip(data)


def test_ids_and_small_numbers_may_be_skipped() -> None:
    """Hexadecimal ids are full of digits around an `e`; if each were a doubt, no line would be read fast."""
    ids = [f"{n:08x}-4e12-{n:04x}e567-9{n % 10}e{n:03d}" for n in range(2_000)]
    assert may_skip(
        json.dumps([{"id": each, "cost": 1.5e-7, "size": n} for n, each in enumerate(ids)]).encode()
    )


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b" ", b"\xef\xbb\xbf", b"x" * 12]), max_size=12),
    st.integers(0, 40),
    st.one_of(st.none(), st.integers(0, 40)),
    st.sampled_from([1, 2, 5, 1000]),
)
def test_lines_do_not_depend_on_how_the_bytes_come(
    parts: list[bytes], start: int, end: int | None, chunk: int
) -> None:
    """A record belongs to one range of bytes whatever a read gives at once."""
    data = b"".join(parts)
    start = min(start, len(data))
    expected, offset = [], 0
    for number, line in enumerate(io.BytesIO(data).readlines()):
        body = line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf" if offset == 0 else b"")
        fits = len(line.rstrip(b"\r\n")) <= 10 and len(line) <= 12
        if offset >= start and (end is None or offset < end) and (body.strip() or not fits):
            expected.append((number, offset, len(line), body if fits else None))
        offset += len(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_CHUNK", chunk)
        patch.setattr(files, "_HEAD_BYTES", 1)
        found = list(files.lines(io.BytesIO(data), start, end, 10))
    skipped = data[:start].count(b"\n") + bool(start and data[start - 1 : start] != b"\n")
    assert [(line.number - 1 + skipped, *line[1:]) for line in found] == expected


def test_facts_taken_in_parts_are_those_taken_at_once(tmp_path: Path) -> None:
    """How many sessions are held before their facts are taken follows their sizes, and nothing else may."""
    path = write_lines(tmp_path / "log.jsonl", [r for r in records("canonical") if isinstance(r, dict)])
    sessions = read_all([path], "canonical", TIMED).sessions
    reads = [Read(n, n * 7, 7, session, None) for n, session in enumerate(sessions)]
    parts = Facts(CONTEXT.hasher)
    for n in range(0, len(reads), 3):
        parts.add(reads[n : n + 3], placed=True)
    whole = facts_table(reads, "unit", CONTEXT.hasher)
    assert parts.table("unit").equals(whole)
    assert whole["text_bytes"].to_pylist() == [sum(map(text_bytes, each.messages)) for each in sessions]
