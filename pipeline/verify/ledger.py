"""Class `ledger`: its rows by themselves, against the policy, and in sum against the manifest."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.verify.findings import Finding, RowFaults
from pipeline.verify.ledger_rows import Expected, RowKind, faults_of
from pipeline.verify.schema import table as read_table
from pipeline.verify.subject import Counts, Subject
from schemas.decisions import Decision, RecordFault
from schemas.policy import Policy
from schemas.strict_yaml import parse_instant
from transforms.decide.retention import ends_of
from transforms.output.counts import cells_of
from transforms.shuffle.instants import Bools, filled, later, micros

_DAY = 86_400_000_000
_ELIGIBLE = str(Decision.ELIGIBLE)
_QUARANTINED = str(Decision.QUARANTINED)
_KEY = "^[0-9a-f]{32}$"


@dataclasses.dataclass
class Ledger:
    """What the rows add up to. `codes`: unreadable records by code. `cells`: an entry a part."""

    reasons: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    decisions: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    codes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    rows: int = 0
    messages_kept: int = 0
    cells: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def read_ledger(subject: Subject, policy: Policy, faults: RowFaults) -> Ledger:
    """Reads all parts, and counts rows with a fault."""
    total = Ledger()
    manifest = subject.manifest
    expected = Expected(
        policy=policy,
        policy_sha256=str(manifest.policy.get("sha256")),
        as_of=parse_instant(manifest.as_of),
        known_until=parse_instant(manifest.known_until),
    )
    parts = subject.files("ledger/")
    for number, file in enumerate(parts):
        table = read_table(subject.folder / file.path)
        part = _Part(table, file.path, faults)
        part.check_keys(number, len(parts))
        part.check_kinds(expected)
        part.check_numbers()
        part.check_dates(expected)
        _check_erased(part, subject.erased.conversations)
        part.add_to(total, expected.as_of)
    return total


def check_sums(
    subject: Subject, counts: Counts, ledger: Ledger, lines: collections.Counter[str]
) -> Iterator[Finding]:
    """Findings of the sums: the manifest's counts less what was erased; `lines`: the quarantine by code."""
    erased = subject.manifest.erased.ledger_rows
    if ledger.rows != counts.ledger_rows - erased:
        yield _sum("its rows are not those that the manifest counts")
    if not _is_less_by(counts.reasons, ledger.reasons, erased):
        yield _sum("its counts by reason are not the manifest's")
    if not _is_less_by(counts.decisions, ledger.decisions, erased):
        yield _sum("its counts by decision are not the manifest's")
    kept, records = ledger.messages_kept, ledger.codes.total()
    if kept > counts.messages_kept or (not erased and kept != counts.messages_kept):
        yield _sum("its messages kept are not those that the manifest counts")
    if records > counts.quarantined_records or (not erased and records != counts.quarantined_records):
        yield _sum("its unreadable records are not those that the manifest counts")
    if lines.total() != counts.quarantined_records:
        yield Finding(
            "ledger", "quarantine/", f"has {lines.total()} lines; expected {counts.quarantined_records}"
        )
    if not _is_less_by(dict(lines), ledger.codes, lines.total() - records) or (
        not erased and lines != ledger.codes
    ):
        yield Finding("ledger", "quarantine/", "its lines by code are not the ledger's unreadable records")


def _is_less_by(whole: dict[str, int], rest: collections.Counter[str], missing: int) -> bool:
    """True if `rest` is `whole` without `missing` of its members."""
    left = [number - rest.get(name, 0) for name, number in whole.items()]
    return set(rest) <= set(whole) and all(number >= 0 for number in left) and sum(left) == missing


def _sum(what: str) -> Finding:
    return Finding("ledger", "ledger/", what)


class _Part:
    """A part of the ledger, as columns with its words as strings."""

    def __init__(self, table: pa.Table, path: str, faults: RowFaults) -> None:
        self._path, self._faults = path, faults
        self._table = table
        self.keys: pa.ChunkedArray = table["conversation_key"]
        self.decision = table["decision"].cast(pa.string())
        self.reason = table["reason"].cast(pa.string())
        self._is_record = _true(pc.is_null(table["created_on"]))
        self._eligible = _true(pc.equal(self.decision, _ELIGIBLE))

    def add(self, what: str, where: Bools) -> None:
        """Counts the rows where true."""
        self._faults.add(self._path, what, int(where.sum()))

    def add_to(self, total: Ledger, as_of: dt.datetime) -> None:
        """Adds the part's rows to the sums."""
        total.rows += self._table.num_rows
        total.reasons.update(word or "" for word in self.reason.to_pylist())
        total.decisions.update(word or "" for word in self.decision.to_pylist())
        total.codes.update(word or "" for word in self.reason.filter(pa.array(self._is_record)).to_pylist())
        total.messages_kept += pc.sum(self._table["messages_kept"]).as_py() or 0
        standing = pa.chunked_array([pa.array(np.zeros(len(self.keys), np.int8), mask=self._is_record)])
        total.cells.append({"cells": cells_of(self._table, standing, as_of), "unreadable": []})

    def check_keys(self, number: int, parts: int) -> None:
        """Form, order, part and uniqueness of the keys."""
        self.add(
            "only a record that cannot be read has no key", _true(pc.is_null(self.keys)) & ~self._is_record
        )
        named = self.keys.drop_null()
        misfits = ~_true(pc.match_substring_regex(named, _KEY))
        self.add("its key is not 32 hexadecimal digits", misfits)
        if misfits.any() or not len(named):
            return
        if len(named) < len(self.keys) and not _true(pc.is_null(self.keys.slice(len(named)))).all():
            self._faults.add(self._path, "rows without a key are not the last ones")
        self.add(
            "is not in order of conversation_key",
            _true(pc.less(named.slice(1), named.slice(0, len(named) - 1))),
        )
        prefix = np.array([int(key[:8], 16) for key in named.to_pylist()], np.uint64)
        part = ((prefix * np.uint64(parts)) >> np.uint64(32)).astype(np.int64)
        self.add("belongs to another part of the ledger", part != number)
        sessions = self.keys.filter(pa.array(~self._is_record))
        many = pc.value_counts(sessions)
        repeated = many.field("values").filter(pc.greater(many.field("counts"), 1))
        twice = _true(pc.is_in(self.keys, value_set=repeated.drop_null())) & ~self._is_record
        self.add(
            "its conversation is listed more than once, and not quarantined",
            twice & ~_true(pc.equal(self.decision, _QUARANTINED)),
        )

    def check_kinds(self, expected: Expected) -> None:
        """What the words of a row say together; there are few combinations."""
        columns = {name: self._table[name] for name in RowKind._fields if name != "is_record"}
        columns = {
            n: c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for n, c in columns.items()
        }
        table = pa.table({**columns, "is_record": pa.array(self._is_record)})
        found = table.group_by(list(RowKind._fields)).aggregate([([], "count_all")])
        for row in found.to_pylist():
            rows = row.pop("count_all")
            for fault in faults_of(RowKind(**row), expected):
                self._faults.add(self._path, fault, rows)

    def check_numbers(self) -> None:
        """Messages seen and kept."""
        seen, kept = filled(self._table["messages_seen"], -1), filled(self._table["messages_kept"], -1)
        self.add(
            "its numbers of messages are missing, negative, or more are kept than were seen",
            (kept < 0) | (kept > seen),
        )
        self.add("keeps messages and is not eligible", (kept > 0) & ~self._eligible)
        self.add("is eligible without an exchange", (kept < 2) & self._eligible)
        self.add("has messages and is a record that cannot be read", (seen > 0) & self._is_record)

    def check_dates(self, expected: Expected) -> None:
        """Last activity and retention, to the day: the ledger has no times."""
        active, until = self._table["last_active_on"], self._table["retain_until"]
        missing = _true(pc.or_(pc.is_null(active), pc.is_null(until)))
        given = _true(pc.or_(pc.is_valid(active), pc.is_valid(until)))
        self.add("has no dates of last activity and retention", missing & ~self._is_record)
        self.add("has dates and is a record that cannot be read", given & self._is_record)
        whole = ~missing & ~self._is_record
        days, ends = filled(active.cast(pa.int32()), 0), filled(until.cast(pa.int32()), 0)
        skewed = micros(later(expected.as_of, expected.policy.clock_skew)) // _DAY
        seen = filled(self._table["messages_seen"], 0) > 0
        future = _true(pc.equal(self.reason, str(RecordFault.FUTURE_TIMESTAMP)))
        self.add("was active after as_of", whole & seen & ~future & (days > skewed))
        granted = expected.policy.retention.granted
        least, most = (ends_of(days * _DAY + rest, granted) // _DAY for rest in (0, _DAY - 1))
        self.add("its retention is not the policy's", whole & ((ends < least) | (ends > most)))
        if expected.policy.prior_contributions == "exclude":
            # Otherwise the rows of users who refuse now have a retention of their own, which no column shows.
            moment = micros(expected.as_of) // _DAY
            expired = _true(pc.equal(self.reason, "retention_expired"))
            self.add("is eligible past its retention", whole & self._eligible & (ends < moment))
            self.add("its retention has not expired", whole & expired & (ends > moment))
        known = micros(expected.known_until) // _DAY
        unknown = _true(pc.equal(self.reason, "consent_unknown"))
        self.add("is deferred, and ended before the newest snapshot", whole & unknown & (days < known))


def _check_erased(part: _Part, conversations: frozenset[bytes]) -> None:
    if conversations:
        digits = pa.array([key.hex() for key in conversations], pa.string())
        back = _true(pc.is_in(part.keys, value_set=digits))
        allowed = _true(pc.equal(part.reason, "deleted")) | _true(pc.equal(part.decision, _QUARANTINED))
        part.add("was erased, and is neither deleted nor quarantined", back & ~allowed)


def _true(mask: pa.ChunkedArray | pa.Array) -> Bools:
    """The mask, false for null."""
    filled_in = pc.fill_null(mask, False)
    found: Bools = filled_in.to_numpy() if isinstance(mask, pa.ChunkedArray) else filled_in.to_numpy(False)
    return found
