"""Makes report, manifest and dataset card from the catalog of a finished graph, and commits the dataset."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import hashlib
import importlib.metadata
import os
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, Literal

import msgspec

from pipeline.dataset.card import dataset_card
from pipeline.dataset.known import Increment, with_known, write_files
from pipeline.dataset.state import STATE, PreviousState, Rebuild, encode_state
from pipeline.dataset.writer import DatasetWriter
from pipeline.inputs.config import Settings
from pipeline.inputs.find_inputs import Inputs
from pipeline.inputs.windows import FoundFiles
from pipeline.pages.report import identity_of, report_page
from pipeline.report.full import ReportContext, encode_report, report_of
from pipeline.report.increment import increment_of
from pipeline.report.ledger_counts import Catalog
from pipeline.report.masking import entities_of
from pipeline.report.previous import PreviousRun
from pipeline.report.shareable import shareable
from pipeline.report.unlisted import UNLISTED, unlisted_file
from schemas.keys import key_id
from schemas.manifest import FileEntry, Manifest, Parent, encode
from schemas.policy import Pack, canonical
from schemas.reports.document import Failure, Report
from transforms.consent.snapshots import Snapshot
from transforms.output.file_names import display_name, masked_name, masked_path
from transforms.shuffle.instants import moment_text
from transforms.shuffle.staging import stage

_PACKAGES = (
    "apache-beam",
    "chatsieve",
    "hyperscan",
    "msgspec",
    "numpy",
    "phonenumbers",
    "presidio-analyzer",
    "presidio-anonymizer",
    "pyarrow",
    "spacy",
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A committed run or audit.

    `path`: the dataset's folder; `folder`: the version's. `report`: report.json as written. `failed`: the
    crossed thresholds, also those that a shareable report leaves out. `nothing_new`: why no version
    was added; the others are then those of the current version. `counted`: the report with all counts; None
    if no version was added.
    """

    path: PurePath
    folder: PurePath
    manifest: Manifest
    report: dict[str, Any]
    failed: list[Failure]
    counted: Report | None = None
    nothing_new: str | None = None

    def noting(self, checked: str) -> Outcome:
        """The outcome of a run that added no version, with what was compared in `nothing_new`."""
        more = f"; {checked}" if checked else ""
        return dataclasses.replace(self, nothing_new=f"{self.nothing_new}{more}")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A version whose files are written, except for its manifest. `commit` makes it count."""

    outcome: Outcome
    writer: DatasetWriter
    manifest: bytes

    def commit(self) -> None:
        """Writes the manifest and makes the version count. Nothing can fail after that."""
        manifest = self.outcome.manifest
        rows = int(manifest.counts["training_rows"])
        self.writer.commit(self.manifest, manifest.files, rows, manifest.kind)


def prepare(
    settings: Settings,
    pack: Pack,
    kind: Literal["run", "audit"],
    inputs: Inputs,
    snapshots: list[dict[str, Any]],
    writer: DatasetWriter,
    catalog: Catalog,
    model_digests: dict[str, str],
    unseal: Callable[[bytes], Any],
    before: PreviousRun | None = None,
    to_share: bool = False,
    increment: Increment | None = None,
) -> Prepared:
    """Writes report and card and makes the manifest; PipelineError if the counts do not add up.

    `snapshots`: the `snapshot_entry` of each snapshot. `unseal` opens what workers sealed. `before`: the run
    that the report compares with. `to_share`: write a shareable report. The manifest has all counts in either
    case. `increment`: how a run used the version before.
    """
    if increment is not None:
        catalog = with_known(catalog, increment)
        listed = write_files(str(writer.folder), catalog, increment.inputs.keys)
        catalog.setdefault("state", []).append(msgspec.structs.asdict(listed))
    context = ReportContext(
        kind=kind,
        config=settings.config,
        policy=pack.policy,
        policy_sha256=pack.sha256,
        as_of=settings.as_of,
        known_until=inputs.known_until,
        snapshots=inputs.inspected,
        before=before,
    )
    full, cells = report_of(catalog, context)
    written = shareable(full, cells, pack.policy, settings.config) if to_share else full
    files = [
        FileEntry(entry["path"], entry["bytes"], entry["rows"], entry["sha256"])
        for name in ("shard", "index", "ledger", "sessions", "quarantine", "state")
        for entry in catalog.get(name, [])
    ]
    files.append(stage(writer.folder, "report/report.json", encode_report(written)))
    if increment is not None:
        files.append(stage(writer.folder, STATE, encode_state(increment.state)))
    unlisted = unlisted_file(catalog.get("unlisted", []), unseal, inputs.files, pack.policy)
    if unlisted:
        files.append(stage(writer.folder, UNLISTED, unlisted))
    document = msgspec.to_builtins(written)
    manifest = Manifest(
        kind=kind,
        dataset_version=writer.version,
        parent=Parent(writer.parent.version, writer.parent.manifest_sha256) if writer.parent else None,
        arguments=_arguments(settings, inputs),
        key_id=key_id(settings.key),
        policy={
            "id": pack.policy.id,
            "sha256": pack.sha256,
            "canonical_sha256": pack.canonical_sha256,
            "pack": canonical(pack.policy),
        },
        deid={"sha256": settings.deid_sha256, "models": model_digests},
        packages={name: importlib.metadata.version(name) for name in _PACKAGES},
        as_of=full.as_of,
        known_until=full.known_until,
        inputs=_input_entries(settings, inputs, catalog),
        snapshots=snapshots,
        counts=msgspec.to_builtins(full.counts),
        entities=entities_of(catalog),
        files=sorted(files, key=lambda file: file.path),
        made_at=moment_text(_now()),
        increment=_increment(increment.base, catalog) if increment else None,
    )
    page = report_page(document, identity_of(manifest))
    files.append(stage(writer.folder, "report/report.html", page))
    if kind == "run":
        files.append(stage(writer.folder, "README.md", dataset_card(manifest).encode()))
    manifest = msgspec.structs.replace(manifest, files=sorted(files, key=lambda file: file.path))
    outcome = Outcome(writer.path, writer.folder, manifest, document, full.failed, counted=full)
    return Prepared(outcome, writer, encode(manifest, settings.key))


def _now() -> dt.datetime:
    """The time, to the second; that of SOURCE_DATE_EPOCH (reproducible-builds.org) where it is set."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(given) if given.isascii() and given.isdigit() else int(time.time())
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _increment(base: PreviousState | Rebuild, catalog: Catalog) -> dict[str, Any]:
    """What a run took over and what it made anew: the sums of the entries `increment`."""
    if isinstance(base, Rebuild):
        return {"from": None, "reason": base.reason}
    sums: collections.Counter[str] = collections.Counter()
    for entry in catalog.get("increment", []):
        sums.update(entry)
    return {"from": base.version, **dict(sorted(sums.items())), **increment_of(catalog, base.damaged)}


def _arguments(settings: Settings, inputs: Inputs) -> dict[str, Any]:
    """The configuration without the key, with names of people in paths masked and ids left out."""
    arguments: dict[str, Any] = settings.config.model_dump(
        mode="json", exclude={"key", "key_file", "key_command", "create_key", "wait"}
    )
    for source, covered in zip(arguments["inputs"], inputs.covered, strict=True):
        source["path"] = masked_path(source["path"])
        _record_window(source, covered)
        for name in ("user_id", "organization_id"):
            for defaults in (source["defaults"], *source["defaults_by_path"]):
                defaults[name] = None if defaults[name] is None else "given"
        for defaults in source["defaults_by_path"]:
            defaults["path"] = "given"  # a folder may be named after a person
        mapping = source.pop("mapping")
        if mapping is not None:
            source["mapping"] = _file_entry(settings.resolve(mapping), inputs)
        if not source["defaults_by_path"]:
            del source["defaults_by_path"]
        fields = source.pop("fields")
        if fields is not None:
            source["fields"] = _fields_arguments(fields)
    for name in ("policy", "deid", "authorizations", "deletions"):
        arguments[name] = None if arguments[name] is None else masked_name(arguments[name])
    arguments["consent"] = _consent_arguments(arguments["consent"])
    arguments["output"]["path"] = masked_name(arguments["output"]["path"])
    if arguments["audit"]["path"] is not None:
        arguments["audit"]["path"] = masked_name(arguments["audit"]["path"])
    # Not where it ran: names of hosts and projects.
    shown = ("name", "workers", "buckets", "max_bucket_bytes")
    arguments["runner"] = {name: arguments["runner"][name] for name in shown if name in arguments["runner"]}
    arguments["as_of"] = moment_text(settings.as_of)
    return arguments


def _record_window(source: dict[str, Any], covered: FoundFiles) -> None:
    """Adds the days that the input covers; removes keys of windows and readiness that change no byte."""
    del source["ready"]
    if covered.window is None:
        for name in ("since", "until", "lateness"):
            del source[name]
        return
    source["window"] = {
        "first": covered.window.first.isoformat(),
        "last": covered.window.last.isoformat(),
        "days_without_files": [day.isoformat() for day in covered.empty],
    }


def _fields_arguments(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of an own schema that are given; constants and values of ids are left out."""
    shown = {name: _given(value) for name, value in fields.items() if value}
    for name in ("conversation_id", "group_by", "user_id", "organization_id"):
        if name in shown:
            shown[name] = {key: value if key == "path" else "given" for key, value in shown[name].items()}
    return shown


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _given(each) for name, each in value.items() if each}
    return [_given(each) for each in value] if isinstance(value, list) else value


def _consent_arguments(consent: dict[str, Any]) -> dict[str, Any]:
    snapshots = {"snapshots": [masked_name(path) for path in consent["snapshots"]]}
    sources = [_source_arguments(source) for source in consent["sources"]]
    return {**snapshots, "sources": sources} if sources else snapshots


def _source_arguments(source: dict[str, Any]) -> dict[str, Any]:
    """A consent source without its connection string; a query as its SHA-256, since it may contain names."""
    masked = {"path": masked_name(source["path"])} if "path" in source else {"uri": "given"}
    arguments = {**source, **masked}
    if arguments.get("query"):
        arguments["query"] = f"sha256:{hashlib.sha256(arguments['query'].encode()).hexdigest()}"
    return arguments


def _input_entries(settings: Settings, inputs: Inputs, catalog: Catalog) -> list[dict[str, Any]]:
    paths = {(number, position): path for number, position, path in inputs.files}
    return [
        {
            **entry,
            "format": settings.config.inputs[entry["input"]].format,
            "name": display_name(paths[entry["input"], entry["file"]], inputs.roots, entry["input"]),
        }
        for entry in sorted(catalog.get("input", []), key=lambda entry: (entry["input"], entry["file"]))
    ]


def snapshot_entry(snapshot: Snapshot, inputs: Inputs) -> dict[str, Any]:
    """The manifest entry of a consent source: masked name, size in bytes, SHA-256; reads the whole file.

    A source that is not canonical also has its `format`. For a database table, size and digest are those of
    the rows that were read.
    """
    if snapshot.stored:
        return {"name": masked_name(snapshot.path), **dict(snapshot.stored), "format": snapshot.format}
    entry = _file_entry(snapshot.path, inputs)
    return entry if snapshot.format == "canonical" else {**entry, "format": snapshot.format}


def _file_entry(path: str, inputs: Inputs) -> dict[str, Any]:
    file = next(file for file in inputs.watched if file.path == path and file.sha256)
    return {"name": masked_name(Path(path).name), "bytes": file.state.size, "sha256": file.sha256}
