"""The manifest: what a committed dataset is, with a digest over all of it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

FORMAT = "chatsieve-dataset"
FORMAT_VERSION = 2


class FileEntry(msgspec.Struct, frozen=True):
    """A file of the dataset, `path` relative to it."""

    path: str
    bytes: int
    rows: int
    sha256: str


class Parent(msgspec.Struct, frozen=True):
    """The version before this one: its number, and the digest of its manifest."""

    version: int
    digest: str


class Erased(msgspec.Struct, frozen=True):
    """Rows that `forget` and `expire` removed later; the counts of the manifest still include them."""

    training_rows: int = 0
    ledger_rows: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to say what was decided, on what, by what, and to check every file.

    `counts`: records, sessions, quarantined_records, training_rows, decisions and reasons by number.
    `policy`: id, digests and, under `pack`, the canonical form of the policy itself.
    `inputs` and `snapshots`: files read, by masked name, size and digest. An audit leaves the texts of
    Parquet unread: such an input has `metadata_sha256`, over the footer and the columns without text.
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
    digest: str = ""
    hmac: str = ""


def digest_of(manifest: Manifest) -> str:
    """SHA-256, in hex, over the manifest with an empty digest and HMAC, in canonical JSON."""
    blank = msgspec.structs.replace(manifest, digest="", hmac="")
    return hashlib.sha256(msgspec.json.encode(blank, order="deterministic")).hexdigest()


def hmac_of(manifest: Manifest, key: bytes) -> str:
    """HMAC-SHA256, in hex, over the manifest's digest under the run's key: only its holder can make it."""
    return hmac.digest(key, b"manifest\0" + bytes.fromhex(digest_of(manifest)), "sha256").hex()


def encode(manifest: Manifest, key: bytes) -> bytes:
    """The manifest's file: indented JSON with digest and HMAC filled in."""
    sealed = msgspec.structs.replace(manifest, digest=digest_of(manifest), hmac=hmac_of(manifest, key))
    return msgspec.json.format(msgspec.json.encode(sealed), indent=2) + b"\n"


def decode(data: bytes) -> Manifest:
    """The manifest in a file; raises msgspec.DecodeError when it is none."""
    return msgspec.json.decode(data, type=Manifest)
