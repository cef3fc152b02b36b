"""Public chat corpora in Parquet, WildChat and LMSYS-Chat: one conversation per row, read by row group.

Only the columns that a session needs are read; addresses, headers and moderation are not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.records import Limits, Session
from schemas.units import Quarantined, Unit
from transforms.sources.base import (
    NO_DIGEST,
    FactsBatch,
    FoundSession,
    InputFile,
    PlanTask,
    Pointer,
    ReadContext,
    batch_of,
    changed,
    fault_at,
    one_task_per_file,
)
from transforms.sources.canonical.parquet import holds_id, plan_row_groups
from transforms.sources.canonical.parquet_layout import batches_of, open_parquet
from transforms.sources.decode import convert_session, present
from transforms.sources.facts.digests import batch_digest, digest_at
from transforms.sources.facts.table import ReadRecord
from transforms.sources.faults import Fault, Field, bad_field, no_field
from transforms.sources.record_file import timed

Row = dict[str, Any]
_ROLES = frozenset({"system", "user", "assistant"})


@dataclasses.dataclass(frozen=True)
class Corpus:
    """How a corpus is read.

    `id_column`: a string column. `columns` and `turn_fields`: the fields that are read of a row, and of each
    turn in `conversation`. `record_of` gives the canonical record of a row or raises Fault.
    """

    id_column: str
    columns: frozenset[str]
    turn_fields: frozenset[str]
    record_of: Callable[[Row], Row]


class ChatParquet:
    """Parquet files of one of the corpora."""

    folder_patterns: Sequence[str] = ("**/*.parquet",)

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """One task per file."""
        return one_task_per_file(input_number, name, files)

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:  # noqa: ARG002
        """One unit per row group; `unknown_format` for another table. Raises OSError, pa.ArrowException."""
        path, size = task.paths[0], task.sizes[0]
        if not size:
            return [], []
        with open_parquet(path) as file:
            if not {self._corpus.id_column, "conversation"} <= set(file.schema_arrow.names):
                return [], [Quarantined(task.input, path, "file", "unknown_format", size, NO_DIGEST)]
        return plan_row_groups(task, {*self._corpus.columns, "conversation"})

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the rows of a row group; a damaged one ends with an entry `truncated_input`."""
        path, row = unit.paths[0], 0
        try:
            with open_parquet(path) as file:
                only = context.only
                if only is not None and not holds_id(
                    file, unit.start, _hash_of(only), self._corpus.id_column
                ):
                    return
                for reads in self._batches(file, unit, context, None):
                    yield batch_of(reads, unit.encode(), context)
                    row += len(reads)
        except (OSError, pa.ArrowException):
            entry = fault_at(unit, path, f"row group {unit.start} row {row}", "truncated_input", context)
            yield batch_of([ReadRecord(row, 0, 0, None, entry)], unit.encode(), context)

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[FoundSession]:
        """The sessions of just these rows, ascending."""
        wanted = {pointer.row for pointer in pointers}
        with open_parquet(unit.paths[0]) as file:
            for reads in self._batches(file, unit, context, wanted) if wanted else ():
                for read in reads:
                    if read.session is None:
                        raise changed(unit)
                    yield FoundSession(read.row, read.session, read.digest)

    def _batches(
        self, file: pq.ParquetFile, unit: Unit, context: ReadContext, wanted: set[int] | None
    ) -> Iterator[list[ReadRecord]]:
        """The reads of each batch, of the wanted rows or of all rows."""
        paths = [file.schema.column(number).path for number in range(len(file.schema))]
        read = [path for path in paths if self._is_read(path.split("."))]
        for first, batch in batches_of(file, unit.start, read):
            places = [place for place in range(batch.num_rows) if wanted is None or first + place in wanted]
            digest = batch_digest(batch, context.hasher) if places else None
            rows = _rows(batch if wanted is None else batch.take(pa.array(places, pa.int64())))
            yield [
                self._read(unit, first + place, row, context, digest_at(digest, place))
                for place, row in zip(places, rows, strict=True)
            ]

    def _is_read(self, steps: list[str]) -> bool:
        if len(steps) == 1:
            return steps[0] in self._corpus.columns
        # conversation, the two steps of a list, a field of the turn; deeper fields are not read.
        return steps[0] == "conversation" and len(steps) == 4 and steps[3] in self._corpus.turn_fields

    def _read(
        self, unit: Unit, row: int, found: Row | Fault, context: ReadContext, digest: int | None
    ) -> ReadRecord:
        defaults, limits, data = context.defaults[unit.input], context.limits, b""
        try:
            if isinstance(found, Fault):
                raise found
            record = timed(self._corpus.record_of(found), defaults)
            data = msgspec.json.encode(record)
            session = _fitting(record, len(data), limits)
        except Fault as fault:
            locator = f"row group {unit.start} row {row}"
            entry = fault_at(
                unit,
                unit.paths[0],
                locator,
                fault.code,
                context,
                data=data,
                conversation_id=fault.conversation_id,
                field=fault.field,
            )
            return ReadRecord(row, 0, 0, None, entry)
        return ReadRecord(row, 0, 0, context.owned(session, unit), None, digest)


def wildchat_record(row: Row) -> Row:
    """The canonical record of a WildChat row.

    The hash of the corpus covers the content only, so equal conversations of several people share it; the
    number of the first turn is added to make the id unique. A user turn has no time; it gets the time of its
    answer, or of the row.
    """
    turns = _turns(row)
    named, first = _id(row, "conversation_hash"), next(iter(turns), {})
    number = first.get("turn_identifier")
    at = [turn.get("timestamp") for turn in turns]
    following = row.get("timestamp")
    for place in range(len(at) - 1, -1, -1):
        following = at[place] = at[place] or following
    messages = [
        {
            "message_id": _turn_id(turn, place),
            "role": turn["role"],
            "sent_at": sent,
            "content": turn["content"],
        }
        for place, (turn, sent) in enumerate(zip(turns, at, strict=True))
    ]
    times = [sent for sent in at if sent is not None]
    return {
        "conversation_id": named if number is None else f"{named}{_SEPARATOR}{number}",
        "created_at": _earliest(times) if times else row.get("timestamp"),
        "messages": _in_a_row(messages),
    }


def lmsys_record(row: Row) -> Row:
    """The canonical record of an LMSYS-Chat row, which has no times."""
    messages = [
        {"message_id": str(place), "role": turn["role"], "content": turn["content"]}
        for place, turn in enumerate(_turns(row))
    ]
    return {"conversation_id": _id(row, "conversation_id"), "messages": _in_a_row(messages)}


_SEPARATOR = "-"
_TURN = ("role", "content")
WILDCHAT = ChatParquet(
    Corpus(
        "conversation_hash",
        frozenset({"conversation_hash", "timestamp"}),
        frozenset({*_TURN, "timestamp", "turn_identifier"}),
        wildchat_record,
    )
)
LMSYS = ChatParquet(Corpus("conversation_id", frozenset({"conversation_id"}), frozenset(_TURN), lmsys_record))


def _hash_of(conversation_id: str) -> str:
    """The hash in an id of `wildchat_record`; any other id unchanged."""
    return conversation_id.split(_SEPARATOR)[0] if conversation_id.count(_SEPARATOR) == 1 else conversation_id


def _rows(batch: pa.RecordBatch) -> list[Row | Fault]:
    """Each row as Python values, or a fault for text that is not UTF-8 or a time that is impossible."""
    try:
        whole: list[Row | Fault] = batch.to_pylist()
    except (ValueError, OverflowError):
        return [_row(batch.slice(place, 1)) for place in range(batch.num_rows)]
    return whole


def _row(one: pa.RecordBatch) -> Row | Fault:
    try:
        row: Row = one.to_pylist()[0]
    except UnicodeDecodeError:
        return Fault("invalid_unicode")
    except (ValueError, OverflowError):
        return Fault("bad_timestamp", None, Field("conversation[].timestamp", "time"))
    return row


def _turns(row: Row) -> list[Row]:
    turns = row.get("conversation")
    if turns is None:
        raise no_field(row, "conversation")
    if not isinstance(turns, list):
        raise bad_field("conversation", turns)
    for turn in turns:
        if not isinstance(turn, dict):
            raise bad_field("conversation[]", turn)
        for name in _TURN:
            if turn.get(name) is None:
                raise no_field(turn, name, f"conversation[].{name}")
        if turn["role"] not in _ROLES:
            raise bad_field("conversation[].role", turn["role"])
        if not isinstance(turn["content"], str):
            raise bad_field("conversation[].content", turn["content"])
    return turns


def _id(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str | None):
        raise bad_field(name, value)
    if value is None or not present(value):
        raise no_field(row, name)
    return value


def _fitting(record: Row, size: int, limits: Limits) -> Session:
    if size > limits.max_record_bytes:
        raise Fault("oversize_record", record["conversation_id"])
    return convert_session(record, limits.max_messages)


def _turn_id(turn: Row, place: int) -> str:
    number = turn.get("turn_identifier")
    return f"{place}" if number is None else f"{number}-{place}"


def _earliest(times: list[Any]) -> Any:
    try:
        return min(times)
    except TypeError:  # aware and naive times, or other values
        raise bad_field("conversation[].timestamp", times[0], "bad_timestamp") from None


def _in_a_row(messages: list[Row]) -> list[Row]:
    """The messages, each as the child of the one before."""
    parents = [None, *(message["message_id"] for message in messages)]
    return [{**message, "parent_id": parent} for message, parent in zip(messages, parents, strict=False)]
