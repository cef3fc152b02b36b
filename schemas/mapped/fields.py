"""The key `fields` of an input of format `mapped`: where an own schema has what a session needs."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Annotated, Any, Literal, Self

import pydantic

from schemas.mapped.paths import ListPath, Path, RecordPath, Steps, lists_of, steps_of
from schemas.strict_yaml import StrictModel

ROLES = ("system", "user", "assistant", "tool")
#: Tiers and surfaces of the policies, as canonical records name them.
TIERS = ("free", "pro", "max", "team", "enterprise", "gov", "education")
SURFACES = ("chat", "code", "api", "bedrock", "vertex")
LABELS = frozenset({*TIERS, *SURFACES})
_TIME_OF_DAY = re.compile(r"%[HIcXfs]")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)\Z")
#: Fields of a message that may have the value of the whole record.
_OF_MESSAGE = (
    "role", "content", "sent_at", "message_id", "parent_id", "origin", "thread",
    "thinking", "tool_calls", "tool_call_id",
)  # fmt: skip


def _from_path(value: Any) -> Any:
    if value is None or isinstance(value, str | dict | pydantic.BaseModel):
        return {"path": value} if isinstance(value, str) else value
    raise ValueError("expected a path such as meta.user.id, or a mapping with path")


def _role_or_path(value: Any) -> Any:
    return {"constant": value} if isinstance(value, str) and value in ROLES else _from_path(value)


def _label_or_path(value: Any) -> Any:
    if isinstance(value, str) and value in LABELS:
        raise ValueError(
            f"{value} could be a value or a field; write {{constant: {value}}}, or {{path: {value}}} for a "
            "field of this name"
        )
    return _from_path(value)


def zone_of(name: str) -> dt.tzinfo:
    """The time zone with this name, or this offset such as +02:00; ValueError for another text."""
    if found := _OFFSET.match(name):
        minutes = int(found[2]) * 60 + int(found[3])
        return dt.timezone(dt.timedelta(minutes=minutes if found[1] == "+" else -minutes))
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; expected a name such as Europe/Berlin, UTC or +02:00") from None


class FieldConfig(StrictModel):
    """A text: the value at `path`, or the same `constant` for all records.

    `values`: by value in the log, what it means; numbers and booleans are matched as JSON writes them. A
    value that is not listed stays as it is.
    """

    path: Path | None = None
    constant: str | None = pydantic.Field(default=None, min_length=1)
    values: dict[str, str] = pydantic.Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.path is None) == (self.constant is None):
            raise ValueError("expected either path or constant")
        if self.constant is not None and self.values:
            raise ValueError("values needs a path")
        return self


class OnceConfig(FieldConfig):
    """A text that a record has once."""

    path: RecordPath | None = None


class RoleConfig(StrictModel):
    """The role of a message: at `path`, a `constant`, or `alternate`, the roles of the messages in turn.

    Known words such as human, bot and ai need no entry in `values`, whatever their case. null leaves the
    messages with this value out.
    """

    path: Path | None = None
    constant: Literal["system", "user", "assistant", "tool"] | None = None
    alternate: list[Literal["system", "user", "assistant", "tool"]] | None = pydantic.Field(
        default=None, min_length=1
    )
    values: dict[str, Literal["system", "user", "assistant", "tool"] | None] = pydantic.Field(
        default_factory=dict
    )

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> Self:
        if [self.path, self.constant, self.alternate].count(None) != 2:
            raise ValueError("expected one of path, constant and alternate")
        if self.path is None and self.values:
            raise ValueError("values needs a path")
        return self


class TimeConfig(StrictModel):
    """An instant at `path`: RFC 3339 text with an offset, or a time of Parquet.

    `unit`: of numbers since 1970. `zone`: of times without an offset. `format`: of other texts, as strptime
    takes it.
    """

    path: Path
    unit: Literal["s", "ms", "us", "ns"] | None = None
    zone: str | None = None
    format: str | None = None

    @pydantic.field_validator("zone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            zone_of(value)
        return value

    @pydantic.field_validator("format")
    @classmethod
    def _has_time(cls, value: str | None) -> str | None:
        if value is not None and not _TIME_OF_DAY.search(value):
            raise ValueError('has no time of day; expected a format such as "%d.%m.%Y %H:%M"')
        return value

    @pydantic.model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.unit and (self.zone or self.format):
            raise ValueError("unit excludes zone and format: numbers since 1970 are in UTC")
        if self.format and "%z" not in self.format and not self.zone:
            raise ValueError("format without %z needs a zone such as Europe/Berlin or UTC")
        return self


class OnceTimeConfig(TimeConfig):
    """An instant that a record has once."""

    path: RecordPath


class PathConfig(StrictModel):
    """A value of any type at `path`."""

    path: Path


def _before(shorter: Any, model: type[StrictModel]) -> pydantic.BeforeValidator:
    """Accepts the path of a field in place of its mapping, also in the JSON Schema."""
    return pydantic.BeforeValidator(shorter, json_schema_input_type=model | str)


Text = Annotated[FieldConfig, _before(_from_path, FieldConfig)]
Once = Annotated[OnceConfig, _before(_from_path, OnceConfig)]
Label = Annotated[OnceConfig, _before(_label_or_path, OnceConfig)]
Time = Annotated[TimeConfig, _before(_from_path, TimeConfig)]
OnceTime = Annotated[OnceTimeConfig, _before(_from_path, OnceTimeConfig)]
Value = Annotated[PathConfig, _before(_from_path, PathConfig)]
Role = Annotated[RoleConfig, _before(_role_or_path, RoleConfig)]


class MessageConfig(StrictModel):
    """The messages of a list of the record, or one message of the record if no path has `[]`.

    `content`: text, a list of texts, or blocks in the form of the canonical, OpenAI or Anthropic format.
    Default of `sent_at`: `created_at`; of `message_id`: a digest of the messages up to this one.
    """

    role: Role
    content: Value
    sent_at: Time | None = None
    message_id: Text | None = None
    parent_id: Text | None = None
    origin: Text | None = None
    thread: Text | None = None
    thinking: Value | None = None
    tool_calls: Value | None = None
    tool_call_id: Text | None = None

    @property
    def each(self) -> Steps:
        """The list whose elements are the messages, as steps that end with EACH; empty for one message.

        It is the innermost list that all paths with `[]` are in; the outermost if that is content alone and
        the role is constant, since the other lists then have its parts.
        """
        paths = [path for name in _OF_MESSAGE if (path := _path_in(getattr(self, name)))]
        lists = [found for path in paths if (found := lists_of(steps_of(path)))]
        common = [each for each in (lists[0] if lists else ()) if all(each in some for some in lists)]
        if len(lists) == 1 and self.role.constant is not None:
            return common[0]
        return common[-1] if common else ()

    @pydantic.model_validator(mode="after")
    def _one_list(self) -> Self:
        each = self.each
        for name in _OF_MESSAGE:
            path = _path_in(getattr(self, name))
            found: list[Steps] = lists_of(steps_of(path)) if path else []
            if found and not each:
                raise ValueError(f"{name}: {path} is in another list than the paths before; use one list")
            if found and found[-1] != each and name not in ("content", "thinking"):
                raise ValueError(f"{name}: {path} has several values for a message; only content may")
        if isinstance(self.role.alternate, list) and not each:
            raise ValueError("role: alternate needs a list, such as content: turns[]")
        if self.parent_id and not self.message_id:
            raise ValueError("parent_id needs message_id")
        return self


def _path_in(field: Any) -> str | None:
    path: str | None = getattr(field, "path", None)
    return path


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


Messages = Annotated[
    list[MessageConfig],
    pydantic.Field(min_length=1),
    pydantic.BeforeValidator(_as_list, json_schema_input_type=list[MessageConfig] | MessageConfig),
]


class FieldsConfig(StrictModel):
    """Where the records of an own schema have the fields of a session.

    `conversation_id`: default is a digest of user and messages; a record that repeats the history of another
    one then becomes part of it. `group_by` instead: the records of a file with the same value are one
    session, by time and else in the order of the file. Default of `created_at`: the earliest message.
    `records`: the list in each item of the file that has the records, such as `data[]`; all other paths begin
    in a record. `json_text`: fields whose text is JSON; paths may continue into them. Several entries of
    `messages` over one list give the messages of each element in turn. A message without content is left out,
    unless there is one entry only.
    """

    conversation_id: Once | None = None
    group_by: Once | None = None
    user_id: Once | None = None
    organization_id: Once | None = None
    tier: Label | None = None
    surface: Label | None = None
    created_at: OnceTime | None = None
    deleted_at: OnceTime | None = None
    incognito: Once | None = None
    current_message_id: Once | None = None
    records: ListPath | None = None
    json_text: list[RecordPath] = pydantic.Field(default_factory=list)
    messages: Messages

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.conversation_id and self.group_by:
            raise ValueError("conversation_id and group_by exclude each other; group_by is also the id")
        for name in ("conversation_id", "group_by"):
            field = getattr(self, name)
            if field is not None and field.path is None:
                raise ValueError(f"{name}: a constant would make one session of all records; give a path")
        if self.current_message_id and not all(each.message_id for each in self.messages):
            raise ValueError("current_message_id needs message_id")
        own = {each.message_id is None for each in self.messages}
        if len(own) > 1:
            raise ValueError("messages: give message_id for all entries or for none")
        return self
