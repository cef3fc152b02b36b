"""Exports are read by blocks of an array and item by item: what comes out must not tell which it was."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.records import Block, Defaults, Limits, Session
from tests.sources.test_fuzz import EXPORTED, STRANGE, bent
from tests.support.source_files import CONTEXT, read_all
from transforms.sources.base import InputFile
from transforms.sources.decode import sound
from transforms.sources.exports import chatgpt as chatgpt_export
from transforms.sources.exports import chatgpt_typed
from transforms.sources.exports import claude_conversation as claude_items
from transforms.sources.exports import claude_typed as claude_export_typed
from transforms.sources.exports import source as array_export
from transforms.sources.identities import Identities, Mapped, Owner
from transforms.sources.registry import plan_tasks, plan_units, read_facts

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
    said = {"author": {"role": role}, "create_time": 1767261600.5, "content": content, "recipient": "all"}
    return {"parent": parent, "children": [], "message": said | fields}


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
                _entry("m1", "human", content=[], parent_message_uuid=claude_items.ROOT),
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
TYPED: dict[str, tuple[Callable[[bytes], list[Session | None]], Callable[[Any], Session]]] = {
    "claude-export": (claude_export_typed.sessions_of, claude_items.session_of),
    "chatgpt-export": (chatgpt_typed.sessions_of, chatgpt_export.session_of),
}
FORMS = [*ITEMS]


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


def told(path: Path, form: str) -> Any:
    """All that can be told of what is read of a file, under several rules."""
    found = [read_all([path], form, context) for context in (CONTEXT, OWNED, MAPPED, SHORT)]
    return [(each.facts.to_pylist(), each.sessions, each.quarantined) for each in found]


def same_both_ways(paths: list[Path], form: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many facts there are, once it is seen that they are the same one by one."""
    fast = [told(path, form) for path in paths]
    monkeypatch.setattr(array_export, "is_kept", lambda: True)
    assert [told(path, form) for path in paths] == fast
    return sum(len(facts) for each in fast for facts, *_ in each)


@pytest.mark.parametrize("form", FORMS)
def test_good_and_bent_conversations_are_told_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """One odd conversation may send those beside it another way, and nothing may be told by that."""
    items, paths = bents(form), [tmp_path / f"{n}.json" for n in range(30)]
    for number, path in enumerate(paths):
        some = [ITEMS[form][0], *items[number::30]]
        path.write_text(json.dumps(some, indent=number % 3 or None, ensure_ascii=number % 2 > 0))
    paths += [tmp_path / "all.json", tmp_path / "good.json", tmp_path / "wrapped.json"]
    paths[-3].write_bytes(b"\xef\xbb\xbf" + json.dumps(items).encode() + b" \n")
    paths[-2].write_text(json.dumps(ITEMS[form] * 30))
    paths[-1].write_text(json.dumps({"conversations": ITEMS[form]}))
    assert same_both_ways(paths, form, monkeypatch) > 1_000


@pytest.mark.parametrize("form", FORMS)
def test_damaged_exports_are_told_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """What is broken costs itself, and its entry has the bytes that it has in the file."""
    rng, paths = random.Random(form), []
    whole = json.dumps(ITEMS[form] * 4, ensure_ascii=False).encode()
    last = json.dumps(ITEMS[form][0]).encode()
    odd = [b"1e999", b"9" * 400, b"[" * 2_000 + b"]" * 2_000, b'"\xff"', b'"\\ud83d"', b'{"a":1,"a":2}']
    made = [whole[:-1] + b", " + last[:-1] + b', "zz": ' + value + b"} , 3]" for value in odd]
    made += [whole[:-1], whole[:-1] + b",]", whole + b"\n" + whole, whole[:-30], b"[]", b"[ ", whole + b","]
    for _ in range(40):
        at, cut = rng.randrange(len(whole)), rng.choice([0, 1, 1, 40])
        instead = rng.choice([b"", b'"', b"}", b"{", b"]", b"[", b",", b"\\", b"\xff", b"\0", last])
        made.append(whole[:at] + instead + whole[at + cut :])
    for number, data in enumerate(made):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_bytes(data)
    for number, data in enumerate(made[:12]):
        paths.append(tmp_path / f"{number}.zip")
        with zipfile.ZipFile(paths[-1], "w") as archive:
            archive.writestr("a/conversations.json", data)
            archive.writestr("conversations.json", whole)
    assert same_both_ways(paths, form, monkeypatch) > 1_000


@pytest.mark.parametrize("form", FORMS)
def test_good_exports_are_read_by_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Else the tests above compare one way with itself; what is refused is read with care, and alone."""
    path, asked, careful = tmp_path / "conversations.json", list[int](), array_export._read
    items = ITEMS[form] * 20
    path.write_text(json.dumps([*items[:50], {"none": 1}, *items[50:]]))

    def noted(unit: Any, row: int, *rest: Any) -> Any:
        asked.append(row)
        return careful(unit, row, *rest)

    monkeypatch.setattr(array_export, "_read", noted)
    (task,) = plan_tasks(0, form, [InputFile(str(path), path.stat().st_size)])
    (unit,), _ = plan_units(task)
    (rows,) = [batch.facts["row"].to_pylist() for batch in read_facts(unit, CONTEXT) if batch.records]
    assert (asked, len(rows)) == ([50], len(items))


@pytest.mark.parametrize("form", FORMS)
def test_sessions_of_blocks_are_those_of_items(form: str) -> None:
    """Facts say little of a session; but for how one text is written, they are the same."""
    many, one = TYPED[form]
    count = 0
    for item in bents(form):
        (session,) = many(json.dumps([item]).encode())
        if session is None or not sound([session], 100):
            continue
        expected = one(msgspec.json.decode(json.dumps(item)))
        for message, other in zip(session.messages, expected.messages, strict=True):
            if isinstance(message.content, str):
                message.content = [Block("text", message.content)] if other.content else []
        assert session == expected
        count += 1
    assert count > 100
