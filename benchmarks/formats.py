"""CPU time to read each format, compared with the time to decode its JSON.

    python -m benchmarks.formats --megabytes 30 --sentences 12
    python -m benchmarks.formats --megabytes 10 --tools
    python -m benchmarks.formats --format claude-code FILE...

The input is the same synthetic chats in every JSON format, or the given files. The decoder is msgspec, which
yields plain objects from one line at a time, or from a whole array. Reading consists of plan and facts: every
record is decoded and checked, and its ids are digested. Decoding and reading alternate; the medians are
printed. The allocator is set up as in the workers of a run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.chats_in_formats import START, WRITERS, conversations
from benchmarks.tools_in_formats import WRITERS as TOOLS
from pipeline.runners.process import MEMORY, prepare_process
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from transforms.sources.base import InputFile, ReadContext
from transforms.sources.registry import plan_tasks, plan_units, read_facts


def main() -> None:
    """Prints for each format MB/s of the decoder and of reading, and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=30, help="size of the texts of all conversations")
    parser.add_argument("--sentences", type=int, default=12, help="per answer; a quarter per question")
    parser.add_argument("--tools", action="store_true", help="add one tool call per answer")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--format", help="format of the given files")
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args()
    prepare_process()
    print(f"{'format':<20} {'MB':>6} {'decoder':>10} {'reading':>10} {'times':>6} {'sessions':>9}")
    if given.files:
        _compare(given.format, given.files, given.pairs)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, (write, ending) in (TOOLS if given.tools else WRITERS).items():
            path = Path(folder) / f"{name}{ending}"
            with path.open("w") as file:
                file.writelines(write(conversations(given.megabytes << 20, given.sentences)))
            _compare(name, [path], given.pairs)
            path.unlink()


def _compare(name: str, paths: Sequence[Path], count: int) -> None:
    sessions = _read(paths, name)  # also a warm-up: work done once is not measured
    pairs = [(_seconds(_decode, paths), _seconds(_read, paths, name)) for _ in range(count)]
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    alone, reading = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"{name:<20} {megabytes:>6.0f} {megabytes / alone:>5.0f} MB/s "
        f"{megabytes / reading:>5.0f} MB/s {reading / alone:>6.1f} {sessions:>9}",
        flush=True,
    )


def _seconds(work: Callable[..., object], *arguments: Any) -> float:
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


def _decode(paths: Sequence[Path]) -> None:
    decode = msgspec.json.Decoder().decode
    for path in paths:
        data = path.read_bytes()
        for record in [data] if path.suffix == ".json" else data.splitlines():
            try:
                decode(record)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # the files given may hold malformed lines


def _read(paths: Sequence[Path], name: str) -> int:
    """The number of sessions in the files, read as in a run."""
    context = ReadContext(KeyedHasher(bytes(32)), Limits(), (Defaults(created_at=START),))
    files = [InputFile(str(path), path.stat().st_size) for path in paths]
    units = [unit for task in plan_tasks(0, name, files) for unit in plan_units(task)[0]]
    return sum(batch.facts.num_rows for unit in units for batch in read_facts(unit, context))


if __name__ == "__main__":
    if not MEMORY.keys() <= os.environ.keys():
        arguments = [sys.executable, "-m", "benchmarks.formats", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**MEMORY, **os.environ})  # noqa: S606 - this program again
    main()
