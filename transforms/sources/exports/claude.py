"""Claude.ai data exports."""

from __future__ import annotations

import re

from transforms.sources.exports.claude_conversation import conversation_of
from transforms.sources.exports.files import Shape
from transforms.sources.exports.source import ArrayExport

#: Files of an export that hold no conversation.
_OTHERS = frozenset({"users.json", "projects.json", "memories.json", "login_history.json"})

EXPORTS = ArrayExport(
    Shape(re.compile(r"conversations\.json"), _OTHERS, "chat_messages", conversation_of),
    ("**/*.zip", "**/conversations.json"),
)
