"""Counts over a ledger part for the report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import Decision
from schemas.reports.counts import EARLIER, LATER, MONTHS
from transforms.decide.consent_status import CONSENT_STATUSES
from transforms.shuffle.instants import Ints, filled

#: The columns by which a ledger is counted. `standing` (the consent status) is null for a quarantined record.
KEYS = ("decision", "reason", "tier", "surface", "created_month", "basis", "standing")
MEASURES = ("sessions", "messages_seen", "messages_kept")


def cells_of(ledger: pa.Table, standing: pa.ChunkedArray, as_of: dt.datetime) -> dict[str, list[Any]]:
    """The cells of a LEDGER part: each combination of KEYS with its MEASURES, as columns, in a fixed order.

    `standing` has the consent status of each ledger row as a number.
    """
    keys = {name: ledger[name].combine_chunks() for name in KEYS if name in ledger.column_names}
    keys["created_month"] = creation_months(ledger["created_on"], as_of)
    keys["standing"] = pa.DictionaryArray.from_arrays(
        standing.combine_chunks().cast(pa.int32()), pa.array(CONSENT_STATUSES)
    )
    measures = {name: ledger[name] for name in MEASURES[1:]}
    columns = _grouped([keys[name] for name in KEYS], measures)
    rows = sorted(zip(*columns, strict=True), key=lambda row: [str(value) for value in row])
    return {name: [row[place] for row in rows] for place, name in enumerate([*KEYS, *MEASURES])}


def expiries_of(decision: pa.ChunkedArray, retain_until: pa.ChunkedArray) -> list[tuple[str, int]]:
    """(month, eligible sessions) by the month until which they may be held."""
    until = retain_until.filter(pc.equal(decision, str(Decision.ELIGIBLE)))
    return months_counted(until)


def months_counted(dates: pa.ChunkedArray) -> list[tuple[str, int]]:
    """(month, count) of the dates, in order; no date is null."""
    months, counts = np.unique(_months(dates), return_counts=True)
    return list(zip(map(_month_name, months.tolist()), counts.tolist(), strict=True))


def quarantined_bytes(quarantined: pa.Table) -> list[tuple[str, int, int]]:
    """(code, records, bytes) of quarantined records, in order of codes."""
    found = quarantined.group_by("code").aggregate([([], "count_all"), ("byte_length", "sum")])
    columns = (found["code"], found["count_all"], found["byte_length_sum"])
    return sorted(zip(*(column.to_pylist() for column in columns), strict=True))


def creation_months(dates: pa.ChunkedArray, as_of: dt.datetime) -> pa.DictionaryArray:
    """The month of each date. Months outside of the last MONTHS up to `as_of` become EARLIER or LATER."""
    newest = _newest(as_of)
    place = np.clip(_months(dates) - (newest - MONTHS), 0, MONTHS + 1).astype(np.int32)
    missing = pc.is_null(dates).to_numpy()
    return pa.DictionaryArray.from_arrays(pa.array(place, mask=missing), pa.array(month_names(as_of)))


def month_names(as_of: dt.datetime) -> list[str]:
    """The names of the months of creation in a report, in order."""
    newest = _newest(as_of)
    return [EARLIER, *map(_month_name, range(newest - MONTHS + 1, newest + 1)), LATER]


def _newest(as_of: dt.datetime) -> int:
    return (as_of.year - 1970) * 12 + as_of.month - 1


def _months(dates: pa.ChunkedArray) -> Ints:
    """Months since January 1970; 0 for null."""
    days = filled(dates.cast(pa.int32()), 0)
    months: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def _month_name(month: int) -> str:
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"


def _grouped(keys: Sequence[pa.DictionaryArray], measures: dict[str, pa.ChunkedArray]) -> list[list[Any]]:
    """One list per key, the count, and one list per measure. Rows are grouped by one number for all keys."""
    code = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        code = code * (len(key.dictionary) + 1) + filled(key.indices, len(key.dictionary))
    table = pa.table({"code": code, **measures}).group_by("code")
    sums = [(name, "sum") for name in measures]
    found = table.aggregate([([], "count_all"), *sums])
    codes = found["code"].to_numpy()
    columns: list[list[Any]] = []
    for key in reversed(keys):
        codes, place = np.divmod(codes, len(key.dictionary) + 1)
        values = [*key.dictionary.to_pylist(), None]
        columns.insert(0, [values[n] for n in place.tolist()])
    return [*columns, *(found[name].to_pylist() for name in ("count_all", *(f"{n}_sum" for n in measures)))]
