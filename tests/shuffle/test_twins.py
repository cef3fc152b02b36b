"""Two attempts of one bundle write the same file at the same moment: it is whole, and one of both."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.tables import TRAINING
from tests.support.source_files import RUN_KEY
from transforms.output.shards import write_parquet, write_shard
from transforms.shuffle.fragments import FRAGMENT, read_ranges, write_fragment
from transforms.shuffle.spill import Spill
from transforms.shuffle.staging import stage
from transforms.storage import operations

_DAY = dt.date(2026, 1, 5)


class _Together(operations.FileOperations):
    """Both attempts have written their files before either gives its file the name."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2, timeout=60)
        self.renamed = 0

    def rename(self, source: str, target: str) -> None:
        self._both.wait()
        self.renamed += 1
        super().rename(source, target)


def _rows() -> pa.Table:
    blank: dict[str, Any] = {
        field.name: ([] if pa.types.is_list(field.type) or pa.types.is_map(field.type) else "x")
        for field in FRAGMENT
    }
    rows = [
        {
            **blank,
            **dict.fromkeys(("started_on", "last_active_on", "retain_until"), _DAY),
            "turns": 1,
            "key": bytes([number]) * 16,
            "ordinal": 0,
            "conversation_key": f"{number:02x}" * 16,
        }
        for number in range(0, 250, 7)
    ]
    return pa.Table.from_pylist(rows, schema=FRAGMENT)


def _fragment(folder: Path) -> Any:
    return [
        (shard, (Path(place.path).name, place.batch)) for shard, place in write_fragment(_rows(), 3, folder)
    ]


def _shard(folder: Path) -> Any:
    return write_shard(_rows(), 1, 3, folder)


def _ledger(folder: Path) -> Any:
    return write_parquet(pa.table({"key": list(range(1000))}), folder, "ledger/part-00000-of-00001.parquet")


def _quarantine(folder: Path) -> Any:
    return stage(folder, "quarantine/part-00000-of-00001.jsonl", b"{}\n" * 1000, 1000)


_WRITERS = (_fragment, _shard, _ledger, _quarantine)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("write", _WRITERS)
def test_twins_leave_the_files_of_one_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Any]
) -> None:
    """A runner starts a second attempt of a slow bundle, and does not wait until the first one has ended."""
    alone = write(tmp_path / "alone")
    together = _Together()
    monkeypatch.setattr(operations, "OPERATIONS", together)
    given: list[Any] = []
    twins = [threading.Thread(target=lambda: given.append(write(tmp_path / "twins"))) for _ in range(2)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert together.renamed >= 2
    assert given == [alone, alone]
    assert _files(tmp_path / "twins") == _files(tmp_path / "alone")


def test_a_fragment_can_be_read_while_it_is_written_again(tmp_path: Path) -> None:
    """The shard stage reads the file of the attempt that counted; a late attempt replaces it meanwhile."""
    ranges = [place for _, place in write_fragment(_rows(), 3, tmp_path)]
    with pa.memory_map(ranges[0].path) as source, pa.ipc.open_file(source) as reader:
        before = reader.get_batch(0)
        list(write_fragment(_rows(), 3, tmp_path))
        assert reader.get_batch(0) == before
    assert read_ranges(ranges).num_rows == _rows().num_rows


def test_a_shard_is_readable_after_twins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with the beginning of one attempt and the end of the other would have the right length too."""
    monkeypatch.setattr(operations, "OPERATIONS", _Together())
    twins = [threading.Thread(target=_shard, args=(tmp_path,)) for _ in range(2)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert pq.read_table(next(tmp_path.glob("data/*.parquet"))).schema.names == TRAINING.names


def test_blobs_of_twins_are_read_by_their_own_pointers(tmp_path: Path) -> None:
    """Both attempts append to spill files; only the pointers of one arrive, and they must hold."""
    spill = Spill.below(str(tmp_path), RUN_KEY)
    blobs = [bytes([number]) * 5000 for number in range(40)]
    pointers: dict[int, list[bytes]] = {}

    def attempt(number: int) -> None:
        pointers[number] = [spill.put(blob) for blob in blobs]

    twins = [threading.Thread(target=attempt, args=(number,)) for number in range(2)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert pointers[0] != pointers[1]
    assert all([spill.get(each) for each in pointers[number]] == blobs for number in range(2))
