"""Made-up recordings with all traps at once, compared with what was written into them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipeline.commands.inspect import inspect
from schemas.records import Message
from tests.support.claude_code_logs import ADDED, line, read, result
from tests.support.claude_code_recordings import Recording, Truth
from tests.support.source_files import read_all

BEGAN = dt.datetime(2025, 10, 1, tzinfo=dt.UTC)


def text_of(message: Message) -> str:
    """The text of a message or of a tool result."""
    blocks = [block for block in message.content or () if not isinstance(block, str)]
    return "".join(
        block.text or (block.content if isinstance(block.content, str) else "") for block in blocks
    )


def arrived(message: Message) -> Truth:
    minute = int((message.sent_at - BEGAN).total_seconds() // 60)
    origin, thread = message.origin or "", message.thread or ""
    return Truth(message.message_id, message.parent_id, origin, text_of(message), thread, minute)


@pytest.mark.parametrize("seed", range(60))
def test_a_recording_is_read_as_it_was_made(tmp_path: Path, seed: int) -> None:
    """Conversations, links, origins, texts and first times are those of the recording."""
    made = Recording(seed)
    found = read_all(made.write(tmp_path), "claude-code", ADDED)
    assert {session.conversation_id for session in found.sessions} == set(made.truth)
    assert len(found.sessions) == len(made.truth)
    for session in found.sessions:
        messages = [arrived(message) for message in session.messages]
        expected = made.truth[session.conversation_id]
        assert {each.uuid: each for each in messages} == {each.uuid: each for each in expected}
        assert len(messages) == len(expected)
        order = [each.uuid for each in messages]
        follows = [(each.parent, each.uuid) for each in messages if each.parent]
        assert all(order.index(parent) < order.index(uuid) for parent, uuid in follows)


@pytest.mark.parametrize("seed", range(8))
def test_human_messages_and_lines_add_up(tmp_path: Path, seed: int) -> None:
    """The human messages that `inspect` counts, and one outcome for each line."""
    made = Recording(seed)
    paths = [path for path in made.write(tmp_path) if path.name != "history.jsonl"]
    (found,) = inspect(str(tmp_path), "claude-code")["formats"]
    typed = sum(each.origin == "human" for talk in made.truth.values() for each in talk)
    assert found["origins"]["human"] == typed
    lines = [line for path in paths for line in path.read_bytes().split(b"\n") if line.strip()]
    assert sum(found["accounts"]["records"].values()) == len(lines)


def test_lines_of_a_quarantined_session_add_up(tmp_path: Path) -> None:
    """A line that became two messages counts once, and the entry of its session is not a line."""
    text_of = [*result("c"), {"type": "text", "text": "words"}]
    late = "2300-01-01T00:00:00Z"
    read(tmp_path, {"a.jsonl": [line("u1", timestamp=late), line("r1", "u1", text_of, timestamp=late), b"{"]})
    (found,) = inspect(str(tmp_path))["formats"]
    assert found["accounts"] == {
        "records": {"quarantined with its session: bad_timestamp": 2, "quarantined: malformed_json": 1},
        "blocks": {"quarantined with its session: bad_timestamp": 3},
    }
