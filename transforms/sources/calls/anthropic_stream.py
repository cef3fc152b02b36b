"""The message of a streamed answer of the Anthropic Messages API, as far as it was received.

Source: the API's documentation of streaming: `message_start`, for each block `content_block_start`,
`content_block_delta` and `content_block_stop`, then `message_delta` and `message_stop`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from transforms.sources.json.once import decoded_once, overlaid

_TEXTS = {"text_delta": "text", "thinking_delta": "thinking"}


def streamed_message(events: str, path: str = "response") -> dict[str, Any] | None:
    """The message of a stream of server-sent events, None if no message began.

    Text that was cut off is kept up to the cut; a tool call with incomplete input is left out. `path`: of the
    events in the record. Raises Fault for a field that an event gives twice.
    """
    message: dict[str, Any] | None = None
    blocks: dict[int, dict[str, Any]] = {}
    inputs: dict[int, str] = {}
    for line in events.splitlines():
        event = _event(line, path)
        kind, index = event.get("type"), event.get("index")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            message = event["message"]
        elif kind == "content_block_start" and isinstance(index, int):
            block = event.get("content_block")
            if isinstance(block, dict):
                blocks[index] = block.copy()
        elif kind == "content_block_delta" and index in blocks and isinstance(event.get("delta"), dict):
            _add(blocks[index], inputs, index, event["delta"])
    if message is None:
        return None
    content = [_whole(block, inputs.get(index)) for index, block in sorted(blocks.items())]
    return overlaid(message, {"content": [block for block in content if block is not None]})


def _event(line: str, path: str) -> dict[str, Any]:
    if not line.startswith("data:"):
        return {}
    try:
        event = decoded_once(line.removeprefix("data:").strip(), path)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _add(block: dict[str, Any], inputs: dict[int, str], index: int, delta: dict[str, Any]) -> None:
    field = _TEXTS.get(str(delta.get("type")))
    if field and isinstance(delta.get(field), str):
        block[field] = f"{block.get(field) or ''}{delta[field]}"
    elif delta.get("type") == "input_json_delta" and isinstance(delta.get("partial_json"), str):
        inputs[index] = inputs.get(index, "") + delta["partial_json"]


def _whole(block: dict[str, Any], given: str | None) -> dict[str, Any] | None:
    if not given:
        return block
    try:
        return overlaid(block, {"input": msgspec.json.decode(given)})
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
