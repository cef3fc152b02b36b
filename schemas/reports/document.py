"""report.json, version 1: the decisions of a run or audit, in numbers.

docs/reference/report.schema.json is generated from these classes.

Counts named sessions are counts of ledger rows: one per session, and one per record that could not be read.
Shares are fractions of all ledger rows. In a shareable report a count can be text such as "<10" (a small
count) or null (a suppressed count), and "*" stands for several values that were merged.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.reports.consent import Consent
from schemas.reports.counts import (
    Cell,
    Counts,
    Cube,
    Expiry,
    Group,
    LanguageCount,
    QuarantineCount,
    ReasonCount,
    Split,
    Step,
)
from schemas.reports.masking import Deid, Estimate, Residual

FORMAT: Literal["chatsieve.report"] = "chatsieve.report"
FORMAT_VERSION: Literal[1] = 1


#: The codes of warnings; docs/reference/reports.md explains each.
WarningCode = Literal[
    "refused_eligible",
    "nothing_read",
    "nothing_eligible",
    "snapshot_old",
    "reason_moved",
    "quarantine_high",
    "tier_unlisted",
    "surface_unlisted",
    "undecided_after_deadline",
    "residual_found",
    "tier_new",
    "surface_new",
    "users_stale",
]


class PolicyRead(msgspec.Struct, frozen=True):
    """The policy; `clauses` maps clause ids to their summaries."""

    id: str
    sha256: str
    effective_at: str
    decision_deadline: str
    prior_contributions: str
    separate_authorization: str
    clauses: dict[str, str]


class InputRead(msgspec.Struct, frozen=True):
    """An input of the configuration: its path with names masked, its files, and the records read."""

    name: str
    format: str
    files: int
    bytes: int
    records: Cell


class SnapshotRead(msgspec.Struct, frozen=True):
    """A consent snapshot: its rows known at `as_of`, and their oldest and newest instant."""

    name: str
    rows: Cell
    oldest_at: str
    newest_at: str


class SnapshotsRead(msgspec.Struct, frozen=True):
    """All snapshots; `age_seconds` is the age of the newest at `as_of`."""

    newest_at: str
    oldest_at: str
    age_seconds: int
    files: list[SnapshotRead]


class ListRows(msgspec.Struct, frozen=True):
    """Entries of lists known at `as_of`; `matched` have at least one record in the logs, `unmatched` none."""

    given: Cell
    matched: Cell
    unmatched: Cell


class Lists(msgspec.Struct, frozen=True):
    """What the lists name, and what of it the logs have.

    `consent_users`: users in consent, each once; matched by user. `deletions`: rows; matched by user or
    conversation. `authorizations`: rows; matched by organisation.
    """

    consent_users: ListRows
    deletions: ListRows
    authorizations: ListRows


class NotUnderstood(msgspec.Struct, frozen=True):
    """Lines and blocks of kinds that a format does not know, by kind. Their content is not read.

    `other`: kinds that are no plain words, and the rarest of more than 100. Counted for Claude Code, exports
    and lists of turns; copies of a line count too.
    """

    records: dict[str, int]
    blocks: dict[str, int]


class Shareable(msgspec.Struct, frozen=True):
    """Marks a shareable report: no count below `min_cell` is in it or can be computed from it.

    `mixed`: the number of sessions with "*" in at least one column of the cube. `left_out`: fields that are
    empty in a shareable report.
    """

    min_cell: int
    mixed: int
    left_out: list[str]


class Shard(msgspec.Struct, frozen=True):
    """A Parquet file of training rows."""

    path: str
    rows: int
    bytes: int


class Spread(msgspec.Struct, frozen=True):
    """Minimum, median and maximum."""

    min: int
    median: int | float
    max: int


class Shards(msgspec.Struct, frozen=True):
    """The Parquet files of training rows, and the spread of their sizes."""

    files: list[Shard]
    rows: Spread | None
    bytes: Spread | None


class ReasonMoved(msgspec.Struct, frozen=True):
    """A reason in the previous run and now; `moved` is the share now minus the share then."""

    decision: str
    reason: str
    then: Cell
    now: Cell
    then_share: float | None
    now_share: float | None
    moved: float | None


class Previous(msgspec.Struct, frozen=True):
    """The run or audit compared with. `new_tiers`, `new_surfaces`: values that it did not have."""

    name: str
    kind: str
    dataset_version: int
    as_of: str
    policy_id: str
    sessions: Cell
    reasons: list[ReasonMoved]
    new_tiers: list[str]
    new_surfaces: list[str]


class Caution(msgspec.Struct, frozen=True):
    """A warning. `weight`: its importance, 0 to 100. `subject`: the reason, tier or surface concerned.

    `count`, `unit` and `share`: how many sessions or users, if it counts any. `action`: what to do.
    """

    code: WarningCode
    weight: int
    subject: str | None
    text: str
    count: Cell
    unit: str | None
    share: float | None
    action: str


class Failure(msgspec.Struct, frozen=True):
    """A threshold of the configuration that was crossed: its key, limit, the actual value, and a sentence."""

    threshold: str
    limit: int | float | str
    actual: int | float | str | None
    text: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report.

    `deid`, `residual` and `shards` are null for audits, `lists` and `not_understood` if it is shareable.
    """

    format: Literal["chatsieve.report"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    kind: Literal["run", "audit"]
    version: str
    as_of: str
    known_until: str
    policy: PolicyRead
    inputs: list[InputRead]
    snapshots: SnapshotsRead
    lists: Lists | None
    shareable: Shareable | None
    counts: Counts
    funnel: list[Step]
    reasons: list[ReasonCount]
    groups: list[Group]
    cube: Cube
    by_month: list[Split]
    by_tier: list[Split]
    by_surface: list[Split]
    by_language: list[LanguageCount] | None
    consent: Consent
    retention: list[Expiry]
    entities: dict[str, Cell]
    deid: Deid | None
    residual: Residual | None
    estimate: Estimate | None
    quarantine: list[QuarantineCount]
    not_understood: NotUnderstood | None
    shards: Shards | None
    previous: Previous | None
    warnings: list[Caution]
    failed: list[Failure]


def json_schema() -> bytes:
    """The JSON Schema of the report, indented; docs/reference/report.schema.json is this text."""
    schema = msgspec.json.schema(Report)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"{FORMAT} {FORMAT_VERSION}"
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"
