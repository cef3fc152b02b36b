"""The content of a ChatGPT message as blocks, by content type."""

from __future__ import annotations

from typing import Any

from schemas.records import Block, Role
from transforms.sources.accounting import MERGED, dropped, note_block
from transforms.sources.faults import bad_field, value_of
from transforms.sources.json.once import Repeated

#: Context that the service adds about the user; not part of the dialogue.
CONTEXT = frozenset({"user_editable_context", "model_editable_context"})
#: Content without text: the duration of thinking, and screenshots.
_WORDLESS = frozenset({"reasoning_recap", "computer_output"})
NOBODY = "all"


def is_context(message: dict[str, Any]) -> bool:
    """True for context that the service adds about the user; False if the message gives two contents."""
    try:
        content = message.get("content")
        kind = content.get("content_type") if isinstance(content, dict) else None
    except Repeated:
        return False
    return isinstance(kind, str) and kind in CONTEXT


def blocks_of(message: dict[str, Any], role: Role, name: str, call: str | None) -> list[Block]:
    """The blocks of a message; `call`: the id of the message whose tool call it answers."""
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str | list):
        content = {"parts": content}
    if not isinstance(content, dict):
        raise bad_field("content", content)
    kind = content.get("content_type")
    if kind is None and "parts" in content:
        kind = "text"
    if not isinstance(kind, str):
        raise value_of(content, "content_type").within("content")
    recipient = message.get("recipient")
    to_nobody = role == "assistant" and (recipient == NOBODY or not isinstance(recipient, str))
    if kind in CONTEXT or kind in _WORDLESS:
        return [Block(kind)]
    if kind == "thoughts":
        return [Block("thinking", thinking=text) for text in _thoughts(content)]
    blocks = _said(content, message, kind)
    if role == "user" or role == "system" or to_nobody:
        return blocks
    texts = [block.text for block in blocks if block.text is not None]
    if role == "tool":
        others = [block for block in blocks if block.text is None]
        note_block(MERGED, len(texts) - 1)
        return [Block("tool_result", tool_use_id=call, content="\n".join(texts)), *others]
    note_block(MERGED, len(texts) - 1)
    note_block(dropped("beside_a_call"), len(blocks) - len(texts))
    return [Block("tool_use", id=name, name=recipient, input="\n".join(texts))]


def _said(content: dict[str, Any], message: dict[str, Any], kind: str) -> list[Block]:
    """Text and other blocks, in order: the parts, else the field that has the text for this type."""
    parts = content.get("parts")
    if isinstance(parts, str):
        return [Block("text", text=parts)]
    if isinstance(parts, list):
        if None in parts:
            note_block(dropped("null_part"), parts.count(None))
        return [_part(part) for part in parts if part is not None]
    if parts is not None:
        raise bad_field("content.parts", parts)
    for field in ("text", "result", "content"):
        if isinstance(content.get(field), str):
            return [Block("text", text=content[field])]
    metadata = message.get("metadata")
    finished = metadata.get("finished_text") if isinstance(metadata, dict) else None
    return [Block("text", text=finished)] if isinstance(finished, str) else [Block(kind)]


def _part(part: Any) -> Block:
    if isinstance(part, str):
        return Block("text", part)
    if not isinstance(part, dict):
        raise bad_field("content.parts[]", part)
    kind = part.get("content_type")
    if isinstance(part.get("text"), str):
        return Block("text", text=part["text"])
    if isinstance(kind, str):
        return Block("image" if kind == "image_asset_pointer" else kind)
    raise value_of(part, "content_type").within("content.parts[]")


def _thoughts(content: dict[str, Any]) -> list[str]:
    """The text of each thought; its summary if it has no text."""
    listed = content.get("thoughts")
    if not isinstance(listed, list):
        raise value_of(content, "thoughts").within("content")
    texts = [
        thought.get("content") or thought.get("summary") for thought in listed if isinstance(thought, dict)
    ]
    said = [text for text in texts if isinstance(text, str)]
    note_block(dropped("thought_without_text"), len(listed) - len(said))
    return said
