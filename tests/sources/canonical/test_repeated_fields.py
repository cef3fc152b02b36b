"""A field that a JSON object has twice is ambiguous: the record is quarantined, and the field is named."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Message, Session
from tests.support.source_files import read_all, write_lines
from transforms.sources.canonical.line_decoder import decode_sessions
from transforms.sources.faults import Fault, Field

RECORD: dict[str, Any] = {
    "conversation_id": "c1", "user_id": "u1", "organization_id": "o1", "tier": "free", "surface": "chat",
    "created_at": "2026-01-05T10:00:00Z", "deleted_at": "2026-01-05T10:00:00Z", "current_message_id": "m1",
    "incognito": False,
    "messages": [
        {"message_id": f"m{n}", "parent_id": None if n == 0 else "m0", "role": "user", "origin": "human",
         "sent_at": "2026-01-05T10:00:00Z", "content": "Hi", "thread": "main"}
        for n in range(2)
    ],
}  # fmt: skip
FIELDS = [
    *((name, False) for name in Session.__struct_fields__),
    *((name, True) for name in Message.__struct_fields__),
]
LAYOUTS = [(",", ":"), (", ", ": "), (" , ", " : "), (",\t", "\t:\t")]


def text(record: dict[str, Any], layout: tuple[str, str] = (",", ":")) -> bytes:
    return json.dumps(record, separators=layout).encode()


def escaped(name: str, place: int) -> str:
    return f"{name[:place]}\\u{ord(name[place]):04x}{name[place + 1 :]}"


def doubled(name: str, spelling: str, nested: bool, first: str, layout: tuple[str, str]) -> bytes:
    """The record with the field twice in one object, spelled otherwise and with another value at first."""
    record = json.loads(json.dumps(RECORD))
    if nested:
        # The other message lacks the field: the number of keys in the text is that of an ordinary record.
        if name not in ("message_id", "role", "sent_at"):
            del record["messages"][0][name]
        record["messages"][1] = {"@": 0, **record["messages"][1]}
    else:
        record = {"@": 0, **record}
    colon = layout[1]
    mark = f'"@"{colon}0'.encode()
    data = text(record, layout)
    assert data.count(mark) == 1
    return data.replace(mark, f'"{spelling}"{colon}{first}'.encode())


def fault(data: bytes) -> tuple[str, Field | None] | None:
    (found,) = decode_sessions([data], 100)
    return (found.code, found.field) if isinstance(found, Fault) else None


def repeated(name: str, *, nested: bool) -> Field:
    return Field(f"messages[].{name}" if nested else name, "repeated")


@pytest.mark.parametrize(("name", "nested"), FIELDS)
def test_a_field_given_twice_is_refused_however_it_is_spelled(name: str, nested: bool) -> None:
    """The decoder keeps the last of the two: it could be the one that lets a session in."""
    good = RECORD["messages"][0] if nested else RECORD
    values = [json.dumps(good[name]), *(["null"] if name not in ("messages", "created_at", "role") else [])]
    for layout, value in itertools.product(LAYOUTS, values):
        if value == "null" and name in ("conversation_id", "message_id", "sent_at"):
            continue  # the decoder refuses such a null itself
        spellings = [name, escaped(name, 0), escaped(name, len(name) - 1), escaped(name, len(name) // 2)]
        for spelling in spellings:
            assert fault(doubled(name, spelling, nested, value, layout)) == (
                "bad_field",
                repeated(name, nested=nested),
            )


def test_other_names_and_other_objects_are_no_repetition() -> None:
    """Case and normal form make another name; tool inputs may have the same names as records."""
    inner = {"role": "x", "content": {"role": "y"}, "user_id": "other", "tier": None}
    block = {"type": "tool_use", "id": "t", "name": "n", "input": inner}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": 'a "role": b'}]}
    message = {
        **RECORD["messages"][0],
        "content": [block, result, {"type": "text", "text": '"tier":"x","tier":1'}],
    }
    for layout in LAYOUTS:
        assert (
            fault(text({**RECORD, "User_id": "u2", "my_created_at": 1, "messages": [message]}, layout))
            is None
        )
    assert (
        fault(text({**RECORD, "messages": [message]}).replace(b'"user_id":"u1"', b'"user\\u005fid":"u1"'))
        is None
    )
    assert fault(text(RECORD).replace(b'"tier":"free"', b'"title":"a","title":"b"')) is None


def test_what_becomes_of_a_line_does_not_depend_on_its_neighbours() -> None:
    """Lines are counted together; a repeated field in one of them must not change another."""
    rng = random.Random(3)
    lines = [
        text({**RECORD, "conversation_id": f"c{n}", "tier": rng.choice(["free", None])}) for n in range(40)
    ]
    for place in rng.sample(range(40), 9):
        lines[place] = doubled("tier", escaped("tier", 1), nested=False, first='"pro"', layout=(",", ":"))
    lines += [text(RECORD)[:-1], b"[]", b'{"x":"\xff",' + text(RECORD)[1:]]
    alone = [decode_sessions([line], 100)[0] for line in lines]
    together = decode_sessions(lines, 100)
    for one, other in zip(alone, together, strict=True):
        if isinstance(one, Fault):
            assert isinstance(other, Fault)
            assert (one.code, one.field) == (other.code, other.field)
        else:
            assert one == other


def test_a_message_without_a_field_does_not_hide_one_that_has_it_twice() -> None:
    """Null, then a value: the numbers of keys and of values agree if another message lacks the field."""
    for name in ("parent_id", "origin", "thread", "content"):
        first, second = (dict(message) for message in RECORD["messages"])
        del first[name]
        data = text({**RECORD, "messages": [first, {"@": 0, **second}]})
        assert fault(data.replace(b'"@":0', f'"{name}":null'.encode())) == (
            "bad_field",
            repeated(name, nested=True),
        )


@pytest.mark.parametrize("name", ["conversation_id", "user_id", "organization_id"])
@pytest.mark.parametrize("spelling", [" {}", "{} ", "\u00a0{}", "{}\u200b", "\ufeff{}", "{}\n", "a\u0000{}"])
def test_an_id_that_could_be_trimmed_is_refused(tmp_path: Path, name: str, spelling: str) -> None:
    """A consent system may trim it; untrimmed it matches neither a refusal nor a deletion."""
    lines = [text({**RECORD, name: spelling.format("x")}), text({**RECORD, "conversation_id": "c2"})]
    found = read_all([write_lines(tmp_path / "x.jsonl", lines)])
    assert found.codes == ["bad_field"]
    assert [entry.field for entry in found.quarantined] == [name]


@pytest.mark.parametrize("name", ["a b", "\u00e9", "a\u00a0b", "o'neil@example.com", "\u540d\u524d"])
def test_white_space_inside_an_id_is_kept(tmp_path: Path, name: str) -> None:
    """Only the ends are ambiguous."""
    data = text({**RECORD, "conversation_id": name, "user_id": name, "organization_id": name})
    assert read_all([write_lines(tmp_path / "x.jsonl", [data])]).codes == []
