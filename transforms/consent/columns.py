"""Converts columns of consent files to keys, states and instants. Unknown values raise ConsentError.

An error names the file, the row and the column, never the value. Batches have the column ROW.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import ConsentError
from schemas.ids import UNCLEAN, UNCLEAN_ID
from schemas.tables import GRANTED, INSTANT, KEY, REFUSED, UNDECIDED
from transforms.shuffle.dictionaries import not_blank

#: The column with the number of each row in its file: data rows from 1, lines of JSON Lines by line number.
ROW = "row number"
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
MOST_ID_BYTES = 1024
#: Times outside these years are errors: a time in other units or an overflow has such a year.
_YEARS = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC))
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def numbered(table: pa.Table, first: int) -> pa.Table:
    """The table with the column ROW, counted from `first`."""
    return table.append_column(ROW, pa.array(range(first, first + table.num_rows), pa.int64()))


def refuse_where(bad: Any, batch: pa.Table, path: str, why: str) -> None:
    """Raises ConsentError for the first row where `bad` is true; `why` must not contain a value."""
    place = pc.index(bad, True).as_py()
    if place >= 0:
        raise ConsentError(f"{path}: row {batch[ROW][place].as_py()}: {why}")


def quoted(value: object) -> str:
    """A value as an error message may show it: a plain word in quotes, otherwise only its type."""
    if isinstance(value, str):
        return f"'{value}'" if _WORD.match(value) else "a text that is no plain word"
    return "null" if value is None else f"a {type(value).__name__}"


def state_column(batch: pa.Table, path: str) -> pa.Array:
    """The column `state` as state numbers of schemas.tables."""
    column = _whole(batch["state"])
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, "true", "false")
        batch = batch.set_column(batch.schema.get_field_index("state"), "state", column)
    texts = text_column(batch, "state", path, "granted, refused or null")
    values = pc.unique(texts)
    known = [w.lower() if w in ("True", "False", "TRUE", "FALSE") else w for w in values.to_pylist()]
    found = pc.index_in(texts, value_set=values, skip_nulls=False)
    unknown = [word for word in known if word not in STATES]
    if unknown:
        named = f": {quoted(unknown[0])}" if len(unknown) <= _MOST_UNKNOWN else ""
        bad = pa.array([word not in STATES for word in known]).take(found)
        refuse_where(
            bad,
            batch,
            path,
            f"column state holds a value that is neither granted, refused nor null{named}; correct the row",
        )
    return pa.array([STATES[word] for word in known], pa.int8()).take(found)


#: A time as messages show it.
_TIME = "2025-09-28T23:59:59Z"


def instant_column(batch: pa.Table, name: str, path: str) -> pa.Array:
    """A column of timestamps with a time zone, or of RFC 3339 texts, as INSTANT. Null and empty are null."""
    column = _whole(batch[name])
    if pa.types.is_null(column.type):
        return column.cast(INSTANT)
    if not pa.types.is_timestamp(column.type):
        texts = text_column(batch, name, path, "a timestamp with time zone")
        column = _parsed(texts, batch, name, path)
    elif column.type.tz is None:
        raise ConsentError(f"{path}: column {name} has no time zone; expected times with an offset")
    refuse_years(column, batch, name, path)
    return column.cast(INSTANT, safe=False)


def refuse_years(column: pa.Array, batch: pa.Table, name: str, path: str) -> None:
    """ConsentError for a timestamp of any unit, with or without zone, before 1970 or after 2199."""
    least, most = (int(year.timestamp()) * _PER_SECOND[column.type.unit] for year in _YEARS)
    values = column.cast(pa.int64())
    bad = pc.fill_null(pc.or_(pc.less(values, least), pc.greater_equal(values, most)), False)
    refuse_where(
        bad, batch, path, f"column {name}: expected times from 1970 to 2199, found another or infinity"
    )


def key_column(
    batch: pa.Table, name: str, maker: Callable[[Sequence[bytes]], list[bytes]], path: str
) -> pa.Array:
    """A column of ids as KEY.

    Raises ConsentError for an id that is null, blank, longer than 1,024 bytes, or could never match
    (UNCLEAN_ID).
    """
    encoded = text_column(batch, name, path, "strings").dictionary_encode()
    ids = encoded.dictionary
    checks = (
        (~not_blank(ids), f"a row has no {name}"),
        (pc.match_substring_regex(ids, UNCLEAN_ID), f"column {name} {UNCLEAN}"),
        (pc.greater(pc.binary_length(ids), MOST_ID_BYTES), f"column {name} is over {MOST_ID_BYTES} bytes"),
    )
    for bad, why in checks:
        rows = pc.fill_null(pc.take(pa.array(bad), encoded.indices), True)
        refuse_where(rows, batch, path, why)
    keys = maker(ids.cast(pa.binary()).to_pylist())
    return pa.array(keys, KEY).take(encoded.indices)


def text_column(batch: pa.Table, name: str, path: str, expected: str) -> pa.Array:
    """A column of texts as valid strings; ConsentError for another type or invalid UTF-8."""
    column = _whole(batch[name])
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if not (_is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        numbers = " (numbers)" if pa.types.is_integer(kind) else ""
        raise ConsentError(f"{path}: column {name} has type {kind}{numbers}; expected {expected}")
    try:
        texts = column.cast(kind).cast(pa.string())
        texts.validate(full=True)
    except pa.ArrowInvalid:
        plain = column.cast(kind).cast(pa.binary()).to_pylist()
        refuse_where(
            pa.array([_undecodable(value) for value in plain]),
            batch,
            path,
            f"column {name} is not valid UTF-8",
        )
        raise
    return texts


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


def _parsed(texts: pa.Array, batch: pa.Table, name: str, path: str) -> pa.Array:
    values = pc.unique(texts)
    words = values.to_pylist()
    parsed = [parse_instant(word) if word else None for word in words]
    found = pc.index_in(texts, value_set=values, skip_nulls=False)
    bad = [bool(word) and value is None for value, word in zip(parsed, words, strict=True)]
    if any(bad):
        why = f"column {name} holds a value that is not an RFC 3339 time with an offset, such as {_TIME}"
        refuse_where(pa.array(bad).take(found), batch, path, why)
    return pa.array(parsed, INSTANT).take(found)


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _undecodable(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return True
    return False


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
