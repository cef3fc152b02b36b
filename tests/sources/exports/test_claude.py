"""Files of Claude.ai exports: every wrapping of several years, whole or broken."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Limits
from tests.support.claude_exports import conversation, export, packed
from tests.support.samples import sample_files
from tests.support.source_files import CONTEXT, read_all
from transforms.sources.base import Pointer
from transforms.sources.registry import read_sessions


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
    """Neither may end the run: the other files are undamaged."""
    whole = packed(tmp_path / "x.zip", {"conversations.json": [conversation()] * 50}).read_bytes()
    damaged = whole[:60] + bytes(100) + whole[160:]
    assert read_all([export(tmp_path / "y.zip", damaged)], "claude-export").codes == ["truncated_input"]
    directory = whole.rindex(b"PK\x01\x02")
    locked = bytearray(whole)
    locked[6] |= 1
    locked[directory + 8] |= 1
    assert read_all([export(tmp_path / "z.zip", bytes(locked))], "claude-export").codes == ["encrypted_file"]
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


@pytest.mark.samples
def test_the_public_samples_of_all_years_are_read() -> None:
    """Exports written by others: 20 conversations, one broken message, and two files that are no exports."""
    paths = [path for path in sample_files("claude_ai/**/*") if path.suffix in (".json", ".zip")]
    found = read_all(paths, "claude-export")
    assert len(paths) == 14
    assert found.facts.num_rows == len(found.sessions) == 20
    assert found.codes == ["bad_field", "unknown_format", "unknown_format"]
