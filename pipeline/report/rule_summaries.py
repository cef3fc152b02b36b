"""Rule number, clause and summary of each reason and quarantine code, as reports print them."""

from __future__ import annotations

from typing import NamedTuple

from schemas.decisions import DEID_FAILED, RULES, Reason
from schemas.policy import Policy

#: Summaries of quarantine codes, for readers who do not know the formats. They are written into reports.
QUARANTINE_SUMMARIES = {
    "malformed_json": "Not valid JSON",
    "not_an_object": "JSON, but not a record",
    "missing_field": "A required field is missing",
    "bad_field": "A field has a value that it cannot have",
    "bad_timestamp": "A time that cannot be read",
    "naive_timestamp": "A time without a time zone",
    "future_timestamp": "A message is later than the moment decided for",
    "subject_conflict": "The records of the conversation have different users",
    "oversize_record": "Larger than the limits allow",
    "oversize_file": "An archive larger than the limits allow",
    "encrypted_file": "The archive is encrypted",
    "duplicate_member": "Two files in an archive have one name",
    "invalid_unicode": "Not valid UTF-8",
    "truncated_input": "The file ends too early",
    "unreadable_file": "The file cannot be read",
    "unknown_format": "Not in the format that was configured",
    "no_messages": "Spans without messages",
    "duplicate_message": "Two messages have one id",
    "cyclic_messages": "Parent links go in a circle",
    DEID_FAILED: "De-identification failed",
}
_ELIGIBLE = "No rule fired"
#: The rule number of de-identification in docs/reference/policy.md.
DEID_RULE = 15


class RuleSummary(NamedTuple):
    """The rule number, the clause, and when the reason is given."""

    number: int | None
    clause: str | None
    summary: str


def rule_summary(reason: str, policy: Policy) -> RuleSummary:
    """The entry for a reason or quarantine code; a policy can replace clause and summary."""
    rule = next((rule for rule in RULES if rule.reason == reason), None)
    text = policy.rules.get(reason)
    summary = (
        text.summary
        if text and text.summary
        else rule.summary
        if rule
        else QUARANTINE_SUMMARIES.get(reason, _ELIGIBLE)
    )
    number = (
        rule.number
        if rule
        else DEID_RULE
        if reason == DEID_FAILED
        else 0
        if reason in QUARANTINE_SUMMARIES
        else None
    )
    return RuleSummary(number, policy.clause_by_reason().get(reason), summary)


#: All reasons, in the order the rules are tried; a failed de-identification last.
REASONS_IN_ORDER = (*(str(rule.reason) for rule in RULES), DEID_FAILED)
ELIGIBLE = str(Reason.ELIGIBLE)
