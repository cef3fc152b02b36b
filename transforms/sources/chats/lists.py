"""Lists of turns without message ids and times: ShareGPT, and chat fine-tuning files.

One record per line, or one array. The id of a record without one is a digest of its content, so a record that
occurs twice is one conversation. All times are `defaults.created_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from schemas.records import Defaults
from transforms.sources.accounting import MERGED, dropped, note_block
from transforms.sources.chats.columns import (
    ROLES,
    OpenaiRecord,
    SharegptRecord,
    arguments_of,
    content_digest,
    json_value,
    openai_columns,
    sharegpt_columns,
)
from transforms.sources.chats.histories import history_ids, only_text
from transforms.sources.decode import unreadable_json
from transforms.sources.faults import Fault, bad_field, no_field, value_of
from transforms.sources.json.item_source import ColumnResult, JsonItemSource
from transforms.sources.json.once import decoded_once, opaque
from transforms.sources.record_file import Record, record_or_fault

Turns = list[dict[str, Any]]
#: Words for roles in lists of turns, in lower case.
SPEAKERS = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(
        ("gpt", "chatgpt", "assistant", "model", "ai", "bot", "bing", "bard", "claude"), "assistant"
    ),
    "system": "system",
    "function_call": "assistant",
    **dict.fromkeys(("observation", "tool", "function", "function_response"), "tool"),
}
#: The fields of most tool results; such a turn is converted directly.
_PLAIN_RESULT = frozenset({"role", "content", "tool_call_id", "name"})


class ChatLists[T](JsonItemSource[T]):
    """Records with lists of turns; `turns_of` gives their canonical messages or raises Fault.

    `kind`: the type of well-formed records; `columns` gives their sessions by column.
    """

    over_lines = False
    one_record_per_item = True

    def __init__(
        self,
        turns_of: Callable[[dict[str, Any]], Turns],
        kind: type[T],
        columns: Callable[[Sequence[T], Defaults], ColumnResult],
    ) -> None:
        super().__init__(kind)
        self._turns_of = turns_of
        self._columns = columns

    def records_of(self, data: bytes | None) -> Iterator[Record]:
        """The one record of the item."""
        yield record_or_fault(self._record, data)

    def columns_of(self, items: Sequence[T], defaults: Defaults) -> ColumnResult:
        """The sessions of well-formed records."""
        return self._columns(items, defaults)

    def _record(self, data: bytes | None) -> dict[str, Any]:
        if data is None:
            raise Fault("oversize_record")
        try:
            item = decoded_once(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise unreadable_json(data) from None
        if not isinstance(item, dict):
            raise Fault("not_an_object")
        turns = self._turns_of(item)
        name = "id" if item.get("id") else "conversation_id"
        named = item.get(name)
        if not isinstance(named, str | int | None) or isinstance(named, bool):
            raise bad_field(name, named)
        user = item.get("user_id")
        if not isinstance(user, str | None):
            # `defaults.user_id` may be another person.
            raise bad_field("user_id", user)
        return {
            "conversation_id": _digest(turns) if named is None else str(named),
            "messages": _messages(turns),
            "user_id": user,
        }


def sharegpt_turns(item: dict[str, Any]) -> Turns:
    """The turns of a ShareGPT record: `conversations` of `from` and `value`, or of `role` and `content`."""
    turns: Turns = []
    if isinstance(item.get("system"), str) and item["system"]:
        turns.append({"role": "system", "content": item["system"]})
    for number, turn in enumerate(_listed(item, "conversations")):
        if "from" not in turn and "role" in turn:
            named = turn if "content" in turn or "value" not in turn else {**turn, "content": turn["value"]}
            turns.append(openai_turn(named, "conversations[]", SPEAKERS | ROLES))
            continue
        written = "content" if "value" not in turn and "content" in turn else "value"
        speaker, value = _text(turn, "from", "conversations[]"), _text(turn, written, "conversations[]")
        role = SPEAKERS.get(speaker.lower())
        if role is None:
            raise bad_field("conversations[].from", speaker)
        content: Any = value
        if speaker == "function_call":
            content = _called(value, str(number))
        elif role == "tool":
            content = [{"type": "tool_result", "tool_use_id": str(number - 1), "content": value}]
        turns.append({"role": role, "content": content})
    return turns


def openai_turns(item: dict[str, Any]) -> Turns:
    """The turns of a chat fine-tuning record: `messages` of `role`, `content` and `tool_calls`."""
    return [openai_turn(turn, "messages[]", SPEAKERS | ROLES) for turn in _listed(item, "messages")]


def openai_turn(turn: dict[str, Any], path: str, roles: Mapping[str, str]) -> dict[str, Any]:
    """The canonical message of a turn at this path of the record; raises Fault."""
    given = _text(turn, "role", path)
    role = roles.get(given.lower())
    if role is None:
        raise bad_field(f"{path}.role", given)
    content = turn.get("content")
    if role == "tool" and isinstance(content, str) and turn.keys() <= _PLAIN_RESULT:
        result = {"type": "tool_result", "tool_use_id": turn.get("tool_call_id"), "content": content}
        return {"role": role, "content": [result]}
    try:
        blocks = _contents(turn, role)
    except Fault as fault:
        raise fault.within(path) from None
    is_result = role == "user" and blocks and all(block["type"] == "tool_result" for block in blocks)
    return {"role": "tool" if is_result else role, "content": blocks}


def _contents(turn: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """The blocks of a turn; of a tool's turn, its result."""
    blocks = _parts(turn.get("content"))
    if "reasoning_content" in turn:
        blocks = [*_thinking(turn), *blocks]
    if "tool_calls" in turn or "function_call" in turn:
        blocks += _calls(turn)
    if isinstance(turn.get("refusal"), str):
        blocks.append({"type": "text", "text": turn["refusal"]})
    if role != "tool" or (blocks and all(block["type"] == "tool_result" for block in blocks)):
        return blocks
    text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
    note_block(MERGED, sum(block["type"] == "text" for block in blocks) - 1)
    note_block(dropped("no_text_in_a_result"), sum(block["type"] != "text" for block in blocks))
    return [{"type": "tool_result", "tool_use_id": turn.get("tool_call_id"), "content": text}]


SHAREGPT = ChatLists(sharegpt_turns, SharegptRecord, sharegpt_columns)
OPENAI_MESSAGES = ChatLists(openai_turns, OpenaiRecord, openai_columns)


def _listed(item: dict[str, Any], name: str) -> list[dict[str, Any]]:
    turns = item.get(name)
    if turns is None:
        raise no_field(item, name)
    if not isinstance(turns, list):
        raise bad_field(name, turns)
    for turn in turns:
        if not isinstance(turn, dict):
            raise bad_field(f"{name}[]", turn)
    return turns


def _text(turn: dict[str, Any], name: str, path: str) -> str:
    value = turn.get(name)
    if value is None:
        raise no_field(turn, name, f"{path}.{name}")
    if not isinstance(value, str):
        raise bad_field(f"{path}.{name}", value)
    return value


def _parts(content: Any) -> list[dict[str, Any]]:
    """The blocks of a content; of parts without text only the type is read."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise bad_field("content", content)
    blocks = []
    for part in content:
        if not isinstance(part, dict):
            raise bad_field("content[]", part)
        kind = part.get("type")
        if not isinstance(kind, str):
            raise value_of(part, "type").within("content[]")
        value = part.get("value")
        if kind in ("tool_use", "tool_result"):
            blocks.append(_tool_part(part, kind))
        elif isinstance(part.get("text"), str):
            blocks.append({"type": "text", "text": part["text"]})
        elif isinstance(value, str) and kind in ("text", "reasoning", "tool_call"):
            blocks += _valued(kind, value)
        else:
            blocks.append({"type": "image" if kind == "image_url" else kind})
    return blocks


def _tool_part(part: dict[str, Any], kind: str) -> dict[str, Any]:
    """A tool call or result in the form of the Anthropic API; of a result, its texts."""
    name = "id" if kind == "tool_use" else "tool_use_id"
    call_id = part.get(name) if isinstance(part.get(name), str) else None
    if kind == "tool_use":
        tool = part.get("name") if isinstance(part.get("name"), str) else None
        return {"type": kind, "id": call_id, "name": tool, "input": part.get("input")}
    texts = [block["text"] for block in _parts(part.get("content")) if block["type"] == "text"]
    note_block(MERGED, max(0, len(texts) - 1))
    return {"type": kind, "tool_use_id": call_id, "content": "\n".join(texts)}


def _valued(kind: str, value: str) -> list[dict[str, Any]]:
    """The blocks of a part in the form of LLaMA-Factory, with its content in `value`."""
    if kind == "tool_call":
        return _called(value, None)
    return [{"type": "text", "text": value} if kind == "text" else {"type": "thinking", "thinking": value}]


def _called(text: str, call_id: str | None) -> list[dict[str, Any]]:
    """The tool calls in a text: a JSON object with name and arguments, or a list of such objects.

    Any other text is the input of one call. The first call gets the id: results do not name their call.
    """
    found = json_value(text)
    calls = found if isinstance(found, list) and found else [found]
    if not all(isinstance(call, dict) for call in calls):
        calls = [{}]
    blocks = []
    for number, call in enumerate(calls):
        name = call.get("name")
        block = {"type": "tool_use", "name": name if isinstance(name, str) else None}
        blocks.append({**block, "id": None if number else call_id, "input": call.get("arguments", text)})
    return blocks


def _thinking(turn: dict[str, Any]) -> list[dict[str, Any]]:
    thought = turn.get("reasoning_content")
    return [{"type": "thinking", "thinking": thought}] if isinstance(thought, str) and thought else []


def _calls(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Tool calls, in the current form and in the older form with a single function."""
    calls = turn.get("tool_calls") or []
    if not isinstance(calls, list):
        raise bad_field("tool_calls", calls)
    if isinstance(turn.get("function_call"), dict):
        calls = [*calls, {"id": None, "function": turn["function_call"]}]
    blocks = []
    for call in calls:
        if not isinstance(call, dict):
            raise bad_field("tool_calls[]", call)
        function = call.get("function")
        if not isinstance(function, dict):
            raise value_of(call, "function").within("tool_calls[]")
        if not isinstance(call.get("id"), str | None):
            raise bad_field("tool_calls[].id", call["id"])
        name, arguments = function.get("name"), function.get("arguments")
        if not isinstance(name, str | None):
            raise bad_field("tool_calls[].function.name", name)
        blocks.append(
            {"type": "tool_use", "id": call.get("id"), "name": name, "input": opaque(arguments_of(arguments))}
        )
    return blocks


def _messages(turns: Turns) -> list[dict[str, Any]]:
    """The turns with their ids, each as the child of the one before."""
    ids = [*history_ids(turns)]
    parents = [None, *ids]
    return [
        {"message_id": own, "parent_id": parent, **turn}
        for own, parent, turn in zip(ids, parents, turns, strict=False)
    ]


def _digest(turns: Turns) -> str:
    return content_digest([(turn["role"], only_text(turn["content"])) for turn in turns])
