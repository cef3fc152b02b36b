"""Exports with conversations bent in any way, or damaged bytes: each item is a session or one entry."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from schemas.records import Defaults, Limits, Session
from tests.sources.test_fuzz import EXPORTED, STRANGE, bent
from tests.support.claude_exports import ROOT
from tests.support.source_files import CONTEXT, HASHER, read_all
from transforms.sources.base import ReadContext
from transforms.sources.decode import checked, json_fault
from transforms.sources.exports import chatgpt, claude_conversation
from transforms.sources.faults import Fault
from transforms.sources.identities import Identities, Mapped, Owner
from transforms.sources.json.array import ArrayCut, elements

AT = "2026-01-05T10:00:00Z"
OWNED = dataclasses.replace(CONTEXT, defaults=(Defaults(user_id="d", tier="t"),))
MAPPED = dataclasses.replace(
    CONTEXT, identities=(Identities(accounts={"u": (Mapped(Owner(organization_id="o")),)}),)
)
SHORT = dataclasses.replace(CONTEXT, limits=Limits(max_record_bytes=1 << 15, max_messages=2))
_TEXT = {"type": "text", "text": "é", "citations": []}


def _entry(uuid: str, sender: str, **fields: Any) -> dict[str, Any]:
    return {"uuid": uuid, "sender": sender, "text": "b", "created_at": AT} | fields


def _node(parent: str | None, role: str, *parts: Any, kind: str = "text", **fields: Any) -> dict[str, Any]:
    content = {"content_type": kind, "parts": [*parts]}
    base = {
        "author": {"role": role},
        "create_time": 1767261600.5,
        "content": content,
        "recipient": "all",
    }
    return {"parent": parent, "children": [], "message": base | fields}


_HIDDEN = {"metadata": {"is_visually_hidden_from_conversation": True}, "create_time": None}
_CALL = {"recipient": "python", "metadata": {"is_user_system_message": False, "finished_text": "f"}}
ITEMS: dict[str, list[dict[str, Any]]] = {
    "claude-export": [
        {
            "uuid": "c",
            "name": "n",
            "created_at": AT,
            "account": {"uuid": "u"},
            "chat_messages": [
                _entry("m1", "human", content=[_TEXT], attachments=[], files=[]),
                _entry("m2", "assistant", content=[_TEXT], parent_message_uuid="m1"),
            ],
        },
        EXPORTED["claude-export"] | {"name": "n"},
        {
            "uuid": "c",
            "name": "n",
            "created_at": AT,
            "current_leaf_message_uuid": "m2",
            "chat_messages": [
                _entry("m1", "human", content=[], parent_message_uuid=ROOT),
                _entry(
                    "m2",
                    "assistant",
                    content=[_TEXT, *EXPORTED["claude-export"]["chat_messages"][1]["content"]],
                ),
                _entry("m3", "human", content="c", parent_message_uuid="m2"),
                _entry("m4", "assistant", content=[{"type": "voice_note", "text": " "}], text=None),
                _entry("m5", "human", content=None, text=" ", files=[{"file_name": "f"}]),
                _entry("m6", "assistant", content=[{"type": "thinking", "thinking": "hm"}, {"type": "flag"}]),
                _entry("m7", "human", text=None),
            ],
        },
        {"uuid": "c", "name": "n", "created_at": AT, "chat_messages": []},
    ],
    "chatgpt-export": [
        {
            "id": "c",
            "create_time": 1767261600.5,
            "current_node": "n2",
            "mapping": {
                "n0": {"parent": None, "children": ["n1"], "message": None},
                "n1": _node("n0", "user", "a", weight=1.0, metadata={}),
                "n2": _node("n1", "assistant", "é"),
            },
        },
        EXPORTED["chatgpt-export"],
        {
            "id": "c",
            "create_time": 1767261600,
            "current_node": "n3",
            "is_do_not_remember": True,
            "mapping": {
                "n1": _node("gone", "system", "", **_HIDDEN),
                "n2": _node("n1", "assistant", "x", kind="code", **_CALL),
                "n3": {"parent": "n2", "message": None},
                "n4": _node("n3", "tool", "y", "z", create_time=None),
                "n5": _node("n4", "user", {"content_type": "image_asset_pointer"}, "t", weight=0),
                "n6": _node("n5", "user", kind="user_editable_context"),
                "n7": _node("n6", "function", "w", recipient=None),
            },
        },
        {
            "id": "",
            "create_time": None,
            "conversation_id": "c",
            "current_node": "n4",
            "mapping": {
                "n1": _node(None, "user", "a") | {"children": ["n3", "n2"]},
                "n2": _node("n1", "assistant", "b", create_time=None),
                "n3": _node("n1", "assistant", "c", recipient=None),
                "n4": {"parent": "n2", "message": None},
            },
        },
        {"id": "c", "create_time": 1.0, "mapping": {}},
    ],
}
CONVERSATION_OF = {
    "claude-export": claude_conversation.conversation_of,
    "chatgpt-export": chatgpt.conversation_of,
}
FORMS = [*ITEMS]


class Expected(NamedTuple):
    """What an array holds: sessions by row, and the code and digest of each entry."""

    sessions: list[tuple[int, Session]]
    entries: list[tuple[str, str | bytes]]


def bents(form: str) -> list[Any]:
    """Conversations bent in some places, and with each of their fields made strange or left out."""
    rng = random.Random(form)
    made: list[Any] = [None, 7, "x", []]
    for item in ITEMS[form]:
        made += [item, *(bent(rng, item) for _ in range(120))]
        for name in item:
            made += [{**copy.deepcopy(item), name: value} for value in [*STRANGE, AT, "2026-01-05T10:00:00"]]
            made.append({key: value for key, value in item.items() if key != name})
    rng.shuffle(made)
    return [ITEMS[form][0], *made]


def item_of(data: bytes | None) -> Any:
    """The value of an element; raises Fault."""
    if data is None:
        raise Fault("oversize_record")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault(json_fault(data)) from None


def expected_of(array: bytes, form: str, context: ReadContext) -> Expected:
    """The items of an array, found one element at a time and each decoded by itself."""
    found = Expected([], [])
    row, limits = 0, context.limits
    try:
        for row, element in enumerate(elements(io.BytesIO(array), limits.max_record_bytes), 1):
            try:
                item = item_of(element.data)
                conversation = CONVERSATION_OF[form](item)
                session = checked(conversation.session, limits.max_messages)
            except Fault as fault:
                digest = HASHER.record(element.data) if element.data else ""
                found.entries.append((fault.code, digest))
            else:
                found.sessions.append((row - 1, session))
                found.entries.extend((lost.fault.code, "") for lost in conversation.lost)
    except ArrayCut:
        found.entries.append(("truncated_input", ""))
    return found


def assert_read_as_expected(path: Path, array: bytes, form: str, context: ReadContext) -> int:
    """Compares a file with its items read by themselves; the number of facts."""
    found, expected = read_all([path], form, context), expected_of(array, form, context)
    assert found.facts["row"].to_pylist() == [row for row, _ in expected.sessions]
    sessions = [context.owned(session, found.units[0]) for _, session in expected.sessions]
    assert found.sessions == sessions
    keys = [None if session.user_id is None else HASHER.user(session.user_id) for session in sessions]
    assert found.facts["user_key"].to_pylist() == keys
    assert found.facts["message_id"].to_pylist() == [
        [HASHER.message(message.message_id) for message in session.messages] for session in sessions
    ]
    entries = [(entry.code, entry.digest) for entry in found.quarantined]
    assert [
        (code, digest if known else "")
        for (code, digest), (_, known) in zip(entries, expected.entries, strict=True)
    ] == (expected.entries)
    return len(found.sessions)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "context", [CONTEXT, OWNED, MAPPED, SHORT], ids=["plain", "owned", "mapped", "short"]
)
def test_a_bent_conversation_changes_nothing_around_it(
    tmp_path: Path, form: str, context: ReadContext
) -> None:
    """One item that is not a conversation must not cost or change the items beside it."""
    items, path, count = bents(form), tmp_path / "conversations.json", 0
    arrays = [
        json.dumps([ITEMS[form][0], *items[n::30]], indent=n % 3 or None, ensure_ascii=n % 2 > 0).encode()
        for n in range(30)
    ]
    arrays += [json.dumps(ITEMS[form] * 30).encode(), json.dumps(items).encode() + b" \n"]
    for array in arrays:
        path.write_bytes(b"\xef\xbb\xbf" + array)
        count += assert_read_as_expected(path, array, form, context)
    array = json.dumps(ITEMS[form]).encode()
    path.write_bytes(b'{"conversations": ' + array + b"}")
    assert assert_read_as_expected(path, array, form, context) <= len(ITEMS[form])
    assert count > 100


@pytest.mark.parametrize("form", FORMS)
def test_damaged_bytes_cost_their_conversation_alone(tmp_path: Path, form: str) -> None:
    """What is broken costs itself, and its entry has the digest of its bytes in the file."""
    rng, count = random.Random(form), 0
    whole = json.dumps(ITEMS[form] * 4, ensure_ascii=False).encode()
    last = json.dumps(ITEMS[form][0]).encode()
    values = [b"1e999", b"9" * 400, b"[" * 2_000 + b"]" * 2_000, b'"\xff"', b'"\\ud83d"', b'{"a":1,"a":2}']
    made = [whole[:-1] + b", " + last[:-1] + b', "zz": ' + value + b"} , 3]" for value in values]
    made += [whole[:-1], whole[:-1] + b",]", whole + b"\n" + whole, whole[:-30], b"[]", b"[ ", whole + b","]
    for _ in range(40):
        at, cut = rng.randrange(len(whole)), rng.choice([0, 1, 1, 40])
        instead = rng.choice([b"", b'"', b"}", b"{", b"]", b"[", b",", b"\\", b"\xff", b"\0", last])
        made.append(whole[:at] + instead + whole[at + cut :])
    for data in made:
        path = tmp_path / "conversations.json"
        path.write_bytes(data)
        if not data.lstrip().startswith(b"["):
            continue  # damaged at its first byte: it is no array
        for context in (CONTEXT, OWNED, MAPPED, SHORT):
            count += assert_read_as_expected(path, data, form, context)
    assert count > 1_000


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_member_of_an_archive_leaves_those_before_it(tmp_path: Path, form: str) -> None:
    """Members are read in the order of their names; a cut array ends the file with one entry."""
    whole = json.dumps(ITEMS[form] * 4, ensure_ascii=False).encode()
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b/conversations.json", whole[:-30])
        archive.writestr("a/conversations.json", whole)
        archive.writestr("c/conversations.json", whole)
    sessions = len(expected_of(whole, form, CONTEXT).sessions) + len(
        expected_of(whole[:-30], form, CONTEXT).sessions
    )
    found = read_all([path], form)
    assert len(found.sessions) == sessions
    assert found.codes[-1:] == ["truncated_input"]
