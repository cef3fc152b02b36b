"""Parts of report.json: sessions counted by decision, reason and attributes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

#: A count. In a shareable report also text such as "<10" for a small count, or null for a suppressed one.
Cell = int | Annotated[str, msgspec.Meta(pattern=r"^<[0-9]+$")] | None

#: In a shareable report: several values of a column, merged so that no count is too small.
MIXED = "*"
#: The months before the MONTHS months that end with the month of `as_of`, and the months after them.
EARLIER, LATER = "earlier", "later"
MONTHS = 36


class Counts(msgspec.Struct, frozen=True):
    """Totals. Several `records` may form one session; `quarantined_records` could not be read.

    `parts`: lines of Claude Code and messages of exports, read one by one. `quarantined_parts` of them could
    not be read, while their session was; these are counted in `records` and `quarantined_records` too.
    """

    records: Cell
    quarantined_records: Cell
    sessions: Cell
    ledger_rows: Cell
    training_rows: Cell
    messages_kept: Cell
    dropped_blocks: Cell
    decisions: dict[str, Cell]
    reasons: dict[str, Cell]
    parts: Cell = 0
    quarantined_parts: Cell = 0


class Step(msgspec.Struct, frozen=True):
    """A step of the funnel: how many of `unit` it dropped, and how many were left.

    `step`: start, unreadable (records that cannot be read, by quarantine code), merged (several records of
    one session), rule, eligible or rows. `number`: the rule's number in docs/reference/policy.md.
    """

    step: Literal["start", "unreadable", "merged", "rule", "eligible", "rows"]
    unit: Literal["records", "sessions", "rows"]
    reason: str | None
    number: int | None
    clause: str | None
    summary: str
    dropped: Cell
    left: Cell


class ReasonCount(msgspec.Struct, frozen=True):
    """A reason of the ledger, its rule, and how many sessions have it."""

    decision: str
    reason: str
    clause: str | None
    number: int | None
    summary: str | None
    sessions: Cell
    messages_seen: Cell
    messages_kept: Cell


class Group(msgspec.Struct, frozen=True):
    """Sessions by decision, reason, tier and surface."""

    decision: str
    reason: str
    tier: str | None
    surface: str | None
    sessions: int


class Cube(msgspec.Struct, frozen=True):
    """Counts by several attributes at once. Each row has the values of `columns`, in that order.

    Months are months of creation: YYYY-MM, "earlier" or "later"; null for a record that could not be read.
    """

    columns: list[str]
    rows: list[list[Any]]


class Split(msgspec.Struct, frozen=True):
    """Sessions by decision, for one value of a column; null: the session has no value."""

    value: str | None
    eligible: Cell
    excluded: Cell
    deferred: Cell
    quarantined: Cell
    sessions: Cell


class LanguageCount(msgspec.Struct, frozen=True):
    """Sessions and training rows in a language; null: too little text to detect one."""

    language: str | None
    sessions: Cell
    rows: Cell


class Expiry(msgspec.Struct, frozen=True):
    """Eligible sessions whose retention ends in this month (YYYY-MM), and their training rows."""

    month: str
    sessions: Cell
    rows: Cell


class QuarantineCount(msgspec.Struct, frozen=True):
    """Quarantined records and sessions with one code; `bytes` of the records that could not be read."""

    code: str
    records: Cell
    bytes: int | None
