"""report.json, version 1: what a run or audit decided, in numbers. docs/report.schema.json is made from this.

Every count is of ledger rows, called sessions here: one a session, and one a record that could not be read.
Shares are fractions of all of them. In a shareable report a count can be text such as "<10": too few to be
passed on; or null: not told apart from such ones. There, "*" stands for values that are not told apart.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.report_counts import (
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
from schemas.report_findings import Consent, Deid, Estimate, Residual

FORMAT: Literal["chatsieve.report"] = "chatsieve.report"
FORMAT_VERSION: Literal[1] = 1


#: What a warning can be about.
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
    """The policy decided by; `clauses` are its clauses in plain words, by id."""

    id: str
    sha256: str
    effective_at: str
    decision_deadline: str
    prior_contributions: str
    separate_authorization: str
    clauses: dict[str, str]


class InputRead(msgspec.Struct, frozen=True):
    """One input of the configuration: its masked path, what was found there and what was read from it."""

    name: str
    format: str
    files: int
    bytes: int
    records: Cell


class SnapshotRead(msgspec.Struct, frozen=True):
    """One consent snapshot file, its rows known at `as_of`, and the oldest and newest instant among them."""

    name: str
    rows: Cell
    oldest_at: str
    newest_at: str


class SnapshotsRead(msgspec.Struct, frozen=True):
    """All snapshots; `age_seconds` is that of the newest at `as_of`."""

    newest_at: str
    oldest_at: str
    age_seconds: int
    files: list[SnapshotRead]


class Shareable(msgspec.Struct, frozen=True):
    """Says that this report may be passed on: no count below `min_cell` is in it or can be computed from it.

    `mixed`: how many sessions stand under "*" in at least one column of the cube. `left_out`: the fields
    that are empty for it.
    """

    min_cell: int
    mixed: int
    left_out: list[str]


class Shard(msgspec.Struct, frozen=True):
    """One file of training rows."""

    path: str
    rows: int
    bytes: int


class Spread(msgspec.Struct, frozen=True):
    """The smallest, the middle and the greatest."""

    min: int
    median: float
    max: int


class Shards(msgspec.Struct, frozen=True):
    """The files of training rows."""

    files: list[Shard]
    rows: Spread | None
    bytes: Spread | None


class ReasonMoved(msgspec.Struct, frozen=True):
    """One reason then and now; `moved` is the difference of the shares, now less then."""

    decision: str
    reason: str
    then: Cell
    now: Cell
    then_share: float | None
    now_share: float | None
    moved: float | None


class Previous(msgspec.Struct, frozen=True):
    """A run or audit to compare with. `new_tiers`, `new_surfaces`: seen now and not then."""

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
    """Something to look at. `weight` 0 to 100; `subject` is the reason, tier or surface it is about.

    `count` and `share` where it counts something; `unit` of what. `action`: what to do about it.
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
    """A threshold of the configuration that was crossed: its key, its limit, the actual value, in words."""

    threshold: str
    limit: float | str
    actual: float | str | None
    text: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. `deid`, `residual` and `shards` are null for audits."""

    format: Literal["chatsieve.report"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    kind: Literal["run", "audit"]
    version: str
    as_of: str
    known_until: str
    policy: PolicyRead
    inputs: list[InputRead]
    snapshots: SnapshotsRead
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
    shards: Shards | None
    previous: Previous | None
    warnings: list[Caution]
    failed: list[Failure]


def json_schema() -> bytes:
    """The JSON Schema of the document, indented: what docs/report.schema.json holds."""
    schema = msgspec.json.schema(Report)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"{FORMAT} {FORMAT_VERSION}"
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"
