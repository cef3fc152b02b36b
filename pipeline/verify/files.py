"""Class `files`: what is on disk against what catalog and manifest list; kinds, modes, sizes, digests."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, cast

from pipeline.dataset.catalog import CURRENT, MANIFEST, Catalog, is_version_folder
from pipeline.dataset.erasures import certificate_name, keys_name
from pipeline.dataset.state import STATE, STATE_FOLDER
from pipeline.report.unlisted import UNLISTED
from pipeline.verify.findings import Finding, Outcome
from pipeline.verify.subject import DAMAGE, Subject, decoded, read_file
from transforms.read.state.files import SCHEMAS
from transforms.read.state.known import FACTS, UNITS
from transforms.storage.leases import Holder
from transforms.storage.local import PRIVATE, TEMPORARY
from transforms.storage.places import is_remote, open_file, stat_file, store_of
from transforms.storage.walk import Entry, walk

_PART = re.compile(
    r"(data/train|restricted/index|ledger/part|restricted/sessions|quarantine/part|restricted/state/[a-z]+)"
    r"-(\d{5,})-of-(\d{5,})\.(parquet|jsonl)\Z"
)
#: Files in parts, and what they must be as many as.
_BESIDE = {"data/train": "restricted/index", "ledger/part": "restricted/sessions"}
_BESIDE[f"{STATE_FOLDER}{FACTS}"] = f"{STATE_FOLDER}{UNITS}"
_SINGLE = {"run": {"README.md", "report/report.json", "report/report.html"}}
_SINGLE["audit"] = _SINGLE["run"] - {"README.md"}
#: A run has a state, unless an older chatsieve wrote it; the other file is written if it has any value.
_OPTIONAL = {"run": {STATE, UNLISTED}, "audit": {UNLISTED}}
#: A version with a state has one for each shard.
_ROW_STATE = "restricted/state/rows"
_LATEST = "latest"
#: Folders of a dataset and of a version, whose names are not masked.
_FOLDERS = frozenset({"claims", "erasures", "data", "ledger", "quarantine", "report", *PRIVATE})


def check_dataset_folder(root: PurePath, catalog: Catalog, outcome: Outcome) -> Iterator[Finding]:
    """Findings of the dataset's folder outside of its versions.

    A command gives its claim up last. While a claim is there, a command is writing or was killed: what it may
    have left is a note. So is an unfinished claim: nothing reads it.
    """
    expected = {CURRENT} | {make(name) for name in catalog.erased for make in (keys_name, certificate_name)}
    folders = {one.folder for one in catalog.versions}
    left: list[str] = []
    claims = 0
    for found in walk(store_of(root), skip=frozenset(folders)):
        name = found.name
        top = name.split("/", 1)[0]
        if name.startswith("claims/") and _is_claim(root, name):
            claims += 1
        elif name == _LATEST and found.target is not None:
            if found.target != catalog.folder:
                left.append(name)
            continue
        elif name in ("claims", "erasures") and found.is_folder:
            pass
        elif found.is_folder and is_version_folder(top) and name != top:
            continue
        elif name not in expected:
            left.append(name)
            continue
        yield from _mode(found)
    if claims:
        outcome.notes.append("a command is writing to the dataset, or was killed while it did")
    for name in left:
        explained = name.startswith(f"claims/{TEMPORARY}") or (
            claims
            and (
                name == _LATEST
                or name.startswith("erasures/")
                or is_version_folder(name.split("/", 1)[0])
                or name.rpartition("/")[2].startswith(TEMPORARY)
            )
        )
        if explained:
            outcome.notes.append("leftovers: the next command that changes the dataset removes them")
        elif name == _LATEST:
            yield Finding("files", name, "does not point at the folder of the current version")
        else:
            yield Finding("files", _safe(name), "is no part of the dataset")
    outcome.notes[:] = dict.fromkeys(outcome.notes)


def is_claimed(root: PurePath) -> bool:
    """True while a command writes to the dataset, and after it was killed."""
    return any(_is_claim(root, f"claims/{found.name}") for found in walk(store_of(root), "claims"))


def check_files(subject: Subject) -> Iterator[Finding]:
    """Findings of one version's folder; adds files that cannot be used to `subject.bad`."""
    yield from _listing(subject)
    listed = {file.path: file for file in subject.manifest.files}
    folders = {"/".join(path.split("/")[:-1]) for path in listed} - {""}
    seen = set()
    for found in walk(store_of(subject.folder)):
        name = found.name
        seen.add(name)
        if found.is_folder:
            if name not in folders:
                yield Finding("files", _safe(name), "is a folder that the manifest has no file in")
                continue
        elif name not in listed and name != MANIFEST:
            yield Finding("files", _safe(name), "is not listed in the manifest")
            continue
        elif not found.is_file:
            yield Finding("files", name, "is not a regular file")
            subject.bad.add(name)
            continue
        yield from _mode(found)
    for path, file in listed.items():
        if path in subject.bad:
            continue
        if path in seen or is_remote(subject.folder):  # a listing may not have it yet
            fault = _content_fault(subject.folder / path, file.bytes, file.sha256)
        elif os.path.lexists(parent := (subject.folder / path).parent) and not os.access(
            parent, os.R_OK | os.X_OK
        ):
            fault = "cannot be read: permission denied for its folder; run this as its owner"
        else:
            fault = "is missing"
        if fault:
            subject.bad.add(path)
            yield Finding("files", path, fault)


def _listing(subject: Subject) -> Iterator[Finding]:
    """Findings of the manifest's list of files by itself."""
    files = subject.manifest.files
    paths = [file.path for file in files]
    singles = _SINGLE.get(subject.manifest.kind, set())
    parts: dict[str, list[tuple[int, int]]] = {}
    for number, path in enumerate(paths):
        matched = _PART.match(path)
        if matched:
            if (matched[4] == "jsonl") != (matched[1] == "quarantine/part"):
                subject.bad.add(path)
                yield Finding("files", MANIFEST, f"file {number} has a name that no file of a dataset has")
            parts.setdefault(matched[1], []).append((int(matched[2]), int(matched[3])))
        elif path not in singles | _OPTIONAL.get(subject.manifest.kind, set()):
            subject.bad.add(path)
            yield Finding("files", MANIFEST, f"file {number} has a name that no file of a dataset has")
    if paths != sorted(paths) or len(set(paths)) != len(paths):
        yield Finding("files", MANIFEST, "expected its files in order of their names, each once")
    for path in sorted(singles - set(paths)):
        yield Finding("files", path, "is not listed in the manifest, and every version has it")
    beside_each = {**_BESIDE, "quarantine/part": "ledger/part"}
    kinds = ["ledger/part", "restricted/sessions", "quarantine/part"]
    kinds += ["data/train", "restricted/index"] if subject.manifest.kind == "run" else []
    if STATE in paths:
        kinds.append(_ROW_STATE)
        beside_each[_ROW_STATE] = "data/train"
        kinds += [f"{STATE_FOLDER}{kind}" for kind in SCHEMAS]
    for kind in sorted({*kinds, *parts}):
        found = sorted(parts.get(kind, []))
        if not found or found != [(number, len(found)) for number in range(len(found))] or kind not in kinds:
            yield Finding("files", f"{kind}-*", "its parts are not those that their names announce")
            subject.bad.update(path for path in paths if path.startswith(kind))
    for kind, beside in beside_each.items():
        if len(parts.get(kind, [])) != len(parts.get(beside, [])):
            yield Finding("files", f"{kind}-*", f"expected as many as {beside}-*")
    if any(file.bytes < 0 or file.rows < 0 for file in files):
        yield Finding("files", MANIFEST, "a file has a negative size or number of rows")


def _content_fault(path: PurePath, size: int, sha256: str) -> str | None:
    try:
        actual = stat_file(path).size
        with open_file(path) as file:
            if actual != size:
                return f"has {actual} bytes; expected {size}"
            if hashlib.file_digest(cast(Any, file), "sha256").hexdigest() != sha256:
                return "its SHA-256 is not the manifest's"
    except PermissionError:
        return "cannot be read: permission denied; run this as its owner"
    except FileNotFoundError:
        return "is missing"
    except DAMAGE:
        return "cannot be read"
    return None


def _mode(found: Entry) -> Iterator[Finding]:
    private = bool(PRIVATE & set(found.name.split("/")))
    modes = (0o700, 0o600) if private else (0o750, 0o640)
    expected = modes[0] if found.is_folder else modes[1]
    if found.mode is not None and found.mode != expected:
        yield Finding("files", found.name, f"has mode {found.mode:04o}; expected {expected:04o}")


def _is_claim(root: PurePath, name: str) -> bool:
    if not name.removeprefix("claims/").isdigit():
        return False
    try:
        return decoded(read_file(root / name), Holder) is not None
    except DAMAGE:
        return False


def _safe(name: str) -> str:
    """A name that is not the dataset's own, fit to be printed: nothing of it that could be personal."""
    from transforms.output.file_names import masked_name

    top, _, rest = name.encode("utf-8", "replace").decode().partition("/")
    if top in _FOLDERS:
        return f"{top}/{masked_name(rest)}" if rest else top
    return masked_name(f"{top}/{rest}" if rest else top)
