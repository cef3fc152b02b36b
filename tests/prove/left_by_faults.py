"""What a command left after a fault: is it a whole dataset, and nothing else?"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import PurePath

from pipeline.commands.verify import verify
from pipeline.dataset.catalog import CURRENT, Version, is_version_folder, read_catalog
from pipeline.verify.catalog import check_catalog, check_parents, manifests_of
from pipeline.verify.erasures import check_erasures
from pipeline.verify.files import check_dataset_folder, is_claimed
from pipeline.verify.findings import Finding, Outcome
from schemas.manifest import Manifest
from transforms.storage.local import TEMPORARY, LocalStore
from transforms.storage.places import location, store_of
from transforms.storage.walk import walk

#: Contents of versions that were verified: verifying equal bytes again finds the same.
_VERIFIED: dict[bytes, list[Finding]] = {}


def state_of(out: PurePath) -> tuple[str, ...]:
    """The folders that the catalog names, and the erasures it lists; nothing without a catalog."""
    read = read_catalog(store_of(out), str(out))
    if read is None:
        return ()
    return (*(one.folder for one in read.catalog.versions), *read.catalog.erased)


def faults_of(out: PurePath, canaries: list[bytes], unfinished: bool = False) -> list[str]:
    """Findings of the dataset and of every version, and planted values in any file, beside it too.

    `unfinished`: files that are no part of the dataset may be left, until the next command.
    """
    read = read_catalog(store_of(out), str(out))
    findings = list(_findings_of_dataset(out)) if read else []
    for one in read.catalog.versions if read else ():
        findings += _findings_of_version(out, one)
    if unfinished:
        findings = [each for each in findings if each.what != "is no part of the dataset"]
    found = [f"verify: {each.kind}: {each.where}: {each.what}" for each in findings]
    beside = store_of(out.parent)
    for entry in walk(beside):
        # A catalog that was revoked before it existed is listed, and is absent.
        with contextlib.suppress(FileNotFoundError):
            data = beside.read(entry.name) if entry.is_file else b""
            found += [f"{entry.name} holds a planted value" for canary in canaries if canary in data]
    return found


def _findings_of_dataset(out: PurePath) -> Iterator[Finding]:
    read = read_catalog(store_of(out), str(out))
    assert read is not None
    yield from check_catalog(store_of(out).read(CURRENT), read.catalog)
    manifests: list[Manifest] = []
    for found in manifests_of(out, read.catalog, None):
        if isinstance(found, Finding):
            yield found
        else:
            manifests.append(found)
    yield from check_parents(manifests, read.catalog)
    for each in check_erasures(out, read.catalog, manifests, [] if is_claimed(out) else None):
        if isinstance(each, Finding):
            yield each
    yield from check_dataset_folder(out, read.catalog, Outcome(""))


def _findings_of_version(out: PurePath, one: Version) -> list[Finding]:
    store = store_of(out)
    content = hashlib.sha256(f"{one.version} {one.manifest_sha256} {one.rows}".encode())
    for name in store.names("erasures/"):
        content.update(store.read(name) if name.endswith(".keys") else b"")
    for entry in walk(store, one.folder):
        content.update(f"{entry.name} {entry.mode} {entry.target}\n".encode())
        if entry.is_file:
            content.update(hashlib.sha256(store.read(f"{one.folder}/{entry.name}")).digest())
    key = content.digest()
    if key not in _VERIFIED:
        _VERIFIED[key] = verify(location(f"{out}@{one.version}")).findings
    return _VERIFIED[key]


def leftovers_of(out: PurePath) -> list[str]:
    """What no version needs; an unfinished claim stays for a lease, since it may be a live writer's."""
    read = read_catalog(store_of(out), str(out))
    if read is None:
        return []
    known = {one.folder for one in read.catalog.versions}
    known |= {f"erasures/{name}.{kind}" for name in read.catalog.erased for kind in ("keys", "json")}
    known |= {CURRENT, "latest"}
    store = store_of(out)
    left = {name for name in store.folders() if is_version_folder(name)} - known
    left |= {name for name in store.names() if name.split("/")[0] not in known and name not in known}
    left = {name for name in left if not name.startswith(f"claims/{TEMPORARY}")}
    if isinstance(store, LocalStore) and store.link_target("latest") != read.catalog.folder:
        left.add("latest")
    return [f"{name} is left over" for name in sorted(left)]
