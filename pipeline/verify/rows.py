"""Classes `rows` and `index`: training rows against the ledger, and the restricted files against both."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.verify.findings import Finding, RowFaults
from pipeline.verify.schema import batches
from pipeline.verify.schema import table as read_table
from pipeline.verify.subject import Counts, Subject
from pipeline.verify.training_rows import Sums, TrainingRow, read_shard
from schemas.decisions import Basis
from schemas.policy import Policy
from schemas.strict_yaml import parse_instant
from transforms.decide.retention import ends_of

_KEY = re.compile(r"[0-9a-f]{32}\Z")
_DAY = 86_400_000_000
_EPOCH = dt.date(1970, 1, 1).toordinal()


class LedgerRow(NamedTuple):
    """An eligible row of the ledger, and the user key that restricted/sessions has for it."""

    key: str
    user_key: str | None
    surface: str | None
    tier: str | None
    basis: str | None
    policy_id: str | None
    created_on: dt.date | None
    last_active_on: dt.date | None
    retain_until: dt.date | None
    messages_kept: int


_COLUMNS = (
    "surface",
    "tier",
    "basis",
    "policy_id",
    "created_on",
    "last_active_on",
    "retain_until",
    "messages_kept",
)


def eligible_rows(subject: Subject, index: RowFaults) -> Iterator[LedgerRow]:
    """The eligible rows in order of their keys. Checks restricted/sessions against the ledger on the way."""
    for part, sessions in zip(subject.files("ledger/"), subject.files("restricted/sessions-"), strict=True):
        table = read_table(subject.folder / part.path)
        named = table.filter(table["conversation_key"].is_valid())
        beside = read_table(subject.folder / sessions.path)
        users = beside["user_key"].to_pylist()
        if not beside["conversation_key"].equals(named["conversation_key"]):
            index.add(sessions.path, "its conversations are not those of the ledger", beside.num_rows or 1)
            users = [None] * named.num_rows
        else:
            _check_users(subject, named, users, sessions.path, index)
            _check_names(subject, named, beside["names"].to_pylist(), sessions.path, index)
        yield from sorted(_eligible(named, users), key=lambda row: row.key)


def join_rows(subject: Subject, policy: Policy, rows: RowFaults, index: RowFaults) -> Sums:
    """Compares training rows, index and eligible ledger rows, all in order of their keys."""
    sums = Sums()
    written = itertools.groupby(_training_rows(subject, rows, index, sums), key=lambda pair: pair[1].key)
    eligible = eligible_rows(subject, index)
    as_of = parse_instant(subject.manifest.as_of).date()
    expected = next(eligible, None)
    for key, group in written:
        while expected is not None and expected.key < key:
            rows.add("data/", "is eligible in the ledger and has no training row")
            expected = next(eligible, None)
        pairs = list(group)
        if expected is None or expected.key != key:
            rows.add(pairs[0][0], "is not eligible in the ledger", len(pairs))
            continue
        for fault in _faults_of([row for _, row in pairs], expected, policy, as_of):
            rows.add(pairs[0][0], fault)
        expected = next(eligible, None)
    while expected is not None:
        rows.add("data/", "is eligible in the ledger and has no training row")
        expected = next(eligible, None)
    return sums


def check_row_sums(subject: Subject, counts: Counts, sums: Sums) -> Iterator[Finding]:
    """Findings of the sums of training rows against the manifest."""
    erased = subject.manifest.erased.training_rows
    if sums.rows != counts.training_rows - erased:
        yield Finding("rows", "data/", f"has {sums.rows} rows; expected {counts.training_rows - erased}")
    entities = subject.manifest.entities
    if erased:
        more = any(number > entities.get(kind, 0) for kind, number in sums.entities.items())
    else:
        more = dict(sums.entities) != entities
    if more:
        yield Finding("rows", "data/", "its entity counts do not add up to the manifest's")


def _training_rows(
    subject: Subject, rows: RowFaults, index: RowFaults, sums: Sums
) -> Iterator[tuple[str, TrainingRow]]:
    for number, file in enumerate(subject.files("data/")):
        found = read_shard(subject, number, rows, sums)
        _check_index(subject, number, found, index)
        yield from ((file.path, row) for row in sorted(found, key=lambda row: row.key))


def _check_index(subject: Subject, number: int, shard: list[TrainingRow], index: RowFaults) -> None:
    path = subject.files("restricted/index-")[number].path
    listed: Iterable[tuple[Any, ...]] = itertools.chain.from_iterable(
        zip(*(column.to_pylist() for column in batch.columns), strict=True)
        for batch in batches(subject.folder / path, ["user_key", "conversation_key", "shard", "row"])
    )
    expected = ((row.user_key, row.key, number, place) for place, row in enumerate(shard))
    differ = sum(one != other for one, other in itertools.zip_longest(listed, expected))
    index.add(path, "is not the training row at its place in the shard", differ)


def _check_users(subject: Subject, named: Any, users: list[str | None], path: str, index: RowFaults) -> None:
    """The user keys of restricted/sessions against what the ledger says of each row."""
    erased = {key.hex() for key in subject.erased.users}
    columns = ("reason", "decision", "basis", "created_on")
    for user, reason, decision, basis, created in zip(
        users, *(named[name].to_pylist() for name in columns), strict=True
    ):
        if user is None:
            if basis == Basis.USER_CONSENT:
                index.add(path, "has no user and is eligible by a user's consent")
        elif len(user) != 32 or user.strip("0123456789abcdef"):
            index.add(path, "its user key is not 32 hexadecimal digits")
        elif reason == "no_subject" or created is None:
            index.add(path, "has a user, and the ledger says that it has none")
        elif user in erased and reason != "deleted" and decision != "quarantined":
            index.add(path, "its user was erased, and it is neither deleted nor quarantined")


def _check_names(
    subject: Subject, named: Any, names: list[list[str] | None], path: str, index: RowFaults
) -> None:
    """The further ids of restricted/sessions: sorted keys, and none that was erased, unless it is deleted."""
    erased = {key.hex() for key in subject.erased.conversations}
    decided = zip(named["reason"].to_pylist(), named["decision"].to_pylist(), strict=True)
    for held, (reason, decision) in zip(names, decided, strict=True):
        if held is None:
            continue
        if not held or held != sorted(set(held)) or not all(_KEY.match(name or "") for name in held):
            index.add(path, "its further ids are not sorted keys of 32 hexadecimal digits")
        elif not erased.isdisjoint(held) and reason != "deleted" and decision != "quarantined":
            index.add(path, "a further id of it was erased, and it is neither deleted nor quarantined")


def _eligible(named: Any, users: list[str | None]) -> Iterator[LedgerRow]:
    chosen = [place for place, word in enumerate(named["decision"].to_pylist()) if word == "eligible"]
    some = named.take(pa.array(chosen, pa.int64()))
    columns = [some[name].to_pylist() for name in _COLUMNS]
    keys = some["conversation_key"].to_pylist()
    for place, key, *rest in zip(chosen, keys, *columns, strict=True):
        yield LedgerRow(key, users[place], *rest)


def _faults_of(
    written: list[TrainingRow], ledger: LedgerRow, policy: Policy, as_of: dt.date
) -> Iterator[str]:
    """What the rows of one conversation, a row a thread, contradict in its ledger row."""
    if len(written) > 1 and policy.threads == "main":
        yield "has several rows, and the policy writes the main thread only"
    if any(row.has_entities for row in written[1:]):
        yield "counts entities in another row than the conversation's first"
    for row in written:
        if (row.surface, row.tier, row.basis, row.policy_id) != ledger[2:6]:
            yield "its surface, tier, basis or policy is not the ledger's"
        if (row.started_on, row.last_active_on) != (ledger.created_on, ledger.last_active_on):
            yield "its dates are not the ledger's"
        if row.user_key != ledger.user_key:
            yield "its user key is not the one in restricted/sessions"
        if row.retain_until is None or row.retain_until < as_of:
            yield "is past its retention"
        elif row.retain_until != ledger.retain_until and not _is_held_as_refused(row, policy):
            yield "its retention is not the policy's"
    others, messages = sum(row.others for row in written), sum(row.messages for row in written)
    if not others <= ledger.messages_kept <= messages:
        yield "its messages are not those that the ledger counts"


def _is_held_as_refused(row: TrainingRow, policy: Policy) -> bool:
    """True if a row has the retention of a user who refuses now, which a policy can have for its own."""
    if policy.prior_contributions != "keep" or row.basis != Basis.USER_CONSENT or row.last_active_on is None:
        return False
    start = (row.last_active_on.toordinal() - _EPOCH) * _DAY
    ends = ends_of(np.array([start, start + _DAY - 1]), policy.retention.refused) // _DAY
    day = (row.retain_until or row.last_active_on).toordinal() - _EPOCH
    return bool(ends[0] <= day <= ends[1])
