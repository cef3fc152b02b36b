"""manifest.json: what a committed dataset consists of, with a digest over the manifest itself."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

import msgspec

FORMAT = "chatsieve-dataset"
FORMAT_VERSION = 2
#: Pages that are made from the manifest.
PAGES = ("report/report.html", "README.md")
#: The name of a version's folder; its first group is the number.
VERSION_FOLDER = re.compile(r"v([0-9]{4,})-[0-9a-f]{6,}\Z")


class FileEntry(msgspec.Struct, frozen=True):
    """A file of the dataset. `path` is relative to the dataset folder, `bytes` its size, `sha256` in hex."""

    path: str
    bytes: int
    rows: int
    sha256: str


class Parent(msgspec.Struct, frozen=True):
    """The version before this one: its number, and the SHA-256 of its manifest."""

    version: int
    digest: str


class Erased(msgspec.Struct, frozen=True):
    """Rows that `forget` and `expire` removed later. The counts of the manifest still include them."""

    training_rows: int = 0
    ledger_rows: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs, arguments, policy, counts and files of a run or audit.

    `counts`: records, sessions, quarantined_records, training_rows, and sessions by decision and by reason.
    `policy`: id, digests and, under `pack`, the canonical form of the policy.
    `inputs` and `snapshots`: the files read, with masked name, size and SHA-256. An audit does not read text
    columns of Parquet: such an input has `metadata_sha256`, over the footer and the other columns. `made_at`:
    when the files were complete, UTC. `increment`: how the run was made. `from`: the version that facts and
    rows were taken over from, or None with the `reason` of a rebuild. It is None for an audit, and in
    versions made before there was state.
    """

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    kind: str
    dataset_version: int
    parent: Parent | None
    arguments: dict[str, Any]
    key_id: str
    policy: dict[str, Any]
    deid: dict[str, Any]
    packages: dict[str, str]
    as_of: str
    known_until: str
    inputs: list[dict[str, Any]]
    snapshots: list[dict[str, Any]]
    counts: dict[str, Any]
    entities: dict[str, int]
    files: list[FileEntry]
    erased: Erased = Erased()
    made_at: str = ""
    increment: dict[str, Any] | None = None
    digest: str = ""
    hmac: str = ""


def digest_of(manifest: Manifest) -> str:
    """SHA-256, in hex, over the manifest with an empty digest and HMAC, in canonical JSON."""
    blank = msgspec.structs.replace(manifest, digest="", hmac="")
    return hashlib.sha256(msgspec.json.encode(blank, order="deterministic")).hexdigest()


def digest_without_pages(manifest: Manifest) -> str:
    """SHA-256, in hex, over the manifest without the entries of the pages that name this digest."""
    files = [file for file in manifest.files if file.path not in PAGES]
    return digest_of(msgspec.structs.replace(manifest, files=files))


def hmac_of(manifest: Manifest, key: bytes) -> str:
    """HMAC-SHA256, in hex, over the manifest's digest under the run's key."""
    return hmac.digest(key, b"manifest\0" + bytes.fromhex(digest_of(manifest)), "sha256").hex()


def encode(manifest: Manifest, key: bytes) -> bytes:
    """The bytes of the file: indented JSON, with `digest` and `hmac` filled in."""
    sealed = msgspec.structs.replace(manifest, digest=digest_of(manifest), hmac=hmac_of(manifest, key))
    return msgspec.json.format(msgspec.json.encode(sealed), indent=2) + b"\n"


def decode(data: bytes) -> Manifest:
    """The manifest of a file; raises msgspec.DecodeError if it is not one."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None
