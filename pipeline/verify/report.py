"""Class `report`: report.json, report.html and README.md against manifest, ledger and shards."""

from __future__ import annotations

import collections
import importlib.metadata
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.dataset.card import dataset_card
from pipeline.pages.report import identity_of, report_page
from pipeline.report.full import encode_report
from pipeline.report.ledger_counts import (
    LedgerCell,
    cells_of,
    cube_of,
    funnel_of,
    groups_of,
    quarantine_of,
    reasons_of,
    splits_of,
)
from pipeline.report.shards import shards_of
from pipeline.verify.findings import Finding, Outcome
from pipeline.verify.ledger import Ledger
from pipeline.verify.subject import DAMAGE, Counts, Subject, decoded, read_file
from pipeline.verify.training_rows import Sums
from pipeline.verify.unlisted import check_unlisted
from schemas.manifest import Erased
from schemas.policy import Policy
from schemas.reports.document import Report
from transforms.shuffle.instants import moment_text

_JSON, _HTML, _CARD = "report/report.json", "report/report.html", "README.md"
_NAMED = re.compile(rb'id="manifest-digest">([0-9a-f]{64})<')


def check_report(
    subject: Subject,
    policy: Policy,
    counts: Counts,
    ledger: Ledger | None,
    sums: Sums | None,
    outcome: Outcome,
) -> Iterator[Finding]:
    """Findings of the report; `ledger` and `sums` are None where those could not be read."""
    yield from _check_pages(subject, outcome)
    yield from check_unlisted(subject, policy)
    if _JSON in subject.bad:
        outcome.skip(_JSON, "it is missing or was changed")
        return
    data = read_file(subject.folder / _JSON)
    report = decoded(data, Report)
    if report is None:
        yield _finding("cannot be read as a report")
        return
    if encode_report(report) != data:
        yield _finding("is not written as chatsieve writes it: unknown, repeated or reordered fields")
    for name, told, expected in _facts(report, subject, policy):
        if told != expected:
            yield _finding(f"{name} is not what the manifest has")
    yield from _check_counts(report, counts)
    if report.shareable is not None:
        outcome.skip("tables of the report", "it is shareable: small counts in it are suppressed")
        return
    yield from _check_tables(report, subject, policy, ledger, sums)


def _facts(report: Report, subject: Subject, policy: Policy) -> Iterator[tuple[str, Any, Any]]:
    """(name, value of the report, value that the manifest gives)."""
    manifest = subject.manifest
    yield "kind", report.kind, manifest.kind
    yield "as_of", report.as_of, manifest.as_of
    yield "known_until", report.known_until, manifest.known_until
    yield "version", report.version, manifest.packages.get("chatsieve")
    yield "snapshots.newest_at", report.snapshots.newest_at, manifest.known_until
    yield (
        "snapshots.files",
        [f.name for f in report.snapshots.files],
        [f.get("name") for f in manifest.snapshots],
    )
    yield "policy.id", report.policy.id, policy.id
    yield "policy.sha256", report.policy.sha256, manifest.policy.get("sha256")
    yield "policy.effective_at", report.policy.effective_at, moment_text(policy.effective_at)
    yield "policy.decision_deadline", report.policy.decision_deadline, moment_text(policy.decision_deadline)
    yield "policy.prior_contributions", report.policy.prior_contributions, policy.prior_contributions
    yield "policy.separate_authorization", report.policy.separate_authorization, policy.separate_authorization
    yield "policy.clauses", report.policy.clauses, {clause.id: clause.summary for clause in policy.clauses}
    yield "inputs", [item.files for item in report.inputs], _by_input(report, manifest.inputs, None)
    yield "inputs.bytes", [item.bytes for item in report.inputs], _by_input(report, manifest.inputs, "bytes")


def _by_input(report: Report, files: list[dict[str, Any]], field: str | None) -> list[Any]:
    """How many files, or bytes, the manifest has of each input of the report."""
    total: collections.Counter[Any] = collections.Counter()
    for file in files:
        total[file.get("input")] += file.get(field, 0) if field else 1
    return [total.pop(number, 0) for number in range(len(report.inputs))] + list(total.values())


def _check_counts(report: Report, counts: Counts) -> Iterator[Finding]:
    """Totals against the manifest; a suppressed count is compared as far as it says something."""
    told, known = msgspec.to_builtins(report.counts), msgspec.to_builtins(counts)
    if report.shareable is None:
        if told != known:
            yield _finding("its counts are not the manifest's")
        return
    pairs = [(told[name], known[name]) for name in known if not isinstance(known[name], dict)]
    for name in ("decisions", "reasons"):
        pairs += [(cell, known[name].get(word, 0)) for word, cell in told[name].items() if word != "*"]
    if any(not _agrees(cell, number) for cell, number in pairs):
        yield _finding("its counts are not the manifest's")


def _agrees(cell: Any, number: int) -> bool:
    if cell is None:
        return True
    if isinstance(cell, str):
        return number < int(cell.removeprefix("<"))
    return bool(cell == number)


def _check_tables(
    report: Report, subject: Subject, policy: Policy, ledger: Ledger | None, sums: Sums | None
) -> Iterator[Finding]:
    if report.kind == "run" and report.consent.refused_eligible.unexplained != 0:
        yield _finding("eligible sessions are of users who refuse")
    if report.entities != subject.manifest.entities:
        yield _finding("entities are not the manifest's")
    if subject.is_rewritten:
        yield from _check_sums(report)
        return
    if ledger is not None:
        cells = cells_of({"ledger": ledger.cells})
        for name, table in _tables(report, policy, cells):
            if getattr(report, name) != table:
                yield _finding(f"{name} does not follow from the ledger")
        codes = [(row.code, row.records) for row in quarantine_of(cells, {})]
        if [(row.code, row.records) for row in report.quarantine] != codes:
            yield _finding("quarantine does not follow from the ledger")
    if sums is not None and report.kind == "run":
        yield from _check_shards(report, subject, sums)


def _tables(report: Report, policy: Policy, cells: list[LedgerCell]) -> Iterator[tuple[str, Any]]:
    """The tables that follow from the ledger alone."""
    records, rows = report.counts.records, report.counts.training_rows
    yield "reasons", reasons_of(cells, policy)
    yield "groups", groups_of(cells)
    yield "cube", cube_of(cells)
    yield "by_month", splits_of(cells, "created_month")
    yield "by_tier", splits_of(cells, "tier")
    yield "by_surface", splits_of(cells, "surface")
    if isinstance(records, int) and isinstance(rows, int):
        yield "funnel", funnel_of(cells, policy, records, rows if report.kind == "run" else None)


def _check_shards(report: Report, subject: Subject, sums: Sums) -> Iterator[Finding]:
    files = [{"path": f.path, "rows": f.rows, "bytes": f.bytes} for f in subject.files("data/")]
    if report.shards != shards_of({"shard": files}):
        yield _finding("shards are not the manifest's files")
    languages = {row.language: row.rows for row in report.by_language or []}
    if languages != dict(sums.languages):
        yield _finding("by_language does not follow from the training rows")
    months = {row.month: row.rows for row in report.retention if row.rows}
    if months != dict(sums.months):
        yield _finding("retention does not follow from the training rows")
    # A run that read no text has no section.
    replaced = {row.type: row.count for row in report.deid.entities} if report.deid else {}
    if replaced != subject.manifest.entities:
        yield _finding("deid.entities are not the manifest's")


def _check_sums(report: Report) -> Iterator[Finding]:
    """The tables against the counts, where rows were erased and nothing else is left to compare with."""
    counts = report.counts
    tables: dict[str, list[tuple[Any, Any]]] = {
        "reasons": [(row.reason, row.sessions) for row in report.reasons],
        "groups": [(row.reason, row.sessions) for row in report.groups],
        "cube": [(row[0], row[5]) for row in report.cube.rows if len(row) == len(report.cube.columns)],
    }
    for name, rows in tables.items():
        total: collections.Counter[Any] = collections.Counter()
        for reason, number in rows:
            total[reason] += number if isinstance(number, int) else 0
        if dict(total) != counts.reasons:
            yield _finding(f"{name} do not add up to its counts")
    for name in ("by_tier", "by_surface", "by_month"):
        split = sum(row.sessions for row in getattr(report, name) if isinstance(row.sessions, int))
        if split != counts.ledger_rows:
            yield _finding(f"{name} does not add up to its counts")


def _check_pages(subject: Subject, outcome: Outcome) -> Iterator[Finding]:
    """The page and the card, where this version of chatsieve made them: made again, they are equal."""
    if subject.manifest.packages.get("chatsieve") != importlib.metadata.version("chatsieve"):
        outcome.skip(f"{_HTML}, {_CARD}", "another version of chatsieve made them")
        return
    if _HTML not in subject.bad and _JSON not in subject.bad:
        try:
            report = msgspec.json.decode(read_file(subject.folder / _JSON), type=Report)
            digest = _digest_before(subject, read_file(subject.folder / _HTML))
            page = report_page(msgspec.to_builtins(report), identity_of(subject.manifest, digest))
        except (*DAMAGE, LookupError):
            page = b""
        if page != read_file(subject.folder / _HTML):
            yield Finding("report", _HTML, "is not the page of report.json and this manifest")
    if subject.manifest.kind == "run" and _CARD not in subject.bad:
        try:
            card = dataset_card(subject.manifest).encode()
        except (*DAMAGE, LookupError):
            card = b""
        if card != read_file(subject.folder / _CARD):
            yield Finding("report", _CARD, "is not the card of this manifest")


def _digest_before(subject: Subject, page: bytes) -> str | None:
    """The digest that the page names, if an erasure changed the manifest since; else None."""
    found = _NAMED.search(page) if subject.manifest.erased != Erased() else None
    return found[1].decode() if found else None


def _finding(what: str) -> Finding:
    return Finding("report", _JSON, what)
