"""Mapping tables (`inputs[].mapping`): CSV or Parquet tables that assign a user to a path or account."""

from __future__ import annotations

import collections
import csv
import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import ConfigError
from schemas.ids import UNCLEAN, is_unclean
from schemas.records import Defaults
from schemas.sections.inputs import InputConfig
from transforms.sources.files import magic_of, open_columns, open_text
from transforms.sources.identities import Identities, Mapped, Owner, owner_of

_WHO = ("path", "account")
_VALID = ("valid_from", "valid_to")
_IDS = ("account", "user_id", "organization_id")
_COLUMNS = (*_WHO, *Owner._fields, *_VALID)
#: Each worker holds the whole table. For more rows, add user ids to the logs instead.
MAX_ROWS = 200_000
Row = dict[str, str | dt.datetime | None]


def identities_of(config: InputConfig, root: str, mapping: str | None) -> Identities | None:
    """The identities of an input's `mapping` and `defaults_by_path`; None if it has neither.

    `mapping` is the absolute path of the table. Raises ConfigError with file and row.
    """
    by_path = tuple(
        (entry.path, owner_of(Defaults(**entry.model_dump(exclude={"path"}))))
        for entry in config.defaults_by_path
    )
    if mapping is None:
        return Identities(root, by_path=by_path) if by_path else None
    accounts: dict[str, list[Mapped]] = collections.defaultdict(list)
    paths: list[tuple[str, Mapped]] = []
    numbered: dict[tuple[str, str], list[tuple[str, Mapped]]] = collections.defaultdict(list)
    for where, row in _rows(mapping):
        who, key, mapped = _mapped(row, where)
        numbered[who, key].append((where, mapped))
        if who == "account":
            accounts[key].append(mapped)
        else:
            paths.append((key, mapped))
    for rows in numbered.values():
        _check_agreement(rows)
    return Identities(root, {key: tuple(rows) for key, rows in accounts.items()}, tuple(paths), by_path)


def _rows(path: str) -> Iterator[tuple[str, Row]]:
    """(place, row) of each row; the place is file and line or row number. A blank value is None."""
    try:
        rows = _parquet(path) if magic_of(path).startswith(b"PAR1") else _csv(path)
        for count, (where, row) in enumerate(rows):
            if count == MAX_ROWS:
                raise ConfigError(f"{path}: more than {MAX_ROWS:,} rows; add user ids to the logs instead")
            yield where, row
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or "unknown format"
        raise ConfigError(
            f"{path}: mapping cannot be read: {reason}; expected CSV in UTF-8 or Parquet"
        ) from None


def _csv(path: str) -> Iterator[tuple[str, Row]]:
    with open_text(path) as file:
        reader = csv.DictReader(file, strict=True)
        _check_columns(path, list(reader.fieldnames or ()))
        for row in reader:
            if None in row or None in row.values():
                raise ConfigError(f"{path}:{reader.line_num}: expected one value per column")
            yield f"{path}:{reader.line_num}", {name: _plain(name, text) for name, text in row.items()}


def _parquet(path: str) -> Iterator[tuple[str, Row]]:
    with open_columns(path) as source, pq.ParquetFile(source) as file:
        _check_columns(path, file.schema_arrow.names)
        rows = itertools.chain.from_iterable(batch.to_pylist() for batch in file.iter_batches(10_000))
        for number, row in enumerate(rows):
            yield f"{path}: row {number}", {name: _plain(name, value) for name, value in row.items()}


def _plain(name: str, value: Any) -> Any:
    """The value; None for blank text. White space around a value is removed, but not around an id."""
    if not isinstance(value, str):
        return value
    return (value if name in _IDS and value.strip() else value.strip()) or None


def _check_columns(path: str, names: list[str]) -> None:
    unknown = [name for name in names if name not in _COLUMNS]
    if unknown:
        raise ConfigError(f"{path}:1: unknown column {unknown[0]}; expected some of {', '.join(_COLUMNS)}")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"{path}:1: column {twice} occurs twice; keep one")
    if not set(_WHO) & set(names):
        raise ConfigError(f"{path}:1: expected a column path or a column account")


def _mapped(row: Row, where: str) -> tuple[str, str, Mapped]:
    given = [name for name in _WHO if row.get(name) is not None]
    if len(given) != 1:
        raise ConfigError(f"{where}: expected either path or account")
    texts = {name: row.get(name) for name in (given[0], *Owner._fields)}
    if wrong := next((name for name, text in texts.items() if not isinstance(text, str | None)), None):
        raise ConfigError(f"{where}: {wrong}: expected text")
    if unclean := next((name for name in _IDS if is_unclean(str(texts.get(name) or ""))), None):
        raise ConfigError(f"{where}: {unclean} {UNCLEAN}")
    owner = Owner(*(str(text) if (text := texts[name]) is not None else None for name in Owner._fields))
    if owner == Owner():
        raise ConfigError(
            f"{where}: user_id, organization_id, tier and surface are empty; fill in one or remove the row"
        )
    bounds = {name: _instant(row.get(name), where, name) for name in _VALID}
    mapped = Mapped(owner)
    if start := bounds["valid_from"]:
        mapped = mapped._replace(start=start)
    if end := bounds["valid_to"]:
        mapped = mapped._replace(end=end)
    if mapped.end <= mapped.start:
        raise ConfigError(f"{where}: expected valid_to after valid_from")
    return given[0], str(texts[given[0]]), mapped


def _instant(value: Any, where: str, name: str) -> dt.datetime | None:
    if value is None:
        return None
    try:
        instant = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
    except (ValueError, TypeError):
        instant = dt.datetime.min
    if instant.tzinfo is None:
        raise ConfigError(f"{where}: {name}: expected an RFC 3339 time with an offset")
    return instant.astimezone(dt.UTC)


def _check_agreement(rows: list[tuple[str, Mapped]]) -> None:
    """Raises ConfigError if rows of one path or account overlap in time and differ."""
    ordered = sorted(rows, key=lambda entry: entry[1].start)
    for name in Owner._fields:
        current: tuple[str, Mapped] | None = None
        for where, row in ordered:
            value = getattr(row.owner, name)
            if value is None:
                continue
            if current and row.start < current[1].end and value != getattr(current[1].owner, name):
                raise ConfigError(
                    f"{where}: {name} differs from {Path(current[0]).name}, valid at that time; correct one"
                )
            if current is None or row.end > current[1].end:
                current = (where, row)
