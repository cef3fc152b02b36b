"""Differences between the versions of a run and of a rebuild, and planted values in a dataset."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.catalog import MANIFEST
from schemas.manifest import Manifest, decode
from tests.prove.days.world import MARK
from tests.support.command import current

#: What a manifest has of its own: the catalog that it continues, and how much of it was taken over.
_OWN = ("parent", "dataset_version", "increment", "files", "digest", "hmac", "made_at")
#: Has when it was made, and digests of the manifest.
_PAGE = "report/report.html"


def manifest_of(out: Path) -> Manifest:
    """The manifest of the current version."""
    return decode((current(out) / MANIFEST).read_bytes())


def differences(out: Path, rebuilt: Path, *, is_same_version: bool) -> list[str]:
    """What of the current versions differs: files by their bytes, and what the manifests hold.

    `is_same_version`: both continue the same version, so that reports compare with the same one.
    """
    ours, theirs = (_files(current(each)) for each in (out, rebuilt))
    names = sorted({*ours, *theirs} - {_PAGE})
    if not is_same_version:
        names = [name for name in names if not name.startswith(("report/", "README"))]
    found = [
        f"{name}: {_where(ours.get(name), theirs.get(name))}"
        for name in names
        if ours.get(name) != theirs.get(name)
    ]
    one, two = (msgspec.to_builtins(manifest_of(each)) for each in (out, rebuilt))
    fields = [name for name in one if name not in _OWN]
    return found + [f"manifest: {name} differs" for name in fields if one[name] != two[name]]


def _files(folder: Path) -> dict[str, bytes]:
    """The bytes of a version's files, without its manifest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.name != MANIFEST}


def _where(one: bytes | None, two: bytes | None) -> str:
    """A short account of how two files differ."""
    if one is None or two is None:
        return f"is in the {'rebuild' if one is None else 'run'} only"
    if one[:4] != b"PAR1":
        at = next(
            (i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
        )
        return (
            f"differs at byte {at}: {one[max(0, at - 80) : at + 80]!r} and {two[max(0, at - 80) : at + 80]!r}"
        )
    tables = [pq.read_table(io.BytesIO(data)) for data in (one, two)]
    if tables[0].num_rows != tables[1].num_rows:
        return f"has {tables[0].num_rows} rows, {tables[1].num_rows} in the rebuild"
    if tables[0].schema != tables[1].schema:
        return "has another schema"
    columns = [name for name in tables[0].column_names if tables[0][name] != tables[1][name]]
    for name in columns[:1]:
        for row, pair in enumerate(
            zip(tables[0][name].to_pylist(), tables[1][name].to_pylist(), strict=True)
        ):
            if pair[0] != pair[1]:
                return f"row {row} differs in {columns}: {str(pair[0])[:300]} and {str(pair[1])[:300]}"
    return "has equal rows and other bytes"


class Search:
    """A search for planted values that reads each file once; a file that was replaced is read again."""

    def __init__(self) -> None:
        self._clean: set[tuple[Any, ...]] = set()

    def found_in(self, folder: Path) -> list[str]:
        """Files with a planted value in their name, their bytes or, for Parquet, their decoded columns."""
        found = []
        for path in sorted(folder.rglob("*")):
            stat = path.lstat()
            state = (path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if not path.is_file() or path.is_symlink() or state in self._clean:
                continue
            data = path.read_bytes()
            if MARK in path.name or any(MARK.encode() in each for each in _readable(data)):
                found.append(f"{path.relative_to(folder)} holds a planted value")
            else:
                self._clean.add(state)
        return found


def _readable(data: bytes) -> list[Any]:
    """The bytes of a file, and those of its columns if it is Parquet."""
    if data[:4] != b"PAR1":
        return [data]
    table = pq.read_table(io.BytesIO(data))
    arrays = [chunk for column in table.columns for chunk in column.chunks]
    return [data, *(bytes(buffer) for array in arrays for buffer in _decoded(array).buffers() if buffer)]


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
