"""Reads the separate authorisations of commercial accounts from a CSV file."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from schemas.errors import ConfigError
from schemas.ids import UNCLEAN, is_unclean
from schemas.keys import KeyedHasher
from schemas.tables import AUTHORIZATIONS
from transforms.consent.columns import parse_instant
from transforms.sources.file_state import UNKNOWN, States, opened
from transforms.sources.files import open_text

COLUMNS = ("organization_id", "surface", "valid_from", "valid_to", "reference")


def read_authorizations(
    path: str | Path, hasher: KeyedHasher, surfaces: Collection[str], known: States = UNKNOWN
) -> pa.Table:
    """AUTHORIZATIONS of the file, one row per line.

    `surfaces`: those that a policy lists. Raises ConfigError with file, line and column, also for a row that
    could never apply, and PipelineError for a file that is not as it is known.
    """
    try:
        with (
            opened(str(path), known) as descriptor,
            open_text(descriptor) as file,
        ):
            reader = csv.DictReader(file, strict=True)
            names = list(reader.fieldnames or ())
            missing = [name for name in COLUMNS if name not in names]
            if missing:
                raise ConfigError(f"{path}:1: column {missing[0]} is missing; expected {', '.join(COLUMNS)}")
            twice = [name for name in COLUMNS if names.count(name) > 1]
            if twice:
                raise ConfigError(f"{path}:1: column {twice[0]} occurs twice; keep one")
            rows = [_row(row, f"{path}:{reader.line_num}", hasher, surfaces) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 CSV"
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    return pa.Table.from_pylist(rows, schema=AUTHORIZATIONS)


def _row(
    row: dict[str, str | None], where: str, hasher: KeyedHasher, surfaces: Collection[str]
) -> dict[str, object]:
    if None in row or None in row.values():  # DictReader pads short rows and collects surplus fields
        raise ConfigError(f"{where}: the row has more or fewer fields than the header")
    if any("\n" in (value or "") for value in row.values()):
        raise ConfigError(f"{where}: a field has a line break; is a quote not closed?")
    organization, surface = row["organization_id"] or "", row["surface"] or ""
    if not organization.strip():
        raise ConfigError(f"{where}: organization_id is empty")
    if is_unclean(organization):
        raise ConfigError(f"{where}: organization_id {UNCLEAN}")
    if surface and surface not in surfaces:
        raise ConfigError(
            f"{where}: surface is none of the policy ({', '.join(sorted(surfaces))}) and would never apply; "
            "leave it empty for every authorizable surface"
        )
    valid_from = _instant(row["valid_from"], where, "valid_from")
    valid_to = _instant(row["valid_to"], where, "valid_to")
    if valid_from is None:
        raise ConfigError(f"{where}: valid_from is empty")
    if valid_to is not None and valid_to <= valid_from:
        raise ConfigError(f"{where}: valid_to is not after valid_from, so the authorization never applies")
    return {
        "organization_key": hasher.organization(organization),
        "surface": surface or None,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }


def _instant(text: str | None, where: str, name: str) -> dt.datetime | None:
    text = (text or "").strip()
    instant = parse_instant(text) if text else None
    if text and instant is None:
        raise ConfigError(f"{where}: {name} is not an RFC 3339 time with an offset")
    return instant
