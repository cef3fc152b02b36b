"""The messages of a record of an own schema, as the entries of `fields.messages` say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from schemas.mapped.fields import MessageConfig
from schemas.mapped.paths import EACH, Steps
from schemas.mapped.values import FieldConfig
from schemas.records import Message, Role
from transforms.sources.faults import Fault, Field
from transforms.sources.mapped import values
from transforms.sources.mapped.contents import turn_of
from transforms.sources.mapped.times import instant_of

#: The time of a message before it is known; `Schema.finished` replaces it.
NO_TIME: Any = None
_PLAIN_ROLES = frozenset({"user", "assistant", "system"})
_NO_ID = ""
#: Reads the value of a message from an element of its list and the record.
_Reader = Callable[[Any, Any], Any]


def sections(entries: Sequence[MessageConfig]) -> Iterator[Callable[[Any], Iterable[Message]]]:
    """For each run of entries over one list, what makes the messages of a record from it."""
    run: list[MessageConfig] = []
    for entry in [*entries, None]:
        if run and (entry is None or entry.each != run[0].each or not entry.each):
            yield _section(run, is_only=len(run) == len(entries))
            run = []
        if entry is not None:
            run.append(entry)


def _section(entries: Sequence[MessageConfig], *, is_only: bool) -> Callable[[Any], Iterable[Message]]:
    each = entries[0].each
    made = [_message(entry, each, keeps_empty=is_only and len(entries) == 1) for entry in entries]
    if not each:
        return lambda record: [message for make in made if (message := make(record, record, 0)) is not None]
    path = values.list_path(each)
    listed = values.elements(each, path)

    def messages(record: Any) -> Iterable[Message]:
        found = listed(record)
        if found is None:
            if is_only:
                raise Fault("missing_field", None, Field(path, "missing"))
            return []
        return [
            message
            for place, element in enumerate(found)
            for make in made
            if (message := make(element, record, place)) is not None
        ]

    return messages


def _message(
    config: MessageConfig, each: Steps, *, keeps_empty: bool
) -> Callable[[Any, Any, int], Message | None]:
    """Makes the message of an element; None for one that is left out."""
    role_of = _role(config, each)
    content_path = config.content.path
    content_of = _reader(content_path, each)
    sent_of = config.sent_at and _read(config.sent_at.path, each, instant_of(config.sent_at))
    id_of = config.message_id and _text(config.message_id, each)
    more = [
        (name, _text(field, each))
        for name in ("parent_id", "thread")
        if (field := getattr(config, name)) is not None
    ]
    if config.origin is not None:
        more.append(("origin", _text(config.origin, each, values.origin)))
    thinking_of, calls_of = _value(config.thinking, each), _value(config.tool_calls, each)
    call_id_of = config.tool_call_id and _text(config.tool_call_id, each)
    is_plain = not (thinking_of or calls_of or call_id_of)

    def make(element: Any, record: Any, place: int) -> Message | None:
        role = role_of(element, record, place)
        if role is None:
            return None
        content = content_of(element, record)
        calls = calls_of(element, record) if calls_of else None
        if content is None and calls is None and not keeps_empty:
            return None
        if not is_plain or role not in _PLAIN_ROLES or not isinstance(content, str | None):
            thinking = thinking_of(element, record) if thinking_of else None
            call_id = call_id_of(element, record) if call_id_of else None
            role, content = turn_of(role, content, content_path, thinking, calls, call_id)
        message = Message(_NO_ID, role, sent_of(element, record) if sent_of else NO_TIME, content)
        if id_of:
            message.message_id = id_of(element, record) or _NO_ID
        for name, read in more:
            setattr(message, name, read(element, record))
        return message

    return make


def _role(config: MessageConfig, each: Steps) -> Callable[[Any, Any, int], Role | None]:
    role = config.role
    if role.constant is not None:
        constant = role.constant
        return lambda element, record, place: constant  # noqa: ARG005 - the same for every message
    if role.alternate is not None:
        turns = role.alternate
        return lambda element, record, place: turns[place % len(turns)]  # noqa: ARG005
    read = _read(role.path or "", each, values.role(role))
    return lambda element, record, place: read(element, record)  # noqa: ARG005


def _reader(path: str, each: Steps) -> _Reader:
    inside, steps = values.below(path, each)
    several = EACH in steps
    read = values.elements(steps, path) if several and steps[-1] is EACH else None
    if several and read is None:
        last = len(steps) - 1 - steps[::-1].index(EACH)
        listed, rest = values.elements(steps[: last + 1], path), values.at(steps[last + 1 :], path)

        def read(value: Any) -> Any:
            found = listed(value)
            return None if found is None else [rest(each) for each in found]

    read = read or values.at(steps, path)
    return (lambda element, record: read(element)) if inside else (lambda element, record: read(record))  # noqa: ARG005


def _read(path: str, each: Steps, change: Callable[[Any], Any]) -> _Reader:
    read = _reader(path, each)
    return lambda element, record: change(read(element, record))


def _text(
    config: FieldConfig, each: Steps, change: Callable[[FieldConfig], Callable[[Any], Any]] = values.text
) -> _Reader:
    of_value = change(config)
    if config.constant is not None:
        made = of_value(config.constant)
        return lambda element, record: made  # noqa: ARG005 - the same for every message
    return _read(config.path or "", each, of_value)


def _value(config: Any, each: Steps) -> _Reader | None:
    return None if config is None else _reader(config.path, each)
