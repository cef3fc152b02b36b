"""Columns of consent as keys, states and instants; ConsentError for what is not understood."""

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

#: The words of a canonical snapshot's column `state`.
STATES = {
    None: UNDECIDED,
    "": UNDECIDED,
    "granted": GRANTED,
    "true": GRANTED,
    "refused": REFUSED,
    "false": REFUSED,
}
_WORD = re.compile(r"[A-Za-z][A-Za-z_:-]{0,47}\Z")
#: A column with more words that are not known is some other column, of names perhaps.
_MOST_WORDS = 3


def quoted(value: object) -> str:
    """A state as an error may tell it: `'perhaps'`; of what is no plain word, only what it is."""
    if isinstance(value, str):
        return f"'{value}'" if _WORD.match(value) else "a text that is no plain word"
    return "null" if value is None else f"a {type(value).__name__}"


def state_column(batch: pa.Table, path: str) -> pa.Array:
    """The column `state` as numbers of schemas.tables."""
    column = batch["state"].combine_chunks()
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, "true", "false")
    if not _is_text(column.type) and not pa.types.is_null(column.type):
        raise ConsentError(f"{path}: column state has type {column.type}; expected granted, refused or null")
    texts = column.cast(pa.string())
    words = pc.unique(texts)
    known = [w.lower() if w in ("True", "False", "TRUE", "FALSE") else w for w in words.to_pylist()]
    unknown = [word for word in known if word not in STATES]
    if unknown:
        named = f": {quoted(unknown[0])}" if len(unknown) <= _MOST_WORDS else ""
        raise ConsentError(
            f"{path}: column state holds a value that is neither granted, refused nor null{named}"
        )
    found = pc.index_in(texts, value_set=words, skip_nulls=False)
    return pa.array([STATES[word] for word in known], pa.int8()).take(found)


def instant_column(batch: pa.Table, name: str, path: str) -> pa.Array:
    """A column of timestamps with a time zone, or of RFC 3339 texts; null and empty are null."""
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
    words = pc.unique(texts)
    parsed = [None if word in (None, "") else parse_instant(word) for word in words.to_pylist()]
    if any(
        value is None and word not in (None, "")
        for value, word in zip(parsed, words.to_pylist(), strict=True)
    ):
        raise ConsentError(f"{path}: column {name} holds a value that is not an RFC 3339 time with an offset")
    return pa.array(parsed, INSTANT).take(pc.index_in(texts, value_set=words, skip_nulls=False))


def key_column(
    ids: pa.ChunkedArray, maker: Callable[[Sequence[bytes]], list[bytes]], path: str, name: str
) -> pa.Array:
    """A column of ids as keys; none may be blank."""
    column: Any = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if pa.types.is_integer(column.type):
        raise ConsentError(f"{path}: column {name} holds numbers; expected strings")
    try:
        encoded = column.cast(pa.string()).dictionary_encode()
        encoded.dictionary.validate(full=True)
    except pa.ArrowInvalid:
        raise ConsentError(f"{path}: column {name} holds bytes that are no UTF-8") from None
    if encoded.null_count or not not_blank(encoded.dictionary).all():
        raise ConsentError(f"{path}: a row has no {name}")
    keys = maker(encoded.dictionary.cast(pa.binary()).to_pylist())
    return pa.array(keys, KEY).take(encoded.indices)


def parse_instant(text: str, zone: zoneinfo.ZoneInfo | None = None, late: bool = False) -> dt.datetime | None:
    """The UTC instant of RFC 3339 text; None where it is none, or has no offset and no `zone` is given.

    An hour that the zone's clocks show twice is its first one, or with `late` its second.
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
