"""The part of a report on lists: entries of consent, deletions and authorisations that match no record."""

from __future__ import annotations

from pipeline.report.ledger_counts import Catalog
from schemas.reports.document import ListRows, Lists


def lists_of(catalog: Catalog) -> Lists:
    """The entries given and matched, summed over buckets and ranges of conversation keys."""
    listed, authorized = catalog.get("listed", []), catalog.get("authorized", [])
    matched = {place for entry in authorized for place in entry["matched"]}
    given = max((entry["given"] for entry in authorized), default=0)
    sums = {
        f"{name}_{side}": sum(entry.get(f"{name}_{side}", 0) for entry in listed)
        for name in ("consent", "deletions")
        for side in ("matched", "unmatched")
    }
    return Lists(
        consent_users=_rows(sums["consent_matched"], sums["consent_unmatched"]),
        deletions=_rows(sums["deletions_matched"], sums["deletions_unmatched"]),
        authorizations=_rows(len(matched), given - len(matched)),
    )


def _rows(matched: int, unmatched: int) -> ListRows:
    return ListRows(matched + unmatched, matched, unmatched)
