"""Decisions, reasons and rules, as the ledger names them. docs/reference/policy.md explains each rule."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Decision(StrEnum):
    """The outcome for a session."""

    ELIGIBLE = "eligible"
    EXCLUDED = "excluded"
    DEFERRED = "deferred"
    QUARANTINED = "quarantined"


class RecordFault(StrEnum):
    """Quarantine codes given by the decide stage (rule 0), in the order they are tried."""

    FUTURE_TIMESTAMP = "future_timestamp"
    CYCLIC_MESSAGES = "cyclic_messages"
    SUBJECT_CONFLICT = "subject_conflict"


class Basis(StrEnum):
    """Why an eligible session may be used."""

    USER_CONSENT = "user_consent"
    SEPARATE_AUTHORIZATION = "separate_authorization"


class Reason(StrEnum):
    """The reason of a decision: the first rule that fires.

    Quarantined sessions have a quarantine code instead.
    """

    DELETED = "deleted"
    INCOGNITO = "incognito"
    NO_SUBJECT = "no_subject"
    TIER_UNKNOWN = "tier_unknown"
    SURFACE_UNKNOWN = "surface_unknown"
    TIER_EXCLUDED = "tier_excluded"
    SURFACE_EXCLUDED = "surface_excluded"
    NO_CONSENT_RECORD = "no_consent_record"
    UNDECIDED = "undecided"
    OPTED_OUT = "opted_out"
    CONSENT_UNKNOWN = "consent_unknown"
    NOT_RESUMED = "not_resumed"
    OPTED_OUT_THEN = "opted_out_then"
    CONSENT_GAP = "consent_gap"
    RETENTION_EXPIRED = "retention_expired"
    NO_EXCHANGE = "no_exchange"
    LANGUAGE_UNSUPPORTED = "language_unsupported"
    PII_DENSITY = "pii_density"
    RESIDUAL_PII = "residual_pii"
    OVERSIZE = "oversize"
    ELIGIBLE = "eligible"


class Rule(NamedTuple):
    """A rule: its number in docs/reference/policy.md, its reason, its clause, and when it fires."""

    number: int
    reason: str
    clause: str | None
    summary: str


#: All rules, in the order they are tried; the first that fires gives the reason. A policy can replace the
#: clause and summary of a reason under `rules:`, but not the order.
RULES: tuple[Rule, ...] = (
    Rule(0, RecordFault.FUTURE_TIMESTAMP, None, "A message is later than the moment decided for"),
    Rule(0, RecordFault.CYCLIC_MESSAGES, None, "Parent links go in a circle: the active branch is open"),
    Rule(0, RecordFault.SUBJECT_CONFLICT, None, "The records of the conversation have different users"),
    Rule(1, Reason.DELETED, None, "The session or its user was deleted"),
    Rule(2, Reason.INCOGNITO, None, "The session is marked incognito"),
    Rule(3, Reason.NO_SUBJECT, "scope", "No user id, and no authorisation applies"),
    Rule(4, Reason.TIER_UNKNOWN, "scope", "The policy lists the tier nowhere"),
    Rule(4, Reason.SURFACE_UNKNOWN, "scope", "The policy lists the surface nowhere"),
    Rule(5, Reason.TIER_EXCLUDED, "commercial", "An excluded tier, not authorised for every message"),
    Rule(5, Reason.SURFACE_EXCLUDED, "commercial", "An excluded surface, not authorised for every message"),
    Rule(6, Reason.NO_CONSENT_RECORD, "decision", "No known snapshot has the user"),
    Rule(7, Reason.UNDECIDED, "decision", "The user has not decided"),
    Rule(8, Reason.OPTED_OUT, "opt-out", "The user refuses"),
    Rule(9, Reason.CONSENT_UNKNOWN, "decision", "A human message is later than the newest known snapshot"),
    Rule(10, Reason.NOT_RESUMED, "new-or-resumed", "Neither new nor resumed since the user agreed"),
    Rule(11, Reason.OPTED_OUT_THEN, "opt-out", "Written while the user refused"),
    Rule(12, Reason.CONSENT_GAP, "opt-out", "What a refusal leaves cannot be used"),
    Rule(13, Reason.RETENTION_EXPIRED, "retention", "Older than it may be held"),
    Rule(14, Reason.NO_EXCHANGE, None, "What is kept has no prompt with an answer"),
    Rule(15, Reason.LANGUAGE_UNSUPPORTED, "de-identify", "In a language that masking does not cover"),
    Rule(15, Reason.PII_DENSITY, "de-identify", "Too much of the text is personal"),
    Rule(15, Reason.RESIDUAL_PII, "de-identify", "Personal data is left after masking"),
    Rule(15, Reason.OVERSIZE, "de-identify", "Too long to be checked"),
)

#: The order of reasons in tables: eligible, then the order of the rules.
_LISTED = [str(Reason.ELIGIBLE), *(str(rule.reason) for rule in RULES)]


def listing_order(reason: str) -> tuple[int, str]:
    """A sort key for reasons in tables; quarantine codes without a rule come last, by name."""
    return (_LISTED.index(reason) if reason in _LISTED else len(_LISTED), reason)


#: The clause of each reason, unless the policy names another. Quarantine codes have none.
CLAUSE: dict[str, str] = {rule.reason: rule.clause for rule in RULES if rule.clause} | {
    Reason.ELIGIBLE: "scope"
}

#: The quarantine code of a session whose de-identification failed.
DEID_FAILED = "deid_failed"

#: Reasons given by the de-identification stage only.
TEXT_REASONS = frozenset(
    {Reason.LANGUAGE_UNSUPPORTED, Reason.PII_DENSITY, Reason.RESIDUAL_PII, Reason.OVERSIZE}
)


def decision_of(reason: str) -> Decision:
    """The decision that a reason belongs to. Any text that is not a reason counts as a quarantine code."""
    if reason == Reason.ELIGIBLE:
        return Decision.ELIGIBLE
    if reason == Reason.CONSENT_UNKNOWN:
        return Decision.DEFERRED
    return Decision.EXCLUDED if reason in set(Reason) else Decision.QUARANTINED
