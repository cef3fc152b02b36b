"""Detects the format of a file from its contents, never from its name alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.errors import ConfigError
from schemas.formats import BUILT_IN, registered
from transforms.sources.base import InputFile, states_of_objects
from transforms.sources.calls.cassettes import interactions_of
from transforms.sources.calls.otel_spans import is_telemetry
from transforms.sources.objects import expecting
from transforms.sources.peek import Peek, peek_of
from transforms.sources.registry import source_of

Item = dict[str, Any]


def formats_in(file: InputFile) -> list[str]:
    """`formats_of` a file, then formats of other packages; none for an empty one. Raises OSError."""
    with expecting([file.path], states_of_objects([file])):
        return [*formats_of(peek_of(file.path)), *_registered(file.path)] if file.size else []


def formats_of(peek: Peek) -> list[str]:
    """The built-in formats that can read a file with this beginning, the likeliest first."""
    return [name for name in BUILT_IN if _RECOGNIZERS[name](peek)]


def _registered(path: str) -> list[str]:
    """The formats of other packages that can read the file; a package that cannot be loaded has none."""
    found = []
    for name in sorted(registered()):
        try:
            recognizes = getattr(source_of(name), "recognizes", None)
        except ConfigError:
            continue
        if recognizes is not None and recognizes(path):
            found.append(name)
    return found


def _canonical(peek: Peek) -> bool:
    wanted = {"conversation_id", "messages"}
    return wanted <= peek.columns or (
        peek.kind == "lines" and any(wanted <= item.keys() for item in peek.items)
    )


def _claude_code(peek: Peek) -> bool:
    return peek.kind == "lines" and any(
        isinstance(item.get("type"), str) and item.keys() & {"uuid", "sessionId", "leafUuid", "messageId"}
        for item in peek.items
    )


def _holding(field: str) -> Callable[[Peek], bool]:
    """Exports whose conversations have this field, at the top level or under `conversations`."""

    def recognized(peek: Peek) -> bool:
        wrapped = [
            inner
            for item in peek.items
            if isinstance(item.get("conversations"), list)
            for inner in item["conversations"][:1]
        ]
        return peek.kind in ("archive", "array", "object", "lines") and any(
            isinstance(item, dict) and field in item for item in [*peek.items, *wrapped]
        )

    return recognized


def _turns(field: str, *names: str) -> Callable[[Peek], bool]:
    """Records with a list of turns under `field`, each turn with all these names, and no conversation id."""

    def recognized(peek: Peek) -> bool:
        return any(
            "conversation_id" not in item
            and isinstance(item.get(field), list)
            and any(isinstance(turn, dict) and set(names) <= turn.keys() for turn in item[field][:3])
            for item in peek.items
        )

    return recognized


def _columns(*names: str) -> Callable[[Peek], bool]:
    return lambda peek: peek.columns >= set(names)


def _anthropic(peek: Peek) -> bool:
    calls = [call for item in peek.items for call in interactions_of(item)]
    return any(isinstance(call, dict) and {"request", "response"} <= call.keys() for call in calls)


def _otel(peek: Peek) -> bool:
    return any(map(is_telemetry, peek.items))


_sharegpt = _turns("conversations", "from", "value")
_sharegpt_roles = _turns("conversations", "role", "content")
_RECOGNIZERS: dict[str, Callable[[Peek], bool]] = {
    "canonical": _canonical,
    "claude-code": _claude_code,
    "claude-export": _holding("chat_messages"),
    "chatgpt-export": _holding("mapping"),
    "sharegpt": lambda peek: _sharegpt(peek) or _sharegpt_roles(peek),
    "openai-messages": _turns("messages", "role"),
    "wildchat": _columns("conversation_hash", "conversation"),
    "lmsys": _columns("conversation_id", "conversation"),
    "anthropic-messages": _anthropic,
    "otel-genai": _otel,
    "mapped": lambda peek: False,  # noqa: ARG005 - any schema could be meant
}
