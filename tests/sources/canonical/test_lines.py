"""Canonical JSON Lines: each record is a session or has one quarantine code, and none spoils another."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from schemas.errors import PipelineError
from schemas.records import Defaults, Limits
from schemas.units import QUARANTINE_CODES
from tests.support.json_values import json_values
from tests.support.source_files import (
    CONTEXT,
    HASHER,
    Everything,
    message,
    pointers_of,
    read_all,
    record,
    utc,
    write_lines,
)
from transforms.sources.base import Pointer
from transforms.sources.registry import read_facts, read_sessions

BIG = "x" * 400


def raw(**fields: Any) -> bytes:
    return json.dumps(record(**fields)).encode()


def tool(text: str) -> bytes:
    whole = raw(messages=[message(content=[{"type": "tool_use", "input": "VALUE"}])])
    return whole.replace(b'"VALUE"', text.encode())


FAULTS: list[tuple[str, bytes, str, bool]] = [
    ("no JSON", b"hello", "malformed_json", False),
    ("cut short", raw()[:-5], "malformed_json", False),
    ("two on a line", raw() + raw(), "malformed_json", False),
    ("NUL padding", bytes(300), "malformed_json", False),
    ("NaN", raw(extra=float("nan")), "malformed_json", False),
    ("endless nesting", b"[" * 100_000, "malformed_json", False),
    ("500 arrays", tool("[" * 500 + "]" * 500), "malformed_json", True),
    ("an array", b"[]", "not_an_object", False),
    ("a number", b"17", "not_an_object", False),
    ("no id", raw(conversation_id=...), "missing_field", False),
    ("empty id", raw(conversation_id=""), "missing_field", False),
    ("blank id", raw(conversation_id=" "), "missing_field", False),
    ("null id", raw(conversation_id=None), "missing_field", False),
    ("no created_at", raw(created_at=...), "missing_field", True),
    ("no messages", raw(messages=...), "missing_field", True),
    ("no message id", raw(messages=[message(message_id=None)]), "missing_field", True),
    ("empty message id", raw(messages=[message(message_id="")]), "missing_field", True),
    ("no role", raw(messages=[message(role=None)]), "missing_field", True),
    ("no sent_at", raw(messages=[message(sent_at=None)]), "missing_field", True),
    ("number as id", raw(conversation_id=5), "bad_field", False),
    ("number as user", raw(user_id=5), "bad_field", True),
    ("unknown role", raw(messages=[message(role="robot")]), "bad_field", True),
    ("unknown origin", raw(messages=[message(origin="ghost")]), "bad_field", True),
    ("messages no list", raw(messages={}), "bad_field", True),
    ("message no object", raw(messages=["hi"]), "bad_field", True),
    ("block without type", raw(messages=[message(content=[{"text": "hi"}])]), "bad_field", True),
    ("incognito as text", raw(incognito="false"), "bad_field", True),
    ("number out of range", tool("1e400"), "bad_field", True),
    ("id given twice", b'{"conversation_id": "c0",' + raw()[1:], "bad_field", True),
    ("user given twice", b'{"user_id": "u0",' + raw()[1:], "bad_field", True),
    ("id of two messages", raw(messages=[message(), message(content="ho")]), "duplicate_message", True),
    ("id of two speakers", raw(messages=[message(), message(role="system")]), "duplicate_message", True),
    ("no offset", raw(created_at="2025-10-01T10:00:00"), "naive_timestamp", True),
    ("a day only", raw(created_at="2025-10-01"), "bad_timestamp", True),
    ("month 13", raw(created_at="2025-13-01T10:00:00Z"), "bad_timestamp", True),
    ("epoch seconds", raw(created_at=1759312800), "bad_timestamp", True),
    ("year 1969", raw(created_at="1969-12-31T23:59:59Z"), "bad_timestamp", True),
    ("year 2201", raw(messages=[message(sent_at="2201-01-01T00:00:00Z")]), "bad_timestamp", True),
    ("year 1, far east", raw(deleted_at="0001-01-01T00:00:00+14:00"), "bad_timestamp", True),
    (
        "message without offset",
        raw(messages=[message(sent_at="2025-10-01 10:00:00")]),
        "naive_timestamp",
        True,
    ),
    ("half a character", raw(messages=[message(content="\ud83d")]), "invalid_unicode", True),
    ("half a character in a tool", tool('{"a": "\\udc00"}'), "invalid_unicode", True),
    ("latin-1", raw(user_id="QQ").replace(b"QQ", b"\xe9"), "invalid_unicode", False),
]


@pytest.mark.parametrize(("data", "code", "id_read"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_bad_record_has_its_code_and_its_neighbours_are_read(
    tmp_path: Path, data: bytes, code: str, id_read: bool
) -> None:
    """A wrong code sends an operator to the wrong place; a lost neighbour is a lost session."""
    path = write_lines(tmp_path / "x.jsonl", [record(conversation_id="a"), data, record(conversation_id="b")])
    found = read_all([path])
    assert [session.conversation_id for session in found.sessions] == ["a", "b"]
    (entry,) = found.quarantined
    assert entry.code == code
    assert code in QUARANTINE_CODES
    assert entry.conversation_key == (HASHER.conversation("c1") if id_read else None)
    assert entry.digest == HASHER.record(data)
    assert entry.locator == f"byte {len(path.read_bytes().splitlines(keepends=True)[0])}"


@pytest.mark.parametrize(
    "data",
    [
        raw(messages=[]),
        raw(messages=[message(content=None)]),
        raw(messages=[message(content=[])]),
        raw(user_id=None, tier=None, surface=None, incognito=None, deleted_at=None),
        raw(created_at="2025-10-01t10:00:00.123456789+05:30"),
        raw(created_at="1970-01-01T00:00:00Z"),
        raw(unknown={"deep": [{"user_id": 1, "conversation_id": 2}]}),
        raw(messages=[message(content=[{"type": "hologram", "payload": [1]}])]),
        raw(messages=[message(), message(sent_at="2025-10-02T10:00:00Z"), message()]),
        tool("123456789012345678901234567890"),
        tool("[" * 90 + "]" * 90),
        tool('{"conversation_id": "not this one", "conversation_id": 1}'),
    ],
)
def test_what_the_contract_allows_is_read(tmp_path: Path, data: bytes) -> None:
    """Too strict a reader loses sessions as surely as a broken one."""
    found = read_all([write_lines(tmp_path / "x.jsonl", [data])])
    assert found.codes == []
    assert found.facts.num_rows == 1


@pytest.mark.parametrize(
    "samples", [False, pytest.param(True, marks=pytest.mark.samples)], ids=["own", "suite"]
)
@pytest.mark.parametrize(("kind", "read"), [("y", {3}), ("n", {2}), ("i", {2, 3})])
def test_hostile_json_is_quarantined_and_never_stops_the_reader(
    tmp_path: Path, kind: str, read: set[int], samples: bool
) -> None:
    """Ways to break a parser, each as a line between two good lines and as a tool's input."""
    values = json_values(kind, samples=samples)
    assert len(values) > 25
    for value in values:
        line = value.replace(b"\n", b"\t")
        nested = raw(messages=[message(content=[{"type": "tool_use", "input": "VALUE"}])]).replace(
            b'"VALUE"', line
        )
        target = write_lines(tmp_path / "x.jsonl", [record(conversation_id="a"), line, nested, record()])
        found = read_all([target])
        blank = not line.strip()
        assert found.facts.num_rows + len(found.quarantined) == 4 - blank, value[:80]
        assert found.facts.num_rows in read, value[:80]


SESSIONS = [record(conversation_id=f"c{n}", messages=[message(content="é" * (n % 40))]) for n in range(200)]


@pytest.mark.parametrize("unit_bytes", [100, 777, 5_000, 1 << 30])
def test_however_a_file_is_cut_into_units_the_same_sessions_are_read(tmp_path: Path, unit_bytes: int) -> None:
    """Retries and worker counts change nothing only if the cut of the input changes nothing."""
    found = read_all([write_lines(tmp_path / "x.jsonl", SESSIONS)], unit_bytes=unit_bytes)
    assert [session.conversation_id for session in found.sessions] == [f"c{n}" for n in range(200)]
    assert len(found.units) == -(-(tmp_path / "x.jsonl").stat().st_size // unit_bytes)
    keys = found.facts["conversation_key"].to_pylist()
    assert keys == [HASHER.conversation(session.conversation_id) for session in found.sessions]


def same(found: Everything) -> tuple[list[Any], list[dict[str, Any]]]:
    facts = found.facts.drop_columns(["unit", "offset", "length"]).to_pylist()
    return found.sessions, facts


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst", "misnamed.jsonl", "x.ndjson"])
def test_a_compressed_file_gives_the_records_of_the_plain_one(tmp_path: Path, name: str) -> None:
    """Compression is detected from the bytes; a file name without its extension must still be read."""
    plain = write_lines(tmp_path / "plain.jsonl", SESSIONS)
    pack = {"x.jsonl.zst": zstandard.compress, "x.ndjson": bytes}.get(name, gzip.compress)
    (tmp_path / name).write_bytes(pack(plain.read_bytes()))
    assert same(read_all([tmp_path / name])) == same(read_all([plain]))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_cut_archive_gives_its_sessions_and_one_entry(tmp_path: Path, pack: Any) -> None:
    """One entry for the cut: the sessions before it count, and the loss is in the ledger."""
    whole = pack(write_lines(tmp_path / "plain.jsonl", SESSIONS).read_bytes())
    path = tmp_path / "x.gz"
    path.write_bytes(whole[:-6])
    found = read_all([path])
    assert found.codes == ["truncated_input"]
    assert [session.conversation_id for session in found.sessions] == [
        f"c{n}" for n in range(len(found.sessions))
    ]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_binary_file_is_one_entry(tmp_path: Path, pack: Any) -> None:
    """An image under a log's name has thousands of newlines and is still one bad file."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(pack(b"\x89PNG" + bytes(range(256)) * 4000))
    found = read_all([path])
    assert found.codes == ["malformed_json"]
    assert found.quarantined[0].locator == "file"


def test_a_file_that_is_gone_is_one_entry(tmp_path: Path) -> None:
    """A worker may find a file removed since the plan; that must not stop the others."""
    path = write_lines(tmp_path / "x.jsonl", SESSIONS)
    units = read_all([path]).units
    path.unlink()
    (batch,) = read_facts(units[0], CONTEXT)
    assert [entry.code for entry in batch.quarantined] == ["unreadable_file"]


def test_an_empty_file_holds_nothing_and_is_no_fault(tmp_path: Path) -> None:
    """Log shippers leave empty files behind."""
    found = read_all([write_lines(tmp_path / "x.jsonl", []), write_lines(tmp_path / "y.jsonl", [b"", b"  "])])
    assert (found.facts.num_rows, found.codes) == (0, [])


def test_limits_hold_on_either_side(tmp_path: Path) -> None:
    """A record of just the limit is a session; one byte or message more is not."""
    messages = [message(f"m{n}") for n in range(3)]
    data = raw(messages=messages)
    path = write_lines(tmp_path / "x.jsonl", [data])

    def codes(**limits: int) -> list[str]:
        return read_all([path], context=dataclasses.replace(CONTEXT, limits=Limits(**limits))).codes

    assert codes(max_record_bytes=len(data), max_messages=3) == []
    assert codes(max_record_bytes=len(data) - 1) == ["oversize_record"]
    assert codes(max_messages=2) == ["oversize_record"]


def test_defaults_fill_what_is_absent_null_or_blank_and_nothing_else(tmp_path: Path) -> None:
    """A default that overrode a record would give its text to another person's consent."""
    defaults = Defaults("du", "do", "free", "code")
    absent = record(user_id=..., tier=..., surface=...)
    blank = record(user_id=" ", organization_id="", tier=None, surface="\t")
    own = record(user_id="u", organization_id="o", tier="max", surface="chat")
    path = write_lines(tmp_path / "x.jsonl", [absent, blank, own])
    context = dataclasses.replace(CONTEXT, defaults=(defaults,))
    found = read_all([path], context=context)
    given = [(s.user_id, s.organization_id, s.tier, s.surface) for s in found.sessions]
    assert given == [("du", "do", "free", "code")] * 2 + [("u", "o", "max", "chat")]
    assert found.facts["user_key"].to_pylist() == [HASHER.user("du")] * 2 + [HASHER.user("u")]


def test_a_blank_user_is_no_user(tmp_path: Path) -> None:
    """All sessions without a user must not become one user's, with that user's consent."""
    found = read_all([write_lines(tmp_path / "x.jsonl", [record(user_id=""), record(user_id=None)])])
    assert found.facts["user_key"].to_pylist() == [None, None]


def test_a_pointer_finds_its_session_without_reading_the_rest(tmp_path: Path) -> None:
    """The text pass may touch one in a thousand records; the others may even be damaged by then."""
    path = write_lines(tmp_path / "x.jsonl", SESSIONS)
    found = read_all([path])
    data = bytearray(path.read_bytes())
    row = found.facts.slice(150, 1).to_pylist()[0]
    data[: row["offset"] - 1] = b"#" * (row["offset"] - 1)
    path.write_bytes(data)
    pointer = Pointer(row["row"], row["offset"], row["length"])
    ((number, session),) = read_sessions(found.units[0], CONTEXT, [pointer])
    assert (number, session.conversation_id) == (150, "c150")


def test_a_file_rewritten_between_the_passes_is_an_error_without_its_text(tmp_path: Path) -> None:
    """Decisions made on one text must never be applied to another."""
    path = write_lines(tmp_path / "x.jsonl", [record(), record()])
    found = read_all([path])
    path.write_bytes(path.read_bytes().replace(b"{", b"<"))
    pointers = pointers_of(found.facts)
    with pytest.raises(PipelineError, match="changed while it was read") as caught:
        list(read_sessions(found.units[0], CONTEXT, pointers))
    assert "c1" not in str(caught.value).removeprefix(str(path))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_no_entry_of_the_quarantine_contains_text_of_a_record(tmp_path: Path) -> None:
    """The quarantine is written to disk in the clear."""
    path = write_lines(
        tmp_path / "x.jsonl", [raw(user_id=7, conversation_id="canary-id").replace(b"hi", b"canary-text")]
    )
    found = read_all([path])
    assert found.codes == ["bad_field"]
    assert b"canary" not in msgspec.json.encode(found.quarantined)


def test_the_session_has_the_fields_of_the_record(tmp_path: Path) -> None:
    """The text pass writes from this object."""
    blocks = [
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"k": [1, None]}},
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [{"type": "text", "text": "b"}],
            "is_error": True,
        },
    ]
    path = write_lines(tmp_path / "x.jsonl", [record(messages=[message(content=blocks)], incognito=True)])
    (session,) = read_all([path]).sessions
    assert session.created_at == utc("2025-10-01T10:00:00+00:00")
    assert session.incognito is True
    content = session.messages[0].content
    assert msgspec.to_builtins(content) == blocks
