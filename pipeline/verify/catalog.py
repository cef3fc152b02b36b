"""Class `catalog`: `CURRENT` against the manifests of all versions, and the chain of parents."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePath

from pipeline.dataset.catalog import CURRENT, FORMAT, MANIFEST, Catalog, Version, encode, is_version_folder
from pipeline.verify.findings import Finding
from pipeline.verify.subject import DAMAGE, read_file
from schemas.manifest import Erased, Manifest, decode, hmac_of
from transforms.storage.objects.token import without_token

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def check_catalog(data: bytes, catalog: Catalog) -> Iterator[Finding]:
    """Findings of the catalog by itself; `data` are the bytes of CURRENT.

    One that was copied from a bucket may end in a token of the store's.
    """
    versions = catalog.versions
    numbers = [one.version for one in versions]
    if catalog.format != FORMAT:
        yield _of_current(f"expected format {FORMAT}")
    if encode(catalog) != without_token(data):
        yield _of_current("is not written as chatsieve writes it: unknown, repeated or reordered fields")
    if not versions:
        yield _of_current("lists no version")
        return
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] < 1:
        yield _of_current("its versions are not numbered one after the other")
    if len({one.folder for one in versions}) < len(versions):
        yield _of_current("two versions have the same folder")
    if catalog.version != max(numbers):
        yield _of_current("the current version is not the newest one")
    if catalog.folder != next((one.folder for one in versions if one.version == catalog.version), None):
        yield _of_current("its folder is not that of the current version")
    for one in versions:
        if not is_version_folder(one.folder) or not one.folder.startswith(f"v{one.version:04d}-"):
            yield _of_current(f"version {one.version}: its folder's name is not that of this version")
        if one.why != catalog.kind or not _MOMENT.match(one.at) or one.rows < 0:
            yield _of_current(f"version {one.version}: expected the command {catalog.kind}, a time, and rows")


def manifests_of(root: PurePath, catalog: Catalog, key: bytes | None) -> Iterator[Finding | Manifest]:
    """The manifest of each version in order, or findings where it is not the one that the catalog lists."""
    for one in catalog.versions:
        where = f"{one.folder}/{MANIFEST}"
        if not is_version_folder(one.folder):
            continue
        try:
            data = read_file(root / one.folder / MANIFEST)
        except DAMAGE:
            yield Finding("manifest", where, "is missing or is no file")
            continue
        if hashlib.sha256(data).hexdigest() != one.manifest_sha256:
            yield Finding("catalog", where, f"its SHA-256 is not the one in {CURRENT}")
        try:
            manifest = decode(data)
        except DAMAGE:
            yield Finding("manifest", where, "cannot be read as a manifest")
            continue
        yield from _entry_against(one, manifest, catalog, where)
        if key is not None and manifest.hmac != hmac_of(manifest, key) and one.version != catalog.version:
            yield Finding("manifest", where, "its HMAC was not made with the given key over this content")
        yield manifest


def check_parents(manifests: list[Manifest], catalog: Catalog) -> Iterator[Finding]:
    """Findings of the chain of parents. `manifests` are those of all listed versions, in order.

    `forget` and `expire` write manifests again: the digest of one that they wrote is not its child's.
    """
    first = manifests[0]
    if (first.parent is None) != (first.dataset_version == 1):
        yield _chain(catalog.versions[0], "expected no parent for version 1, and one for any other")
    if first.parent is not None and first.parent.version != first.dataset_version - 1:
        yield _chain(catalog.versions[0], "its parent is not the version before it")
    for place in range(1, len(manifests)):
        entry, before = catalog.versions[place], catalog.versions[place - 1]
        parent = manifests[place].parent
        if parent is None or parent.version != before.version:
            yield _chain(entry, "its parent is not the version before it")
        elif manifests[place - 1].erased == Erased() and parent.digest != before.manifest_sha256:
            yield _chain(entry, "its parent's digest is not that of the version before it")


def _entry_against(one: Version, manifest: Manifest, catalog: Catalog, where: str) -> Iterator[Finding]:
    if manifest.dataset_version != one.version:
        yield Finding("catalog", where, f"expected dataset version {one.version}")
    if manifest.kind != catalog.kind:
        yield Finding("catalog", where, f"expected kind {catalog.kind}")
    written = manifest.counts.get("training_rows")
    if not isinstance(written, int) or written - manifest.erased.training_rows != one.rows:
        yield Finding("catalog", where, f"its training rows are not the {one.rows} in {CURRENT}")


def _chain(entry: Version, what: str) -> Finding:
    return Finding("catalog", f"{entry.folder}/{MANIFEST}", what)


def _of_current(what: str) -> Finding:
    return Finding("catalog", CURRENT, what)
