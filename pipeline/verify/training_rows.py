"""Training rows by themselves: what each says of its own messages, shard by shard."""

from __future__ import annotations

import collections
import datetime as dt
import json
import re
from typing import Any, NamedTuple, get_args

import pyarrow as pa

from pipeline.verify.findings import RowFaults
from pipeline.verify.schema import batches
from pipeline.verify.subject import DAMAGE, Subject
from schemas.records import Role
from transforms.output.counts import months_counted

_KEY = re.compile(r"[0-9a-f]{32}\Z")
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,63}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")
_CALL = re.compile(r"call_[1-9][0-9]{0,8}\Z")
_ROLES = frozenset(get_args(Role))
_CALL_FIELDS = {"type", "id", "function"}


class TrainingRow(NamedTuple):
    """A row without its messages: how many it has, and how many of them are not a tool's."""

    key: str
    user_key: str | None
    surface: str | None
    tier: str | None
    basis: str | None
    policy_id: str | None
    started_on: dt.date | None
    last_active_on: dt.date | None
    retain_until: dt.date | None
    messages: int
    others: int
    has_entities: bool


class Sums:
    """Sums over all training rows, for the manifest and the report."""

    def __init__(self) -> None:
        self.rows = 0
        self.entities: collections.Counter[str] = collections.Counter()
        self.languages: collections.Counter[str | None] = collections.Counter()
        self.months: collections.Counter[str] = collections.Counter()


_PLAIN = (
    "conversation_key", "user_key", "surface", "tier", "basis", "policy_id",
    "started_on", "last_active_on", "retain_until",
)  # fmt: skip


def read_shard(subject: Subject, number: int, faults: RowFaults, sums: Sums) -> list[TrainingRow]:
    """The rows of a shard in their order, without their messages; counts rows with a fault."""
    shards = subject.files("data/")
    path = shards[number].path
    found: list[TrainingRow] = []
    for batch in batches(subject.folder / path):
        sums.rows += batch.num_rows
        sums.languages.update(batch.column("language").to_pylist())
        if not batch.column("retain_until").null_count:
            sums.months.update(dict(months_counted(pa.chunked_array([batch.column("retain_until")]))))
        plain = zip(*(batch.column(name).to_pylist() for name in _PLAIN), strict=True)
        columns = ("language", "turns", "messages", "entities")
        rest = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        for head, (language, turns, messages, entities) in zip(plain, rest, strict=True):
            messages, entities = messages or [], entities or []
            for fault in _faults_of(language, turns, messages, entities):
                faults.add(path, fault)
            sums.entities.update({one["key"] or "": one["value"] or 0 for one in entities if one})
            others = sum(one is None or one["role"] != "tool" for one in messages)
            row = (head[0] or "", *head[1:], len(messages), others, bool(entities))
            found.append(TrainingRow._make(row))
    _check_keys(found, number, len(shards), path, faults)
    return found


def _check_keys(rows: list[TrainingRow], number: int, shards: int, path: str, faults: RowFaults) -> None:
    last = ""
    for row in rows:
        if not _KEY.match(row.key) or (row.user_key is not None and not _KEY.match(row.user_key)):
            faults.add(path, "a key is not 32 hexadecimal digits")
            continue
        if (int(row.key[:8], 16) * shards) >> 32 != number:
            faults.add(path, "belongs to another shard")
        if row.key < last:
            faults.add(path, "is not in order of conversation_key")
        last = row.key


def _faults_of(
    language: str | None, turns: int | None, messages: list[Any], entities: list[Any]
) -> list[str]:
    found = []
    if language is not None and not _LANGUAGE.match(language):
        found.append("its language is no code of a language")
    if not messages or any(one is None for one in messages):
        return [*found, "has no messages, or an empty one"]
    if turns != sum(one["role"] == "user" for one in messages):
        found.append("its turns are not the number of its user messages")
    if any(one["role"] not in _ROLES for one in messages):
        found.append("has a role that is not documented")
    if any(not _is_plain(one) for one in messages):
        found.append("a message has fields that its role does not have")
    if any(one["tool_calls"] is not None and not _are_calls(one["tool_calls"]) for one in messages):
        found.append("its tool calls are not JSON of the documented form")
    types = [str(one["key"]) if one else "" for one in entities]
    if not all(map(_TYPE.match, types)) or types != sorted(set(types)):
        found.append("its entity types are not in order, each once")
    elif any((one["value"] or 0) < 1 for one in entities):
        found.append("an entity count is not positive")
    return found


def _is_plain(message: dict[str, str | None]) -> bool:
    """True if a message has content or tool calls, and the fields of a tool's result only for a tool."""
    if message["content"] is None and message["tool_calls"] is None:
        return False
    call_id = message["tool_call_id"]
    if call_id is not None and not _CALL.match(call_id):
        return False
    return message["role"] == "tool" or (call_id is None and message["name"] is None)


def _are_calls(text: str) -> bool:
    try:
        calls = json.loads(text, parse_constant=_refuse)
    except DAMAGE:
        return False
    return isinstance(calls, list) and bool(calls) and all(_is_call(call) for call in calls)


def _is_call(call: Any) -> bool:
    return (
        isinstance(call, dict)
        and set(call) == _CALL_FIELDS
        and call["type"] == "function"
        and isinstance(call["id"], str)
        and _CALL.match(call["id"]) is not None
        and isinstance(call["function"], dict)
        and set(call["function"]) == {"name", "arguments"}
        and isinstance(call["function"]["name"], str)
    )


def _refuse(_: str) -> Any:
    raise ValueError
