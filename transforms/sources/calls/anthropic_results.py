"""Results of tools that run on the server of the Anthropic Messages API, as text.

Source: the API's documentation of web search, web fetch, code execution, tool search, advisor and the MCP
connector. Each result is a block `<tool>_tool_result` with `tool_use_id` and a content of its own form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Fields with text that the model was given; encrypted contents, ids and numbers are not read.
_TEXTS = ("title", "url", "text", "stdout", "stderr", "error_code", "tool_name")
#: Fields with more of the same.
_INNER = ("content", "source", "tool_references")
_MAX_NESTING = 8


def server_result(content: Any) -> str:
    """The texts of a result, a line each, in the order of the fields above."""
    return "\n".join(text for text in _texts(content, _MAX_NESTING) if text)


def is_error(content: Any) -> bool:
    """True for the content of a result that a failed call has, such as `web_search_tool_result_error`."""
    kind = content.get("type") if isinstance(content, dict) else None
    return isinstance(kind, str) and kind.endswith("_error")


def _texts(value: Any, levels: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and levels:
        for item in value:
            yield from _texts(item, levels - 1)
    elif isinstance(value, dict) and levels:
        yield from (value[name] for name in _TEXTS if isinstance(value.get(name), str))
        if value.get("type") == "text" and isinstance(value.get("data"), str):
            yield value["data"]  # a text document; other documents are base64
        for name in _INNER:
            yield from _texts(value.get(name), levels - 1)
