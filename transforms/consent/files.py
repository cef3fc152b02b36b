"""Reads consent snapshots and deletion lists (Parquet, CSV, JSON Lines) as a stream of Arrow tables."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from schemas.errors import ConsentError, InputError
from schemas.tables import INSTANT
from transforms.consent.columns import ROW, numbered, parse_instant, refuse_where
from transforms.sources.decompress import Truncated
from transforms.sources.file_state import UNKNOWN, States, opened
from transforms.sources.files import Line, Opened, lines, open_columns, open_stream

_PATH_INSTANT = re.compile(r"(?:^|[/\\])snapshot_at=([^/\\]+)")
_BATCH_ROWS = 1 << 17
_LINE_BYTES = 1 << 20
_PARQUET, _CSV = (".parquet",), (".csv", ".csv.gz")
_JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst")
_MISFIT = re.compile(r"\A[^\n]{0,40}?(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CELL = msgspec.json.Decoder(str | bool | None)


def read_batches(path: str, columns: tuple[str, ...], known: States = UNKNOWN) -> Iterator[pa.Table]:
    """Tables of a file, each with all of `columns` and ROW; snapshot_at may come from the path.

    Raises InputError for a missing file, ConsentError for a damaged one or one of another format,
    PipelineError for one that is not as it is known.
    """
    try:
        if not path.endswith((*_PARQUET, *_CSV, *_JSON_LINES)):
            raise ConsentError(f"{path}: expected a .parquet, .csv or .jsonl file")
        with opened(path, known) as file:
            if path.endswith(_PARQUET):
                yield from _parquet_batches(file, path, columns)
            elif path.endswith(_CSV):
                yield from _csv_batches(file, path, columns)
            else:
                yield from _json_batches(file, path, columns)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise ConsentError(
            f"{path}: cannot be read ({error.strerror or 'damaged or not the format it is named for'})"
        ) from None
    except (pa.ArrowException, Truncated, UnicodeDecodeError):
        raise ConsentError(f"{path}: damaged, or not the format it is named for") from None


def is_later(path: str, as_of: dt.datetime, known: States = UNKNOWN) -> bool:
    """True if the path dates the file after `as_of` and the file has no column snapshot_at."""
    instant = path_instant(path)
    if instant is None or instant <= as_of:
        return False
    try:
        with opened(path, known) as file:
            if path.endswith(_PARQUET):
                return "snapshot_at" not in pq.read_schema(open_columns(file)).names
            if path.endswith(_JSON_LINES):
                return "snapshot_at" not in (_first_row(file, path) or ())
            return "snapshot_at" not in _header(file, path)
    except (OSError, pa.ArrowException, Truncated, UnicodeDecodeError, ConsentError):
        return True


def path_instant(path: str) -> dt.datetime | None:
    """The instant after `snapshot_at=` in a path, None if there is none or it cannot be parsed."""
    found = _PATH_INSTANT.search(path)
    text = urllib.parse.unquote(found.group(1)) if found else ""
    # Daily snapshot folders are named with a date: midnight UTC, the earliest instant of that date.
    return parse_instant(text + "T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)


def dated_by_path(path: str) -> dt.datetime | None:
    """The instant that a path names, None without `snapshot_at=`; ConsentError if it cannot be parsed."""
    instant = path_instant(path)
    if instant is None and _PATH_INSTANT.search(path):
        raise ConsentError(f"{path}: snapshot_at= in the path is not an RFC 3339 time or a date")
    return instant


def _parquet_batches(source: Opened, path: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    with pq.ParquetFile(open_columns(source)) as file:
        present = _present(path, columns, file.schema_arrow.names)
        row = 1
        for batch in file.iter_batches(_BATCH_ROWS, columns=present, use_threads=False):
            yield _with_path_instant(numbered(pa.Table.from_batches([batch]), row), columns, path)
            row += batch.num_rows


def _csv_batches(file: Opened, path: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """All columns are read: a quote that is not closed in any of them could hide the rows below it."""
    names = _header(file, path)
    present = _present(path, columns, names)
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
        check_utf8=False,
    )
    read = pa.csv.ReadOptions(use_threads=False)
    row = 1
    try:
        with pa.csv.open_csv(open_stream(file), read, convert_options=convert) as reader:
            for batch in reader:
                table = numbered(pa.Table.from_batches([batch]), row)
                for number in range(len(names)):
                    bad = pc.fill_null(pc.match_substring(table.column(number), "\n"), False)
                    why = f"field {number + 1} has a line break; is a quote not closed?"
                    refuse_where(bad, table, path, why)
                yield _with_path_instant(table.select([*present, ROW]), columns, path)
                row += batch.num_rows
    except pa.ArrowInvalid as error:
        # Not an invalid_row_handler: if a row is not UTF-8, pyarrow prints a traceback and goes on.
        misfit = _MISFIT.search(str(error))
        if misfit is None:
            raise
        place = f"row {int(misfit[1]) - 1}: " if misfit[1] else ""
        raise ConsentError(f"{path}: {place}has {misfit[3]} fields; expected {misfit[2]}") from None


def _header(source: Opened, path: str) -> list[str]:
    """The names in the first line that is not empty."""
    with open_stream(source) as file:
        first = next(lines(file, 0, None, _LINE_BYTES), None)
    if first is None:
        raise ConsentError(f"{path}: is empty; expected a header line")
    try:
        return next(csv.reader([(first.data or b"").decode()], strict=True))
    except csv.Error:
        raise ConsentError(f"{path}: the header line is not valid CSV") from None


def _json_batches(source: Opened, path: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """Every line must have the keys of the first line, so a misspelt key is an error and not a null."""
    first = _first_row(source, path)
    if first is None:
        return
    present = _present(path, columns, list(first))
    with open_stream(source) as file:
        for batch in itertools.batched(lines(file, 0, None, _LINE_BYTES), _BATCH_ROWS):
            rows = [_cells(path, line, present) for line in batch]
            arrays = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
            arrays.append(pa.array([line.number for line in batch], pa.int64()))
            yield _with_path_instant(pa.table(arrays, names=[*present, ROW]), columns, path)


def _first_row(source: Opened, path: str) -> dict[str, Any] | None:
    with open_stream(source) as file:
        first = next(lines(file, 0, None, _LINE_BYTES), None)
    return _object(path, first, []) if first else None


def _cells(path: str, line: Line, present: list[str]) -> list[str | None]:
    row = _object(path, line, present)
    where = f"{path}: line {line.number}"
    cells: list[str | None] = []
    for name in present:
        if name not in row:
            raise ConsentError(f"{where}: {name} is missing; the first line has it")
        try:
            cell = _CELL.decode(row[name])
        except UnicodeDecodeError:
            raise ConsentError(f"{where}: {name} is not valid UTF-8") from None
        except msgspec.DecodeError:
            raise ConsentError(f"{where}: {name} is neither a string nor null; put it in quotes") from None
        if isinstance(cell, bool) and name != "state":
            raise ConsentError(f"{where}: {name} is a boolean; expected a string")
        cells.append(str(cell).lower() if isinstance(cell, bool) else cell)
    if "snapshot_at" in row and "snapshot_at" not in present and "state" in present:
        raise ConsentError(f"{where}: snapshot_at is in this line, but not in the first line")
    return cells


def _object(path: str, line: Line, names: list[str]) -> dict[str, Any]:
    data = line.data or b""
    try:
        row = _ROW.decode(data)
        if may_repeat(data, names):
            json.loads(data, object_pairs_hook=unrepeated)
    except (ValueError, RecursionError):
        raise ConsentError(
            f"{path}: line {line.number}: expected one JSON object, each key once, "
            f"of at most {_LINE_BYTES} bytes"
        ) from None
    return row


def may_repeat(data: bytes, names: Iterable[str]) -> bool:
    """False if no object of the JSON text can give one of the names twice, however it is spelled."""
    return b"\\u00" in data or any(data.count(b'"%s"' % name.encode()) > 1 for name in names)


def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The JSON object of the pairs; ValueError for a repeated key, since either value could be meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _present(path: str, columns: tuple[str, ...], names: list[str]) -> list[str]:
    """The columns that a file has; ConsentError for one that is missing or occurs twice."""
    twice = [name for name in columns if names.count(name) > 1]
    if twice:
        raise ConsentError(f"{path}: column {twice[0]} occurs twice; keep one")
    missing = [name for name in columns if name not in names]
    if missing and not (missing == ["snapshot_at"] and _PATH_INSTANT.search(path)):
        raise ConsentError(f"{path}: column {missing[0]} is missing; expected {', '.join(columns)}")
    return [name for name in columns if name in names]


def _with_path_instant(table: pa.Table, columns: tuple[str, ...], path: str) -> pa.Table:
    if "snapshot_at" not in columns or "snapshot_at" in table.column_names:
        return table
    instant = dated_by_path(path)
    return table.append_column("snapshot_at", pa.repeat(pa.scalar(instant, INSTANT), table.num_rows))
