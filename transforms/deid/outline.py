"""A session's kept messages as training messages, with every text extracted for masking and put back.

One pass extracts the texts and leaves slots; after masking, the slots are filled. Text, thinking, tool names,
and every string, key and long number of a tool input are slots, so JSON stays valid whatever is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from schemas.records import Block, Message
from transforms.deid.spans import Kind, Segment

_BLOCK_TYPE = re.compile(r"[a-z][a-z_]{0,39}\Z")
#: Shorter numbers are not extracted: no identifier that is masked has fewer digits.
_MIN_NUMBER_DIGITS = 7
_DROPPED_BLOCKS = frozenset({"image", "document"})
_KIND: dict[str, Kind] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool_result",
}

Fill = Callable[[Sequence[str]], dict[str, str | None]]


class Outline(NamedTuple):
    """The texts of a session in order, and how to build the messages of each row from them.

    `rows` has one list of messages per thread. `dropped` counts the images and documents left out.
    """

    segments: list[Segment]
    rows: list[list[Fill]]
    dropped: int


class _Slot(NamedTuple):
    """The index of one text in `Outline.segments`."""

    at: int


def outline(threads: Sequence[Sequence[Message]]) -> Outline:
    """The outline of a session whose kept messages are given thread by thread, in branch order."""
    builder = _Builder()
    rows = [[fill for message in thread for fill in builder.fills(message)] for thread in threads]
    return Outline(builder.segments, rows, builder.dropped)


def training_messages(fills: Sequence[Fill], texts: Sequence[str]) -> list[dict[str, str | None]]:
    """Rows of TRAINING_MESSAGE from one row of an outline and the masked texts of its segments."""
    return [fill(texts) for fill in fills]


class _Builder:
    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.dropped = 0
        self._calls: dict[str, tuple[str, _Slot]] = {}
        self._made = 0

    def fills(self, message: Message) -> list[Fill]:
        """One training message per tool result, and one for the rest of the message."""
        if message.content is None or isinstance(message.content, str):
            return [self._plain(message.role, message.content or "")]
        blocks = message.content
        results = [self._result(block) for block in blocks if block.type == "tool_result"]
        rest = [block for block in blocks if block.type != "tool_result"]
        if results and not rest:
            return results
        return [*results, self._mixed(message.role, rest)]

    def _plain(self, role: str, text: str) -> Fill:
        slot = self._slot(text, _KIND[role])
        return lambda texts: _message(role, content=texts[slot.at])

    def _mixed(self, role: str, blocks: Sequence[Block]) -> Fill:
        thinking = "\n\n".join(b.thinking or b.text or "" for b in blocks if b.type == "thinking")
        thought = self._slot(thinking, "thinking") if thinking else None
        text = self._joined(blocks)
        slot = self._slot(text, _KIND[role])
        calls = [self._call(block) for block in blocks if block.type == "tool_use"]

        def fill(texts: Sequence[str]) -> dict[str, str | None]:
            return _message(
                role,
                content=None if calls and not text else texts[slot.at],
                thinking=texts[thought.at] if thought else None,
                tool_calls=_json([_filled(call, texts) for call in calls]) if calls else None,
            )

        return fill

    def _call(self, block: Block) -> dict[str, Any]:
        self._made += 1
        call_id = f"call_{self._made}"
        name = self._slot(block.name or "", "tool_input")
        if block.id:
            self._calls[block.id] = (call_id, name)
        arguments = self._tree(block.input if block.input is not None else {}, None)
        return {"type": "function", "id": call_id, "function": {"name": name, "arguments": arguments}}

    def _result(self, block: Block) -> Fill:
        content = block.content
        if isinstance(content, list):
            content = self._joined([item if isinstance(item, Block) else _as_block(item) for item in content])
        elif content is not None and not isinstance(content, str):
            content = _json(content)
        slot = self._slot(content or block.text or "", "tool_result")
        call_id, name = self._calls.get(block.tool_use_id or "", (None, None))
        return lambda texts: _message(
            "tool",
            content=texts[slot.at],
            tool_call_id=call_id,
            name=texts[name.at] if name else None,
        )

    def _joined(self, blocks: Sequence[Block]) -> str:
        parts = []
        for block in blocks:
            if block.type == "text":
                parts.append(block.text or "")
            elif block.type in _DROPPED_BLOCKS:
                self.dropped += 1
            elif block.type not in ("thinking", "tool_use", "tool_result"):
                parts.append(f"[{block.type if _BLOCK_TYPE.match(block.type) else 'other'}]")
        return "\n\n".join(parts)

    def _tree(self, value: Any, key: str | None) -> Any:
        if isinstance(value, str):
            return self._slot(value, "tool_input", key)
        if isinstance(value, dict):
            return [(self._slot(k, "tool_input"), self._tree(v, k)) for k, v in value.items()]
        if isinstance(value, list):
            return tuple(self._tree(item, key) for item in value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = repr(value)
            if sum(c.isdigit() for c in text) >= _MIN_NUMBER_DIGITS:
                return _Number(value, self._slot(text, "tool_input", key))
        return value

    def _slot(self, text: str, kind: Kind, key: str | None = None) -> _Slot:
        self.segments.append(Segment(text, kind, key))
        return _Slot(len(self.segments) - 1)


class _Number(NamedTuple):
    """A number that becomes a string only if its digits were masked."""

    value: int | float
    slot: _Slot


def _filled(value: Any, texts: Sequence[str]) -> Any:
    if isinstance(value, _Slot):
        return texts[value.at]
    if isinstance(value, _Number):
        masked = texts[value.slot.at]
        return value.value if masked == repr(value.value) else masked
    if isinstance(value, dict):
        return {key: _filled(item, texts) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_filled(item, texts) for item in value]
    if isinstance(value, list):
        return _filled_object(value, texts)
    return value


def _filled_object(pairs: list[tuple[_Slot, Any]], texts: Sequence[str]) -> dict[str, Any]:
    """The object with masked keys; equal keys get a number, so that no value is lost."""
    made: dict[str, Any] = {}
    for slot, item in pairs:
        key, count = texts[slot.at], 1
        while key in made:
            count += 1
            key = f"{texts[slot.at]}#{count}"
        made[key] = _filled(item, texts)
    return made


def _as_block(item: Any) -> Block:
    if isinstance(item, str):
        return Block("text", text=item)
    kind = item.get("type") if isinstance(item, dict) else None
    text = item.get("text") if isinstance(item, dict) else None
    return Block(kind if isinstance(kind, str) else "other", text=text if isinstance(text, str) else None)


def _message(role: str, content: str | None, **fields: str | None) -> dict[str, str | None]:
    empty: dict[str, str | None] = dict.fromkeys(("thinking", "tool_calls", "tool_call_id", "name"))
    return {"role": role, "content": content, **empty, **fields}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
