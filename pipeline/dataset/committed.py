"""Reads a committed dataset: manifest, policy and ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic

from pipeline.dataset.output_folder import MANIFEST
from schemas.errors import InputError
from schemas.manifest import FORMAT, FORMAT_VERSION, Manifest, decode
from schemas.policy import Pack, Policy
from schemas.tables import KEY
from transforms.shuffle.blobs import part_of_keys


@dataclasses.dataclass(frozen=True)
class Committed:
    """The folder and manifest of a committed run or audit."""

    path: Path
    manifest: Manifest

    @property
    def ledger(self) -> list[Path]:
        """The files of the ledger, in order of conversation keys."""
        return [self.path / file.path for file in self.manifest.files if file.path.startswith("ledger/")]

    def pack(self) -> Pack:
        """The policy of the run, from its manifest; InputError if this version cannot read it."""
        policy = self.manifest.policy
        try:
            return Pack(Policy.model_validate(policy["pack"]), policy["sha256"], policy["canonical_sha256"])
        except (KeyError, pydantic.ValidationError):
            raise InputError(
                f"{self.path}: this version cannot read the policy of its manifest; give -c CONFIG alone"
            ) from None

    def ledger_rows(self, key: bytes) -> list[dict[str, Any]]:
        """The ledger rows of a conversation key; reads the one part that can contain them."""
        parts = self.ledger
        place = int(part_of_keys(pa.array([key], KEY), len(parts))[0]) if parts else 0
        rows: list[dict[str, Any]] = []
        for path in parts[place : place + 1]:
            with _readable(path):
                rows += pq.read_table(path, filters=[("conversation_key", "==", key.hex())]).to_pylist()
        return rows


class _readable:  # noqa: N801 - used as a statement
    """Turns errors of a missing or damaged file into an InputError with its path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, OSError | pa.ArrowException):
            raise InputError(f"{self._path}: missing or damaged; run `chatsieve verify` on it") from None


def open_committed(path: Path) -> Committed:
    """The dataset in a folder; InputError if there is none that this version can read."""
    try:
        manifest = decode((path / MANIFEST).read_bytes())
    except OSError:
        raise InputError(f"{path}: no {MANIFEST}; give the output folder of a run or audit") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError(f"{path / MANIFEST}: not a valid manifest; restore the file") from None
    if (manifest.format, manifest.format_version) != (FORMAT, FORMAT_VERSION):
        raise InputError(
            f"{path / MANIFEST}: expected {FORMAT} version {FORMAT_VERSION}; use its chatsieve version"
        )
    return Committed(path, manifest)


def ledger_batches(run: Committed, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """The ledger in order, in batches of at most `rows` rows; InputError for a damaged part."""
    for path in run.ledger:
        with _readable(path), pq.ParquetFile(path) as file:
            yield from file.iter_batches(rows, columns=columns, use_threads=False)
