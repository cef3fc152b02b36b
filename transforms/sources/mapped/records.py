"""From a record of an own schema to its session, as the configured fields say."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from schemas.mapped.fields import FieldsConfig
from schemas.mapped.paths import Steps, steps_of
from schemas.records import Block, Defaults, Message, Role, Session
from transforms.sources.chats.columns import content_digest
from transforms.sources.chats.histories import history_ids, only_text
from transforms.sources.decode import checked, readable_id
from transforms.sources.faults import Fault, Field, bad_field
from transforms.sources.json.once import decoded_once
from transforms.sources.mapped import values
from transforms.sources.mapped.messages import NO_TIME, sections
from transforms.sources.mapped.times import instant_of

_IDS = ("conversation_id", "group_by", "user_id", "organization_id", "current_message_id")
_LABELS = ("tier", "surface")
_TIMES = ("created_at", "deleted_at")


class Parsed(NamedTuple):
    """What a record has of a session. `messages` may lack ids and times, and have blocks as mappings."""

    fields: dict[str, Any]
    messages: list[Message]


class Schema:
    """Makes sessions from records of one own schema."""

    def __init__(self, fields: FieldsConfig) -> None:
        self._fields = fields
        self._once: list[tuple[str, Callable[[Any], Any]]] = [*_once(fields)]
        self._json = [(path, steps_of(path)) for path in fields.json_text]
        self._sections = [*sections(fields.messages)]
        self._paths = _canonical_paths(fields)
        self._has_ids = fields.messages[0].message_id is not None
        self._records = values.elements(steps_of(fields.records), fields.records) if fields.records else None

    @property
    def id_path(self) -> str:
        """The path of the conversation id; empty if records have none."""
        found = self._fields.conversation_id or self._fields.group_by
        return (found.path or "") if found else ""

    @property
    def is_list_of_records(self) -> bool:
        """True if an item of a file holds several records."""
        return self._records is not None

    def records_of(self, item: Mapping[str, Any]) -> list[Any]:
        """The records of an item; raises Fault."""
        if self._records is None:
            return [item]
        found = self._records(item)
        if found is None:
            raise Fault("missing_field", None, Field(self._fields.records or "", "missing"))
        return found

    def parsed(self, record: Any) -> Parsed:
        """What the record has of a session; raises Fault."""
        if not isinstance(record, dict):
            raise Fault("not_an_object")
        for path, steps in self._json:
            record = _decoded(record, path, steps)
        found: dict[str, Any] = {}
        try:
            for name, read in self._once:
                found[name] = read(record)
            messages = [] if self._lacks_id(found) else self._messages(record)
        except Fault as fault:
            raise fault.of(readable_id(found.get("conversation_id"))) from None
        if self._lacks_id(found):
            kind = "missing" if found["conversation_id"] is None else "text"
            raise Fault("missing_field", None, Field(self.id_path, kind))
        return Parsed(found, messages)

    def _lacks_id(self, found: Mapping[str, Any]) -> bool:
        return bool(self.id_path) and not (found["conversation_id"] or "").strip()

    def _messages(self, record: Any) -> list[Message]:
        return [message for section in self._sections for message in section(record)]

    def finished(self, parsed: Parsed, defaults: Defaults, max_messages: int) -> Session:
        """The session of a record or group, its times and ids filled in; raises Fault."""
        fields, messages = parsed
        conversation_id: str | None = fields.get("conversation_id")
        try:
            session = self._session(fields, messages, defaults)
            conversation_id = session.conversation_id
            return checked(session, max_messages)
        except UnicodeEncodeError:
            raise Fault("invalid_unicode", conversation_id) from None
        except Fault as fault:
            raise self._renamed(fault).of(conversation_id) from None

    def _session(self, fields: Mapping[str, Any], messages: list[Message], defaults: Defaults) -> Session:
        created_at = fields.get("created_at")
        fallback = created_at or defaults.created_at
        for message in messages:
            if message.sent_at is NO_TIME:
                message.sent_at = self._time(fallback, "sent_at")
        created_at = created_at or min((message.sent_at for message in messages), default=fallback)
        conversation_id = fields.get("conversation_id")
        if not self._has_ids or conversation_id is None:
            turns = [{"role": message.role, "content": message.content} for message in messages]
            if not self._has_ids:
                ids = [*history_ids(turns)]
                for message, own in zip(messages, ids, strict=True):
                    message.message_id = own
            if conversation_id is None:
                conversation_id = _digest(fields.get("user_id"), turns)
                for before, message in itertools.pairwise(messages):
                    message.parent_id = message.parent_id or before.message_id
        for message in messages:
            if message.content.__class__ is list:
                message.content = self._blocks(message.content)
        return Session(
            conversation_id,
            self._time(created_at, "created_at"),
            messages,
            fields.get("user_id"),
            fields.get("organization_id"),
            fields.get("tier"),
            fields.get("surface"),
            fields.get("deleted_at"),
            fields.get("current_message_id"),
            fields.get("incognito"),
        )

    def _time(self, found: dt.datetime | None, name: str) -> dt.datetime:
        if found is None:
            path = self._paths.get(f"messages[].{name}") or self._paths.get(name) or "created_at"
            raise Fault("missing_field", None, Field(path, "missing"))
        return found

    def _blocks(self, content: Any) -> list[Block]:
        try:
            return msgspec.convert(content, list[Block])
        except msgspec.ValidationError:
            raise bad_field("messages[].content", content) from None

    def _renamed(self, fault: Fault) -> Fault:
        """The fault with the own schema's path in place of the canonical one."""
        if fault.field is not None:
            name, kind = fault.field
            for canonical, path in self._paths.items():
                if name == canonical or name.startswith(f"{canonical}["):
                    fault.field = Field(path + name.removeprefix(canonical), kind)
        return fault


@functools.lru_cache(64)
def _compiled(encoded: str) -> Schema:
    return Schema(FieldsConfig.model_validate_json(encoded))


def schema_of(fields: FieldsConfig) -> Schema:
    """The schema of the configured fields, compiled once per process."""
    return _compiled(fields.model_dump_json())


def _once(fields: FieldsConfig) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for name in (*_IDS, *_LABELS):
        if (config := getattr(fields, name)) is not None:
            yield "conversation_id" if name == "group_by" else name, _from_record(config, values.text(config))
    for name in _TIMES:
        if (time := getattr(fields, name)) is not None:
            yield name, _from_record(time, instant_of(time))
    if fields.incognito is not None:
        yield "incognito", _from_record(fields.incognito, values.flag(fields.incognito))


def _from_record(config: Any, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    constant = getattr(config, "constant", None)
    if constant is not None:
        made = change(constant)
        return lambda record: made  # noqa: ARG005 - the same for every record
    read = values.at(steps_of(config.path), config.path)
    return lambda record: change(read(record))


def _canonical_paths(fields: FieldsConfig) -> dict[str, str]:
    """Paths of the own schema by the canonical names that checks use."""
    found = {
        "conversation_id" if name == "group_by" else name: config.path
        for name in (*_IDS, *_LABELS, *_TIMES)
        if (config := getattr(fields, name)) is not None and config.path
    }
    for entry in fields.messages:
        for name in ("message_id", "role", "sent_at", "content"):
            config = getattr(entry, name)
            if config is not None and config.path:
                found.setdefault(f"messages[].{name}", config.path)
    return found


def _decoded(record: Mapping[str, Any], path: str, steps: Steps) -> dict[str, Any]:
    """The record with the JSON of a text field in place of the text."""
    first, rest = steps[0], steps[1:]
    copy: Any = dict(record) if record.__class__ is dict else record.copy()  # type: ignore[attr-defined]
    value = record.get(first) if isinstance(first, str) else None
    if value is None:
        return copy  # type: ignore[no-any-return]
    if rest:
        if not isinstance(value, dict):
            raise bad_field(path, value)
        copy[first] = _decoded(value, path, rest)
        return copy  # type: ignore[no-any-return]
    if isinstance(value, str):
        try:
            copy[first] = decoded_once(value, path)
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
            raise bad_field(path, value) from None
    return copy  # type: ignore[no-any-return]


def _digest(user_id: str | None, turns: Sequence[dict[str, Any]]) -> str:
    whole: list[tuple[Role, Any]] = [(turn["role"], only_text(turn["content"])) for turn in turns]
    return content_digest([("user", user_id or ""), *whole])
