"""Two readers of Claude Code agree: the product's, and a plain one written from the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.records import Message
from tests.sources.claude_code.made_projects import Project
from tests.sources.claude_code.plain_conversations import read_project
from tests.sources.claude_code.plain_order import Said, Talk, branch
from tests.support.claude_code_logs import ADDED
from tests.support.source_files import read_all


def said(message: Message) -> Said:
    """A message of the product's reader in the form of the plain one."""
    blocks = [block for block in message.content or () if not isinstance(block, str)]
    texts = [block.text or (block.content if isinstance(block.content, str) else "") for block in blocks]
    at = f"{message.sent_at:%Y-%m-%dT%H:%M:%S}.000Z"
    return Said(message.parent_id, message.origin or "", "".join(texts), at, message.thread or "main")


def assert_readers_agree(folder: Path, seed: int) -> None:
    files = Project(seed).files
    for name, lines in files.items():
        path = folder / str(seed) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
    found = read_all([folder / str(seed) / name for name in files], "claude-code", ADDED)
    expected, conflicts = read_project(files)
    talks = {}
    for session in found.sessions:
        messages = {message.message_id: said(message) for message in session.messages}
        assert len(messages) == len(session.messages), seed
        talks[session.conversation_id] = Talk(messages, branch(messages))
    assert talks.keys() == expected.keys(), seed
    for name, talk in expected.items():
        assert talks[name].messages == talk.messages, seed
        assert talks[name].branch == talk.branch, seed
    assert found.codes.count("duplicate_message") == conflicts, seed


@pytest.mark.parametrize("part", range(6))
def test_readers_agree_on_messages_and_branches(tmp_path: Path, part: int) -> None:
    """uuid, parent, origin, text, time, thread and active branch of 300 made-up projects."""
    for seed in range(part * 50, part * 50 + 50):
        assert_readers_agree(tmp_path, seed)


@pytest.mark.prove
@pytest.mark.parametrize("part", range(20))
def test_readers_agree_on_thousands_of_projects(tmp_path: Path, part: int) -> None:
    """Rare combinations of damage, queues, branches and copies."""
    for seed in range(1000 + part * 250, 1250 + part * 250):
        assert_readers_agree(tmp_path, seed)
