"""Logs in a bucket are read as those on disk are, and no more is moved than is needed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import gzip
import io
import random
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from schemas.errors import PipelineError, StoreError
from schemas.records import Defaults
from schemas.units import Unit
from tests.support.logs_of_formats import FAMILIES, in_blocks, logs_of, sessions
from tests.support.memory_bucket import URL, MemoryBucket, Request, memory_bucket
from tests.support.parquet_rows import parquet
from tests.support.source_files import CONTEXT as PLAIN
from tests.support.source_files import RUN_KEY, Everything, pointers_of, read_all, write_lines
from transforms.read.stage import DigestFiles
from transforms.shuffle.entries import entries_by_kind
from transforms.shuffle.spill import Spill
from transforms.sources.base import InputFile
from transforms.sources.canonical.parquet_digest import extent
from transforms.sources.file_state import FileState
from transforms.sources.files import open_archive, open_stream, read_at
from transforms.sources.objects import KnownObject, ObjectFile, Stored, known_object, ranges_of
from transforms.sources.record_file import Record, RecordFile
from transforms.sources.registry import plan_tasks, plan_units, read_facts, read_sessions

CONTEXT = dataclasses.replace(
    PLAIN, defaults=(Defaults("u", None, "free", "chat", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),)
)
AUDIT = dataclasses.replace(CONTEXT, metadata_only=True)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryBucket:
    """A bucket behind every URL."""
    return memory_bucket(monkeypatch)


def put(store: MemoryBucket, folder: Path) -> list[InputFile]:
    """Puts the files below a folder into the bucket, and gives them as a listing does."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            store.add(path, f"logs/{path.relative_to(folder).as_posix()}")
    return [InputFile(f"{URL}/{key}", len(data), tag) for key, (data, tag) in sorted(store.objects.items())]


def compared(found: Everything, root: str) -> Any:
    """All that was read, with the names of files below the root."""
    facts = found.facts.drop_columns(["unit"]).to_pylist()
    names = [(entry.path.removeprefix(root), entry.locator, entry.code) for entry in found.quarantined]
    more = [(entry.digest, entry.byte_length, entry.field) for entry in found.quarantined]
    kinds = [(unit.kind, unit.start, unit.end) for unit in found.units]
    return facts, found.sessions, names, more, kinds


@pytest.mark.parametrize("family", FAMILIES)
def test_everything_is_read_as_from_disk(tmp_path: Path, store: MemoryBucket, family: str) -> None:
    """Facts, sessions, entries of damaged files and their digests do not depend on where the files are."""
    form = logs_of(family, tmp_path).format
    files = put(store, tmp_path)
    local = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    here, there = (dataclasses.replace(CONTEXT, roots=(root,)) for root in (str(tmp_path), f"{URL}/logs"))
    found = read_all(files, form, there, 100_000)
    assert compared(found, f"{URL}/logs") == compared(read_all(local, form, here, 100_000), str(tmp_path))
    assert len(found.sessions) >= 2
    assert all(each.kind != "head" for each in store.requests), "the listing gave the states"


def test_lines_are_moved_once(tmp_path: Path, store: MemoryBucket) -> None:
    """A unit asks for its range and the end of its last line, the text pass for the lines that it wants."""
    path = write_lines(tmp_path / "a.jsonl", sessions(3000))
    (file,) = put(store, tmp_path)
    (task,) = plan_tasks(0, "canonical", [file])
    units, _ = plan_units(task, 400_000)
    assert len(units) > 5
    moved_by_plan = sum(each.size for each in store.ranges())
    assert moved_by_plan <= 256 << 10
    for unit in units:
        store.requests.clear()
        (batch,) = [*read_facts(unit, CONTEXT)]
        asked = store.ranges()
        assert sum(each.size for each in asked) <= unit.input_bytes + (64 << 10) + 1
        assert len(asked) <= 3
        last = pointers_of(batch.facts)[-1]
        store.requests.clear()
        assert [row for row, _ in read_sessions(unit, CONTEXT, [last])] == [last.row]
        assert store.ranges() == [Request("range", "logs/a.jsonl", last.offset, last.offset + last.length)]
    assert path.stat().st_size > 2 << 20


def test_records_that_are_near_come_with_one_request(store: MemoryBucket) -> None:
    """Gaps up to the limit are moved, larger ones are not, and a request stays within 8 MiB."""
    store.put("a", bytes(range(256)) * 40_000)
    known = known_object(f"{URL}/a")
    places = [(10, 5), (20, 10), (131, 4), (500_000, 3), (6_000_000, 4_000_000), (10_000_001, 9)]
    data = store.objects["a"][0]
    assert [*ranges_of(known, places, 100)] == [data[at : at + size] for at, size in places]
    asked = sorted((each.start, each.end) for each in store.ranges())
    assert asked == [(10, 30), (131, 135), (500_000, 500_003), (6_000_000, 10_000_010)]
    store.requests.clear()
    assert len([*ranges_of(known, [(0, 6 << 20), (6 << 20, 3 << 20)], 100)]) == 2
    assert len(store.ranges()) == 2
    with pytest.raises(EOFError):
        [*read_at(f"{URL}/a", [(0, 4), (len(data) - 2, 3)])]


def test_an_audit_moves_no_text_of_parquet(tmp_path: Path, store: MemoryBucket) -> None:
    """Facts, and the digest for the manifest, need the columns without text and the footer, once each."""
    rng = random.Random(5)
    made = sessions(400)
    for one in made:
        one["messages"][1]["content"] = f"x{rng.randbytes(400).hex()}"
    path = parquet(tmp_path / "a.parquet", in_blocks(made), row_group_size=100)
    (file,) = put(store, tmp_path)
    assert read_all_facts(file) == 400
    needed, texts = chunks_of(path)
    footer = path.stat().st_size - max(end for _, end in [*needed, *texts])
    wanted = sum(end - start for start, end in needed) + footer
    asked = [(each.start, each.end) for each in store.ranges()]
    assert sum(end - start for start, end in asked) <= wanted + 4 * 8192
    assert wanted < 60_000 < 200_000 < path.stat().st_size
    assert len(asked) <= 4 + 4 * 3
    store.requests.clear()
    states = {file.path: FileState(file.size, file.identity)}
    spill = Spill(None, RUN_KEY)
    (entry,) = DigestFiles(RUN_KEY, True, spill, states).process(RUN_KEY.seal((0, 0, file.path)))
    (local,) = DigestFiles(RUN_KEY, True, spill).process(RUN_KEY.seal((0, 0, str(path))))
    assert entries_by_kind([spill.get(entry)]) == entries_by_kind([spill.get(local)])
    asked = [(each.start, each.end) for each in store.ranges()]
    assert sum(end - start for start, end in asked) <= wanted + footer + 4 * 8192


def read_all_facts(file: InputFile) -> int:
    """The number of sessions of a file, as an audit reads them."""
    (task,) = plan_tasks(0, "canonical", [file])
    units, unreadable = plan_units(task)
    assert not unreadable
    return sum(batch.facts.num_rows for unit in units for batch in read_facts(unit, AUDIT))


def chunks_of(path: Path) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The byte ranges (start, end) of the columns without text, and of those with it."""
    metadata = pq.read_metadata(path)
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            start, length = extent(chunk)
            steps = chunk.path_in_schema.split(".")
            found["content" in steps and steps[-1] != "type"].append((start, start + length))
    return found


def test_a_stream_asks_for_more_and_more(store: MemoryBucket) -> None:
    """Few requests for a large file, little moved for a look at its beginning, and that only once."""
    data = bytes(range(256)) * 100_000
    store.put("a", data)
    for _ in range(3):
        with io.BufferedReader(ObjectFile(known_object(f"{URL}/a"))) as file:
            assert file.read(100) == data[:100]
    assert [each.size for each in store.ranges()] == [256 << 10]
    with io.BufferedReader(ObjectFile(known_object(f"{URL}/a"))) as file:
        assert file.read() == data
    assert len(store.ranges()) <= 7
    assert sum(each.size for each in store.ranges()) == len(data)


def test_nothing_is_kept_of_an_object_without_an_etag(store: MemoryBucket) -> None:
    """An object of the same size could be another one."""
    for data in (b"one", b"two"):
        store.objects["a"] = data, ""
        with open_stream(f"{URL}/a") as file:
            assert file.read() == data


def test_a_member_of_an_archive_is_read_without_the_others(tmp_path: Path, store: MemoryBucket) -> None:
    """Exports of many gigabytes hold pictures beside the conversations."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("pictures.bin", random.Random(1).randbytes(3 << 20))
        archive.writestr("conversations.json", "[]" * 100)
        archive.writestr("more.bin", random.Random(2).randbytes(3 << 20))
    url = store.add(tmp_path / "a.zip", "a.zip")
    with open_archive(url) as archive, archive.open("conversations.json") as member:
        assert member.read() == b"[]" * 100
    assert sum(each.size for each in store.ranges()) < 1 << 20


@pytest.mark.parametrize("family", FAMILIES)
def test_an_object_that_is_replaced_is_never_read_as_another(
    tmp_path: Path, store: MemoryBucket, family: str
) -> None:
    """The state is that of the listing: neither a new object nor a removed one becomes a quarantined file."""
    form = logs_of(family, tmp_path).format
    files = put(store, tmp_path)
    units = [unit for task in plan_tasks(0, form, files) for unit in plan_units(task, 100_000)[0]]
    largest = max(units, key=lambda unit: unit.size)
    data, _ = store.objects[largest.paths[0].removeprefix(f"{URL}/")]
    for change in (lambda key: store.put(key, data), lambda key: store.delete([key])):
        change(largest.paths[0].removeprefix(f"{URL}/"))
        with pytest.raises(PipelineError, match="changed while it was read"):
            [*read_facts(in_other_states(largest), CONTEXT)]


def in_other_states(unit: Any) -> Any:
    """The unit with identities that no process has read the beginning of."""
    return msgspec.structs.replace(unit, stored=tuple((size, f"{tag}?") for size, tag in unit.stored))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_store_that_fails_ends_the_run(tmp_path: Path, store: MemoryBucket, family: str) -> None:
    """A store that cannot be reached must not look like logs that are damaged, at no request."""
    form = logs_of(family, tmp_path).format
    message = (
        f"{URL}: an object cannot be read (the store cannot be reached); nothing was committed; run again"
    )
    read_all(put(store, tmp_path), form, CONTEXT, 100_000)
    count = len(store.ranges())
    store.fail = OSError(errno.EHOSTUNREACH, "the store cannot be reached", f"{URL}/x")
    for store.after in range(count):
        store.requests.clear()
        with pytest.raises(StoreError, match=re.escape(message)):
            read_all(put(store, tmp_path), form, CONTEXT, 100_000)
    assert count >= 2


def test_a_truncated_object_of_another_size_is_no_end(store: MemoryBucket) -> None:
    """The size is that of the state, so a stream ends where the object does."""
    whole = gzip.compress(b"x" * 999)
    store.put("a", whole)
    tag = store.objects["a"][1]
    known = KnownObject(f"{URL}/a", Stored(len(whole) + 5, tag))
    with pytest.raises(StoreError, match="fewer bytes"):
        io.BufferedReader(ObjectFile(known)).read()


class Foreign(RecordFile):
    """A format of another package that opens files by itself."""

    def records(self, path: str) -> Iterator[Record]:
        with open(path, "rb") as file:  # noqa: PTH123 - what it must not do
            yield from ({"conversation_id": line.decode()} for line in file)


def test_a_format_that_opens_files_by_itself_is_told_how(store: MemoryBucket) -> None:
    """Otherwise all of its objects would be quarantined as damaged."""
    store.put("a", b"c1\n")
    unit = Unit(0, "foreign", "stream", (f"{URL}/a",), size=3, stored=((3, store.objects["a"][1]),))
    with pytest.raises(PipelineError, match=r"\Aformat foreign: .* it needs chatsieve.open_stream"):
        [*Foreign().facts(unit, CONTEXT)]
