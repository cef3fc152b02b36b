"""The parts of a report that the ledger alone does not give: users, masking, shards, expiry, inputs."""

from __future__ import annotations

import collections
import statistics
from collections.abc import Sequence
from typing import Any

from pipeline.report.ledger_counts import Catalog, LedgerCell, summed
from schemas.decisions import Basis, Decision
from schemas.errors import PipelineError
from schemas.policy import Policy
from schemas.report import Shard, Shards, Spread
from schemas.report_counts import Expiry, LanguageCount
from schemas.report_findings import (
    ActiveUsers,
    Allowed,
    Consent,
    Deid,
    EntityCount,
    RefusedEligible,
    Residual,
    State,
    StateCount,
    SurfaceEntities,
    UserCounts,
)
from transforms.shuffle.instants import moment_text

UNREADABLE: State = "unreadable"
STATES: tuple[State, ...] = ("granted", "refused", "undecided", "no_record", "no_user_id", UNREADABLE)
_KEPT = "The policy keeps what was granted when it was written (prior_contributions: keep)"


def consent_of(catalog: Catalog, cells: Sequence[LedgerCell], policy: Policy, known_until: str) -> Consent:
    """Users by where they stand, and sessions by where their user stands and what was decided."""
    entries = catalog.get("users", [])
    users = {name: sum(entry["standings"][name] for entry in entries) for name in STATES[:4]}
    found = summed(cells, ["standing", "decision", "basis"])
    by_word = {str(state): state for state in STATES}
    states = [
        StateCount(by_word[standing or UNREADABLE], decision, basis, number)
        for (standing, decision, basis), number in found.items()
    ]
    decisions = [str(decision) for decision in Decision]
    return Consent(
        users=UserCounts(**users, total=sum(users.values())),
        sessions=sorted(
            states, key=lambda row: (STATES.index(row.state), decisions.index(row.decision), str(row.basis))
        ),
        refused_eligible=refused_eligible(cells, policy),
        undecided_after_deadline=ActiveUsers(
            moment_text(policy.decision_deadline), _sum(entries, "undecided_after_deadline")
        ),
        stale=ActiveUsers(known_until, _sum(entries, "stale")),
    )


def refused_eligible(cells: Sequence[LedgerCell], policy: Policy) -> RefusedEligible:
    """Sessions of users who refuse that are eligible; only `prior_contributions: keep` explains any.

    A separate authorisation explains none: who refuses is out whatever the organisation agreed to.
    """
    through = [cell for cell in cells if cell.standing == "refused" and cell.decision == Decision.ELIGIBLE]
    found = summed(through, ["basis"])
    total = sum(found.values())
    kept = found.get(str(Basis.USER_CONSENT), 0) if policy.prior_contributions == "keep" else 0
    exceptions = [Allowed("prior_contributions", _KEPT, kept)] if kept else []
    return RefusedEligible(total, exceptions, total - kept)


def entities_of(catalog: Catalog) -> dict[str, int]:
    """How many stretches were replaced in the shards, by type."""
    total: collections.Counter[str] = collections.Counter()
    for shard in catalog.get("shard", []):
        total.update(shard["entities"])
    return dict(sorted(total.items()))


def deid_of(catalog: Catalog) -> Deid | None:
    """What was replaced in what was written, by type and surface; None where nothing is masked.

    Raises PipelineError where the text pass and the shards do not say the same.
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
        raise PipelineError("sum check: the shards do not hold the replacements that were made")
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
    """What the second look over the masked text found; None where nothing is masked."""
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


def expiry_of(catalog: Catalog) -> list[Expiry]:
    """Eligible sessions and training rows by the month they may be held until, the first to expire first."""
    sessions: collections.Counter[str] = collections.Counter()
    rows: collections.Counter[str] = collections.Counter()
    for kind, counter in (("ledger", sessions), ("shard", rows)):
        for part in catalog.get(kind, []):
            counter.update(dict(part["expiries"]))
    return [Expiry(month, sessions[month], rows[month]) for month in sorted({*sessions, *rows})]


def languages_of(catalog: Catalog) -> list[LanguageCount] | None:
    """Sessions and rows of the shards by language, the most frequent first; None for an audit."""
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
    """The files of training rows in order; None for an audit."""
    if "shard" not in catalog:
        return None
    found = [Shard(entry["path"], entry["rows"], entry["bytes"]) for entry in catalog["shard"]]
    files = sorted(found, key=lambda shard: shard.path)
    return Shards(files, _spread([f.rows for f in files]), _spread([f.bytes for f in files]))


def _spread(values: list[int]) -> Spread | None:
    return Spread(min(values), statistics.median(values), max(values)) if values else None


def _entity_counts(counts: dict[str, int], characters: int) -> list[EntityCount]:
    return [
        EntityCount(kind, number, round(number * 1e3 / characters, 4) if characters else 0.0)
        for kind, number in sorted(counts.items())
    ]


def _sum(entries: Sequence[dict[str, Any]], field: str) -> int:
    return sum(entry[field] for entry in entries)
