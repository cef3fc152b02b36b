"""`chatsieve verify`: is a version what its catalog, its manifest and its own files say of it?

Classes of findings, in order: see `pipeline.verify.findings.KINDS`. Nothing that the files hold ends in an
error: what cannot be read is a finding.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

from pipeline.dataset.catalog import (
    CURRENT,
    MANIFEST,
    Catalog,
    Version,
    is_dataset,
    is_version_folder,
    named_version,
)
from pipeline.dataset.committed import is_version
from pipeline.dataset.erasures import NO_KEYS, Keys
from pipeline.verify.catalog import check_catalog, check_parents, manifests_of
from pipeline.verify.erasures import check_erasures
from pipeline.verify.fact_state import check_fact_state
from pipeline.verify.files import check_dataset_folder, check_files, is_claimed
from pipeline.verify.findings import KINDS, Finding, Outcome, RowFaults
from pipeline.verify.ledger import Ledger, check_sums, read_ledger
from pipeline.verify.manifest import check_manifest
from pipeline.verify.report import check_report
from pipeline.verify.residual import check_residual
from pipeline.verify.row_state import check_row_state
from pipeline.verify.rows import check_row_sums, eligible_rows, join_rows
from pipeline.verify.schema import check_quarantine, check_schemas
from pipeline.verify.subject import DAMAGE, Subject, decoded, read_file
from pipeline.verify.training_rows import Sums
from schemas.errors import ConfigError, InputError
from schemas.keys import parse_key
from schemas.manifest import Manifest, decode
from transforms.storage.places import is_remote

_VARIABLE = "CHATSIEVE_KEY"


def verify(where: PurePath, key: bytes | None = None) -> Outcome:
    """Checks the version that `DATASET`, `DATASET@N` or a version's folder names.

    `key` is the run's; without it the HMAC is not checked. Raises InputError where there is no dataset.
    """
    place = _find(where)
    outcome = Outcome(place.name)
    run = _Run(outcome, key)
    if place.data is None:
        outcome.skip("catalog", "the folder of a version was given, not that of a dataset")
        run.version(place.folder, None, None, NO_KEYS)
        return outcome
    catalog = decoded(place.data, Catalog)
    if catalog is None:
        outcome.findings.append(Finding("catalog", CURRENT, "is not a catalog of chatsieve"))
        outcome.checked.append("catalog")
        run.stop("catalog", f"{CURRENT} cannot be read")
        return outcome
    erased = run.dataset(place.root, place.data, catalog)
    entry = catalog.entry(place.number)
    if place.number is not None and entry is None:
        held = ", ".join(str(one.version) for one in catalog.versions)
        raise InputError(f"{place.root}: has no version {place.number}; it holds {held}")
    if entry is None or not is_version_folder(entry.folder):
        outcome.findings.append(Finding("catalog", CURRENT, "does not list the current version"))
        run.stop("catalog", "the catalog lists no folder of this version")
        return outcome
    outcome.name = f"{place.root}@{entry.version}"
    run.version(place.root / entry.folder, catalog, entry, erased)
    return outcome


def key_given(key_file: Path | None) -> bytes | None:
    """The key in a file, else in CHATSIEVE_KEY, else None; ConfigError for one that cannot be read."""
    if key_file is not None:
        try:
            return parse_key(read_file(key_file).decode(), str(key_file))
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"{key_file}: cannot be read as a key") from None
    text = os.environ.get(_VARIABLE)
    return parse_key(text, _VARIABLE) if text else None


class _Place(NamedTuple):
    """What was named. `data` are the bytes of CURRENT, None for a version's folder by itself."""

    root: PurePath
    folder: PurePath
    number: int | None
    data: bytes | None

    @property
    def name(self) -> str:
        return str(self.root if self.data is not None else self.folder)


def _find(where: PurePath) -> _Place:
    try:
        root, number = named_version(where)
        if is_dataset(root):
            try:
                return _Place(root, root, number, read_file(root / CURRENT))
            except OSError:
                return _Place(root, root, number, b"")
        if number is None and is_version(root):
            return _Place(root.parent, root, None, None)
    except (OSError, ValueError) as error:
        if is_remote(where) and isinstance(error, OSError):
            raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    raise InputError(f"{where}: no {CURRENT}; not a dataset or audit of chatsieve")


class _Run:
    """One verification: runs the checks in order, and turns whatever a check cannot bear into a finding."""

    def __init__(self, outcome: Outcome, key: bytes | None) -> None:
        self._outcome, self._key = outcome, key

    def stop(self, after: str, why: str) -> None:
        """Notes all classes after one as not checked."""
        for kind in KINDS[KINDS.index(after) + 1 :]:
            self._outcome.skip(kind, why)

    def dataset(self, root: PurePath, data: bytes, catalog: Catalog) -> Keys:
        """Checks the catalog and the dataset's folder; gives the keys of all erasures."""
        manifests: list[Manifest] = []
        erased = [NO_KEYS]

        def check() -> Iterable[Finding]:
            yield from check_catalog(data, catalog)
            for found in manifests_of(root, catalog, self._key):
                if isinstance(found, Finding):
                    yield found
                else:
                    manifests.append(found)
            if manifests and len(manifests) == len(catalog.versions):
                yield from check_parents(manifests, catalog)
            unfinished: list[str] = []
            for each in check_erasures(root, catalog, manifests, unfinished if is_claimed(root) else None):
                if isinstance(each, Keys):
                    erased[0] |= each
                else:
                    yield each
            for name in unfinished:
                note = f"erasure {name}: the next command that changes the dataset finishes it"
                self._outcome.notes.append(note)

        self._check("catalog", CURRENT, check)
        self._check(
            "files", "dataset", lambda: check_dataset_folder(root, catalog, self._outcome), note=False
        )
        return erased[0]

    def version(self, folder: PurePath, catalog: Catalog | None, entry: Version | None, erased: Keys) -> None:
        """Checks one version."""
        outcome = self._outcome
        try:
            data = read_file(folder / MANIFEST)
            manifest = decode(data)
        except DAMAGE:
            finding = Finding("manifest", MANIFEST, "is missing, or cannot be read as a manifest")
            if not any(one.kind == "manifest" for one in outcome.findings):
                outcome.findings.append(finding)
            outcome.checked.append("manifest")
            self.stop("manifest", "there is no manifest to compare with")
            return
        subject = Subject(folder, manifest, catalog, entry, erased=erased)
        if is_remote(folder):
            outcome.skip("file modes", "objects in a bucket have none; its policies decide who can read them")
        self._check("manifest", MANIFEST, lambda: check_manifest(data, subject, self._key, outcome))
        self._check("files", "version", lambda: check_files(subject))
        lines: collections.Counter[str] = collections.Counter()

        def schemas() -> Iterable[Finding]:
            yield from check_schemas(subject)
            yield from check_quarantine(subject, lines)

        self._check("schema", "version", schemas)
        ledger = self._ledger(subject, lines)
        sums = self._rows(subject, ledger)
        counts, policy = subject.counts, subject.policy
        if counts is None or policy is None:
            outcome.skip("report", "the manifest has no counts or no policy to compare with")
        else:
            self._check(
                "report", "report/", lambda: check_report(subject, policy, counts, ledger, sums, outcome)
            )
        if manifest.kind == "run":
            self._check("residual", "data/", lambda: check_residual(subject))
        else:
            outcome.skip("residual", "an audit writes no text")

    def _ledger(self, subject: Subject, lines: collections.Counter[str]) -> Ledger | None:
        counts, policy = subject.counts, subject.policy
        if (
            counts is None
            or policy is None
            or not subject.is_whole("ledger/")
            or not subject.files("ledger/")
        ):
            self._outcome.skip("ledger", "its files, the counts or the policy cannot be read")
            return None
        found: list[Ledger] = []

        def check() -> Iterable[Finding]:
            faults = RowFaults("ledger")
            found.append(read_ledger(subject, policy, faults))
            yield from faults.findings()
            if subject.is_whole("quarantine/"):
                yield from check_sums(subject, counts, found[0], lines)
            else:
                self._outcome.skip("sums of the ledger", "the quarantine cannot be read")

        self._check("ledger", "ledger/", check)
        return found[0] if found else None

    def _rows(self, subject: Subject, ledger: Ledger | None) -> Sums | None:
        counts, policy = subject.counts, subject.policy
        parts = ("data/", "restricted/")
        if ledger is None or counts is None or policy is None or not subject.is_whole(*parts):
            for kind in ("rows", "index"):
                self._outcome.skip(kind, "shards, ledger or restricted files cannot be read")
            return None
        rows, index = RowFaults("rows"), RowFaults("index")
        found: list[Sums] = []

        def check() -> Iterable[Finding]:
            if subject.manifest.kind == "audit":
                collections.deque(eligible_rows(subject, index), 0)
                return
            found.append(join_rows(subject, policy, rows, index))
            check_row_state(subject, index)
            check_fact_state(subject, index)
            yield from rows.findings()
            yield from check_row_sums(subject, counts, found[0])

        if subject.manifest.kind == "audit":
            self._outcome.skip("rows", "an audit writes no training rows")
        self._check("rows", "data/", check, note=subject.manifest.kind == "run")
        self._check("index", "restricted/", index.findings)
        return found[0] if found else None

    def _check(
        self, kind: str, where: str, check: Callable[[], Iterable[Finding]], note: bool = True
    ) -> None:
        try:
            for finding in check():
                self._outcome.findings.append(finding)
        except Exception as error:  # noqa: BLE001 - files can hold anything; the class only, no message
            what = f"could not be checked ({type(error).__name__})"
            self._outcome.findings.append(Finding(kind, where, what))
        if note:
            self._outcome.checked.append(kind)
