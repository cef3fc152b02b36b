"""The consent part of a report: users by consent state, and the check that no refusal was overridden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.report.ledger_counts import Catalog, LedgerCell, summed
from schemas.decisions import Basis, Decision
from schemas.policy import Policy
from schemas.reports.consent import (
    ActiveUsers,
    Allowed,
    Consent,
    RefusedEligible,
    State,
    StateCount,
    UserCounts,
)
from transforms.shuffle.instants import moment_text

UNREADABLE: State = "unreadable"
STATES: tuple[State, ...] = ("granted", "refused", "undecided", "no_record", "no_user_id", UNREADABLE)
_KEPT = "The policy keeps what was granted when it was written (prior_contributions: keep)"


def consent_of(catalog: Catalog, cells: Sequence[LedgerCell], policy: Policy, known_until: str) -> Consent:
    """Users by consent state, and sessions by the state of their user, decision and basis."""
    entries = catalog.get("users", [])
    users = {name: sum(entry["statuses"][name] for entry in entries) for name in STATES[:4]}
    found = summed(cells, ["standing", "decision", "basis"])
    by_word = {str(state): state for state in STATES}
    states = [
        StateCount(by_word[standing or UNREADABLE], decision, basis, number)
        for (standing, decision, basis), number in found.items()
    ]
    decisions = [str(decision) for decision in Decision]
    return Consent(
        users=UserCounts(**users, total=sum(users.values())),
        sessions=sorted(
            states, key=lambda row: (STATES.index(row.state), decisions.index(row.decision), str(row.basis))
        ),
        refused_eligible=refused_eligible(cells, policy),
        undecided_after_deadline=ActiveUsers(
            moment_text(policy.decision_deadline), _sum(entries, "undecided_after_deadline")
        ),
        stale=ActiveUsers(known_until, _sum(entries, "stale")),
    )


def refused_eligible(cells: Sequence[LedgerCell], policy: Policy) -> RefusedEligible:
    """Eligible sessions of users who refuse; only `prior_contributions: keep` allows any.

    A separate authorisation does not: a refusal of the user takes precedence.
    """
    eligible = [cell for cell in cells if cell.standing == "refused" and cell.decision == Decision.ELIGIBLE]
    found = summed(eligible, ["basis"])
    total = sum(found.values())
    kept = found.get(str(Basis.USER_CONSENT), 0) if policy.prior_contributions == "keep" else 0
    exceptions = [Allowed("prior_contributions", _KEPT, kept)] if kept else []
    return RefusedEligible(total, exceptions, total - kept)


def _sum(entries: Sequence[dict[str, Any]], field: str) -> int:
    return sum(entry[field] for entry in entries)
