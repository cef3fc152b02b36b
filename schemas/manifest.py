"""manifest.json: what a committed dataset consists of, with a digest over the manifest itself."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

FORMAT = "chatsieve-dataset"
FORMAT_VERSION = 1


class FileEntry(msgspec.Struct, frozen=True):
    """A file of the dataset. `path` is relative to the dataset folder, `bytes` its size, `sha256` in hex."""

    path: str
    bytes: int
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs, arguments, policy, counts and files of a run or audit.

    `counts`: records, sessions, quarantined_records, training_rows, and sessions by decision and by reason.
    `policy`: id, digests and, under `pack`, the canonical form of the policy.
    `inputs` and `snapshots`: the files read, with masked name, size and SHA-256. An audit does not read text
    columns of Parquet: such an input has `metadata_sha256`, over the footer and the other columns.
    """

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    kind: str
    dataset_version: int
    parent: str | None
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
    digest: str = ""


def digest_of(manifest: Manifest) -> str:
    """SHA-256, in hex, over the manifest with an empty digest, in canonical JSON."""
    blank = msgspec.structs.replace(manifest, digest="")
    return hashlib.sha256(msgspec.json.encode(blank, order="deterministic")).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """The bytes of the file: indented JSON, with `digest` filled in."""
    sealed = msgspec.structs.replace(manifest, digest=digest_of(manifest))
    return msgspec.json.format(msgspec.json.encode(sealed), indent=2) + b"\n"


def decode(data: bytes) -> Manifest:
    """The manifest of a file; raises msgspec.DecodeError if it is not one."""
    return msgspec.json.decode(data, type=Manifest)
