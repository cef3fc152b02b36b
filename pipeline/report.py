"""What a run or audit found, in numbers: report.json, the summary, and the manifest's counts."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.errors import PipelineError
from transforms.estimate import estimate_of

Catalog = dict[str, list[dict[str, Any]]]


def counts_of(catalog: Catalog) -> dict[str, Any]:
    """Counts by decision and reason; raises PipelineError unless they add up to what was read."""
    sessions_read = _sum(catalog, "read", "sessions")
    quarantined = _sum(catalog, "read", "quarantined")
    decided_records = _sum(catalog, "decided", "records")
    sessions = _sum(catalog, "decided", "sessions")
    ledger_rows = _sum(catalog, "ledger", "rows")
    if sessions_read != decided_records:
        raise PipelineError(f"sum check: {sessions_read} records read, {decided_records} decided on")
    if ledger_rows != sessions + quarantined:
        raise PipelineError(
            f"sum check: {sessions} sessions and {quarantined} unreadable records, "
            f"but {ledger_rows} ledger rows"
        )
    decisions = _tally(catalog, "decision")
    if "shard" in catalog and _sum(catalog, "shard", "sessions") != decisions.get("eligible", 0):
        raise PipelineError("sum check: the shards do not hold the sessions that the ledger calls eligible")
    return {
        "records": sessions_read + quarantined,
        "quarantined_records": quarantined,
        "sessions": sessions,
        "ledger_rows": ledger_rows,
        "training_rows": _sum(catalog, "shard", "rows"),
        "messages_kept": _sum(catalog, "ledger", "messages_kept"),
        "dropped_blocks": _sum(catalog, "text", "dropped_blocks"),
        "decisions": decisions,
        "reasons": _tally(catalog, "reason"),
    }


def entities_of(catalog: Catalog) -> dict[str, int]:
    """How many stretches were replaced in the shards, by type."""
    total: collections.Counter[str] = collections.Counter()
    for shard in catalog.get("shard", []):
        total.update(shard["entities"])
    return dict(sorted(total.items()))


def residual_of(catalog: Catalog) -> dict[str, Any] | None:
    """What the second look over the masked text found, and its rates; None where nothing is masked."""
    if "text" not in catalog:
        return None
    sessions, characters = _sum(catalog, "text", "sessions"), _sum(catalog, "text", "characters")
    again = _sum(catalog, "text", "masked_again")
    dropped = _tally(catalog, "reason").get("residual_pii", 0)
    return {
        "sessions": sessions,
        "characters": characters,
        "masked_again": again,
        "masked_again_per_million_characters": round(again * 1e6 / characters, 3) if characters else 0.0,
        "sessions_masked_again": _sum(catalog, "text", "sessions_masked_again"),
        "sessions_dropped": dropped,
    }


def report_of(catalog: Catalog, header: dict[str, Any], clauses: Mapping[str, str]) -> dict[str, Any]:
    """report.json: the counts, each reason with its clause, and decisions by tier and surface.

    Raises PipelineError unless the counts add up to what was read.
    """
    counts = counts_of(catalog)
    groups: collections.Counter[tuple[str, str, str | None, str | None]] = collections.Counter()
    for row in _ledger_rows(catalog):
        groups[row["decision"], row["reason"], row["tier"], row["surface"]] += row["count_all"]
    by_reason: dict[tuple[str, str], int] = collections.Counter()
    for (decision, reason, _, _), number in groups.items():
        by_reason[decision, reason] += number
    return {
        **header,
        "counts": counts,
        "reasons": [
            {"decision": decision, "reason": reason, "clause": clauses.get(reason), "sessions": number}
            for (decision, reason), number in sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))
        ],
        "groups": [
            dict(zip(("decision", "reason", "tier", "surface", "sessions"), (*group, number), strict=True))
            for group, number in sorted(groups.items(), key=lambda item: [str(part) for part in item[0]])
        ],
        "entities": entities_of(catalog),
        "residual": residual_of(catalog),
        "estimate": estimate_of(catalog["estimate"]) if "estimate" in catalog else None,
    }


def _ledger_rows(catalog: Catalog) -> Iterable[dict[str, Any]]:
    return (row for part in catalog.get("ledger", []) for row in part["counts"])


def _tally(catalog: Catalog, column: str) -> dict[str, int]:
    total: collections.Counter[str] = collections.Counter()
    for row in _ledger_rows(catalog):
        total[row[column]] += row["count_all"]
    return dict(sorted(total.items()))


def _sum(catalog: Catalog, kind: str, field: str) -> int:
    return sum(entry[field] for entry in catalog.get(kind, []))
