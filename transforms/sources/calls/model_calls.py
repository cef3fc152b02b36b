"""Model calls, each with the whole history before it, to canonical records.

Calls have no message ids, and mostly no conversation id, so both are digests of the content. A message id
covers all turns up to the message: copies of a message in later calls have the same id, and histories that
differ from some turn on are branches. A conversation id covers the owner and the turns up to the first
answer, because many conversations begin with the same prompt but few get the same answer. Records of one
conversation are merged by these ids later; a message then has the earliest time of its copies.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from transforms.sources.accounting import MERGED, note_block
from transforms.sources.calls.message_ids import PrefixHash, conversation_digest, up_to_first_answer
from transforms.sources.faults import Fault, Field, bad_field

Turn = dict[str, Any]
#: More digits than any instant has; Python converts at most 4,300.
_MOST_DIGITS = 40
_INSTANT_DIGITS = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}


_REMINDER = "<system-reminder>"
_REMINDERS = re.compile(rf"\s*(?:{_REMINDER}.*?</system-reminder>\s*)+\Z", re.DOTALL)


class Call(NamedTuple):
    """One model call: system prompt, history, answers and times.

    A turn has `role` and `content`, a list of canonical blocks. `answers` are alternatives; a failed call has
    none. `asked_at` and `answered_at` are RFC 3339 text or None.
    """

    system: str | None
    history: Sequence[Turn]
    answers: Sequence[Turn]
    asked_at: Any
    answered_at: Any
    user_id: str | None = None
    organization_id: str | None = None
    conversation_id: str | None = None
    turns_field: str = "request.messages"


def record_of(call: Call) -> dict[str, Any]:
    """The canonical record of a call; raises Fault for one without a turn."""
    if not call.history and not call.answers:
        raise Fault("missing_field", call.conversation_id, Field(call.turns_field, "list"))
    turns = [(turn["role"], *_stable_content(turn)) for turn in [*call.history, *call.answers]]
    first = up_to_first_answer([role for role, *_ in turns], 0, min(len(turns), len(call.history) + 1))
    conversation_id = call.conversation_id or conversation_digest(
        call.user_id, call.organization_id, turns[first]
    )
    messages: list[dict[str, Any]] = []
    parent, prefix = None, PrefixHash.begin(conversation_id)
    if call.system:
        parent = f"{conversation_id}/system"
        text = [{"type": "text", "text": call.system}]
        messages.append({"message_id": parent, "role": "system", "content": text, "sent_at": call.asked_at})
    for number, turn in enumerate(call.history):
        prefix = prefix.then(*turns[number])
        made = _split(turn, prefix.message_id, parent, call.asked_at)
        messages += made
        parent = made[-1]["message_id"] if made else parent
    for number, turn in enumerate(call.answers, len(call.history)):
        messages += _split(turn, prefix.then(*turns[number]).message_id, parent, call.answered_at)
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


def instant_text(value: Any, name: str) -> Any:
    """RFC 3339 text of a number of s, ms, us or ns since 1970; any other value unchanged.

    Raises Fault for another number in the field of this name.
    """
    given = value
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:_MOST_DIGITS])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    unit = _INSTANT_DIGITS.get(len(str(int(value))))
    if unit is None:
        raise bad_field(name, given, "bad_timestamp")
    micros = value * 10**6 // unit if isinstance(value, int) else round(value * 10**6 / unit)
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)).isoformat()


def _split(turn: Turn, message_id: str, parent: str | None, at: Any) -> list[dict[str, Any]]:
    """The turn as one message, or as two: tool results, then the other content as their child.

    Results in an answer are of tools that ran on the server; they divide the answer where they are.
    """
    rest = turn["content"]
    results = [block for block in rest if _is_result(block)]
    messages: list[dict[str, Any]] = []
    if results and turn["role"] == "assistant":
        groups = [[*group] for _, group in itertools.groupby(rest, _is_result)]
        for number, group in enumerate(groups[:-1], 1):
            messages += _split(
                {**turn, "role": _role_of(group), "content": group}, f"{message_id}/{number}", parent, at
            )
            parent = messages[-1]["message_id"]
        turn = {**turn, "role": _role_of(groups[-1])}
        rest = groups[-1]
        results = rest if turn["role"] == "tool" else []
    if results:
        rest = [block for block in rest if not _is_result(block)]
    if results:
        one: Turn = {"message_id": f"{message_id}/tool", "role": "tool", "origin": "tool", "content": results}
        messages.append({**one, "parent_id": parent, "sent_at": at})
        parent = f"{message_id}/tool"
    if rest or not results:
        role = turn["role"]
        origin = {"assistant": "model", "tool": "tool"}.get(role)
        if role == "user" and is_reminder("".join(b.get("text") or "" for b in rest if b["type"] == "text")):
            origin = "harness"
        message: Turn = {"message_id": message_id, "role": role, "content": rest}
        message |= {"parent_id": parent, "sent_at": at}
        messages.append({**message, "origin": origin} if origin else message)
    return messages


def is_reminder(text: str) -> bool:
    """True for a text with nothing but reminders that a coding tool adds under role user."""
    return _REMINDER in text and bool(_REMINDERS.match(text))


def _is_result(block: Turn) -> bool:
    return bool(block["type"] == "tool_result")


def _role_of(group: list[Turn]) -> str:
    return "tool" if _is_result(group[0]) else "assistant"


def _stable_content(turn: Turn) -> list[str]:
    """The content that is equal when a client sends the turn again: without thoughts and block boundaries."""
    content: list[str] = []
    texts: list[str] = []
    for block in turn["content"]:
        if block["type"] == "text":
            texts.append((block.get("text") or "").strip())
        elif block["type"] == "tool_use":
            content += ["call", str(block.get("id") or ""), str(block.get("name") or "")]
        elif block["type"] == "tool_result":
            content += ["result", str(block.get("tool_use_id") or ""), plain_text(block.get("content"))]
        elif block["type"] != "thinking":
            content.append(block["type"])
    return ["".join(texts), *content]


def plain_text(content: Any) -> str:
    """The texts of a tool result, without white space around them."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict)).strip()
    return (
        content.strip() if isinstance(content, str) else msgspec.json.encode(content, order="sorted").decode()
    )
