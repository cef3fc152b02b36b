"""Beam transforms: write ledger parts, quarantine parts, shards, and the catalog for the commit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import asdict

from schemas.state import ROW_STATE
from schemas.tables import QUARANTINED, SETTLED, TEXT_REFUSALS
from transforms.output.counts import cells_of, expiries_of, months_counted, quarantined_bytes
from transforms.output.file_names import display_name
from transforms.output.ledger import Refusal, Stamp, ledger_rows, ledger_table, session_keys
from transforms.output.shards import write_parquet, write_row_state, write_shard
from transforms.shuffle.blobs import Kind, tables_of
from transforms.shuffle.entries import entry
from transforms.shuffle.fragments import FragmentRange, read_ranges
from transforms.shuffle.guard import guarded
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.sizes import Sizes
from transforms.shuffle.spill import Spill
from transforms.shuffle.staging import stage
from transforms.shuffle.steps import Step
from transforms.storage.leases import Lease

CATALOG = "catalog.json"


@dataclasses.dataclass(eq=False)
class WriteLedger(beam.PTransform):  # type: ignore[misc]
    """Writes ledger and quarantine files. In: (part, blobs), grouped, with every part. Out: entries.

    `files`: (input, position, path) of the input files, as in the manifest.
    """

    run_key: RunKey
    stamp: Stamp
    folder: str
    files: Sequence[tuple[int, int, str]]
    roots: Sequence[str]
    sizes: Any
    spill: Spill
    lease: Lease

    def expand(self, parts: Any) -> Any:
        places = {(number, path): place for place, (number, _, path) in enumerate(sorted(self.files))}
        writer = _WriteLedger(
            self.run_key, self.stamp, self.folder, places, self.roots, self.spill, self.lease
        )
        return parts | "Write ledger part" >> beam.ParDo(writer, self.sizes)


@dataclasses.dataclass(eq=False)
class WriteShards(beam.PTransform):  # type: ignore[misc]
    """Writes shards. In: (shard, fragment ranges), grouped, with every shard. Out: entries."""

    run_key: RunKey
    folder: str
    sizes: Any
    spill: Spill
    lease: Lease

    def expand(self, shards: Any) -> Any:
        writer = _WriteShard(self.run_key, self.folder, self.spill, self.lease)
        return shards | "Write shard" >> beam.ParDo(writer, self.sizes)


class WriteRowState(Step, beam.DoFn):  # type: ignore[misc]
    """Writes the state of each shard's sessions. In: (shard, blobs), grouped, every shard. Out: entries."""

    def __init__(self, run_key: RunKey, folder: str, spill: Spill, lease: Lease) -> None:
        super().__init__(run_key)
        self._folder, self._spill, self._lease = folder, spill, lease

    @guarded("Write row state")
    def process(self, item: tuple[int, Iterable[bytes]], sizes: Sizes) -> Iterator[bytes]:
        shard, shards = item[0], sizes[1]
        blobs = [blob for blob in item[1] if blob]
        rows = tables_of(blobs, {"row_state": ROW_STATE}, self._spill)["row_state"]
        self._lease.check()
        written = write_row_state(rows, shard, shards, self._folder)
        yield self._spill.put(entry("state", **asdict(written)))


class WriteCatalog(Step, beam.DoFn):  # type: ignore[misc]
    """Writes all entries of a run to one file in the staging folder, after all other files."""

    def __init__(self, run_key: RunKey, staging: str, spill: Spill, lease: Lease) -> None:
        super().__init__(run_key)
        self._staging, self._spill, self._lease = staging, spill, lease

    @guarded("Write catalog")
    def process(self, entries: list[bytes]) -> Iterator[None]:
        opened = sorted(map(self._spill.get, entries))
        self._lease.check()
        stage(self._staging, CATALOG, msgspec.json.encode([item.decode() for item in opened]))
        yield from ()


class _WriteLedger(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(
        self,
        run_key: RunKey,
        stamp: Stamp,
        folder: str,
        places: Mapping[tuple[int, str], int],
        roots: Sequence[str],
        spill: Spill,
        lease: Lease,
    ) -> None:
        super().__init__(run_key)
        self._stamp, self._folder, self._places, self._roots = stamp, folder, places, roots
        self._spill, self._lease = spill, lease

    @guarded("Write ledger")
    def process(self, item: tuple[int, Iterable[bytes]], sizes: Sizes) -> Iterator[bytes]:
        part, parts = item[0], sizes[0]
        schemas: dict[Kind, pa.Schema] = {
            "decisions": SETTLED,
            "quarantined": QUARANTINED,
            "refusals": TEXT_REFUSALS,
        }
        tables = tables_of([blob for blob in item[1] if blob], schemas, self._spill)
        refusals = [Refusal(**row) for row in tables["refusals"].to_pylist()]
        rows = ledger_rows(tables["decisions"], tables["quarantined"], refusals)
        ledger = ledger_table(rows, self._stamp)
        name = f"part-{part:05d}-of-{parts:05d}"
        self._lease.check()
        written = write_parquet(ledger, self._folder, f"ledger/{name}.parquet")
        counted = entry(
            "ledger",
            **asdict(written),
            cells=cells_of(ledger, rows["standing"], self._stamp.as_of),
            expiries=expiries_of(rows["decision"], rows["row_retain_until"]),
            unreadable=quarantined_bytes(tables["quarantined"]),
        )
        yield self._spill.put(counted)
        sessions = write_parquet(session_keys(rows), self._folder, f"restricted/sessions-{name[5:]}.parquet")
        yield self._spill.put(entry("sessions", **asdict(sessions)))
        yield self._spill.put(self._quarantine(tables["quarantined"], name))

    def _quarantine(self, rows: pa.Table, name: str) -> bytes:
        order = ["input", "path", "locator", "code", "digest"]
        rows = rows.sort_by([(column, "ascending") for column in order])
        lines = [
            msgspec.json.encode(
                {
                    "input": row["input"],
                    "manifest_input": self._places.get((row["input"], row["path"])),
                    "file": display_name(row["path"], self._roots, row["input"]),
                    "locator": row["locator"],
                    "code": row["code"],
                    "field": row["field"],
                    "kind": row["kind"],
                    "byte_length": row["byte_length"],
                    "digest": row["digest"],
                }
            )
            for row in rows.to_pylist()
        ]
        data = b"".join(line + b"\n" for line in lines)
        written = stage(self._folder, f"quarantine/{name}.jsonl", data, rows.num_rows)
        return entry("quarantine", **asdict(written))


class _WriteShard(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(self, run_key: RunKey, folder: str, spill: Spill, lease: Lease) -> None:
        super().__init__(run_key)
        self._folder, self._spill, self._lease = folder, spill, lease

    @guarded("Write shard")
    def process(self, item: tuple[int, Iterable[bytes]], sizes: Sizes) -> Iterator[bytes]:
        shard, shards = item[0], sizes[1]
        rows = read_ranges([FragmentRange.decode(self._spill.get(data)) for data in item[1] if data])
        self._lease.check()
        data, index = write_shard(rows, shard, shards, self._folder)
        counted = entry(
            "shard",
            **asdict(data),
            sessions=len(rows["key"].unique()),
            entities=_entities(rows["entities"]),
            languages=_languages(rows),
            expiries=months_counted(rows["retain_until"]),
        )
        yield self._spill.put(counted)
        yield self._spill.put(entry("index", **asdict(index)))


def _entities(counts: pa.ChunkedArray) -> dict[str, int]:
    """The number of spans by entity type, from lists of (type, count)."""
    found = pa.table(pc.list_flatten(counts).combine_chunks().flatten(), names=["key", "value"])
    total = found.group_by("key").aggregate([("value", "sum")]).sort_by("key")
    return dict(zip(total["key"].to_pylist(), total["value_sum"].to_pylist(), strict=True))


def _languages(rows: pa.Table) -> list[tuple[str | None, int, int]]:
    """(language, sessions, rows) of FRAGMENT rows."""
    found = rows.select(["language", "key"]).group_by("language")
    counted = found.aggregate([("key", "count_distinct"), ([], "count_all")]).to_pylist()
    listed = [(row["language"], row["key_count_distinct"], row["count_all"]) for row in counted]
    return sorted(listed, key=lambda row: str(row[0]))
