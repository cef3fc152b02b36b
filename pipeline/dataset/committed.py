"""A committed dataset as other commands read it: its manifest, its policy, the ledger rows of a key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic

from pipeline.dataset.catalog import CURRENT, MANIFEST, Version, catalog_to_read, named_version
from schemas.errors import InputError
from schemas.manifest import FORMAT, FORMAT_VERSION, Manifest, decode
from schemas.policy import Pack, Policy
from schemas.tables import KEY
from transforms.shuffle.blobs import part_of_keys
from transforms.storage.places import arrow_file, open_file, stat_file, store_of


@dataclasses.dataclass(frozen=True)
class Committed:
    """A version of a dataset or audit.

    `path` is the version's folder, `root` the dataset's, and `entry` the version in its catalog; a version's
    folder that was given by itself, or copied out of its dataset, has neither catalog nor entry.
    """

    path: PurePath
    manifest: Manifest
    root: PurePath
    entry: Version | None = None

    @property
    def name(self) -> str:
        """The dataset's folder and the version, as messages name it: `out/demo@2`."""
        return f"{self.root}@{self.entry.version}" if self.entry else str(self.path)

    @property
    def ledger(self) -> list[PurePath]:
        """The ledger's parts in order of their keys."""
        return [self.path / file.path for file in self.manifest.files if file.path.startswith("ledger/")]

    def pack(self) -> Pack:
        """The policy it was decided by, as its manifest carries it."""
        policy = self.manifest.policy
        try:
            return Pack(Policy.model_validate(policy["pack"]), policy["sha256"], policy["canonical_sha256"])
        except (KeyError, pydantic.ValidationError):
            raise InputError(
                f"{self.path}: its manifest carries no policy that this version reads; give -c CONFIG alone"
            ) from None

    def ledger_rows(self, key: bytes) -> list[dict[str, Any]]:
        """The ledger rows of a conversation key, from the one part that can hold them."""
        parts = self.ledger
        place = int(part_of_keys(pa.array([key], KEY), len(parts))[0]) if parts else 0
        rows: list[dict[str, Any]] = []
        for path in parts[place : place + 1]:
            with readable(path), arrow_file(path) as file:
                rows += pq.read_table(file, filters=[("conversation_key", "==", key.hex())]).to_pylist()
        return rows


class readable:  # noqa: N801 - reads as a statement
    """Turns what a missing or damaged file raises into one line that names it."""

    def __init__(self, path: PurePath) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, PermissionError):
            raise InputError(
                f"{self._path}: cannot be read ({error.strerror}); run this as its owner"
            ) from None
        if kind is not None and issubclass(kind, OSError | pa.ArrowException):
            raise InputError(f"{self._path}: missing or damaged; `chatsieve verify` gives details") from None


def version_folder(where: PurePath) -> tuple[PurePath, PurePath, Version | None]:
    """(version folder, dataset folder, catalog entry) of `DATASET`, `DATASET@N` or a version folder.

    Raises InputError where there is none. A version folder by itself has no entry.
    """
    root, number = named_version(where)
    read = catalog_to_read(store_of(root), str(root))
    if read is None:
        if number is None and is_version(root):
            return root, root.parent, None
        raise InputError(f"{root}: no {CURRENT}; not a dataset or audit of chatsieve")
    entry = read.catalog.entry(number)
    if entry is None:
        held = ", ".join(str(one.version) for one in read.catalog.versions)
        raise InputError(f"{root}: has no version {number}; it holds {held}")
    return root / entry.folder, root, entry


def is_version(folder: PurePath) -> bool:
    """True for the folder of a version: it holds a manifest."""
    try:
        stat_file(folder / MANIFEST)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def open_committed(where: PurePath) -> Committed:
    """The version that `where` names: see `version_folder`. InputError where this code cannot read it."""
    path, root, entry = version_folder(where)
    try:
        with open_file(path / MANIFEST) as file:
            manifest = decode(file.read())
    except OSError:
        raise InputError(f"{path}: no {MANIFEST}; `chatsieve verify` gives details") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError(f"{path / MANIFEST}: cannot be read as a manifest") from None
    if (manifest.format, manifest.format_version) != (FORMAT, FORMAT_VERSION):
        raise InputError(f"{path / MANIFEST}: expected {FORMAT} version {FORMAT_VERSION}")
    return Committed(path, manifest, root, entry)


def ledger_batches(run: Committed, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """The ledger in its order, in batches of at most `rows`; raises InputError for a damaged part."""
    for path in run.ledger:
        with readable(path), arrow_file(path) as source, pq.ParquetFile(source) as file:
            yield from file.iter_batches(rows, columns=columns, use_threads=False)
