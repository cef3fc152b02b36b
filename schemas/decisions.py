"""Decisions and reasons: the words of the ledger (eligibility.md, "Order of rules")."""

from __future__ import annotations

from enum import StrEnum


class Decision(StrEnum):
    """What became of a session."""

    ELIGIBLE = "eligible"
    EXCLUDED = "excluded"
    DEFERRED = "deferred"
    QUARANTINED = "quarantined"


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


#: The policy clause behind each reason; reasons of the record itself have none.
CLAUSE: dict[str, str] = {
    Reason.NO_SUBJECT: "scope",
    Reason.TIER_UNKNOWN: "scope",
    Reason.SURFACE_UNKNOWN: "scope",
    Reason.TIER_EXCLUDED: "commercial",
    Reason.SURFACE_EXCLUDED: "commercial",
    Reason.NO_CONSENT_RECORD: "decision",
    Reason.UNDECIDED: "decision",
    Reason.OPTED_OUT: "opt-out",
    Reason.CONSENT_UNKNOWN: "decision",
    Reason.NOT_RESUMED: "new-or-resumed",
    Reason.OPTED_OUT_THEN: "opt-out",
    Reason.CONSENT_GAP: "opt-out",
    Reason.RETENTION_EXPIRED: "retention",
    Reason.LANGUAGE_UNSUPPORTED: "de-identify",
    Reason.PII_DENSITY: "de-identify",
    Reason.RESIDUAL_PII: "de-identify",
    Reason.OVERSIZE: "de-identify",
    Reason.ELIGIBLE: "scope",
}

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
