"""Reads canonical records from Parquet by row group: the fields of the JSON format, one session per row.

`content` is a string or a list of block structs. A tool's `input` is JSON text, a struct or a map. An audit
reads the columns without text. It reads texts in two cases: the footer does not prove that no text is blank,
or a record cannot be decided without its texts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.units import Quarantined, Unit
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    FoundSession,
    PlanTask,
    Pointer,
    ReadContext,
    batch_of,
    changed,
    fault_at,
)
from transforms.sources.canonical.column_facts import Unread, column_facts
from transforms.sources.canonical.parquet_layout import (
    COLUMNS,
    Layout,
    batches_of,
    layout_of,
    open_parquet,
    repeated_column,
    texts_of,
)
from transforms.sources.canonical.parquet_records import read_row, with_texts_assumed
from transforms.sources.facts.digests import batch_digest, digest_at
from transforms.sources.facts.table import ReadRecord


def plan_row_groups(task: PlanTask, names: Collection[str] = COLUMNS) -> tuple[list[Unit], list[Quarantined]]:
    """One unit per row group, or an entry for a file that has one of the columns `names` twice.

    Raises OSError or pa.ArrowException if the file is not Parquet.
    """
    path, size = task.paths[0], task.sizes[0]
    with open_parquet(path) as file:
        groups = file.metadata.num_row_groups
        twice = repeated_column(file.schema_arrow, names)
    if twice is not None:
        where = (task.input, path, "file", "bad_field", size, NO_DIGEST)
        return [], [Quarantined(*where, field=twice, kind="repeated")]
    units = [
        Unit(task.input, task.format, "row_group", (path,), group, groups, size) for group in range(groups)
    ]
    return units, []


def row_facts(unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
    """Facts of a row group, in batches of a few MiB."""
    try:
        with open_parquet(unit.paths[0]) as file:
            if context.only is not None and not holds_id(file, unit.start, context.only):
                return
            layout = layout_of(file) if context.metadata_only else None
            yield from _Facts(file, unit, context, layout).batches()
    except (OSError, pa.ArrowException):
        entry = fault_at(unit, unit.paths[0], f"row group {unit.start}", "truncated_input", context)
        yield batch_of([ReadRecord(0, 0, 0, None, entry)], unit.encode(), context)


def row_sessions(unit: Unit, context: ReadContext, pointers: Sequence[Pointer]) -> Iterator[FoundSession]:
    """The session of each pointer. Other rows are decompressed but not converted."""
    with open_parquet(unit.paths[0]) as file:
        for read in _reads_at(file, unit, sorted({pointer.row for pointer in pointers}), context):
            if read.session is None:
                raise changed(unit)
            yield FoundSession(read.row, read.session, read.digest)


def holds_id(file: pq.ParquetFile, group: int, conversation_id: str, name: str = "conversation_id") -> bool:
    """True if the row group has the id or has no id column. Reads only that column."""
    if name not in file.schema_arrow.names:
        return True
    column = file.read_row_group(group, columns=[name], use_threads=False)[0]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return True
    texts = column.cast(pa.large_string())
    return bool(pc.any(pc.equal(texts, pa.scalar(conversation_id, pa.large_string()))).as_py())


@dataclasses.dataclass(frozen=True, eq=False)
class _Facts:
    """The facts of one row group. If `layout` is None, all columns are read."""

    file: pq.ParquetFile
    unit: Unit
    context: ReadContext
    layout: Layout | None

    def batches(self) -> Iterator[FactsBatch]:
        file, group, layout = self.file, self.unit.start, self.layout
        if layout is None:
            for row, batch in batches_of(file, group):
                yield self._batch(row, batch, None)
            return
        texts = texts_of(file, group, layout)
        place: Unread = "none" if texts == "none" else ("blocks" if layout.kind else "messages")
        done = 0
        if texts == "unknown" and layout.text is not None:
            try:
                for row, batch in batches_of(file, group, [*layout.columns, layout.text]):
                    yield self._batch(row, batch, "read")
                    done = row + batch.num_rows
            except (OSError, pa.ArrowException):
                # The texts cannot be read; a run reports that. The facts come from the other columns.
                pass
            else:
                return
        for row, batch in batches_of(file, group, layout.columns):
            if row + batch.num_rows > done:
                rest = batch.slice(max(0, done - row))
                yield self._batch(max(row, done), rest, place)

    def _batch(self, first_row: int, batch: pa.RecordBatch, unread: Unread | None) -> FactsBatch:
        unit, context, encoded = self.unit, self.context, self.unit.encode()
        digest = None if unread is not None else batch_digest(batch, context.hasher)
        facts, unusual = column_facts(batch, first_row, encoded, unit.input, context, unread, digest)
        if not len(unusual):
            return FactsBatch(facts, [])
        reads = _reads(unit, batch, first_row, unusual.tolist(), context, digest)
        if unread is not None:
            reads = self._with_texts(reads, unread)
        others = batch_of(reads, encoded, context)
        if others.facts.num_rows:
            facts = pa.concat_tables([facts, others.facts]).sort_by("row")
        return FactsBatch(facts, others.quarantined)

    def _with_texts(self, reads: list[ReadRecord], unread: Unread) -> list[ReadRecord]:
        """The records read again with their texts, to recognize copies; faulty records unchanged."""
        rows = [read.row for read in reads if read.session is not None]
        try:
            whole = {read.row: read for read in _reads_at(self.file, self.unit, rows, self.context)}
        except (OSError, pa.ArrowException):
            return [with_texts_assumed(read, unread) for read in reads]
        return [whole.get(read.row, read) for read in reads]


def _reads_at(
    file: pq.ParquetFile, unit: Unit, rows: Sequence[int], context: ReadContext
) -> Iterator[ReadRecord]:
    """The rows with these numbers (ascending), with all columns."""
    if not rows:
        return
    for first_row, batch in batches_of(file, unit.start):
        places = [row - first_row for row in rows if first_row <= row < first_row + batch.num_rows]
        if places:
            digest = batch_digest(batch, context.hasher)
            yield from _reads(unit, batch, first_row, places, context, digest)


def _reads(
    unit: Unit,
    batch: pa.RecordBatch,
    first_row: int,
    places: list[int],
    context: ReadContext,
    digest: int | None,
) -> list[ReadRecord]:
    """The rows at these positions in the batch, converted to Python objects one by one."""
    return [
        read_row(unit, first_row + place, batch.slice(place, 1), context, digest_at(digest, place))
        for place in places
    ]
