"""Costs of each stage, measured in a run of the program on a synthetic corpus.

    python -m benchmarks.stage_costs --conversations 500

One worker runs in the process. A stage's CPU seconds are those within its DoFns; what Beam, the planning and
the commit take is the stage `Program`, so that the stages add up to the process. Bytes are those that a stage
gives to the next one, of blobs and of pointers' blobs. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from pipeline.runners.process import MEMORY, load_beam, prepare_process

PROGRAM = "Program"
#: The stage of each DoFn. A DoFn that is not listed is counted as `Program`.
STAGE_OF = {
    "_PlanUnits": "Facts",
    "_Read": "Facts",
    "DigestFiles": "Digest inputs",
    "_ReadSnapshot": "Consent",
    "_Share": "Decide",
    "_Decide": "Decide",
    "_Partition": "Settle",
    "SettleSessions": "Settle",
    "_Deidentify": "Text",
    "_WriteShard": "Shard",
    "_WriteLedger": "Ledger",
}
#: What a stage's cost is proportional to.
UNIT_OF = {
    "Facts": "input_bytes",
    "Digest inputs": "input_bytes",
    "Consent": "consent_rows",
    "Decide": "sessions",
    "Settle": "sessions",
    "Text": "characters",
    "Shard": "characters",
    "Ledger": "sessions",
    PROGRAM: "sessions",
}


class Costs(msgspec.Struct):
    """One run. `units`: how much there was of each unit. `seconds`, `given`: CPU and bytes given, by stage.

    `written`: bytes of shards. `peak`: resident bytes of the process at most.
    """

    units: dict[str, float]
    seconds: dict[str, float]
    given: dict[str, float]
    written: float
    peak: float


class Meter:
    """Sums of CPU seconds, bytes and characters while DoFns run."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self.seconds = dict.fromkeys(UNIT_OF, 0.0)
        self.given = dict.fromkeys(UNIT_OF, 0.0)
        self.characters = 0

    def watch(self, stage: str, method: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        """The generator method, measured between its yields: what follows in the graph is not counted."""

        def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = iter(method(*args, **kwargs) or ())
            while True:
                began = self._clock()
                item = next(items, self)
                self.seconds[stage] += self._clock() - began
                if item is self:
                    return
                self._count(stage, item, *args[:1])
                yield item

        run.__wrapped__ = method  # type: ignore[attr-defined] # Beam reads the parameters of `process`
        return run

    def _count(self, stage: str, item: Any, step: Any = None) -> None:
        from transforms.shuffle.spill import size_of

        tag = getattr(item, "tag", None)
        value = getattr(item, "value", item)
        if tag == "entries":
            spill = getattr(step, "_spill", None) or getattr(getattr(step, "_buckets", None), "spill", None)
            found = msgspec.json.decode(spill.get(value) if spill else value)
            self.characters += found["characters"] if found["kind"] == "text" else 0
            return
        blob = value[-1] if isinstance(value, tuple) else value
        if isinstance(blob, bytes):
            try:
                self.given[stage] += size_of(blob)
            except msgspec.DecodeError:  # a digest may begin as a pointer does
                self.given[stage] += len(blob)


def measured(conversations: int, seed: int = 1) -> Costs:
    """The costs of a run on `conversations` sessions, in a process of its own, so that each begins cold."""
    command = [sys.executable, "-m", "benchmarks.stage_costs", "--conversations", str(conversations)]
    done = subprocess.run(
        [*command, "--seed", str(seed)], check=True, stdout=subprocess.PIPE, env={**MEMORY, **os.environ}
    )
    return msgspec.json.decode(done.stdout, type=Costs)


def _measure(conversations: int, seed: int) -> Costs:
    import pyarrow.parquet as pq

    from pipeline.commands.run import execute
    from pipeline.commands.sample import write_sample
    from pipeline.inputs.config import load_settings
    from pipeline.runners.progress import Progress

    meter = Meter()
    for room in ("read", "consent", "decide", "deid", "output"):
        for name, each in vars(importlib.import_module(f"transforms.{room}.stage")).items():
            for method in ("process", "finish_bundle") if name in STAGE_OF else ():
                if method in vars(each):
                    setattr(each, method, meter.watch(STAGE_OF[name], vars(each)[method]))
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "sample"
        write_sample(folder, conversations=conversations, seed=seed, input_format="jsonl")
        settings = load_settings(folder / "config.yaml", {"runner.workers": 1})
        began = time.process_time()
        outcome = execute(settings, "run", [], Progress(enabled=False))
        total = time.process_time() - began
        meter.seconds[PROGRAM] = total - sum(meter.seconds.values())
        units = {
            "input_bytes": sum(path.stat().st_size for path in (folder / "logs").iterdir()),
            "consent_rows": sum(
                pq.read_metadata(path).num_rows for path in (folder / "consent").glob("*.parquet")
            ),
            "sessions": outcome.manifest.counts["ledger_rows"],
            "characters": meter.characters,
        }
        written = sum(path.stat().st_size for path in (outcome.folder / "data").iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Costs(units, meter.seconds, meter.given, written, peak)  # type: ignore[arg-type]


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    prepare_process()
    load_beam()
    print(json.dumps(msgspec.to_builtins(_measure(arguments.conversations, arguments.seed))))


if __name__ == "__main__":
    main()
