"""What many small files cost: the time to plan and open each, from real footers and lines."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.commands.sample import write_sample
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from transforms.shuffle.blobs import to_blob
from transforms.sources.base import InputFile, ReadContext
from transforms.sources.registry import plan_tasks, plan_units, read_facts

#: Sessions of a small file.
_ROWS = 5


@dataclasses.dataclass(frozen=True)
class FileCosts:
    """`seconds`: CPU to plan and open one file more, of the format for which that is greater.

    `decoded`: bytes of facts in memory / as shuffled. `sizes`: the files that were read, in words.
    """

    seconds: float
    decoded: float
    sizes: str


def file_costs(conversations: int) -> FileCosts:
    """Measured by reading the same sessions from few files and from many, of JSON Lines and of Parquet."""
    seconds, words = [], []
    with tempfile.TemporaryDirectory() as base:
        for ending, name in (("jsonl", "JSON Lines"), ("parquet", "Parquet")):
            folder = Path(base) / ending
            write_sample(folder, conversations=conversations, seed=1, input_format=ending)
            few = sorted((folder / "logs").iterdir())
            many = _divided(few, folder / "small")
            _read(few)  # work that is done once
            at_once, facts = _read(few)
            one_by_one, same = _read(many)
            if same.num_rows != facts.num_rows:
                raise ValueError(f"{name}: {same.num_rows} rows in many files, {facts.num_rows} in few")
            seconds.append(max(0.0, one_by_one - at_once) / (len(many) - len(few)))
            size = sum(path.stat().st_size for path in many) / len(many)
            words.append(f"{len(many)} files of {name}, {size / 1e3:.0f} KB each")
    return FileCosts(max(seconds), facts.nbytes / len(to_blob(facts, "facts")), " and ".join(words))


def _divided(paths: list[Path], folder: Path) -> list[Path]:
    """The same records in new files of `_ROWS` records."""
    folder.mkdir()
    for path in paths:
        name = f"{folder}/{path.stem}"
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            for start in range(0, table.num_rows, _ROWS):
                pq.write_table(table.slice(start, _ROWS), f"{name}-{start:07d}.parquet")
        else:
            lines = path.read_bytes().splitlines(keepends=True)
            for start in range(0, len(lines), _ROWS):
                Path(f"{name}-{start:07d}.jsonl").write_bytes(b"".join(lines[start : start + _ROWS]))
    return sorted(folder.iterdir())


def _read(paths: list[Path]) -> tuple[float, pa.Table]:
    """CPU seconds to plan and read the files, and their facts."""
    context = ReadContext(KeyedHasher(bytes(32)), Limits(), (Defaults(),))
    files = [InputFile(str(path), path.stat().st_size) for path in paths]
    began = time.process_time()
    units = [unit for task in plan_tasks(0, "canonical", files) for unit in plan_units(task)[0]]
    facts = pa.concat_tables(batch.facts for unit in units for batch in read_facts(unit, context))
    return time.process_time() - began, facts
