"""Claude.ai exports: duplicate messages, and results that are errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.commands.inspect import inspect
from tests.support.source_files import Everything, read_all

AT = "2026-01-05T10:00:00Z"
ASKED = {"uuid": "m1", "sender": "human", "created_at": AT, "content": [{"type": "text", "text": "hi"}]}


def read(folder: Path, *entries: dict[str, Any]) -> Everything:
    path = folder / "conversations.json"
    path.write_text(json.dumps([{"uuid": "c", "created_at": AT, "chat_messages": entries}]))
    return read_all([path], "claude-export")


def test_a_copy_of_a_message_is_merged_and_counted(tmp_path: Path) -> None:
    """Batches of an export overlap; a prompt that appears twice was typed once."""
    found = read(tmp_path, ASKED, ASKED, ASKED | {"uuid": "m2"})
    assert [message.message_id for message in found.sessions[0].messages] == ["m1", "m2"]
    (format_,) = inspect(str(tmp_path))["formats"]
    assert format_["accounts"]["blocks"] == {"merged": 1, "used": 2}


def test_two_messages_under_one_id_are_no_copies(tmp_path: Path) -> None:
    """It is unknown which of them was sent."""
    assert read(tmp_path, ASKED, ASKED | {"content": [{"type": "text", "text": "no"}]}).codes == [
        "duplicate_message"
    ]


def test_an_error_result_is_marked(tmp_path: Path) -> None:
    """Its text alone does not show that it is an error."""
    results = [{"type": "tool_result", "content": "x", "is_error": failed} for failed in (True, False)]
    found = read(tmp_path, ASKED | {"sender": "assistant", "content": results})
    blocks = [block for message in found.sessions[0].messages for block in message.content or ()]
    assert [block.is_error for block in blocks if not isinstance(block, str)] == [True, None]
