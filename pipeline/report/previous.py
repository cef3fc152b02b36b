"""The comparison with a previous run or audit: reasons, tiers and surfaces."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import PurePath

import pyarrow.compute as pc

from pipeline.dataset.committed import ledger_batches, open_committed
from pipeline.report.ledger_counts import LedgerCell, summed
from schemas.decisions import decision_of
from schemas.reports.document import Previous, ReasonMoved
from transforms.output.file_names import masked_name
from transforms.storage.places import resolved

_BATCH_ROWS = 1 << 17


@dataclasses.dataclass(frozen=True)
class PreviousRun:
    """The figures of a committed run or audit, from its manifest and ledger."""

    name: str
    kind: str
    dataset_version: int
    as_of: str
    policy_id: str
    reasons: dict[str, int]
    tiers: frozenset[str]
    surfaces: frozenset[str]


def read_previous_run(path: PurePath) -> PreviousRun:
    """The figures of the run or audit in a folder; InputError if there is none."""
    run = open_committed(path)
    seen: dict[str, set[str]] = {"tier": set(), "surface": set()}
    for batch in ledger_batches(run, list(seen), _BATCH_ROWS):
        for name, values in seen.items():
            values.update(pc.drop_null(pc.unique(batch.column(name))).to_pylist())
    manifest = run.manifest
    return PreviousRun(
        name=masked_name(resolved(run.root).name),
        kind=manifest.kind,
        dataset_version=manifest.dataset_version,
        as_of=manifest.as_of,
        policy_id=str(manifest.policy["id"]),
        reasons={str(reason): int(number) for reason, number in manifest.counts["reasons"].items()},
        tiers=frozenset(seen["tier"]),
        surfaces=frozenset(seen["surface"]),
    )


def previous_of(before: PreviousRun, cells: Sequence[LedgerCell]) -> Previous:
    """The comparison, with the reason whose share changed most first."""
    now, then = summed(cells, ["reason"]), before.reasons
    total_now, total_then = sum(now.values()), sum(then.values())
    moved = []
    for reason in {*now, *then}:
        share_then, share_now = share(then.get(reason, 0), total_then), share(now.get(reason, 0), total_now)
        moved.append(
            ReasonMoved(
                str(decision_of(reason)),
                reason,
                then.get(reason, 0),
                now.get(reason, 0),
                share_then,
                share_now,
                round(share_now - share_then, 6),
            )
        )
    return Previous(
        name=before.name,
        kind=before.kind,
        dataset_version=before.dataset_version,
        as_of=before.as_of,
        policy_id=before.policy_id,
        sessions=total_then,
        reasons=sorted(moved, key=lambda row: (-abs(row.moved or 0), row.reason)),
        new_tiers=sorted({cell.tier for cell in cells if cell.tier} - before.tiers),
        new_surfaces=sorted({cell.surface for cell in cells if cell.surface} - before.surfaces),
    )


def share(part: int, whole: int) -> float:
    """The fraction, rounded to six places; 0 if `whole` is 0."""
    return round(part / whole, 6) if whole else 0.0
