"""Which input files are digested as their facts are read, and which in a pass of their own; their entries."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from schemas.units import Unit
from transforms.read.state.known import Planned
from transforms.read.state.units import File
from transforms.shuffle.entries import entry
from transforms.sources.canonical.parquet_digest import metadata_digest
from transforms.sources.files import open_bytes, size_of
from transforms.sources.objects import expecting
from transforms.sources.read_once import completed, digesting, is_read_whole


class Shared(NamedTuple):
    """Files that a unit reads whole, to be digested by the way; and files that need a pass of their own."""

    by_unit: dict[Unit, tuple[File, ...]]
    alone: list[File]


def with_positions(tasks: Iterable[Planned], files: Sequence[File]) -> tuple[list[Planned], list[File]]:
    """The tasks with the positions of those of their files that are to be digested, and files of no task."""
    of_paths = {(number, path): position for number, position, path in files}
    found = []
    for each in tasks:
        paths = [(each.task.input, path) for path in each.task.paths]
        found.append(each._replace(positions=tuple(of_paths.pop(path, None) for path in paths)))
    return found, [(number, position, path) for (number, path), position in of_paths.items()]


def shared(task: Planned, units: Iterable[Unit], metadata_only: bool) -> Shared:
    """How the files of a task are digested, if `units` are read of it."""
    listed = zip(task.task.paths, task.positions, strict=True) if task.positions else ()
    left = {path: (task.task.input, at, path) for path, at in listed if at is not None}
    by_unit = {}
    for unit in units:
        # An audit does not read the texts of Parquet.
        if is_read_whole(unit) and not (metadata_only and unit.kind == "row_group"):
            by_unit[unit] = tuple(left.pop(path) for path in unit.paths if path in left)
    return Shared(by_unit, list(left.values()))


@contextlib.contextmanager
def digested_by(unit: Unit, files: Sequence[File]) -> Iterator[list[bytes]]:
    """Within the context, facts of the unit are read; after it, the list has the entries of these files."""
    entries: list[bytes] = []
    with digesting([path for _, _, path in files]) as digests:
        yield entries
    with expecting(unit.paths, unit.stored):
        for number, position, path in files:
            with open_bytes(path) as file:
                digest = completed(digests[path], file)
            entries.append(_entry(number, position, digest.size, sha256=digest.hexdigest()))


def digested_alone(file: File, metadata_only: bool) -> bytes:
    """The `input` entry of a file: its size and SHA-256.

    With `metadata_only`, that of a Parquet file has `metadata_sha256` instead: the digest of all columns but
    the texts.
    """
    number, position, path = file
    found = metadata_digest(path) if metadata_only else None
    if found is not None:
        return _entry(number, position, size_of(path), metadata_sha256=found)
    with open_bytes(path) as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return _entry(number, position, opened.tell(), sha256=digest)


def _entry(number: int, position: int, size: int, **digest: Any) -> bytes:
    return entry("input", input=number, file=position, bytes=size, **digest)
