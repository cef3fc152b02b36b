"""`chatsieve verify`: checks a dataset against its manifest, and searches its text for personal data.

Findings have one of these kinds, in order: manifest, files, schema, ledger, residual.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dataset.output_folder import MANIFEST
from schemas.errors import InputError
from schemas.manifest import FORMAT, FORMAT_VERSION, Manifest, decode, digest_of
from schemas.tables import INDEX, LEDGER, TRAINING

_SCHEMAS = {"data": TRAINING, "ledger": LEDGER, "restricted": INDEX}
#: Entity types that patterns and check digits detect reliably; surrogates never match them.
RESIDUAL_TYPES = frozenset(
    {"EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "MAC_ADDRESS", "SECRET"}
)
_RESIDUAL_SCORE = 0.7
_BATCH_ROWS = 512


class Finding(NamedTuple):
    """A finding: its kind, the file or folder, and what was expected; without any text of the dataset."""

    kind: str
    where: str
    what: str


def verify(run: Path) -> list[Finding]:
    """The findings of all checks, in order; empty if there are none.

    Raises InputError if the folder has no manifest. Checks that need an intact file are skipped for a damaged
    one.
    """
    try:
        data = (run / MANIFEST).read_bytes()
    except OSError:
        raise InputError(f"{run}: no {MANIFEST}; give the output folder of a run or audit") from None
    try:
        manifest = decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [Finding("manifest", MANIFEST, "is not a valid manifest")]
    findings = list(_check_manifest(manifest))
    damaged: set[str] = set()
    for finding in _check_files(run, manifest):
        damaged.add(finding.where)
        findings.append(finding)
    intact = [f.path for f in manifest.files if f.path not in damaged and f.path.endswith(".parquet")]
    misfits = list(_check_schemas(run, manifest, intact))
    findings += misfits
    if not damaged and not misfits:
        findings += _check_ledger(run, manifest, intact)
    shards = [path for path in intact if path.startswith("data/") and path not in {f.where for f in misfits}]
    return [*findings, *_check_residual(run, shards)]


def _check_manifest(manifest: Manifest) -> Iterator[Finding]:
    if (manifest.format, manifest.format_version) != (FORMAT, FORMAT_VERSION):
        yield Finding("manifest", MANIFEST, f"expected {FORMAT} version {FORMAT_VERSION}")
    if digest_of(manifest) != manifest.digest:
        yield Finding("manifest", MANIFEST, "the digest does not match the content")


def _check_files(run: Path, manifest: Manifest) -> Iterator[Finding]:
    for file in manifest.files:
        path = run / file.path
        if not path.resolve().is_relative_to(run.resolve()):
            yield Finding("files", file.path, "is outside the dataset folder")
        elif not path.is_file():
            yield Finding("files", file.path, "is missing")
        elif path.stat().st_size != file.bytes:
            yield Finding("files", file.path, f"has {path.stat().st_size} bytes; expected {file.bytes}")
        elif _sha256(path) != file.sha256:
            yield Finding("files", file.path, "SHA-256 differs from the manifest")


def _check_schemas(run: Path, manifest: Manifest, paths: list[str]) -> Iterator[Finding]:
    rows = {file.path: file.rows for file in manifest.files}
    for path in paths:
        expected = _SCHEMAS.get(path.split("/", 1)[0])
        try:
            with pq.ParquetFile(run / path) as file:
                if expected is None or not file.schema_arrow.equals(expected):
                    yield Finding("schema", path, "the schema is not the documented one")
                elif file.metadata.num_rows != rows[path]:
                    yield Finding("schema", path, f"has {file.metadata.num_rows} rows; expected {rows[path]}")
        except (pa.ArrowException, OSError):
            yield Finding("schema", path, "cannot be read as Parquet")


def _check_ledger(run: Path, manifest: Manifest, paths: list[str]) -> Iterator[Finding]:
    reasons: collections.Counter[str] = collections.Counter()
    decisions: collections.Counter[str] = collections.Counter()
    eligible: set[str] = set()
    for path in (p for p in paths if p.startswith("ledger/")):
        table = pq.read_table(run / path, columns=["conversation_key", "decision", "reason"])
        reasons.update(table["reason"].to_pylist())
        decisions.update(table["decision"].to_pylist())
        mask = pc.equal(table["decision"].cast(pa.string()), "eligible")
        eligible.update(table["conversation_key"].filter(mask).to_pylist())
    counts = manifest.counts
    if dict(reasons) != counts["reasons"] or dict(decisions) != counts["decisions"]:
        yield Finding("ledger", "ledger/", "counts by decision and reason differ from the manifest")
    if sum(decisions.values()) != counts["sessions"] + counts["quarantined_records"]:
        yield Finding("ledger", "ledger/", "expected a row per session and quarantined record")
    if manifest.kind == "run":
        yield from _check_rows(run, paths, eligible)


def _check_rows(run: Path, paths: list[str], eligible: set[str]) -> Iterator[Finding]:
    written: set[str] = set()
    last = ""
    for path in (p for p in sorted(paths) if p.startswith("data/")):
        keys = pq.read_table(run / path, columns=["conversation_key"])["conversation_key"].to_pylist()
        if keys != sorted(keys) or (keys and keys[0] < last):
            yield Finding("ledger", path, "rows are not sorted by conversation_key")
        last = keys[-1] if keys else last
        written.update(keys)
    if written != eligible:
        yield Finding("ledger", "data/", "conversations differ from those that are eligible in the ledger")


def _check_residual(run: Path, paths: list[str]) -> Iterator[Finding]:
    if not paths:
        return
    from transforms.deid.rules.scanner import PatternScanner

    scanner = PatternScanner(RESIDUAL_TYPES)
    for path in paths:
        found: collections.Counter[str] = collections.Counter()
        with pq.ParquetFile(run / path) as file:
            for batch in file.iter_batches(_BATCH_ROWS, columns=["messages"], use_threads=False):
                for spans in scanner.scan(list(_texts(batch.column(0)))):
                    found.update(span.type for span in spans if span.score >= _RESIDUAL_SCORE)
        for kind, number in sorted(found.items()):
            yield Finding("residual", path, f"{number} spans look like {kind}")


def _texts(messages: pa.ListArray) -> Iterator[str]:
    structs = messages.flatten()
    for name in ("content", "thinking", "tool_calls", "name"):
        yield from (text for text in pc.struct_field(structs, name).to_pylist() if text)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
