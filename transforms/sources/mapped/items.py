"""The records in files of own schemas, as mappings: items of JSON, or rows of Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.keys import KeyedHasher
from schemas.mapped.fields import FieldsConfig
from schemas.mapped.paths import Steps, steps_of
from schemas.units import Unit
from transforms.sources.base import ReadContext
from transforms.sources.canonical.parquet_layout import batches_of, open_parquet
from transforms.sources.facts.digests import PlacedDigests, batch_digest, digest_at
from transforms.sources.faults import Fault, Field
from transforms.sources.files import magic_of
from transforms.sources.json.items import Item, object_of, raw_items, raw_lines
from transforms.sources.mapped.records import Schema


class Found(NamedTuple):
    """A record of a file, or why it cannot be read.

    `data`: its bytes, or those of the item that it is in; empty for a row. `size`: bytes, of a row about.
    `digest`: of the bytes that it was read with, and of its place in them.
    """

    row: int
    locator: str
    record: Any | Fault
    data: bytes
    size: int
    digest: int | None


def is_parquet(path: str) -> bool:
    """True for a Parquet file, by its first bytes. Raises OSError."""
    return magic_of(path).startswith(b"PAR1")


def records_in(
    unit: Unit, schema: Schema, fields: FieldsConfig, context: ReadContext, wanted: Set[int] | None = None
) -> Iterator[Found]:
    """The records of a unit, at least of the `wanted` rows.

    Raises OSError, Truncated, ArrayCut or pa.ArrowException where a file is cut or damaged.
    """
    if unit.kind == "row_group" or is_parquet(unit.paths[0]):
        return _rows(unit, schema, fields, context, wanted)
    return _items(unit, schema, context, wanted)


def _items(unit: Unit, schema: Schema, context: ReadContext, wanted: Set[int] | None) -> Iterator[Found]:
    path, most, row = unit.paths[0], context.limits.max_record_bytes, 0
    items = raw_lines(path, unit.start, unit.end, most) if unit.kind == "bytes" else raw_items(path, most)
    digests = PlacedDigests(context.hasher)
    for item in items:
        data = item.data or b""
        digests.enter(item.within or data, row)
        if wanted is not None and row not in wanted and not schema.is_list_of_records:
            row += 1
            continue
        records = _records_of(item, schema)
        for number, record in enumerate(records):
            where = f"item {row}" if item.offset is None else f"byte {item.offset}"
            more = f", {number + 1}." if number and item.offset is not None else ""
            yield Found(row, where + more, record, data, len(data) // len(records), digests.of(row))
            row += 1


def _records_of(item: Item, schema: Schema) -> list[Any]:
    found = object_of(item.data)
    if isinstance(found, Fault):
        return [found]
    try:
        return schema.records_of(found)
    except Fault as fault:
        return [fault]


def _rows(
    unit: Unit, schema: Schema, fields: FieldsConfig, context: ReadContext, wanted: Set[int] | None
) -> Iterator[Found]:
    del schema  # rows are records
    row = 0
    with open_parquet(unit.paths[0]) as file:
        paths = columns_of(file, fields)
        groups = [unit.start] if unit.kind == "row_group" else range(file.metadata.num_row_groups)
        for group in groups:
            for _, batch in batches_of(file, group, paths):
                yield from _of_batch(batch, group, row, context.hasher, wanted)
                row += batch.num_rows


def _of_batch(
    batch: pa.RecordBatch, group: int, first: int, hasher: KeyedHasher, wanted: Set[int] | None
) -> Iterator[Found]:
    places = [place for place in range(batch.num_rows) if wanted is None or first + place in wanted]
    if not places:
        return
    digest, size = batch_digest(batch, hasher), batch.nbytes // batch.num_rows
    some = batch if wanted is None else batch.take(pa.array(places, pa.int64()))
    for place, record in zip(places, _values(some), strict=True):
        where, own = f"row group {group} row {first + place}", digest_at(digest, place)
        yield Found(first + place, where, record, b"", size, own)


def _values(batch: pa.RecordBatch) -> list[dict[str, Any] | Fault]:
    """Each row as Python values, or a fault for text that is not UTF-8 or a time that is impossible."""
    try:
        whole: list[dict[str, Any] | Fault] = batch.to_pylist()
    except (ValueError, OverflowError):
        return [_row(batch.slice(place, 1)) for place in range(batch.num_rows)]
    return whole


def _row(one: pa.RecordBatch) -> dict[str, Any] | Fault:
    try:
        row: dict[str, Any] = one.to_pylist()[0]
    except UnicodeDecodeError:
        return Fault("invalid_unicode")
    except (ValueError, OverflowError):
        return Fault("bad_timestamp", None, Field("*", "time"))
    return row


def columns_of(file: pq.ParquetFile, fields: FieldsConfig) -> list[str]:
    """The paths of the leaf columns that the fields need."""
    names = [[step for step in steps if isinstance(step, str)] for steps in all_steps(fields)]
    leaves = [file.schema.column(number).path for number in range(len(file.schema))]
    return [leaf for leaf in leaves if any(_is_needed(leaf.split("."), wanted) for wanted in names)]


def _is_needed(leaf: list[str], wanted: list[str]) -> bool:
    """True for a leaf at or below the wanted field, and for a text above it, which may be JSON.

    Steps of the leaf between two fields belong to lists.
    """
    if not wanted or leaf[0] != wanted[0]:
        return False
    place = 0
    for step in leaf:
        if place < len(wanted) and step == wanted[place]:
            place += 1
        elif place < len(wanted) and step not in _LIST_STEPS:
            return False
    return place == len(wanted) or leaf[-1] == wanted[place - 1]


#: What writers of Parquet name the levels of a list.
_LIST_STEPS = frozenset({"list", "element", "item", "array", "bag", "array_element"})


def all_steps(fields: FieldsConfig) -> Iterator[Steps]:
    """The steps of every path of the fields."""
    for entry in [fields, *fields.messages]:
        for name in type(entry).model_fields:
            if path := getattr(getattr(entry, name), "path", None):
                yield steps_of(path)
    yield from map(steps_of, fields.json_text)
