"""The de-identification part of a report: replaced spans by type, and the residual check."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any

from pipeline.report.ledger_counts import Catalog
from schemas.errors import PipelineError
from schemas.reports.masking import Deid, EntityCount, Residual, SurfaceEntities


def entities_of(catalog: Catalog) -> dict[str, int]:
    """Replaced spans in the shards, by entity type."""
    total: collections.Counter[str] = collections.Counter()
    for shard in catalog.get("shard", []):
        total.update(shard["entities"])
    return dict(sorted(total.items()))


def deid_of(catalog: Catalog) -> Deid | None:
    """Replaced spans by type and surface; None for an audit.

    Raises PipelineError if the counts of the de-identification stage and of the shards differ.
    """
    if "text" not in catalog:
        return None
    sessions: collections.Counter[str] = collections.Counter()
    characters: collections.Counter[str] = collections.Counter()
    entities: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for entry in catalog["text"]:
        for surface, found in entry["written"].items():
            sessions[surface] += found["sessions"]
            characters[surface] += found["characters"]
            entities[surface].update(found["entities"])
    total: collections.Counter[str] = collections.Counter()
    for counts in entities.values():
        total.update(counts)
    if dict(sorted(total.items())) != entities_of(catalog):
        raise PipelineError("sum check: replaced spans in the shards differ from those counted when masking")
    everything = sum(characters.values())
    return Deid(
        sum(sessions.values()),
        everything,
        _entity_counts(total, everything),
        [
            SurfaceEntities(s, sessions[s], characters[s], _entity_counts(entities[s], characters[s]))
            for s in sorted(sessions)
        ],
    )


def residual_of(catalog: Catalog, dropped: int) -> Residual | None:
    """The residual check; None for an audit. `dropped`: sessions with reason residual_pii."""
    if "text" not in catalog:
        return None
    entries = catalog["text"]
    characters, again = _sum(entries, "characters"), _sum(entries, "masked_again")
    return Residual(
        sessions=_sum(entries, "sessions"),
        characters=characters,
        masked_again=again,
        masked_again_per_million_characters=round(again * 1e6 / characters, 3) if characters else 0.0,
        sessions_masked_again=_sum(entries, "sessions_masked_again"),
        sessions_dropped=dropped,
    )


def _entity_counts(counts: dict[str, int], characters: int) -> list[EntityCount]:
    return [
        EntityCount(kind, number, round(number * 1e3 / characters, 4) if characters else 0.0)
        for kind, number in sorted(counts.items())
    ]


def _sum(entries: Sequence[dict[str, Any]], field: str) -> int:
    return sum(entry[field] for entry in entries)
