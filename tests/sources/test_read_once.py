"""The SHA-256 of a file comes from the bytes that its facts are read from, whatever way they are read."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
from pathlib import Path
from typing import Any

import pytest

from schemas.units import Unit
from tests.support.logs_of_formats import FAMILIES, lines, logs_of, sessions
from tests.support.memory_bucket import MemoryBucket, memory_bucket
from tests.support.source_files import CONTEXT
from transforms.sources import files
from transforms.sources.base import InputFile
from transforms.sources.read_once import (
    HELD_BYTES,
    Digest,
    DigestedFile,
    completed,
    digested,
    digesting,
    is_read_whole,
)
from transforms.sources.registry import plan_tasks, plan_units, read_facts


class Counted(io.FileIO):
    """A file that adds the bytes read of it to `total`."""

    total = 0

    def readinto(self, buffer: Any) -> int | None:  # type: ignore[override]
        size = super().readinto(buffer)
        Counted.total += size or 0
        return size


def units_of(paths: list[str], source_format: str, size_of: Any) -> list[Unit]:
    found = []
    for task in plan_tasks(0, source_format, [InputFile(path, size_of(path)) for path in paths]):
        found += plan_units(task)[0]
    return found


def paths_of(family: str, folder: Path) -> tuple[list[str], str]:
    logs = logs_of(family, folder)
    return sorted(str(path) for path in folder.rglob("*") if path.is_file()), logs.format


def digests_of(unit: Unit) -> tuple[list[str], list[Any], int]:
    """The digests of the unit's files, its facts, and how many bytes were digested as facts were read."""
    with digesting(unit.paths) as digests:
        batches = [batch.facts.to_pylist() for batch in read_facts(unit, CONTEXT)]
    before = sum(digest.size for digest in digests.values())
    whole = []
    for path, digest in digests.items():
        with files.open_bytes(path) as file:
            whole.append(completed(digest, file).hexdigest())
    return whole, batches, before


@pytest.mark.parametrize("family", FAMILIES)
def test_each_whole_unit_of_each_format_gives_the_digests_of_its_files(family: str, tmp_path: Path) -> None:
    """Files that are cut, archives whose directory is read first, and files that are opened twice too."""
    paths, source_format = paths_of(family, tmp_path)
    units = [
        unit
        for unit in units_of(paths, source_format, lambda path: Path(path).stat().st_size)
        if is_read_whole(unit)
    ]
    assert units
    for unit in units:
        plain = [batch.facts.to_pylist() for batch in read_facts(unit, CONTEXT)]
        digests, facts, _ = digests_of(unit)
        assert digests == [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in unit.paths]
        assert facts == plain


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_a_file_is_read_once(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gain: without it each byte moves twice, which an object store bills and a network feels."""
    path = tmp_path / f"logs.{ending}"
    data = lines(sessions(3000))
    path.write_bytes(gzip.compress(data, mtime=0) if ending.endswith("gz") else data)
    (unit,) = units_of([str(path)], "canonical", lambda _: path.stat().st_size)
    monkeypatch.setattr(files.io, "FileIO", Counted)
    Counted.total = 0
    digests, _, before = digests_of(unit)
    assert digests == [hashlib.sha256(path.read_bytes()).hexdigest()]
    assert Counted.total == before == path.stat().st_size


def test_a_small_parquet_file_of_one_row_group_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its columns are read at many places; it is held in memory instead."""
    (path,) = (each for each in paths_of("parquet", tmp_path)[0] if each.endswith("part-1.parquet"))
    (unit,) = units_of([path], "canonical", lambda each: Path(each).stat().st_size)
    monkeypatch.setattr(files.io, "FileIO", Counted)
    Counted.total = 0
    assert digests_of(unit)[0] == [hashlib.sha256(Path(path).read_bytes()).hexdigest()]
    assert Counted.total == Path(path).stat().st_size


def test_an_object_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each range is asked for once."""
    path = tmp_path / "logs.jsonl.gz"
    noise = random.Random(1).randbytes(6_000_000).hex()
    path.write_bytes(gzip.compress(lines(sessions(300, words=f"{noise[:30_000]} ")), mtime=0))
    bucket: MemoryBucket = memory_bucket(monkeypatch)
    url = bucket.add(path, "logs.jsonl.gz")
    (unit,) = units_of([url], "canonical", lambda _: path.stat().st_size)
    before = len(bucket.ranges())
    assert digests_of(unit)[0] == [hashlib.sha256(path.read_bytes()).hexdigest()]
    moved = sum(each.size for each in bucket.ranges()[before:])
    assert moved <= path.stat().st_size


def test_a_digest_takes_each_byte_once_in_order() -> None:
    """Readers go back to the beginning, and look at the end of a file first."""
    data = random.Random(2).randbytes(10_000)
    digest = Digest()
    file = DigestedFile(io.BytesIO(data), digest)
    file.seek(-100, io.SEEK_END)
    assert file.read(50) == data[-100:-50]
    assert digest.size == 0
    file.seek(0)
    assert file.read(3000) == data[:3000]
    file.seek(1000)
    assert file.read(4000) == data[1000:5000]
    file.seek(9000)
    file.read(10)
    assert digest.size == 5000
    assert completed(digest, io.BytesIO(data)).hexdigest() == hashlib.sha256(data).hexdigest()


def test_only_the_wanted_files_are_digested_and_only_within_the_context(tmp_path: Path) -> None:
    """A digest that outlived its unit would go on in the file of another."""
    path = str(tmp_path / "a")
    Path(path).write_bytes(b"abc")
    with digesting([path]) as digests:
        with files.open_bytes(path) as file:
            file.read()
        assert digested("another", file) is file
    with files.open_bytes(path) as file:
        assert not isinstance(file, DigestedFile)
    assert digests[path].size == 3


def test_parts_of_files_and_large_parquet_files_are_no_whole_units() -> None:
    """Their digests need a pass of their own."""
    parts = [Unit(0, "canonical", "bytes", ("a",), 0, 5, 6), Unit(0, "canonical", "bytes", ("a",), 5, 6, 6)]
    parts += [Unit(0, "canonical", "row_group", ("a",), 0, 2, 6)]
    parts += [Unit(0, "canonical", "row_group", ("a",), 0, 1, HELD_BYTES + 1)]
    assert not any(map(is_read_whole, parts))
    whole = [Unit(0, "canonical", "bytes", ("a",), 0, 6, 6), Unit(0, "canonical", "stream", ("a",), size=6)]
    whole += [Unit(0, "canonical", "row_group", ("a",), 0, 1, HELD_BYTES)]
    assert all(map(is_read_whole, [*whole, Unit(0, "claude-code", "files", ("a", "b"), size=6)]))
