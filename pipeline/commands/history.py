"""`chatsieve history`: the decisions and reasons of every version, and how they moved.

The figures are those of each version's report. So a version whose report is shareable has suppressed counts
here too, and a version that lost rows to `forget` or `expire` has the counts of its run.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import PurePath
from typing import Any

import msgspec

from pipeline.dataset.catalog import MANIFEST, Version
from pipeline.dataset.change import catalog_of
from pipeline.report.previous import share
from schemas.decisions import Decision, listing_order
from schemas.manifest import FORMAT, FORMAT_VERSION, Erased, Manifest, decode
from schemas.reports.counts import MIXED, Cell
from schemas.reports.document import Report
from transforms.output.file_names import masked_name
from transforms.storage.places import open_file, resolved

_REPORT = "report/report.json"


class _Damaged(Exception):  # noqa: N818 - is turned into a row of the history
    """Which file of a version is at fault, and how."""


@dataclasses.dataclass(frozen=True)
class _Figures:
    """A version that can be read."""

    entry: Version
    manifest: Manifest
    report: Report

    @property
    def reasons(self) -> dict[tuple[str, str], Cell]:
        """Sessions by decision and reason."""
        return {(row.decision, row.reason): row.sessions for row in self.report.reasons}

    def sessions(self, key: tuple[str, str]) -> Cell:
        """Sessions with a reason: 0 for one that is not listed, None if it may be among suppressed ones.

        None for MIXED of a full report, which merges nothing.
        """
        return self.reasons.get(key, None if self.report.shareable or key[1] == MIXED else 0)

    def decided(self, decision: str) -> Cell:
        """Sessions with a decision; None if suppressed."""
        return self.report.counts.decisions.get(decision, None if self.report.shareable else 0)

    def share(self, sessions: Cell) -> float | None:
        """The part of all ledger rows; None for a count that is suppressed."""
        total = self.report.counts.ledger_rows
        return share(sessions, total) if isinstance(sessions, int) and isinstance(total, int) else None


def history(root: PurePath) -> dict[str, Any]:
    """The document: `versions`, oldest first, and `damaged`, those that cannot be read, each with its fault.

    Each version has a row for every reason that has a known count in any version, in the order of the rules.
    `moved` is the share minus that of version `compared_with`, the readable one before it. Raises InputError
    if `root` is no dataset or audit folder.
    """
    catalog = catalog_of(root)
    read: list[_Figures] = []
    damaged = []
    for entry in catalog.versions:
        try:
            read.append(_figures(root, entry))
        except _Damaged as fault:
            damaged.append({"version": entry.version, "at": entry.at, "fault": str(fault)})
    keys = {
        key for one in read for key, sessions in one.reasons.items() if isinstance(sessions, int) and sessions
    }
    order = sorted(keys, key=_order)
    before: list[_Figures | None] = [None, *read]
    return {
        "format": "chatsieve.history",
        "format_version": 1,
        "path": str(root),
        "name": masked_name(resolved(root).name),
        "kind": catalog.kind,
        "current": catalog.version,
        "versions": [_version(now, then, order) for then, now in zip(before, read, strict=False)],
        "damaged": damaged,
    }


def _order(key: tuple[str, str]) -> tuple[bool, tuple[int, str], str]:
    """In the order of the rules; reasons that are not told apart last."""
    decision, reason = key
    return reason == MIXED, listing_order(reason), decision


def _version(now: _Figures, then: _Figures | None, order: list[tuple[str, str]]) -> dict[str, Any]:
    report, manifest = now.report, now.manifest
    shareable = report.shareable
    return {
        "version": now.entry.version,
        "at": now.entry.at,
        "compared_with": then.entry.version if then else None,
        "as_of": report.as_of,
        "known_until": report.known_until,
        "policy_id": report.policy.id,
        "min_cell": shareable.min_cell if shareable else None,
        "records": report.counts.records,
        "sessions": report.counts.ledger_rows,
        "training_rows": report.counts.training_rows,
        "erased": _erased(manifest.erased, suppressed=shareable is not None),
        "warnings": sorted({warning.code for warning in report.warnings}),
        "failed": sorted({failure.threshold for failure in report.failed}),
        "decisions": [
            {"decision": str(one), **_moved(now, then, now.decided(one), then.decided(one) if then else None)}
            for one in Decision
        ],
        "reasons": [
            {
                "decision": key[0],
                "reason": key[1],
                **_moved(now, then, now.sessions(key), then.sessions(key) if then else None),
            }
            for key in order
        ],
    }


def _moved(now: _Figures, then: _Figures | None, sessions: Cell, before: Cell) -> dict[str, Any]:
    part = now.share(sessions)
    earlier = then.share(before) if then else None
    moved = None if part is None or earlier is None else round(part - earlier, 6)
    return {"sessions": sessions, "share": part, "moved": moved}


def _erased(erased: Erased, suppressed: bool) -> dict[str, int | None] | None:
    """What was removed after the run; None if nothing was. Suppressed: how much can be a small count."""
    if erased == Erased():
        return None
    rows = {"training_rows": erased.training_rows, "ledger_rows": erased.ledger_rows}
    return dict.fromkeys(rows) if suppressed else dict(rows)


def _figures(root: PurePath, entry: Version) -> _Figures:
    """The version, if its manifest is the catalog's and its report the manifest's; else raises _Damaged."""
    data = _read(root / entry.folder / MANIFEST, f"{entry.folder}/{MANIFEST}", entry.manifest_sha256)
    try:
        manifest = decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _Damaged(f"{entry.folder}/{MANIFEST}: cannot be read as a manifest") from None
    if (manifest.format, manifest.format_version) != (FORMAT, FORMAT_VERSION):
        raise _Damaged(f"{entry.folder}/{MANIFEST}: expected {FORMAT} version {FORMAT_VERSION}")
    name = f"{entry.folder}/{_REPORT}"
    listed = next((file.sha256 for file in manifest.files if file.path == _REPORT), None)
    if listed is None:
        raise _Damaged(f"{name}: is not in the manifest")
    data = _read(root / entry.folder / _REPORT, name, listed)
    try:
        return _Figures(entry, manifest, msgspec.json.decode(data, type=Report))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _Damaged(f"{name}: cannot be read as a report") from None


def _read(path: PurePath, name: str, sha256: str) -> bytes:
    try:
        with open_file(path) as file:
            data = file.read()
    except FileNotFoundError:
        raise _Damaged(f"{name}: missing") from None
    except OSError as error:
        raise _Damaged(f"{name}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _Damaged(f"{name}: was changed, its SHA-256 is another")
    return data
