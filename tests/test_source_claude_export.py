"""Claude.ai exports: every shape of several years, as sessions with the speaker's words and nothing else."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from source_files import CONTEXT, HASHER, PUBLIC, read_all, utc

from schemas.records import Block, Defaults, Limits, Session
from schemas.tables import ANSWER, HUMAN
from transforms.sources import Pointer, read_sessions

ROOT = "00000000-0000-4000-8000-000000000000"
SAMPLES = PUBLIC / "claude_ai"


def said(uuid: str, sender: str = "human", text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "sender": sender,
        "text": text,
        "content": [{"type": "text", "text": text}],
        "created_at": "2025-10-01T10:00:00.123456Z",
        "attachments": [],
        "files": [{"file_name": "canary.png"}],
    } | fields


def conversation(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {
        "uuid": "c1",
        "name": "canary title",
        "summary": "canary summary",
        "created_at": "2025-10-01T09:00:00+00:00",
        "account": {"uuid": "account-1"},
        "chat_messages": list(messages or [said("m1"), said("m2", "assistant", "ok")]),
    } | fields


def export(path: Path, whole: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole if isinstance(whole, bytes) else json.dumps(whole).encode())
    return path


def sessions(tmp_path: Path, *items: Any) -> list[Session]:
    found = read_all([export(tmp_path / "conversations.json", list(items))], "claude-export")
    assert found.codes == []
    return found.sessions


def texts(session: Session) -> list[list[str | None]]:
    return [
        [block.text or block.thinking for block in message.content or [] if isinstance(block, Block)]
        for message in session.messages
    ]


def test_a_conversation_is_a_session_of_its_account(tmp_path: Path) -> None:
    """The account is the subject whose consent counts."""
    found = read_all([export(tmp_path / "x.json", [conversation()])], "claude-export")
    (session,) = found.sessions
    assert (session.conversation_id, session.user_id) == ("c1", "account-1")
    assert session.created_at == utc("2025-10-01T09:00:00+00:00")
    assert [(message.role, message.origin) for message in session.messages] == [
        ("user", "human"),
        ("assistant", "model"),
    ]
    assert found.facts["message_flags"].to_pylist() == [[HUMAN, ANSWER]]


def test_defaults_fill_an_absent_account_only(tmp_path: Path) -> None:
    """Early exports name none; where one is named, it is the subject."""
    context = dataclasses.replace(CONTEXT, defaults=(Defaults("me", None, "pro", "chat"),))
    path = export(tmp_path / "x.json", [conversation(), conversation(uuid="c2", account=None)])
    users = [session.user_id for session in read_all([path], "claude-export", context).sessions]
    assert users == ["account-1", "me"]


def packed(path: Path, members: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, whole in members.items():
            archive.writestr(name, json.dumps(whole))
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order-mark"])
def test_every_wrapping_holds_the_same_sessions(tmp_path: Path, mark: bytes) -> None:
    """Array, wrapped array, one conversation, archive: tools and years differ, people do not."""
    one = conversation()
    array = export(tmp_path / "a.json", mark + json.dumps([one]).encode())
    wrapped = export(tmp_path / "b.json", mark + json.dumps({"conversations": [one]}).encode())
    single = export(tmp_path / "c.json", mark + json.dumps(one).encode())
    archive = packed(tmp_path / "d.zip", {"data-1/conversations.json": [one], "users.json": [{"uuid": "u"}]})
    found = [read_all([path], "claude-export") for path in (array, wrapped, single, archive)]
    assert [each.codes for each in found] == [[]] * 4
    assert all(each.sessions == found[0].sessions for each in found)


def test_all_batches_of_an_archive_are_read(tmp_path: Path) -> None:
    """Large exports come in parts; the second must not be lost in silence."""
    parts = {f"data-batch-{n}/conversations.json": [conversation(uuid=f"c{n}"), 5] for n in range(3)}
    found = read_all([packed(tmp_path / "x.zip", parts)], "claude-export")
    assert [session.conversation_id for session in found.sessions] == ["c0", "c1", "c2"]
    assert [entry.locator for entry in found.quarantined] == [
        "member 1 item 1",
        "member 2 item 3",
        "member 3 item 5",
    ]


@pytest.mark.parametrize("name", ["users.json", "projects.json", "memories.json", "login_history.json"])
def test_other_files_of_an_export_are_left_alone(tmp_path: Path, name: str) -> None:
    """They hold names and addresses, and no conversation."""
    found = read_all([export(tmp_path / name, [{"uuid": "u", "full_name": "x"}])], "claude-export")
    assert (found.sessions, found.quarantined) == ([], [])


def test_tool_results_inside_an_answer_follow_it_as_messages(tmp_path: Path) -> None:
    """Elsewhere a result is a message of its own; trainers expect it so."""
    blocks = [
        {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": 1}, "message": "canary"},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "found"}]},
        {"type": "text", "text": "so"},
    ]
    (session,) = sessions(
        tmp_path,
        conversation(
            said("m1", parent_message_uuid=ROOT),
            said("m2", "assistant", content=blocks, parent_message_uuid="m1"),
            said("m3", parent_message_uuid="m2"),
            current_leaf_message_uuid="m2",
        ),
    )
    assert [(m.message_id, m.parent_id, m.role) for m in session.messages] == [
        ("m1", None, "user"),
        ("m2", "m1", "assistant"),
        ("m2/result-1", "m2", "tool"),
        ("m3", "m2/result-1", "user"),
    ]
    assert session.current_message_id == "m2/result-1"
    (answer,) = session.messages[2].content or []
    assert isinstance(answer, Block)
    assert (answer.tool_use_id, answer.content) == ("t1", "found")


def test_results_without_ids_pair_with_calls_by_order(tmp_path: Path) -> None:
    """Exports before late 2025 have no ids; unpaired, a result answers nothing."""
    calls = [{"type": "tool_use", "name": name, "input": {}} for name in "ab"]
    results = [
        {"type": "tool_result", "name": name, "content": [{"type": "text", "text": name}]} for name in "ab"
    ]
    (session,) = sessions(
        tmp_path,
        conversation(
            said("m1"),
            said("m2", "assistant", content=[calls[0], results[0], calls[1], results[1]]),
            current_leaf_message_uuid="m2",
        ),
    )
    made = [block.id for block in session.messages[1].content or [] if isinstance(block, Block)]
    answered = [m.content[0].tool_use_id for m in session.messages[2:] if isinstance(m.content, list)]
    assert made == answered
    assert len(set(made)) == 2
    assert session.current_message_id == "m2/result-2"


def test_siblings_are_branches_and_a_list_without_links_is_one(tmp_path: Path) -> None:
    """Edits and regenerations exist since 2026; older exports are lists, and stay so."""
    linked, listed = sessions(
        tmp_path,
        conversation(
            said("a", parent_message_uuid=ROOT),
            said("b", parent_message_uuid="a"),
            said("c", parent_message_uuid="a"),
        ),
        conversation(said("a"), said("b"), uuid="c2"),
    )
    assert [message.parent_id for message in linked.messages] == [None, "a", "a"]
    assert [message.parent_id for message in listed.messages] == [None, None]


def test_content_wins_over_text_which_may_hold_thinking(tmp_path: Path) -> None:
    """The old text field repeats the blocks, thinking among them, as if it were said."""
    thinking = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "ok"}]
    (session,) = sessions(
        tmp_path,
        conversation(
            said("m1", "assistant", "hm ok", content=thinking),
            said("m2", "assistant", "old", content=[]),
            said("m3", "assistant", "older", content=None),
            said("m4", "assistant", "", content="text"),
        ),
    )
    assert texts(session) == [["hm", "ok"], ["old"], ["older"], ["text"]]


def test_pasted_text_is_the_users_and_injected_prompts_are_nobodys(tmp_path: Path) -> None:
    """An attachment holds the most personal text of all: it is masked with the rest, never skipped."""
    injected = [{"type": "injected_prompt_block", "prompt": "canary"}, {"type": "token_budget"}]
    pasted = [{"file_name": "canary.txt", "extracted_content": "my letter"}]
    found = read_all(
        [
            export(
                tmp_path / "x.json", [conversation(said("m1", text="", content=injected, attachments=pasted))]
            )
        ],
        "claude-export",
    )
    assert texts(found.sessions[0]) == [["my letter"]]
    assert found.facts["message_flags"].to_pylist() == [[HUMAN]]


def test_nothing_but_the_named_fields_is_taken(tmp_path: Path) -> None:
    """Title, summary, file names and display copies repeat what was said."""
    tool = {"type": "tool_use", "name": "n", "input": {}, "display_content": "canary", "message": "canary"}
    result = {"type": "tool_result", "content": [{"type": "image_gallery", "x": "canary"}], "meta": "canary"}
    found = sessions(tmp_path, conversation(said("m1"), said("m2", "assistant", content=[tool, result])))
    assert b"canary" not in msgspec.json.encode(found)


BAD: list[tuple[str, Any, str, str | None]] = [
    ("a number", 5, "not_an_object", None),
    ("no uuid", conversation() | {"uuid": None}, "missing_field", None),
    ("no created_at", conversation() | {"created_at": None}, "missing_field", "c1"),
    ("naive", conversation(created_at="2025-10-01T09:00:00"), "naive_timestamp", "c1"),
    ("no time", conversation(created_at="soon"), "bad_timestamp", "c1"),
    ("messages no list", conversation() | {"chat_messages": {}}, "bad_field", "c1"),
    ("message no object", conversation("hi"), "bad_field", "c1"),
    ("message time", conversation(said("m1", created_at="soon")), "bad_timestamp", "c1"),
    ("message without time", conversation(said("m1", created_at=None)), "missing_field", "c1"),
    ("message without uuid", conversation(said("")), "missing_field", "c1"),
    ("unknown sender", conversation(said("m1", "ghost")), "bad_field", "c1"),
    ("block no object", conversation(said("m1", content=["hi"])), "bad_field", "c1"),
    ("half a character", conversation(said("m1", text="\ud83d")), "invalid_unicode", None),
]


@pytest.mark.parametrize(("bad", "code", "known"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_item_has_its_code_and_the_others_are_read(
    tmp_path: Path, bad: Any, code: str, known: str | None
) -> None:
    """A time that cannot be read must not become a time that suits."""
    items = [conversation(uuid="a"), bad, conversation(uuid="b")]
    found = read_all([export(tmp_path / "x.json", items)], "claude-export")
    assert [session.conversation_id for session in found.sessions] == ["a", "b"]
    (entry,) = found.quarantined
    assert (entry.code, entry.locator) == (code, "item 1")
    assert entry.conversation_key == (known and HASHER.conversation(known))
    assert b"canary" not in msgspec.json.encode(entry)


def test_an_item_that_is_no_json_spoils_no_other(tmp_path: Path) -> None:
    """A whole-file parser would lose everything behind it."""
    one = json.dumps(conversation()).encode()
    found = read_all([export(tmp_path / "x.json", b"[" + one + b", {nope}, " + one + b"]")], "claude-export")
    assert (len(found.sessions), found.codes) == (2, ["malformed_json"])


@pytest.mark.parametrize(
    ("whole", "code"),
    [
        (b"", "unknown_format"),
        (b"hello", "unknown_format"),
        ({"uuid": "p", "docs": []}, "unknown_format"),
        ({"conversations": {}}, "unknown_format"),
        (b'{"uuid": ', "malformed_json"),
    ],
)
def test_a_file_that_is_no_export_is_one_entry(tmp_path: Path, whole: Any, code: str) -> None:
    """What is not understood shows in the quarantine."""
    assert read_all([export(tmp_path / "x.json", whole)], "claude-export").codes == [code]


def test_an_empty_export_holds_nothing_and_is_no_fault(tmp_path: Path) -> None:
    """A new account has no conversations."""
    for whole in ([], {"conversations": []}):
        found = read_all([export(tmp_path / "x.json", whole)], "claude-export")
        assert (found.sessions, found.codes) == ([], [])


def test_a_cut_export_gives_its_sessions_and_one_entry(tmp_path: Path) -> None:
    """Downloads break off."""
    whole = json.dumps([conversation(uuid=f"c{n}") for n in range(5)]).encode()
    found = read_all([export(tmp_path / "x.json", whole[:-50])], "claude-export")
    assert (len(found.sessions), found.codes) == (4, ["truncated_input"])
    archive = packed(tmp_path / "x.zip", {"conversations.json": [conversation()]}).read_bytes()
    assert read_all([export(tmp_path / "y.zip", archive[:-40])], "claude-export").codes == ["truncated_input"]


def test_an_archive_with_damaged_or_locked_members_is_one_entry(tmp_path: Path) -> None:
    """Neither may end the run: the other files are sound."""
    whole = packed(tmp_path / "x.zip", {"conversations.json": [conversation()] * 50}).read_bytes()
    damaged = whole[:60] + bytes(100) + whole[160:]
    assert read_all([export(tmp_path / "y.zip", damaged)], "claude-export").codes == ["truncated_input"]
    directory = whole.rindex(b"PK\x01\x02")
    locked = bytearray(whole)
    locked[6] |= 1
    locked[directory + 8] |= 1
    assert read_all([export(tmp_path / "z.zip", bytes(locked))], "claude-export").codes == ["unreadable_file"]
    assert read_all([packed(tmp_path / "w.zip", {"x.json": []})], "claude-export").codes == ["unknown_format"]


def test_limits_hold_for_conversations(tmp_path: Path) -> None:
    """A conversation of any size is bounded, alone in its file or in an array."""
    small = dataclasses.replace(CONTEXT, limits=Limits(max_record_bytes=200))
    few = dataclasses.replace(CONTEXT, limits=Limits(max_messages=1))
    for whole in ([conversation()], conversation()):
        path = export(tmp_path / "x.json", whole)
        assert read_all([path], "claude-export", small).codes == ["oversize_record"]
        assert read_all([path], "claude-export", few).codes == ["oversize_record"]


def test_a_pointer_finds_its_conversation(tmp_path: Path) -> None:
    """Rows count every item, readable or not, in both passes."""
    path = export(tmp_path / "x.json", [5, conversation(uuid="a"), {}, conversation(uuid="b")])
    found = read_all([path], "claude-export")
    assert found.facts["row"].to_pylist() == [1, 3]
    ((row, session),) = read_sessions(found.units[0], CONTEXT, [Pointer(3, 0, 0)])
    assert (row, session.conversation_id) == (3, "b")


def test_the_public_samples_of_all_years_are_read() -> None:
    """Real shapes, written by others: 19 conversations, one that is broken, two files that are none."""
    paths = [path for path in sorted(SAMPLES.rglob("*")) if path.suffix in (".json", ".zip")]
    found = read_all(paths, "claude-export")
    assert len(paths) == 14
    assert found.facts.num_rows == len(found.sessions) == 19
    assert found.codes == ["bad_field", "unknown_format", "unknown_format"]
