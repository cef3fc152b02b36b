"""Every record and block of a file is used, merged, dropped by a rule or quarantined, and nothing twice."""

from __future__ import annotations

import collections
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.inspect import inspect
from tests.sources.exports.test_bent_and_damaged import ITEMS
from tests.support.claude_code_recordings import Recording
from tests.support.samples import sample, sample_files, samples_folder
from tests.support.source_files import message, record, write_lines
from transforms.sources.peek import peek_of
from transforms.sources.recognize import formats_of

Counts = dict[str, dict[str, int]]


def accounts(path: Path, form: str) -> Counts:
    """Counts of records and blocks by fate."""
    (found,) = inspect(str(path), form)["formats"]
    made: Counts = found["accounts"]
    return made


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def claude_ai_blocks(items: Iterable[Any]) -> int:
    """Blocks as the export lists them; the old text where it lists none; and what is attached."""
    count = 0
    for item in items:
        for entry in listed(item.get("chat_messages")):
            content = entry.get("content")
            has = bool(content) if isinstance(content, list | str) else False
            count += (
                len(content)
                if isinstance(content, list) and content
                else 1
                if has or entry.get("text")
                else 0
            )
            count += len(listed(entry.get("attachments"))) + len(listed(entry.get("files")))
    return count


def chatgpt_blocks(items: Iterable[Any]) -> int:
    """Parts or thoughts of each message, one for content of another shape; a tool's result is never none."""
    count = 0
    for item in items:
        for node in item["mapping"].values():
            content = (node.get("message") or {}).get("content")
            if content is None:
                continue
            kind = content.get("content_type")
            if kind == "thoughts":
                count += len(content["thoughts"])
            elif isinstance(content.get("parts"), list) and kind not in ("user_editable_context",):
                count += len(content["parts"])
            else:
                count += 1
    return count


def items_of(path: Path) -> list[Any]:
    """The conversations of an export: an array, a wrapped one, one alone, or those in an archive."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            names = [
                name for name in archive.namelist() if "conversations" in name and name.endswith(".json")
            ]
            return [item for name in names for item in json.loads(archive.read(name))]
    found = json.loads(path.read_text())
    if isinstance(found, dict):
        return listed(found.get("conversations")) or [found]
    return list(found)


EXPORTS = [
    *(
        ("claude-export", f"claude_ai/{name}")
        for name in (
            "logactyl/conversations.json",
            "logactyl/claude-synthetic-export.zip",
            "claude_export_html/conversations.json",
            "chat_history_pkg/claude_2026_sample.json",
            "osteele/testdata/claude-bakery-chat.json",
            "osteele/testdata/conversation-rendering-tests.json",
            "osteele/testdata/conversation-with-errors.json",
            "osteele/testdata/conversations-multiple-errors.json",
            "osteele/testdata/conversations.json",
            "osteele/testdata/simple-invalid.json",
        )
    ),
    *(
        ("chatgpt-export", f"chatgpt/{name}")
        for name in (
            "logactyl/conversations-000.json",
            "logactyl/conversations-001.json",
            "logactyl/chatgpt-synthetic-export.zip",
            "chat_history_pkg/chatgpt_2026_sample.json",
        )
    ),
]


@pytest.mark.samples
@pytest.mark.parametrize(("form", "name"), EXPORTS)
def test_sums_hold_for_every_public_export(form: str, name: str) -> None:
    """Exports of several years, written by others."""
    assert_export_adds_up(sample(name), form)


@pytest.mark.parametrize("form", ITEMS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_sums_hold_for_an_export(tmp_path: Path, form: str, wrapped: bool) -> None:
    """Tools, attachments, thoughts, hidden messages, empty chats and two items that are quarantined."""
    broken = {
        "claude-export": [{"uuid": "c"}, ITEMS["claude-export"][0] | {"created_at": "x"}],
        "chatgpt-export": [{"id": "c", "mapping": {}}, ITEMS["chatgpt-export"][0] | {"create_time": "x"}],
    }[form]
    items = [*ITEMS[form], *broken]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps({"conversations": items} if wrapped else items))
    found = assert_export_adds_up(path, form)
    assert sum(count for fate, count in found["records"].items() if "quarantined" in fate) == 2


def assert_export_adds_up(path: Path, form: str) -> Counts:
    """Records are the items of the array; blocks are those of the items that are sessions."""
    items = items_of(path)
    found = accounts(path, form)
    assert sum(found["records"].values()) == len(items)
    if any(fate.startswith("quarantined") for fate in found["records"]):
        readable = [item for item in items if alone_is_read(item, form)]
        assert len(readable) == found["records"].get("used", 0)
        items = readable
    if found.get("messages"):
        assert form == "claude-export"
        items = [
            {
                **item,
                "chat_messages": [
                    m for m in item["chat_messages"] if not is_lost({**item, "chat_messages": [m]})
                ],
            }
            for item in items
        ]
    blocks = claude_ai_blocks if form == "claude-export" else chatgpt_blocks
    assert sum(found["blocks"].values()) == blocks(items)
    return found


def test_a_lost_message_of_an_export_is_counted_apart_from_its_conversation(tmp_path: Path) -> None:
    """Records still add up to the items of the array, and blocks to those of the messages that are read."""
    good = ITEMS["claude-export"][0]
    bad = {**good["chat_messages"][0], "uuid": "bad", "created_at": 7}
    items = [*ITEMS["claude-export"], {**good, "uuid": "c9", "chat_messages": [*good["chat_messages"], bad]}]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(items))
    found = assert_export_adds_up(path, "claude-export")
    assert found["messages"] == {"quarantined: bad_timestamp": 1}


def is_lost(item: Any) -> bool:
    return "messages" in alone(item, "claude-export")


def alone_is_read(item: Any, form: str) -> bool:
    return alone(item, form)["records"].keys() == {"used"}


def alone(item: Any, form: str) -> Counts:
    with tempfile.NamedTemporaryFile(suffix=".json", mode="w") as file:
        json.dump([item], file)
        file.flush()
        return accounts(Path(file.name), form)


def lines_of(path: Path) -> list[bytes]:
    files = [path] if path.is_file() else sorted(path.rglob("*.jsonl"))
    skipped = (".meta.json", "/journal.jsonl", "/history.jsonl")
    return [
        line
        for file in files
        if not str(file).endswith(skipped)
        for line in file.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if line.strip()
    ]


def claude_code_samples() -> list[str]:
    """Public logs with lines, by their path below the folder of samples."""
    folder = samples_folder() or Path()
    return [
        str(path.relative_to(folder))
        for path in sample_files("**/claude_code/**/*.jsonl")
        if path.stat().st_size and path.name not in ("journal.jsonl", "history.jsonl")
    ]


@pytest.mark.samples
def test_sums_hold_for_every_public_claude_code_log() -> None:
    """Logs of several versions, written by others: each alone, and two folders."""
    names = claude_code_samples()
    assert len(names) > 20
    for name in [*names, "claude_code/ccl_unit", "claude_code/inspect_scout"]:
        assert_claude_code_adds_up(sample(name))


@pytest.mark.parametrize("seed", range(12))
def test_sums_hold_for_claude_code_recordings(tmp_path: Path, seed: int) -> None:
    """Tools, copies, subagents, compactions, rewinds, damaged lines and files without sessions."""
    Recording(seed).write(tmp_path)
    assert_claude_code_adds_up(tmp_path)


def assert_claude_code_adds_up(path: Path) -> None:
    """Records are lines; blocks are those of readable lines of messages, a plain text being one block."""
    lines = lines_of(path)
    found = accounts(path, "claude-code")
    assert sum(found["records"].values()) == len(lines)
    blocks = 0
    for line in lines:
        try:
            item = json.loads(line.strip(b"\0"))  # NUL bytes that a power cut left are ignored
        except ValueError:
            continue
        if not isinstance(item, dict) or item.get("type") not in ("user", "assistant"):
            continue
        content = item["message"].get("content") if isinstance(item.get("message"), dict) else None
        good = isinstance(item.get("uuid"), str) and isinstance(item.get("timestamp"), str)
        if good and isinstance(content, str):
            blocks += 1
        elif good and all(isinstance(block, dict) and "type" in block for block in listed(content)):
            blocks += len(listed(content))
    # What a person typed within a text of the tool is a block of its own, as is a prompt of the queue.
    said = sum(b"the user said:" in line or b"enqueue" in line for line in lines)
    assert (
        blocks - found["records"].get("quarantined: duplicate_message", 0)
        <= sum(found["blocks"].values())
        <= blocks + said
    )


@pytest.mark.samples
def test_sharegpt_uses_every_turn_of_the_public_sample() -> None:
    """Five hundred conversations, every turn a block."""
    assert_every_turn_is_used(sample("chat_datasets/sharegpt_fastchat/dummy_conversation.json"))


def test_sharegpt_uses_every_turn(tmp_path: Path) -> None:
    """Every turn is a block, whatever its length."""
    items = [
        {
            "id": f"identity_{n}",
            "conversations": [
                {"from": ("human", "gpt")[turn % 2], "value": "x" * turn} for turn in range(n % 5)
            ],
        }
        for n in range(1, 60)
    ]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(items, indent=2))
    assert_every_turn_is_used(path)


def assert_every_turn_is_used(path: Path) -> None:
    items = json.loads(path.read_text())
    assert accounts(path, "sharegpt") == {
        "records": {"used": len(items)},
        "blocks": {"used": sum(len(item["conversations"]) for item in items)},
    }


def test_each_line_of_a_session_has_its_own_fate(tmp_path: Path) -> None:
    """Copies and further lines of a turn are merged, lines that only link are dropped by their kind."""
    line = {"sessionId": "s", "timestamp": "2026-01-01T00:00:00Z"}
    asked = line | {"type": "user", "uuid": "u1", "message": {"role": "user", "content": "hi"}}
    turn = line | {"type": "assistant", "parentUuid": "u1"}
    message_content = [{"type": "text", "text": "a"}, {"type": "redacted_thinking", "data": "x"}]
    lines = [
        asked,
        asked | {"sessionId": "copy"},
        turn | {"uuid": "u2", "message": {"id": "m", "content": message_content}},
        turn
        | {"uuid": "u3", "message": {"id": "m", "content": [{"type": "tool_use", "id": "t", "name": "ls"}]}},
        {"type": "summary", "summary": "x", "leafUuid": "u3"},
        line | {"type": "progress", "uuid": "u4", "parentUuid": "u3"},
        b"{broken",
        line | {"type": "user", "uuid": "u5", "message": {"content": [{"type": "text", "text": "x"}, 5]}},
    ]
    write_lines(tmp_path / "s.jsonl", lines)
    assert accounts(tmp_path, "claude-code") == {
        "records": {
            "dropped: progress": 1,
            "dropped: summary": 1,
            "merged": 2,
            "quarantined: bad_field": 1,
            "quarantined: malformed_json": 1,
            "used": 2,
        },
        "blocks": {"dropped: redacted_thinking": 1, "merged": 1, "used": 3},
    }


def test_blocks_of_calls_and_lists_are_counted(tmp_path: Path) -> None:
    """Other formats: dropped and merged blocks have a named cause; a faulty record counts no blocks."""
    request = {
        "messages": [
            {"role": "user", "content": [{"type": "redacted_thinking"}, {"type": "text", "text": "a"}]}
        ]
    }
    call = {"timestamp": "2026-01-01T00:00:00Z", "request": request, "response": None}
    bad = {**call, "request": {"messages": [{"role": "user", "content": [{"type": "redacted_thinking"}, 5]}]}}
    path = write_lines(tmp_path / "calls.jsonl", [call, bad])
    assert accounts(path, "anthropic-messages") == {
        "records": {"quarantined: bad_field": 1, "used": 1},
        "blocks": {"dropped: redacted_thinking": 1, "used": 1},
    }
    span = {"start_time": "2026-01-01T00:00:00Z", "attributes": {"db.system": "x"}}
    asked = {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "a"}]}]}
    path = write_lines(tmp_path / "spans.jsonl", [span, {**span, "attributes": asked}])
    assert accounts(path, "otel-genai")["records"] == {"dropped: span_without_messages": 1, "used": 1}
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "image_url"}]
    path = write_lines(tmp_path / "tuning.jsonl", [{"messages": [{"role": "tool", "content": parts}]}])
    assert accounts(path, "openai-messages")["blocks"] == {
        "dropped: no_text_in_a_result": 1,
        "merged": 1,
        "used": 1,
    }
    blocks = [{"type": "text", "text": "a"}, {"type": "hologram"}]
    path = write_lines(tmp_path / "own.jsonl", [record(messages=[message(content=blocks)]), b"["])
    assert accounts(path, "canonical") == {
        "records": {"quarantined: malformed_json": 1, "used": 1},
        "blocks": {"used": 2},
    }


def test_all_lines_of_a_quarantined_session_are_counted(tmp_path: Path) -> None:
    """One entry covers all its lines. The lines are counted, the entry is not."""
    line = {"type": "user", "sessionId": "s", "timestamp": "2300-01-01T00:00:00Z"}
    prompt = {"role": "user", "content": "x"}
    write_lines(
        tmp_path / "s.jsonl",
        [
            line | {"uuid": f"u{n}", "parentUuid": f"u{n - 1}" if n else None, "message": prompt}
            for n in range(3)
        ],
    )
    found = accounts(tmp_path, "claude-code")
    assert found["records"] == {"quarantined with its session: bad_timestamp": 3}
    assert found["blocks"] == {"quarantined with its session: bad_timestamp": 3}
    assert collections.Counter(found["records"]).total() == len(lines_of(tmp_path))


@pytest.mark.samples
def test_no_public_sample_is_left_out() -> None:
    """Every sample of a known format, except canonical ones, is in one of the lists above."""
    listed = {name for _, name in EXPORTS} | {*claude_code_samples()}
    listed.add("chat_datasets/sharegpt_fastchat/dummy_conversation.json")
    folder = samples_folder() or Path()
    files = [path for path in sample_files("**/*") if path.is_file() and path.stat().st_size]
    assert len(files) > 500
    recognized = {str(path.relative_to(folder)) for path in files if formats_of(peek_of(str(path)))}
    assert recognized <= listed
