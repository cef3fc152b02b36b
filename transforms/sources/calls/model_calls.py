"""Calls of a model, each with the whole history before it, as records of the conversations they belong to.

Calls know no ids of messages, and mostly none of conversations. A message is known here by all that was said
up to it, so the copies of it in later calls are the same message, and histories that part are branches. A
conversation is known by whose it is and how it began, its first answer included: many begin alike, and few
are answered alike. Records of one conversation meet by these ids wherever they lie; a message then has the
earliest time of any copy.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from transforms.sources.accounting import MERGED, note_block
from transforms.sources.calls.message_ids import Upto, beginning_in, beginning_of
from transforms.sources.decode import Fault

Turn = dict[str, Any]
_INSTANT_DIGITS = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}


class Call(NamedTuple):
    """One call of a model: what went in, what came out, and when.

    Turns have `role` and `content`, a list of canonical blocks. `answers` are alternatives; none where the
    call failed. `asked_at` and `answered_at` are RFC 3339 text or None.
    """

    system: str | None
    history: Sequence[Turn]
    answers: Sequence[Turn]
    asked_at: Any
    answered_at: Any
    user_id: str | None = None
    organization_id: str | None = None
    conversation_id: str | None = None


def record_of(call: Call) -> dict[str, Any]:
    """The canonical record of a call; raises Fault for one without a turn."""
    if not call.history and not call.answers:
        raise Fault("missing_field", call.conversation_id)
    said = [(turn["role"], *_said(turn)) for turn in [*call.history, *call.answers]]
    begun = beginning_in([role for role, *_ in said], 0, min(len(said), len(call.history) + 1))
    conversation_id = call.conversation_id or beginning_of(call.user_id, call.organization_id, said[begun])
    messages: list[dict[str, Any]] = []
    parent, upto = None, Upto.begin(conversation_id)
    if call.system:
        parent = f"{conversation_id}/system"
        text = [{"type": "text", "text": call.system}]
        messages.append({"message_id": parent, "role": "system", "content": text, "sent_at": call.asked_at})
    for number, turn in enumerate(call.history):
        upto = upto.then(*said[number])
        made = _split(turn, upto.name, parent, call.asked_at)
        messages += made
        parent = made[-1]["message_id"] if made else parent
    for number, turn in enumerate(call.answers, len(call.history)):
        messages += _split(turn, upto.then(*said[number]).name, parent, call.answered_at)
    once = {message["message_id"]: message for message in messages}
    note_block(
        MERGED, sum(len(m["content"]) for m in messages) - sum(len(m["content"]) for m in once.values())
    )
    return {
        "conversation_id": conversation_id,
        "user_id": call.user_id,
        "organization_id": call.organization_id,
        "created_at": call.asked_at,
        "messages": list(once.values()),
    }


def moment(value: Any) -> Any:
    """RFC 3339 text of an instant given as text, or as a number since 1970 in s, ms, us or ns."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    unit = _INSTANT_DIGITS.get(len(str(int(value))))
    if unit is None:
        raise Fault("bad_timestamp")
    micros = value * 10**6 // unit if isinstance(value, int) else round(value * 10**6 / unit)
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)).isoformat()


def _split(turn: Turn, name: str, parent: str | None, at: Any) -> list[dict[str, Any]]:
    """The turn as messages in a row: results of tools apart from what somebody says beside them."""
    rest = turn["content"]
    results = [block for block in rest if block["type"] == "tool_result"]
    if results:
        rest = [block for block in rest if block["type"] != "tool_result"]
    messages: list[dict[str, Any]] = []
    if results:
        one: Turn = {"message_id": f"{name}/tool", "role": "tool", "origin": "tool", "content": results}
        messages.append({**one, "parent_id": parent, "sent_at": at})
        parent = f"{name}/tool"
    if rest or not results:
        role = turn["role"]
        origin = {"assistant": "model", "tool": "tool"}.get(role)
        said: Turn = {"message_id": name, "role": role, "content": rest, "parent_id": parent, "sent_at": at}
        messages.append({**said, "origin": origin} if origin else said)
    return messages


def _said(turn: Turn) -> list[str]:
    """What of a turn stays the same when a client sends it again: not its thinking, nor how it is cut."""
    said: list[str] = []
    texts: list[str] = []
    for block in turn["content"]:
        if block["type"] == "text":
            texts.append((block.get("text") or "").strip())
        elif block["type"] == "tool_use":
            said += ["call", str(block.get("id") or ""), str(block.get("name") or "")]
        elif block["type"] == "tool_result":
            said += ["result", str(block.get("tool_use_id") or ""), plain_text(block.get("content"))]
        elif block["type"] != "thinking":
            said.append(block["type"])
    return ["".join(texts), *said]


def plain_text(content: Any) -> str:
    """The texts of what a tool gave, without white space around them."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict)).strip()
    return (
        content.strip() if isinstance(content, str) else msgspec.json.encode(content, order="sorted").decode()
    )
