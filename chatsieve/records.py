"""Input files: the sessions of a file of any format, and the base class of formats of your own."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsieve.paths import Path, path_text
from chatsieve.process import contained_parts
from schemas.errors import ConfigError
from transforms.sources import files
from transforms.sources.record_file import RecordFile as RecordFile

if TYPE_CHECKING:
    from schemas import records, units
    from schemas.sections.inputs import InputDefaults


_TOGETHER = 100


@dataclasses.dataclass(frozen=True)
class Message:
    """A message of a session. Ids and content are not masked, and not in its representation.

    `role`: system, user, assistant or tool. `sent_at`: UTC. `content`: a text, or blocks as mappings with a
    `type` (docs/reference/data-model.md). `thread`: None for the main thread.
    """

    message_id: str = dataclasses.field(repr=False)
    role: str
    sent_at: dt.datetime
    content: str | list[dict[str, Any]] | None = dataclasses.field(repr=False)
    parent_id: str | None = dataclasses.field(default=None, repr=False)
    origin: str | None = None
    thread: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Session:
    """A session record of an input file, as a run reads it. Several records of one id may be one session.

    Ids and content are not masked, and not in its representation.
    """

    conversation_id: str = dataclasses.field(repr=False)
    created_at: dt.datetime
    messages: tuple[Message, ...]
    user_id: str | None = dataclasses.field(default=None, repr=False)
    organization_id: str | None = dataclasses.field(default=None, repr=False)
    tier: str | None = None
    surface: str | None = None
    deleted_at: dt.datetime | None = None
    incognito: bool = False


@dataclasses.dataclass(frozen=True)
class Unreadable:
    """A record that is quarantined: its place in the file, the code of the reason, and the field at fault."""

    locator: str
    code: str
    field: str | None = None


def read_sessions(
    path: Path,
    format: str | None = None,  # noqa: A002 - as the key of the configuration
    *,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[Session | Unreadable]:
    """The sessions of a file, folder or glob, on disk or in a bucket, in the order in which they are read.

    `format`: as in a configuration, also one of an installed package; by default detected from the contents.
    `defaults`: `user_id`, `organization_id`, `tier`, `surface` and `created_at` for records without them. A
    record that a run would quarantine comes as Unreadable. Files are read as they are asked for.

    Raises InputError if there is no file or no known format, ConfigError for an unknown format or default.
    """
    return contained_parts(lambda: _read(path_text("path", path), format, dict(defaults or {})))


def open_stream(path: str) -> io.BufferedReader:
    """The bytes of a file on disk or in a bucket, plain or decompressed from gzip or zstd; for own formats.

    Raises OSError.
    """
    return files.open_stream(path)


def _read(
    path: str, source_format: str | None, defaults: dict[str, Any]
) -> Iterator[Sequence[Session | Unreadable]]:
    from pipeline.commands.convert import chosen_files
    from pipeline.inputs.globs import refused
    from schemas.keys import KeyedHasher
    from schemas.records import Defaults, Limits
    from schemas.units import Quarantined
    from transforms.read.sessions import sessions_of
    from transforms.sources.base import ReadContext

    for name in defaults.keys() - set(Defaults.__struct_fields__):
        raise ConfigError(f"defaults: no field {name!r}; known: {', '.join(Defaults.__struct_fields__)}")
    checked = Defaults(**_as_configured(defaults).model_dump())
    context = ReadContext(KeyedHasher(secrets.token_bytes(32)), Limits(), (checked,))
    with refused():
        name, found = chosen_files([path], source_format)
        for part in itertools.batched(sessions_of(found, name, context), _TOGETHER):
            yield [_unreadable(one) if isinstance(one, Quarantined) else _session(one) for one in part]


def _as_configured(defaults: Mapping[str, Any]) -> InputDefaults:
    import pydantic

    from schemas.sections.inputs import InputDefaults
    from schemas.strict_yaml import fault_text

    given = {
        name: each.isoformat() if isinstance(each, dt.datetime) else each for name, each in defaults.items()
    }
    try:
        return InputDefaults.model_validate(given)
    except pydantic.ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = fault["loc"][0] if fault["loc"] else ""
        raise ConfigError(f"defaults[{name!r}]: {fault_text(fault, None)}") from None


def _session(found: records.Session) -> Session:
    return Session(
        found.conversation_id,
        found.created_at,
        tuple(map(_message, found.messages)),
        found.user_id,
        found.organization_id,
        found.tier,
        found.surface,
        found.deleted_at,
        bool(found.incognito),
    )


def _message(found: records.Message) -> Message:
    import msgspec

    content = (
        found.content
        if found.content is None or isinstance(found.content, str)
        else msgspec.to_builtins(found.content)
    )
    return Message(
        found.message_id, found.role, found.sent_at, content, found.parent_id, found.origin, found.thread
    )


def _unreadable(found: units.Quarantined) -> Unreadable:
    return Unreadable(found.locator, found.code, found.field)
