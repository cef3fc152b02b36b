"""What a person types while Claude Code works: it is put into a running turn and stands in an attachment.

Source: recordings of versions 2.1 that others describe. Mostly no line of the user's ever follows. The same
attachments carry what the tool itself has to say, such as the end of a task in the background.
"""

from __future__ import annotations

from typing import Any

#: Where a line says by whom it was sent, what it says of a person.
TYPED = (None, "human")


def line_typed_meanwhile(line: dict[str, Any]) -> dict[str, Any] | None:
    """The user's line that an attachment stands for; None for an attachment of any other kind."""
    held = line.get("attachment")
    if not isinstance(held, dict) or held.get("type") != "queued_command":
        return None
    if held.get("commandMode") not in (None, "prompt") or held.get("isMeta") is True:
        return None
    if source_of(held) not in TYPED:
        return None
    return {**line, "message": {"content": held.get("prompt")}}


def source_of(holder: dict[str, Any]) -> Any:
    """By whom something was sent, as far as it says."""
    origin = holder.get("origin")
    return origin.get("kind") if isinstance(origin, dict) else None
