"""Units of reading: the pieces of input that workers read, and records that cannot be read."""

from __future__ import annotations

from typing import Literal

import msgspec


class Unit(msgspec.Struct, frozen=True, order=True):
    """A piece of input that one worker reads; it always gives the same records in the same order.

    kind `bytes`: the lines of `paths[0]` that start in the byte range [start, end) (plain JSON Lines).
    kind `stream`: the whole file `paths[0]` (compressed JSON Lines, an export file or archive).
    kind `row_group`: row group number `start` of the Parquet file `paths[0]`, which has `end` row groups.
    kind `files`: several files with linked sessions (claude-code), sorted.
    `input`: position in the configuration's `inputs`. `size`: bytes of all files. `stored`: for objects of a
    store, the size and the identity of each path's object; reading fails where an object has another one.
    """

    input: int
    format: str
    kind: Literal["bytes", "stream", "row_group", "files"]
    paths: tuple[str, ...]
    start: int = 0
    end: int = 0
    size: int = 0
    stored: tuple[tuple[int, str], ...] = ()

    @property
    def input_bytes(self) -> int:
        """The unit's part of `size`, in bytes; row groups of a file count as equally large."""
        if self.kind == "bytes":
            return self.end - self.start
        if self.kind == "row_group":
            return self.size * (self.start + 1) // self.end - self.size * self.start // self.end
        return self.size

    def encode(self) -> str:
        """A compact JSON string, equal for equal units."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Unit:
        """The unit that `encode` wrote."""
        return msgspec.json.decode(text, type=cls)


class Quarantined(msgspec.Struct, frozen=True):
    """A record that cannot be read as a session: its place and a quarantine code, without its content.

    `locator`: "line 17", "row 5", "item 3" or "file". `digest`: `KeyedHasher.record` of its bytes.
    `conversation_key`: None if no id can be read. `field`: the path of the field at fault in the schema of
    the format, such as "messages[].sent_at", or "*" for a field that is not read; `kind`: what it has instead
    of a valid value (`FIELD_KINDS`). Both are None if the fault is not in a field. `is_part`: a line or
    message of a session that is read without it.
    """

    input: int
    path: str
    locator: str
    code: str
    byte_length: int
    digest: str
    conversation_key: bytes | None = None
    field: str | None = None
    kind: str | None = None
    is_part: bool = False


#: Kinds of values that a field at fault can have; never the value itself.
FIELD_KINDS = frozenset(
    {"missing", "null", "boolean", "number", "text", "list", "object", "time", "bytes", "repeated"}
)


#: Why a record or session is quarantined; docs/reference/reasons.md explains each.
QUARANTINE_CODES = frozenset(
    {
        "malformed_json",
        "not_an_object",
        "missing_field",
        "bad_field",
        "bad_timestamp",
        "naive_timestamp",
        "future_timestamp",
        "subject_conflict",
        "oversize_record",
        "oversize_file",
        "encrypted_file",
        "duplicate_member",
        "invalid_unicode",
        "truncated_input",
        "unreadable_file",
        "unknown_format",
        "no_messages",
        "duplicate_message",
        "cyclic_messages",
        "deid_failed",
    }
)
