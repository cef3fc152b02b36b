"""The full report, with all counts, and the checks that its counts add up."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib.metadata
from collections.abc import Sequence
from typing import Literal

import msgspec

from pipeline.report.consent import consent_of
from pipeline.report.ledger_counts import (
    Catalog,
    LedgerCell,
    cells_of,
    cube_of,
    funnel_of,
    groups_of,
    quarantine_of,
    reasons_of,
    splits_of,
    summed,
)
from pipeline.report.lists import lists_of
from pipeline.report.masking import deid_of, entities_of, residual_of
from pipeline.report.previous import PreviousRun, previous_of
from pipeline.report.shards import expiry_of, languages_of, shards_of
from pipeline.report.thresholds import failures_of
from pipeline.report.warnings import warnings_of
from schemas.config import RunConfig
from schemas.decisions import Reason
from schemas.errors import PipelineError
from schemas.policy import Policy
from schemas.reports.counts import Counts
from schemas.reports.document import InputRead, NotUnderstood, PolicyRead, Report, SnapshotRead, SnapshotsRead
from schemas.reports.masking import Estimate
from transforms.consent.snapshots import Snapshot
from transforms.deid.estimate import estimate_of
from transforms.output.file_names import masked_name, masked_path
from transforms.shuffle.instants import moment_text
from transforms.sources.unknown_kinds import UnknownKinds


@dataclasses.dataclass(frozen=True)
class ReportContext:
    """What a report needs besides the catalog. `before`: the run that it is compared with."""

    kind: Literal["run", "audit"]
    config: RunConfig
    policy: Policy
    policy_sha256: str
    as_of: dt.datetime
    known_until: dt.datetime
    snapshots: Sequence[Snapshot]
    before: PreviousRun | None = None


def report_of(catalog: Catalog, context: ReportContext) -> tuple[Report, list[LedgerCell]]:
    """The full report, and the ledger cells that it is computed from.

    Raises PipelineError if the counts do not add up, or if a run has an eligible session of a user who
    refuses that no setting of the policy allows.
    """
    cells = cells_of(catalog)
    counts = counts_of(catalog, cells)
    training_rows = _number(counts.training_rows) if context.kind == "run" else None
    known_until = moment_text(context.known_until)
    report = Report(
        kind=context.kind,
        version=importlib.metadata.version("chatsieve"),
        as_of=moment_text(context.as_of),
        known_until=known_until,
        policy=_policy(context),
        inputs=_inputs(catalog, context.config),
        snapshots=_snapshots(context),
        lists=lists_of(catalog),
        shareable=None,
        counts=counts,
        funnel=funnel_of(cells, context.policy, _number(counts.records), training_rows),
        reasons=reasons_of(cells, context.policy),
        groups=groups_of(cells),
        cube=cube_of(cells),
        by_month=splits_of(cells, "created_month"),
        by_tier=splits_of(cells, "tier"),
        by_surface=splits_of(cells, "surface"),
        by_language=languages_of(catalog),
        consent=consent_of(catalog, cells, context.policy, known_until),
        retention=expiry_of(catalog),
        entities=dict(entities_of(catalog)),
        deid=deid_of(catalog),
        residual=residual_of(catalog, summed(cells, ["reason"]).get(str(Reason.RESIDUAL_PII), 0)),
        estimate=Estimate(**estimate_of(catalog["estimate"])) if "estimate" in catalog else None,
        quarantine=quarantine_of(cells, catalog),
        not_understood=_not_understood(catalog),
        shards=shards_of(catalog),
        previous=previous_of(context.before, cells) if context.before else None,
        warnings=[],
        failed=[],
    )
    if context.kind == "run" and report.consent.refused_eligible.unexplained:
        raise PipelineError(
            f"consent check: {report.consent.refused_eligible.unexplained} eligible sessions belong to users "
            "who refuse, according to an independent count of the snapshots; nothing was written; report this"
        )
    report = msgspec.structs.replace(report, warnings=warnings_of(report, context.config))
    return msgspec.structs.replace(report, failed=failures_of(report, context.config)), cells


def counts_of(catalog: Catalog, cells: Sequence[LedgerCell]) -> Counts:
    """Totals by decision and reason; PipelineError if they do not add up to the records read."""
    sessions_read = _sum(catalog, "read", "sessions")
    quarantined = _sum(catalog, "read", "quarantined")
    decided_records = _sum(catalog, "decided", "records")
    sessions = _sum(catalog, "decided", "sessions")
    ledger_rows = _sum(catalog, "ledger", "rows")
    decisions = summed(cells, ["decision"])
    if sessions_read != decided_records:
        raise PipelineError(f"sum check: {sessions_read} records were read, but {decided_records} decided")
    if ledger_rows != sessions + quarantined or ledger_rows != sum(decisions.values()):
        raise PipelineError(
            f"sum check: {sessions} sessions and {quarantined} unreadable records, "
            f"but {ledger_rows} ledger rows, of which {sum(decisions.values())} have a decision"
        )
    if "shard" in catalog and _sum(catalog, "shard", "sessions") != decisions.get("eligible", 0):
        raise PipelineError(
            "sum check: the sessions in the shards are not the eligible sessions of the ledger"
        )
    return Counts(
        records=sessions_read + quarantined,
        quarantined_records=quarantined,
        sessions=sessions,
        ledger_rows=ledger_rows,
        training_rows=_sum(catalog, "shard", "rows"),
        messages_kept=sum(cell.messages_kept for cell in cells),
        dropped_blocks=_sum(catalog, "text", "dropped_blocks"),
        decisions=dict(sorted(decisions.items())),
        reasons=dict(sorted(summed(cells, ["reason"]).items())),
        parts=_sum(catalog, "read", "parts"),
        quarantined_parts=_sum(catalog, "read", "quarantined_parts"),
    )


def encode_report(report: Report) -> bytes:
    """The bytes of report.json: indented JSON, with each row of the cube on one line."""
    rows = b",\n".join(b"      " + msgspec.json.encode(row) for row in report.cube.rows)
    bare = msgspec.structs.replace(report, cube=msgspec.structs.replace(report.cube, rows=[]))
    text = msgspec.json.format(msgspec.json.encode(bare), indent=2)
    filled = text.replace(b'"rows": []', b'"rows": [\n' + rows + b"\n    ]", 1) if rows else text
    return filled + b"\n"


def _policy(context: ReportContext) -> PolicyRead:
    policy = context.policy
    return PolicyRead(
        id=policy.id,
        sha256=context.policy_sha256,
        effective_at=moment_text(policy.effective_at),
        decision_deadline=moment_text(policy.decision_deadline),
        prior_contributions=policy.prior_contributions,
        separate_authorization=policy.separate_authorization,
        clauses={clause.id: clause.summary for clause in policy.clauses},
    )


def _inputs(catalog: Catalog, config: RunConfig) -> list[InputRead]:
    files = catalog.get("input", [])
    read = catalog.get("read", [])
    return [
        InputRead(
            name=masked_path(source.path),
            format=source.format,
            files=sum(entry["input"] == number for entry in files),
            bytes=sum(entry["bytes"] for entry in files if entry["input"] == number),
            records=sum(e["sessions"] + e["quarantined"] for e in read if e["input"] == number),
        )
        for number, source in enumerate(config.inputs)
    ]


def _not_understood(catalog: Catalog) -> NotUnderstood:
    found = UnknownKinds.none()
    for entry in catalog.get("read", []):
        found.add(entry["unknown"])
    return NotUnderstood(**found.counts())


def _snapshots(context: ReportContext) -> SnapshotsRead:
    files = [
        SnapshotRead(
            masked_name(snapshot.path.rsplit("/", 1)[-1]),
            snapshot.rows,
            moment_text(snapshot.instants[0]),
            moment_text(snapshot.instants[-1]),
        )
        for snapshot in context.snapshots
    ]
    oldest = min(snapshot.instants[0] for snapshot in context.snapshots)
    age = (context.as_of - context.known_until).total_seconds()
    return SnapshotsRead(moment_text(context.known_until), moment_text(oldest), int(age), files)


def _sum(catalog: Catalog, kind: str, field: str) -> int:
    return sum(entry[field] for entry in catalog.get(kind, []))


def _number(count: object) -> int:
    """The count as a number; counts of a full report always are."""
    if not isinstance(count, int):
        raise PipelineError("sum check: a count is not a number")
    return count
