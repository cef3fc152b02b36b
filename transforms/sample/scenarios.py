"""Scenarios of the synthetic corpus: kinds of sessions whose decision is known from docs/reference/policy.md.

A scenario has a consent history, the times of its exchanges, a variant of its records, and the expected decision,
reason and kept exchanges. Nothing here calls the engine.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple


def _day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


AS_OF = _day("2026-03-01")
KNOWN_UNTIL = _day("2026-02-28T18:00:00")
SNAPSHOTS = (_day("2025-10-01"), _day("2026-01-01"), KNOWN_UNTIL)

#: Consent histories: (state, decided_at), decided_at None for a user who had not decided.
HISTORIES: dict[str, tuple[tuple[str | None, dt.datetime | None], ...]] = {
    "granted": (("granted", _day("2025-09-05")),),
    "refused": (("refused", _day("2025-09-10")),),
    "undecided": ((None, None),),
    "granted_refused": (("granted", _day("2025-09-05")), ("refused", _day("2026-01-15"))),
    "refused_granted": (("refused", _day("2025-09-10")), ("granted", _day("2026-01-15"))),
    "granted_refused_granted": (
        ("granted", _day("2025-09-05")),
        ("refused", _day("2025-11-15")),
        ("granted", _day("2026-01-15")),
    ),
    "back_and_forth": (
        ("refused", _day("2025-09-10")),
        ("granted", _day("2025-11-01")),
        ("refused", _day("2026-01-01")),
        ("granted", _day("2026-02-01")),
    ),
    "absent": (),
}

#: Start times of exchanges, one for each period of the consent histories above.
OLD, AUTUMN, WINTER, NEW_YEAR, FEBRUARY = (
    _day("2025-06-01"),
    _day("2025-10-01"),
    _day("2025-12-01"),
    _day("2026-01-05"),
    _day("2026-02-05"),
)
_LATE = KNOWN_UNTIL + dt.timedelta(hours=2)
_FUTURE = AS_OF + dt.timedelta(days=2)
_LONG_AGO = _day("2020-06-01")
ALL = "all"


class Scenario(NamedTuple):
    """One kind of session. `exchanges` are their start times, `kept` the positions of the kept ones or ALL.

    `variant` selects a change of the records (see `corpus`); `fields` are set in each record.
    """

    name: str
    weight: float
    history: str
    exchanges: tuple[dt.datetime, ...]
    decision: str
    reason: str
    kept: tuple[int, ...] | str = ()
    tier: str | None = None
    surface: str | None = None
    variant: str | None = None
    fields: tuple[tuple[str, Any], ...] = ()


def _eligible(
    name: str, weight: float, history: str, exchanges: tuple[dt.datetime, ...], **more: Any
) -> Scenario:
    return Scenario(name, weight, history, exchanges, "eligible", "eligible", **{"kept": ALL, **more})


def _excluded(
    name: str, weight: float, history: str, exchanges: tuple[dt.datetime, ...], reason: str, **more: Any
) -> Scenario:
    return Scenario(name, weight, history, exchanges, more.pop("decision", "excluded"), reason, **more)


SCENARIOS: tuple[Scenario, ...] = (
    _eligible("new chat", 24, "granted", (AUTUMN, AUTUMN, WINTER)),
    _eligible("new coding session", 10, "granted", (AUTUMN, FEBRUARY), surface="code", variant="tools"),
    _eligible("coding session with a subagent", 3, "granted", (WINTER,), surface="code", variant="subagent"),
    _eligible("old chat, resumed", 6, "granted", (OLD, FEBRUARY)),
    _eligible("resumed in a later log", 4, "granted", (OLD, AUTUMN, FEBRUARY), variant="split"),
    _eligible("edited prompt", 4, "granted", (AUTUMN, WINTER), variant="branch"),
    _eligible("opted in later, new chat", 3, "refused_granted", (FEBRUARY, FEBRUARY)),
    _eligible("opted in later, resumed", 2, "refused_granted", (AUTUMN, FEBRUARY), kept=(1,)),
    _eligible("opted out in between", 2, "granted_refused_granted", (AUTUMN, WINTER, FEBRUARY), kept=(0,)),
    _eligible("authorised work", 3, "absent", (AUTUMN, WINTER), tier="enterprise", variant="authorised"),
    _excluded("deleted by its user", 1, "granted", (AUTUMN,), "deleted", variant="deleted_record"),
    _excluded("deleted by list", 1, "granted", (AUTUMN,), "deleted", variant="deleted_list"),
    _excluded("user deleted", 1, "granted", (WINTER,), "deleted", variant="deleted_user"),
    _excluded("incognito", 1.5, "granted", (WINTER,), "incognito", fields=(("incognito", True),)),
    _excluded("no user", 1, "absent", (WINTER,), "no_subject", fields=(("user_id", None),)),
    _excluded("tier unknown", 0.6, "granted", (WINTER,), "tier_unknown", tier="platinum"),
    _excluded("surface unknown", 0.6, "granted", (WINTER,), "surface_unknown", surface="toaster"),
    _excluded("team", 5, "granted", (AUTUMN, WINTER), "tier_excluded", tier="team"),
    _excluded("government", 2, "absent", (WINTER,), "tier_excluded", tier="gov"),
    _excluded("education", 2, "absent", (WINTER,), "tier_excluded", tier="education"),
    _excluded("api traffic", 3, "absent", (WINTER,), "tier_excluded", tier="api", surface="api"),
    _excluded(
        "authorisation ended",
        1,
        "absent",
        (AUTUMN, FEBRUARY),
        "tier_excluded",
        tier="enterprise",
        variant="lapsed",
    ),
    _excluded("cloud platform", 2, "granted", (WINTER,), "surface_excluded", surface="bedrock"),
    _excluded("in no snapshot", 2, "absent", (AUTUMN,), "no_consent_record"),
    _excluded("never decided", 4, "undecided", (AUTUMN, WINTER), "undecided"),
    _excluded("opted out", 6, "refused", (AUTUMN,), "opted_out"),
    _excluded("opted out since", 3, "granted_refused", (AUTUMN, FEBRUARY), "opted_out"),
    _excluded(
        "after the last snapshot", 1, "granted", (AUTUMN, _LATE), "consent_unknown", decision="deferred"
    ),
    _excluded("old chat", 7, "granted", (OLD, OLD), "not_resumed"),
    _excluded("opted out then", 2, "refused_granted", (AUTUMN, WINTER), "opted_out_then"),
    _excluded("granted between refusals", 1, "back_and_forth", (AUTUMN, WINTER, NEW_YEAR), "consent_gap"),
    _excluded(
        "authorised long ago",
        0.8,
        "absent",
        (_LONG_AGO,),
        "retention_expired",
        tier="enterprise",
        variant="authorised",
    ),
    _excluded("unanswered", 1.5, "granted", (WINTER,), "no_exchange", variant="unanswered"),
    _excluded(
        "from the future", 0.4, "granted", (WINTER, _FUTURE), "future_timestamp", decision="quarantined"
    ),
    _excluded(
        "two users", 0.4, "granted", (WINTER,), "subject_conflict", decision="quarantined", variant="conflict"
    ),
)
#: Quarantine codes of broken records, each with its share of all records. The sum is below the default limit.
BROKEN: tuple[tuple[str, float], ...] = (
    ("malformed_json", 0.002),
    ("naive_timestamp", 0.002),
    ("missing_field", 0.002),
)
