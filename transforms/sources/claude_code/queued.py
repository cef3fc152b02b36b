"""Prompts that a person types while Claude Code works.

Such a prompt is put into the running turn and recorded as an attachment of type `queued_command`; mostly no
user line follows. The tool uses the same attachment type for its own notes, such as the end of a background
task. Source: recordings of versions 2.1.
"""

from __future__ import annotations

from typing import Any

#: Values of `origin.kind` that mean a person; None where the field is missing.
HUMAN_ORIGINS = (None, "human")


def user_line_of_queued_prompt(line: dict[str, Any]) -> dict[str, Any] | None:
    """The attachment line as a user line; None for an attachment that is no queued prompt of a person."""
    attachment = line.get("attachment")
    if not isinstance(attachment, dict) or attachment.get("type") != "queued_command":
        return None
    if attachment.get("commandMode") not in (None, "prompt") or attachment.get("isMeta") is True:
        return None
    if origin_kind(attachment) not in HUMAN_ORIGINS:
        return None
    return {**line, "message": {"content": attachment.get("prompt")}}


def origin_kind(fields: dict[str, Any]) -> Any:
    """`origin.kind` of a line or attachment, None if it is missing."""
    origin = fields.get("origin")
    return origin.get("kind") if isinstance(origin, dict) else None
