"""Masked sessions as training rows, and the sums that the report gives of them."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

from transforms.deid.outline import Outline, training_messages
from transforms.deid.spans import Masked


def rows_of(
    decision: dict[str, Any], outlined: Outline, masked: Masked, policy_id: str
) -> Iterator[dict[str, Any]]:
    """One FRAGMENT row per thread; the session's entity counts are in its first row only."""
    for ordinal, fills in enumerate(outlined.rows):
        messages = training_messages(fills, masked.texts)
        counts = sorted(masked.entities.items()) if ordinal == 0 else []
        yield {
            "key": decision["conversation_key"],
            "ordinal": ordinal,
            "conversation_key": decision["conversation_key"].hex(),
            "user_key": decision["user_key"].hex() if decision["user_key"] else None,
            "messages": messages,
            "surface": decision["surface"],
            "tier": decision["tier"],
            "language": masked.language,
            "basis": decision["basis"],
            "policy_id": policy_id,
            "started_on": decision["created_on"],
            "last_active_on": decision["last_active_on"],
            "retain_until": decision["row_retain_until"],
            "turns": sum(message["role"] == "user" for message in messages),
            "entities": [{"key": key, "value": value} for key, value in counts],
        }


class WrittenText:
    """Sums over written sessions: how many, their characters before masking, replaced spans by type."""

    def __init__(self) -> None:
        self.sessions = self.characters = 0
        self.entities: collections.Counter[str] = collections.Counter()

    def add(self, outlined: Outline, masked: Masked) -> None:
        """Adds a session."""
        self.sessions += 1
        self.characters += sum(len(segment.text) for segment in outlined.segments)
        self.entities.update(masked.entities)

    def figures(self) -> dict[str, Any]:
        """The sums, as in the entry of the text pass."""
        entities = dict(sorted(self.entities.items()))
        return {"sessions": self.sessions, "characters": self.characters, "entities": entities}
