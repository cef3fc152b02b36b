"""Splits a batch of canonical Parquet into flat columns of rows, messages and blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import INSTANT

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

ROW_TEXTS = ("conversation_id", "user_id", "organization_id", "current_message_id")
MESSAGE_TEXTS = ("message_id", "parent_id")
BLOCK_TEXTS = ("text", "thinking", "id", "name", "input", "tool_use_id", "content")
#: Text fields with few distinct values; they are read as dictionaries.
ROW_WORDS = ("tier", "surface")
MESSAGE_WORDS = ("role", "origin", "thread")
BLOCK_WORDS = ("type",)
#: If these fields are nested columns, the block is read row by row.
_STRUCTURED = {"input", "content"}


class Words:
    """A text column with few distinct values. Tests run once per dictionary value."""

    def __init__(self, values: pa.DictionaryArray) -> None:
        self.array = values
        self._codes = values.indices.fill_null(-1).to_numpy()

    @property
    def null(self) -> Bools:
        """True where the value is null."""
        return mask(self.array.is_null())

    def of(self, words: Ints | Bools) -> Any:
        """Maps an array over the dictionary to one over the column; 0 or False for null."""
        return np.append(words, words.dtype.type(0))[self._codes]

    def among(self, texts: pa.Array) -> Bools:
        """True where the value is one of `texts`."""
        found: Bools = self.of(mask(pc.is_in(self.array.dictionary, value_set=texts)))
        return found

    def equal(self, text: str) -> Bools:
        """True where the value is `text`."""
        return self.among(pa.array([text]))

    def bytes_of_words(self) -> Ints:
        """The UTF-8 length of each dictionary value."""
        return ints(pc.binary_length(self.array.dictionary), 0)


class Columns(NamedTuple):
    """A batch as flat columns by field name: `rows`, `messages` of all rows, and `blocks`.

    `words` has the columns with few distinct values of all three; their names are unique.
    `unusual_block` is True for a null block and for a tool input or result in nested columns.
    """

    rows: dict[str, pa.Array]
    lengths: Ints
    messages: dict[str, pa.Array]
    row_of: Ints
    null_message: Bools
    blocks: dict[str, pa.Array]
    message_of: Ints
    unusual_block: Bools
    words: dict[str, Words]


class RowwiseSchema(Exception):  # noqa: N818 - not an error: such columns are read row by row
    """A column has a type that only the row-wise reader supports."""


def taken_apart(batch: pa.RecordBatch) -> Columns:
    """The flat columns of a batch; raises RowwiseSchema."""
    size = batch.num_rows
    rows = {name: _text(_field(batch, name, size)) for name in ROW_TEXTS}
    words = {name: _words(_field(batch, name, size)) for name in ROW_WORDS}
    rows |= {name: _instants(_field(batch, name, size)) for name in ("created_at", "deleted_at")}
    rows["incognito"] = _typed(_field(batch, "incognito", size), pa.bool_())
    lengths, structs = _flat(_field(batch, "messages", size))
    fields = _children(structs)
    messages = {name: _text(fields.get(name, pa.nulls(len(structs)))) for name in MESSAGE_TEXTS}
    words |= {name: _words(fields.get(name, pa.nulls(len(structs)))) for name in MESSAGE_WORDS}
    messages["sent_at"] = _instants(fields.get("sent_at", pa.nulls(len(structs))))
    content = fields.get("content", pa.nulls(len(structs)))
    plain = pa.types.is_null(content.type) or _is_text(content.type)
    messages["content"] = _text(content) if plain else pa.nulls(len(structs), pa.string())
    block_counts, blocks = (np.zeros(len(structs), np.int64), _NO_BLOCKS) if plain else _flat(content)
    parts = _children(blocks)
    words |= {name: _words(parts.get(name, pa.nulls(len(blocks)))) for name in BLOCK_WORDS}
    unusual_block = mask(blocks.is_null())
    for name in _STRUCTURED & parts.keys():
        if pa.types.is_nested(parts[name].type):
            unusual_block |= mask(parts[name].is_valid())
            parts[name] = pa.nulls(len(blocks))
    _typed(parts.get("is_error", pa.nulls(len(blocks))), pa.bool_())
    return Columns(
        rows,
        lengths,
        messages,
        np.repeat(np.arange(size), np.maximum(lengths, 0)),
        mask(structs.is_null()),
        {name: _text(parts.get(name, pa.nulls(len(blocks)))) for name in BLOCK_TEXTS},
        np.repeat(np.arange(len(structs)), np.maximum(block_counts, 0)),
        unusual_block,
        words,
    )


_NO_BLOCKS = pa.array([], pa.struct([("type", pa.string())]))


def _field(batch: pa.RecordBatch, name: str, size: int) -> pa.Array:
    return batch.column(name) if name in batch.schema.names else pa.nulls(size)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _text(values: pa.Array) -> pa.Array:
    kind = values.type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not pa.types.is_null(inner) and not _is_text(inner):
        raise RowwiseSchema
    return values.cast(pa.string())


def _words(values: pa.Array) -> Words:
    if not pa.types.is_dictionary(values.type):
        return Words(_text(values).dictionary_encode())
    indices, words = values.indices.cast(pa.int32()), _text(values.dictionary)
    if words.null_count:  # the code here expects nulls in the indices only
        return Words(_text(values).dictionary_encode())
    return Words(pa.DictionaryArray.from_arrays(indices, words))


#: Time strings that Arrow and a JSON reader parse to the same instant; others are read row by row.
_ZONED = (
    r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
#: Replaces a time string of another form. No valid time has this value, so the row is read row by row.
_NO_TIME = pa.scalar(-1, pa.int64()).cast(INSTANT)


def _instants(values: pa.Array) -> pa.Array:
    if _is_text(values.type):
        zoned = pc.match_substring_regex(values, _ZONED)
        found = pc.if_else(zoned, values, pa.scalar(None, values.type)).cast(INSTANT)
        return pc.if_else(zoned, found, _NO_TIME)
    if not pa.types.is_null(values.type) and not (pa.types.is_timestamp(values.type) and values.type.tz):
        raise RowwiseSchema
    return values.cast(INSTANT, safe=False)


def _typed(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_null(values.type) and values.type != kind:
        raise RowwiseSchema
    return values.cast(kind)


def _flat(lists: pa.Array) -> tuple[Ints, pa.StructArray]:
    """The lengths of the lists (-1 for null) and all their structs."""
    kind = lists.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(
        kind.value_type
    ):
        raise RowwiseSchema
    return ints(pc.list_value_length(lists), -1), lists.flatten()


def _children(structs: pa.StructArray) -> dict[str, pa.Array]:
    return dict(zip([field.name for field in structs.type], structs.flatten(), strict=True))


def ints(values: pa.Array, null: int) -> Ints:
    """The values, with nulls replaced by `null`; a copy."""
    numbers: Ints = values.cast(pa.int64()).fill_null(null).to_numpy(zero_copy_only=False).copy()
    return numbers


def mask(values: pa.Array) -> Bools:
    """The values, with nulls replaced by False; a copy."""
    found: Bools = values.fill_null(False).to_numpy(zero_copy_only=False).copy()
    return found
