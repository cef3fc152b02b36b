"""The HTML page of `chatsieve diff`; it has counts only, no conversation keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.pages.page import count, instant, percent, render_page, write_page
from pipeline.report.rule_summaries import QUARANTINE_SUMMARIES
from schemas.decisions import RULES, listing_order

_ABSENT = "not there"
_SUMMARY = {str(rule.reason): rule.summary for rule in RULES}
_MOST_LISTED = 6


def write_diff_page(document: dict[str, Any], path: Path) -> None:
    """Writes the page to a new file; OutputError if it exists or cannot be written."""
    write_page(diff_page(document), path, "--html")


def diff_page(document: dict[str, Any]) -> bytes:
    """The page, in UTF-8."""
    flips = [_flip(row) for row in document["changed"]]
    return render_page(
        "diff.html.j2",
        {"matrix": _cells(document["changed"]), "balance": _balance(document)},
        document=document,
        a=_side(document["a"]),
        b=_side(document["b"]),
        headline=_headline(document["sessions"]),
        sentences=_sentences(document, flips),
        flips=flips,
    )


def _side(side: dict[str, Any]) -> dict[str, str]:
    return {
        "name": side["path"].rpartition("/")[2],
        "kind": side["kind"],
        "policy_id": side["policy_id"],
        "as_of": instant(side["as_of"]),
        "known_until": instant(side["known_until"]),
    }


def _headline(sessions: dict[str, int]) -> str:
    both, changed = sessions["in_both"], sessions["changed"]
    if not both:
        return "The two ledgers have no row in common"
    part = percent(changed / both)
    return f"{count(changed)} of {count(both)} ledger rows in both are decided differently ({part})"


def _sentences(document: dict[str, Any], flips: list[dict[str, Any]]) -> list[str]:
    """How many sessions became eligible, how many are no longer, and the largest change."""
    gained = sum(row["sessions"] for row in document["changed"] if row["b_decision"] == "eligible")
    lost = sum(row["sessions"] for row in document["changed"] if row["a_decision"] == "eligible")
    sentences = [f"{count(gained)} sessions are eligible in B and not in A; {count(lost)} in A and not in B."]
    if flips:
        first = flips[0]
        sentences.append(
            f"The largest change: {count(first['sessions'])} sessions from {first['a']} to {first['b']}. "
            f"{first['why']}"
        )
    return sentences


def _flip(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "a": row["a_reason"] or _ABSENT,
        "b": row["b_reason"] or _ABSENT,
        "sessions": row["sessions"],
        "why": _why(row),
        "tiers": _listed(row["by_tier"]),
        "surfaces": _listed(row["by_surface"]),
    }


def _why(row: dict[str, Any]) -> str:
    rule, side = row["rule"], row["fires_in"].upper()
    if rule == "absent":
        return f"These sessions are not in {side}."
    if rule in QUARANTINE_SUMMARIES:
        return f"In {side} alone they are quarantined: {QUARANTINE_SUMMARIES[rule].lower()}."
    number = "" if row["rule_number"] is None else f"{row['rule_number']}, "
    return f"Rule {number}{rule}, fires in {side} only: {_SUMMARY.get(rule, rule)}."


def _listed(numbers: dict[str, int]) -> str:
    largest = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{name} {count(number)}" for name, number in largest[:_MOST_LISTED])
    return listed + (f" and {len(largest) - _MOST_LISTED} more" if len(largest) > _MOST_LISTED else "")


def _cells(changed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The changed pairs of reasons, in table order of the reason in A, then in B."""
    ordered = sorted(
        changed,
        key=lambda row: (listing_order(row["a_reason"] or "-"), listing_order(row["b_reason"] or "-")),
    )
    return [
        {
            "a": row["a_reason"] or _ABSENT,
            "b": row["b_reason"] or _ABSENT,
            "rule": row["rule"],
            "sessions": row["sessions"],
            "way": "now eligible"
            if row["b_decision"] == "eligible"
            else "no longer eligible"
            if row["a_decision"] == "eligible"
            else "other reason",
        }
        for row in ordered
    ]


def _balance(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "value": f"{kind} {row['value']}",
            "side": f"eligible in {side}",
            "sessions": row[f"eligible_in_{side.lower()}"],
        }
        for kind in ("tier", "surface")
        for row in document[f"by_{kind}"]
        for side in ("A", "B")
    ]
