"""The page of reasons and quarantine codes: every value of the ledger's column `reason`."""

from __future__ import annotations

from pipeline.reference.markdown import code, table
from schemas.decisions import RULES, Reason, decision_of
from schemas.units import QUARANTINE_CODES

_INTRODUCTION = """\
# Reasons and quarantine codes

Every value of the column `reason` in the [ledger](files.md#ledgerpart-parquet).

## Reasons

In the order in which the rules are tried: the first rule that fires gives the reason. The clause is
that of the default pack; a policy can name another under `rules`.
[Policy](policy.md#how-a-session-is-decided) has the exact conditions.

"""

_BEFORE_CODES = """
## Quarantine codes

A record that cannot be read is never included and never stops the run. The
[quarantine](files.md#quarantinepart-jsonl) has its place, field and code.

"""

#: What is wrong with the record or file, by code.
CODES = {
    "malformed_json": "It is not JSON (NaN and Infinity are not), is nested too deep, or is a "
    "binary file (one entry for all of it).",
    "not_an_object": "It is JSON, but not an object.",
    "missing_field": "It has no value for a required field, or an empty id; in an export, also one message.",
    "bad_field": "It has a field of a wrong type or value, a number beyond a double or of over 4,300 digits, "
    "repeats a field in one object, or has an id that [is refused](data-model.md#ids).",
    "bad_timestamp": "It has an invalid time, or a time outside 1970 to 2199.",
    "naive_timestamp": "It has a time without an offset.",
    "invalid_unicode": "It is not UTF-8, or has half of a surrogate pair.",
    "duplicate_message": "It gives one message id to two different messages.",
    "oversize_record": "It exceeds `limits.max_record_bytes` or `limits.max_messages`.",
    "oversize_file": "It is an archive of more files than `limits.max_archive_members`, or one whose "
    "conversations exceed both `limits.max_record_bytes` and `limits.max_decompression_ratio`"
    " times its size.",
    "encrypted_file": "It is an archive with encrypted conversations.",
    "duplicate_member": "It is an archive with two files of conversations of one name.",
    "truncated_input": "It is truncated or damaged there; the part before it is read.",
    "unreadable_file": "It cannot be opened, or has no Parquet footer.",
    "unknown_format": "It is a JSON file or archive without conversations.",
    "no_messages": "It is a file of spans or log records of generative AI, none of which has messages in a "
    "form that is known.",
    "future_timestamp": "The session has a message later than `as_of` and `clock_skew`.",
    "cyclic_messages": "The session's parent links go in a circle, so the active branch is open.",
    "subject_conflict": "The session's records have different users.",
    "deid_failed": "De-identification failed on the session.",
}

_AFTER_CODES = """
The last four are given to sessions that could be read; they have a ledger row and no line in the quarantine.
"""


def page() -> str:
    """The page in Markdown."""
    reasons = [(str(rule.number), rule.reason, rule.clause, rule.summary) for rule in RULES]
    rows = [
        (number, code(reason), decision_of(reason), clause or "-", f"{summary}.")
        for number, reason, clause, summary in reasons
        if reason not in QUARANTINE_CODES
    ]
    rows.append(("", code(Reason.ELIGIBLE), decision_of(Reason.ELIGIBLE), "scope", "No rule fired."))
    return "".join(
        [
            _INTRODUCTION,
            table(["rule", "reason", "decision", "clause", "fires when"], rows),
            _BEFORE_CODES,
            table(["code", "meaning"], [(code(name), meaning) for name, meaning in CODES.items()]),
            _AFTER_CODES,
        ]
    )
