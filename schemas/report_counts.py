"""Parts of report.json: sessions counted by what was decided, and by what they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

#: A count: a number; in a shareable report also "<10", or null for one that is withheld.
Cell = int | Annotated[str, msgspec.Meta(pattern=r"^<[0-9]+$")] | None

#: The value of a column in a shareable report whose sessions are not told apart in it.
MIXED = "*"
#: Months before the 36 that end with that of `as_of`, and months after it.
EARLIER, LATER = "earlier", "later"
MONTHS = 36


class Counts(msgspec.Struct, frozen=True):
    """Totals. `records` were read; some are of one session; `quarantined_records` could not be read."""

    records: Cell
    quarantined_records: Cell
    sessions: Cell
    ledger_rows: Cell
    training_rows: Cell
    messages_kept: Cell
    dropped_blocks: Cell
    decisions: dict[str, Cell]
    reasons: dict[str, Cell]


class Step(msgspec.Struct, frozen=True):
    """One step of the funnel: what it dropped and what was left after it, of `unit`.

    `step` is start, unreadable (records that cannot be read, by code), merged (records of one session with
    another), rule, eligible or rows. `number` is the rule's in docs/policy.md.
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
    """A reason of the ledger: how often it was given, and the rule behind it."""

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
    """A table to filter: a row is the values of `columns`, in that order.

    Months are those of creation: YYYY-MM, "earlier", "later", null for a record that could not be read.
    """

    columns: list[str]
    rows: list[list[Any]]


class Split(msgspec.Struct, frozen=True):
    """Sessions by decision, for one value of a column; null: the session has none."""

    value: str | None
    eligible: Cell
    excluded: Cell
    deferred: Cell
    quarantined: Cell
    sessions: Cell


class LanguageCount(msgspec.Struct, frozen=True):
    """Sessions and training rows in a language; null: too little text to tell."""

    language: str | None
    sessions: Cell
    rows: Cell


class Expiry(msgspec.Struct, frozen=True):
    """Eligible sessions that may be held until a day of this month (YYYY-MM), and their training rows."""

    month: str
    sessions: Cell
    rows: Cell


class QuarantineCount(msgspec.Struct, frozen=True):
    """Records and sessions under one code; `bytes` of the records that could not be read."""

    code: str
    records: Cell
    bytes: int | None
