"""Reads the separate authorisations of commercial accounts from a CSV file."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pyarrow as pa

from schemas.errors import ConfigError
from schemas.keys import KeyedHasher
from schemas.tables import AUTHORIZATIONS

COLUMNS = ("organization_id", "surface", "valid_from", "valid_to", "reference")


def read_authorizations(path: Path, hasher: KeyedHasher) -> pa.Table:
    """AUTHORIZATIONS of the file, one row per line. Raises ConfigError with file, line and column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"{path}:1: column {missing[0]} is missing; expected {', '.join(COLUMNS)}")
            rows = [_row(row, f"{path}:{reader.line_num}", hasher) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 CSV"
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    return pa.Table.from_pylist(rows, schema=AUTHORIZATIONS)


def _row(row: dict[str, str | None], where: str, hasher: KeyedHasher) -> dict[str, object]:
    organization = (row["organization_id"] or "").strip()
    if not organization:
        raise ConfigError(f"{where}: organization_id is empty")
    valid_from = _instant(row["valid_from"], where, "valid_from")
    if valid_from is None:
        raise ConfigError(f"{where}: valid_from is empty")
    return {
        "organization_key": hasher.organization(organization),
        "surface": (row["surface"] or "").strip() or None,
        "valid_from": valid_from,
        "valid_to": _instant(row["valid_to"], where, "valid_to"),
    }


def _instant(text: str | None, where: str, name: str) -> dt.datetime | None:
    if not (text or "").strip():
        return None
    try:
        instant = dt.datetime.fromisoformat((text or "").strip())
    except ValueError:
        instant = dt.datetime.min
    if instant.tzinfo is None:
        raise ConfigError(f"{where}: {name} is not an RFC 3339 time with an offset")
    return instant.astimezone(dt.UTC)
