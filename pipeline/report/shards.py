"""The part of a report about training rows: shards, languages, and when retention ends."""

from __future__ import annotations

import collections
import statistics

from pipeline.report.ledger_counts import Catalog
from schemas.reports.counts import Expiry, LanguageCount
from schemas.reports.document import Shard, Shards, Spread


def expiry_of(catalog: Catalog) -> list[Expiry]:
    """Eligible sessions and training rows by the month in which retention ends, the earliest first."""
    sessions: collections.Counter[str] = collections.Counter()
    rows: collections.Counter[str] = collections.Counter()
    for kind, counter in (("ledger", sessions), ("shard", rows)):
        for part in catalog.get(kind, []):
            counter.update(dict(part["expiries"]))
    return [Expiry(month, sessions[month], rows[month]) for month in sorted({*sessions, *rows})]


def languages_of(catalog: Catalog) -> list[LanguageCount] | None:
    """Sessions and training rows by language, the most frequent first; None for an audit."""
    if "shard" not in catalog:
        return None
    found: dict[str | None, list[int]] = collections.defaultdict(lambda: [0, 0])
    for shard in catalog["shard"]:
        for language, sessions, rows in shard["languages"]:
            found[language][0] += sessions
            found[language][1] += rows
    order = sorted(found, key=lambda language: (-found[language][0], str(language)))
    return [LanguageCount(language, *found[language]) for language in order]


def shards_of(catalog: Catalog) -> Shards | None:
    """The shards, sorted by path; None for an audit."""
    if "shard" not in catalog:
        return None
    found = [Shard(entry["path"], entry["rows"], entry["bytes"]) for entry in catalog["shard"]]
    files = sorted(found, key=lambda shard: shard.path)
    return Shards(files, _spread([f.rows for f in files]), _spread([f.bytes for f in files]))


def _spread(values: list[int]) -> Spread | None:
    return Spread(min(values), statistics.median(values), max(values)) if values else None
