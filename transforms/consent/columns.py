"""Converts columns of consent files to keys, states and instants. Unknown values raise ConsentError."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import ConsentError
from schemas.tables import GRANTED, INSTANT, KEY, REFUSED, UNDECIDED
from transforms.shuffle.dictionaries import not_blank

#: The values of the column `state` of a canonical snapshot.
STATES = {
    None: UNDECIDED,
    "": UNDECIDED,
    "granted": GRANTED,
    "true": GRANTED,
    "refused": REFUSED,
    "false": REFUSED,
}
_WORD = re.compile(r"[A-Za-z][A-Za-z_:-]{0,47}\Z")
#: With more unknown values the column may be another one, for example of names; an error shows none of them.
_MOST_UNKNOWN = 3


def quoted(value: object) -> str:
    """A value as an error message may show it: a plain word in quotes, otherwise only its type."""
    if isinstance(value, str):
        return f"'{value}'" if _WORD.match(value) else "a text that is no plain word"
    return "null" if value is None else f"a {type(value).__name__}"


def state_column(batch: pa.Table, path: str) -> pa.Array:
    """The column `state` as state numbers of schemas.tables."""
    column = batch["state"].combine_chunks()
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, "true", "false")
    if not _is_text(column.type) and not pa.types.is_null(column.type):
        raise ConsentError(f"{path}: column state has type {column.type}; expected granted, refused or null")
    texts = column.cast(pa.string())
    values = pc.unique(texts)
    known = [w.lower() if w in ("True", "False", "TRUE", "FALSE") else w for w in values.to_pylist()]
    unknown = [word for word in known if word not in STATES]
    if unknown:
        named = f": {quoted(unknown[0])}" if len(unknown) <= _MOST_UNKNOWN else ""
        raise ConsentError(
            f"{path}: column state holds a value that is neither granted, refused nor null{named}"
        )
    found = pc.index_in(texts, value_set=values, skip_nulls=False)
    return pa.array([STATES[word] for word in known], pa.int8()).take(found)


def instant_column(batch: pa.Table, name: str, path: str) -> pa.Array:
    """A column of timestamps with a time zone, or of RFC 3339 texts, as INSTANT. Null and empty are null."""
    column = batch[name].combine_chunks()
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise ConsentError(f"{path}: column {name} has no time zone; expected times with an offset")
        return column.cast(INSTANT, safe=False)
    if pa.types.is_null(column.type):
        return column.cast(INSTANT)
    if not _is_text(column.type):
        raise ConsentError(
            f"{path}: column {name} has type {column.type}; expected a timestamp with time zone"
        )
    texts = column.cast(pa.string())
    values = pc.unique(texts)
    parsed = [None if value in (None, "") else parse_instant(value) for value in values.to_pylist()]
    if any(
        value is None and word not in (None, "")
        for value, word in zip(parsed, values.to_pylist(), strict=True)
    ):
        raise ConsentError(f"{path}: column {name} holds a value that is not an RFC 3339 time with an offset")
    return pa.array(parsed, INSTANT).take(pc.index_in(texts, value_set=values, skip_nulls=False))


def key_column(
    ids: pa.ChunkedArray, maker: Callable[[Sequence[bytes]], list[bytes]], path: str, name: str
) -> pa.Array:
    """A column of ids as KEY. Raises ConsentError if an id is null or blank."""
    column: Any = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if pa.types.is_integer(column.type):
        raise ConsentError(f"{path}: column {name} holds numbers; expected strings")
    try:
        encoded = column.cast(pa.string()).dictionary_encode()
        encoded.dictionary.validate(full=True)
    except pa.ArrowInvalid:
        raise ConsentError(f"{path}: column {name} is not valid UTF-8") from None
    if encoded.null_count or not not_blank(encoded.dictionary).all():
        raise ConsentError(f"{path}: a row has no {name}")
    keys = maker(encoded.dictionary.cast(pa.binary()).to_pylist())
    return pa.array(keys, KEY).take(encoded.indices)


def parse_instant(text: str, zone: zoneinfo.ZoneInfo | None = None, late: bool = False) -> dt.datetime | None:
    """The UTC instant of an RFC 3339 text; None for any other text, and without an offset or a `zone`.

    A local time that occurs twice is the first of the two, or with `late` the second.
    """
    try:
        instant = dt.datetime.fromisoformat(text)
        if instant.tzinfo is None and zone is not None and len(text) > len("2025-01-01"):
            instant = instant.replace(tzinfo=zone, fold=int(late))
        return None if instant.tzinfo is None else instant.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
