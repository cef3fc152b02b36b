"""Units of reading: what one worker opens at a time, and where a record lies in it."""

from __future__ import annotations

from typing import Literal

import msgspec


class Unit(msgspec.Struct, frozen=True, order=True):
    """A piece of the input that is read alone and always gives the same records in the same order.

    kind `bytes`: the lines of `paths[0]` that begin in [start, end) (plain JSON Lines).
    kind `stream`: the whole of `paths[0]` (compressed JSON Lines, one export file or archive).
    kind `row_group`: row group `start` of the `end` that the Parquet file `paths[0]` has.
    kind `files`: several files that hold linked sessions (claude-code), sorted.
    `input` is the position in the configuration's `inputs`; it gives format and defaults.
    """

    input: int
    format: str
    kind: Literal["bytes", "stream", "row_group", "files"]
    paths: tuple[str, ...]
    start: int = 0
    end: int = 0
    size: int = 0

    @property
    def input_bytes(self) -> int:
        """What of its files' `size` it stands for; of row groups, each as much as the others."""
        if self.kind == "bytes":
            return self.end - self.start
        if self.kind == "row_group":
            return self.size * (self.start + 1) // self.end - self.size * self.start // self.end
        return self.size

    def encode(self) -> str:
        """A compact string, equal for equal units."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Unit:
        """The unit that `encode` wrote."""
        return msgspec.json.decode(text, type=cls)


class Quarantined(msgspec.Struct, frozen=True):
    """A record that cannot be read as a session: where it is and why, never what it says.

    `path` and `locator` ("line 17", "row 5", "item 3", "file") say where; `digest` is
    `KeyedHasher.record` of its bytes; `conversation_key` is null when no id can be read.
    """

    input: int
    path: str
    locator: str
    code: str
    byte_length: int
    digest: str
    conversation_key: bytes | None = None


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
        "invalid_unicode",
        "truncated_input",
        "unreadable_file",
        "unknown_format",
        "duplicate_message",
        "cyclic_messages",
        "deid_failed",
    }
)
