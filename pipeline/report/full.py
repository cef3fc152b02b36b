"""What a run or audit found, in numbers: report.json, and the manifest's counts."""

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
from pipeline.report.masking import deid_of, entities_of, residual_of
from pipeline.report.previous import PreviousRun, previous_of
from pipeline.report.shards import expiry_of, languages_of, shards_of
from pipeline.report.thresholds import failures_of
from pipeline.report.warnings import warnings_of
from schemas.config import RunConfig
from schemas.decisions import Reason
from schemas.errors import PipelineError
from schemas.policy import Policy
from schemas.report import InputRead, PolicyRead, Report, SnapshotRead, SnapshotsRead
from schemas.report_counts import Counts
from schemas.report_masking import Estimate
from transforms.consent.snapshots import Snapshot
from transforms.deid.estimate import estimate_of
from transforms.output.file_names import masked_name
from transforms.shuffle.instants import moment_text


@dataclasses.dataclass(frozen=True)
class ReportContext:
    """What a report says beside what was counted: what was run, by which policy, over which snapshots."""

    kind: Literal["run", "audit"]
    config: RunConfig
    policy: Policy
    policy_sha256: str
    as_of: dt.datetime
    known_until: dt.datetime
    snapshots: Sequence[Snapshot]
    before: PreviousRun | None = None


def report_of(catalog: Catalog, told: ReportContext) -> tuple[Report, list[LedgerCell]]:
    """The report in full, and the cells of the ledger behind it.

    Raises PipelineError unless the counts add up to what was read, and for a run that lets through a session
    of a user who refuses.
    """
    cells = cells_of(catalog)
    counts = counts_of(catalog, cells)
    training_rows = _number(counts.training_rows) if told.kind == "run" else None
    known_until = moment_text(told.known_until)
    report = Report(
        kind=told.kind,
        version=importlib.metadata.version("chatsieve"),
        as_of=moment_text(told.as_of),
        known_until=known_until,
        policy=_policy(told),
        inputs=_inputs(catalog, told.config),
        snapshots=_snapshots(told),
        shareable=None,
        counts=counts,
        funnel=funnel_of(cells, told.policy, _number(counts.records), training_rows),
        reasons=reasons_of(cells, told.policy),
        groups=groups_of(cells),
        cube=cube_of(cells),
        by_month=splits_of(cells, "created_month"),
        by_tier=splits_of(cells, "tier"),
        by_surface=splits_of(cells, "surface"),
        by_language=languages_of(catalog),
        consent=consent_of(catalog, cells, told.policy, known_until),
        retention=expiry_of(catalog),
        entities=dict(entities_of(catalog)),
        deid=deid_of(catalog),
        residual=residual_of(catalog, summed(cells, ["reason"]).get(str(Reason.RESIDUAL_PII), 0)),
        estimate=Estimate(**estimate_of(catalog["estimate"])) if "estimate" in catalog else None,
        quarantine=quarantine_of(cells, catalog),
        shards=shards_of(catalog),
        previous=previous_of(told.before, cells) if told.before else None,
        warnings=[],
        failed=[],
    )
    if told.kind == "run" and report.consent.refused_eligible.unexplained:
        raise PipelineError(
            f"consent check: {report.consent.refused_eligible.unexplained} eligible sessions are of users "
            "who refuse, by a count of the snapshots apart from the verdicts; nothing was written"
        )
    report = msgspec.structs.replace(report, warnings=warnings_of(report, told.config))
    return msgspec.structs.replace(report, failed=failures_of(report, told.config)), cells


def counts_of(catalog: Catalog, cells: Sequence[LedgerCell]) -> Counts:
    """Counts by decision and reason; raises PipelineError unless they add up to what was read."""
    sessions_read = _sum(catalog, "read", "sessions")
    quarantined = _sum(catalog, "read", "quarantined")
    decided_records = _sum(catalog, "decided", "records")
    sessions = _sum(catalog, "decided", "sessions")
    ledger_rows = _sum(catalog, "ledger", "rows")
    decisions = summed(cells, ["decision"])
    if sessions_read != decided_records:
        raise PipelineError(f"sum check: {sessions_read} records read, {decided_records} decided on")
    if ledger_rows != sessions + quarantined or ledger_rows != sum(decisions.values()):
        raise PipelineError(
            f"sum check: {sessions} sessions and {quarantined} unreadable records, "
            f"but {ledger_rows} ledger rows, {sum(decisions.values())} of them counted"
        )
    if "shard" in catalog and _sum(catalog, "shard", "sessions") != decisions.get("eligible", 0):
        raise PipelineError("sum check: the shards do not hold the sessions that the ledger calls eligible")
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
    )


def encode_report(report: Report) -> bytes:
    """The file: indented JSON, each row of the cube on a line of its own."""
    rows = b",\n".join(b"      " + msgspec.json.encode(row) for row in report.cube.rows)
    bare = msgspec.structs.replace(report, cube=msgspec.structs.replace(report.cube, rows=[]))
    text = msgspec.json.format(msgspec.json.encode(bare), indent=2)
    filled = text.replace(b'"rows": []', b'"rows": [\n' + rows + b"\n    ]", 1) if rows else text
    return filled + b"\n"


def _policy(told: ReportContext) -> PolicyRead:
    policy = told.policy
    return PolicyRead(
        id=policy.id,
        sha256=told.policy_sha256,
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
            name=masked_name(source.path),
            format=source.format,
            files=sum(entry["input"] == number for entry in files),
            bytes=sum(entry["bytes"] for entry in files if entry["input"] == number),
            records=sum(e["sessions"] + e["quarantined"] for e in read if e["input"] == number),
        )
        for number, source in enumerate(config.inputs)
    ]


def _snapshots(told: ReportContext) -> SnapshotsRead:
    files = [
        SnapshotRead(
            masked_name(snapshot.path.rsplit("/", 1)[-1]),
            snapshot.rows,
            moment_text(snapshot.instants[0]),
            moment_text(snapshot.instants[-1]),
        )
        for snapshot in told.snapshots
    ]
    oldest = min(snapshot.instants[0] for snapshot in told.snapshots)
    age = (told.as_of - told.known_until).total_seconds()
    return SnapshotsRead(moment_text(told.known_until), moment_text(oldest), int(age), files)


def _sum(catalog: Catalog, kind: str, field: str) -> int:
    return sum(entry[field] for entry in catalog.get(kind, []))


def _number(count: object) -> int:
    """A count of a full report, where every count is a number."""
    if not isinstance(count, int):
        raise PipelineError("sum check: a count is not a number")
    return count
