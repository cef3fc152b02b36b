"""Decisions and reasons: the words of the ledger (eligibility.md, "Order of rules")."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Decision(StrEnum):
    """What became of a session."""

    ELIGIBLE = "eligible"
    EXCLUDED = "excluded"
    DEFERRED = "deferred"
    QUARANTINED = "quarantined"


class RecordFault(StrEnum):
    """Quarantine codes that the decision itself gives: rule 0, in the order tried."""

    FUTURE_TIMESTAMP = "future_timestamp"
    CYCLIC_MESSAGES = "cyclic_messages"
    SUBJECT_CONFLICT = "subject_conflict"


class Basis(StrEnum):
    """Why an eligible session may be used."""

    USER_CONSENT = "user_consent"
    SEPARATE_AUTHORIZATION = "separate_authorization"


class Reason(StrEnum):
    """The first rule that fired, in the order of the rules; quarantine codes stand beside these."""

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
    """One rule: its number in eligibility.md, its reason, the clause it rests on, and when it fires."""

    number: int
    reason: str
    clause: str | None
    summary: str


#: Every rule a record that can be read is put to, in the order tried; the first that fires is the reason.
#: A policy's `rules:` can give a reason another clause and summary; the order is the same for all.
RULES: tuple[Rule, ...] = (
    Rule(0, RecordFault.FUTURE_TIMESTAMP, None, "A message is later than the moment decided for"),
    Rule(0, RecordFault.CYCLIC_MESSAGES, None, "Parent links go in a circle: the active branch is open"),
    Rule(0, RecordFault.SUBJECT_CONFLICT, None, "The conversation stands under two users"),
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

#: Eligible first, then the reasons in the order of their rules: how tables list them.
_LISTED = [str(Reason.ELIGIBLE), *(str(rule.reason) for rule in RULES)]


def listing_order(reason: str) -> tuple[int, str]:
    """What sorts reasons for a table; codes of records, which no rule gives, come last, by name."""
    return (_LISTED.index(reason) if reason in _LISTED else len(_LISTED), reason)


#: The clause behind each reason, unless the policy names another; reasons of the record itself have none.
CLAUSE: dict[str, str] = {rule.reason: rule.clause for rule in RULES if rule.clause} | {
    Reason.ELIGIBLE: "scope"
}

#: The quarantine code of a session whose text de-identification could not get through.
DEID_FAILED = "deid_failed"

#: Reasons that only the de-identification stage gives.
TEXT_REASONS = frozenset(
    {Reason.LANGUAGE_UNSUPPORTED, Reason.PII_DENSITY, Reason.RESIDUAL_PII, Reason.OVERSIZE}
)


def decision_of(reason: str) -> Decision:
    """The decision a reason belongs to; a word that is no reason is a quarantine code."""
    if reason == Reason.ELIGIBLE:
        return Decision.ELIGIBLE
    if reason == Reason.CONSENT_UNKNOWN:
        return Decision.DEFERRED
    return Decision.EXCLUDED if reason in set(Reason) else Decision.QUARANTINED
