"""Claude.ai data exports."""

from __future__ import annotations

import re

from transforms.sources.array_export import ArrayExport, Shape
from transforms.sources.claude_export_items import session_of
from transforms.sources.claude_export_typed import sessions_of

#: Files of an export that hold no conversation.
_OTHERS = frozenset({"users.json", "projects.json", "memories.json", "login_history.json"})

EXPORTS = ArrayExport(
    Shape(re.compile(r"conversations\.json"), _OTHERS, "chat_messages", session_of, sessions_of),
    ("**/*.zip", "**/conversations.json"),
)
