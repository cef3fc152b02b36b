"""Reading each format for the decision, against decoding its JSON and doing nothing with it: CPU seconds.

    python -m benchmarks.formats --megabytes 30 --sentences 12
    python -m benchmarks.formats --megabytes 10 --tools
    python -m benchmarks.formats --format claude-code FILE...

The same made-up chats in every format that is JSON, or files of one's own. The decoder is msgspec's, to
plain objects: of each line, let go at once, or of a whole array. Reading is plan and facts: every record
decoded, checked, and its ids digested. The pairs run in turns; the medians are printed. Memory is
allocated as in a run's workers.
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
    """Prints, for each format, MB/s of the decoder and of reading, and how many times slower reading is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=30, help="text of all conversations")
    parser.add_argument("--sentences", type=int, default=12, help="of an answer; of a question a quarter")
    parser.add_argument("--tools", action="store_true", help="with a call of a tool for each answer")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--format", help="of the files given")
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
    sessions = _read(paths, name)  # and not in the first of the pairs what is done once
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
                continue  # files of one's own may hold anything


def _read(paths: Sequence[Path], name: str) -> int:
    """Sessions in the files, read as a run does."""
    context = ReadContext(KeyedHasher(bytes(32)), Limits(), (Defaults(created_at=START),))
    files = [InputFile(str(path), path.stat().st_size) for path in paths]
    units = [unit for task in plan_tasks(0, name, files) for unit in plan_units(task)[0]]
    return sum(batch.facts.num_rows for unit in units for batch in read_facts(unit, context))


if __name__ == "__main__":
    if not MEMORY.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**MEMORY, **os.environ})  # noqa: S606 - itself
    main()
