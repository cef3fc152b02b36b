"""The key `fields` of an input of format `mapped`: where an own schema has what a session needs."""

from __future__ import annotations

from typing import Annotated, Any, Self

import pydantic

from schemas.mapped.paths import ListPath, RecordPath, Steps, lists_of, steps_of
from schemas.mapped.values import Label, Once, OnceTime, Role, Text, Time, Value
from schemas.strict_yaml import StrictModel

#: Fields of a message that may have the value of the whole record.
_OF_MESSAGE = (
    "role", "content", "sent_at", "message_id", "parent_id", "origin", "thread",
    "thinking", "tool_calls", "tool_call_id",
)  # fmt: skip


class MessageConfig(StrictModel):
    """The messages of a list of the record, or one message of the record if no path has `[]`."""

    role: Role = pydantic.Field(
        description="The role: a path, one of system, user, assistant and tool, or a mapping.",
        examples=["turns[].speaker"],
    )
    content: Value = pydantic.Field(
        description="Text, a list of texts, or blocks in canonical, OpenAI or Anthropic form.",
        examples=["turns[].text"],
    )
    sent_at: Time | None = pydantic.Field(
        default=None,
        description="The time of the message. If not given: `created_at`.",
        examples=["turns[].time"],
    )
    message_id: Text | None = pydantic.Field(
        default=None,
        description="The id of the message. If not given: a digest of the messages up to this one.",
        examples=["turns[].id"],
    )
    parent_id: Text | None = pydantic.Field(
        default=None,
        description="The id of the message before. If not given: the order of the list.",
        examples=["turns[].reply_to"],
    )
    origin: Text | None = pydantic.Field(
        default=None,
        description="Who made the message: human, model, tool, harness or summary.",
        examples=[{"path": "turns[].source", "values": {"typed": "human"}}],
    )
    thread: Text | None = pydantic.Field(
        default=None,
        description="The subagent that the message is of. If not given: the main thread.",
        examples=["turns[].agent"],
    )
    thinking: Value | None = pydantic.Field(
        default=None, description="The model's reasoning.", examples=["turns[].reasoning"]
    )
    tool_calls: Value | None = pydantic.Field(
        default=None, description="Tool calls, as in OpenAI messages.", examples=["turns[].tool_calls"]
    )
    tool_call_id: Text | None = pydantic.Field(
        default=None,
        description="The id of the call that the message answers, as in OpenAI messages.",
        examples=["turns[].tool_call_id"],
    )

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

    A path such as `meta.user.id` may be given in place of a mapping with `path`.
    """

    conversation_id: Once | None = pydantic.Field(
        default=None,
        description=(
            "The id. If not given: a digest of user and messages, and a record that repeats the history of "
            "another one becomes part of it."
        ),
        examples=["chat.id"],
    )
    group_by: Once | None = pydantic.Field(
        default=None,
        description=(
            "In place of `conversation_id`, for records of single messages: records of a file with one "
            "value are a session, by time."
        ),
        examples=["session"],
    )
    user_id: Once | None = pydantic.Field(
        default=None,
        description="The user. If not given: `mapping` and defaults.",
        examples=["meta.user.id"],
    )
    organization_id: Once | None = pydantic.Field(
        default=None,
        description="The organisation. If not given: `mapping` and defaults.",
        examples=["meta.org"],
    )
    tier: Label | None = pydantic.Field(
        default=None,
        description="The tier. If not given: `mapping` and defaults.",
        examples=[{"path": "meta.plan", "values": {"plus": "pro"}}],
    )
    surface: Label | None = pydantic.Field(
        default=None,
        description="The surface. If not given: `mapping` and defaults.",
        examples=[{"constant": "chat"}],
    )
    created_at: OnceTime | None = pydantic.Field(
        default=None,
        description="The time of the session. If not given: of its earliest message.",
        examples=[{"path": "meta.created", "unit": "ms"}],
    )
    deleted_at: OnceTime | None = pydantic.Field(
        default=None,
        description="When the session was deleted. If not given: it was not.",
        examples=["meta.deleted"],
    )
    incognito: Once | None = pydantic.Field(
        default=None,
        description="Whether the session is incognito: true or false. If not given: false.",
        examples=["meta.private"],
    )
    current_message_id: Once | None = pydantic.Field(
        default=None,
        description="The end of the active branch; needs `message_id`. If not given: the newest leaf.",
        examples=["chat.current"],
    )
    records: ListPath | None = pydantic.Field(
        default=None,
        description="The list in each item of the file that has the records; other paths begin in a record.",
        examples=["data[]"],
    )
    json_text: list[RecordPath] = pydantic.Field(
        default_factory=list,
        description="Fields whose text is JSON; paths may continue into them.",
        examples=[["payload"]],
    )
    messages: Messages = pydantic.Field(
        description=(
            "An entry or a list of entries. Entries over one list give the messages of each element in turn. "
            "A message without content is left out, unless there is one entry only."
        ),
        examples=[{"role": "turns[].speaker", "content": "turns[].text", "sent_at": "turns[].time"}],
    )

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
