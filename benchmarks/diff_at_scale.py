"""`chatsieve diff` of ledgers of increasing length: shows whether memory grows with their length.

    python -m benchmarks.diff_at_scale --rows 1000000 --rows 10000000

Two audits are generated in a temporary folder: manifests and sorted ledgers. One in a hundred sessions has
another decision. Prints one line per pair: wall seconds and peak memory of the command, and its result.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.manifest import FileEntry, Manifest, encode
from schemas.tables import LEDGER

PART_ROWS = 1_000_000
REASONS = ["eligible", "opted_out", "undecided", "not_resumed", "tier_excluded"]
DECISIONS = ["eligible", *["excluded"] * 4]
_PEAK = """
import json, resource, subprocess, sys, time
start = time.time()
out = subprocess.run(sys.argv[1:], check=True, capture_output=True).stdout
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps({"seconds": time.time() - start, "peak": peak, "sessions": json.loads(out)["sessions"]}))
"""


def forge(folder: Path, rows: int, flips: float) -> None:
    """Writes an audit folder with `rows` ledger rows. The keys depend only on the number of rows."""
    (folder / "ledger").mkdir(parents=True)
    keys, decided = np.random.default_rng(1), np.random.default_rng(2)
    flipped = np.random.default_rng(3)
    parts = -(-rows // PART_ROWS)
    files = []
    for part in range(parts):
        count = min(PART_ROWS, rows - part * PART_ROWS)
        low, high = part * 2**32 // parts, (part + 1) * 2**32 // parts
        prefix = np.sort(keys.integers(low, high, count))
        reason = decided.integers(0, len(REASONS), count)
        reason[flipped.random(count) < flips] = 0
        columns = {
            "conversation_key": pa.array([f"{p:08x}{n:024x}" for n, p in enumerate(prefix.tolist())]),
            "decision": pa.array(DECISIONS).take(pa.array(reason)),
            "reason": pa.array(REASONS).take(pa.array(reason)),
            "tier": pa.array(["free", "pro", "team"]).take(pa.array(decided.integers(0, 3, count))),
            "surface": pa.array(["chat", "code"]).take(pa.array(decided.integers(0, 2, count))),
            "messages_kept": pa.array(np.where(reason == 0, 4, 0).astype(np.int32)),
        }
        arrays = [
            columns[f.name].cast(f.type) if f.name in columns else pa.nulls(count, f.type) for f in LEDGER
        ]
        name = f"ledger/part-{part:05d}-of-{parts:05d}.parquet"
        pq.write_table(pa.table(arrays, schema=LEDGER), folder / name, compression="zstd")
        files.append(FileEntry(name, (folder / name).stat().st_size, count, ""))
    manifest = Manifest(
        kind="audit",
        dataset_version=1,
        parent=None,
        arguments={},
        key_id="0",
        policy={"id": "forged", "sha256": "0"},
        deid={},
        packages={},
        as_of="",
        known_until="",
        inputs=[],
        snapshots=[],
        counts={"ledger_rows": rows},
        entities={},
        files=files,
    )
    (folder / "manifest.json").write_bytes(encode(manifest))


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--rows", type=int, action="append")
    arguments = parser.parse_args()
    for rows in arguments.rows or [1_000_000, 10_000_000]:
        with tempfile.TemporaryDirectory() as temporary:
            a, b = Path(temporary) / "a", Path(temporary) / "b"
            forge(a, rows, 0.0)
            forge(b, rows, 0.0125)
            changed = Path(temporary) / "changed.parquet"
            command = [
                sys.executable,
                "-m",
                "pipeline.cli.main",
                "diff",
                str(a),
                str(b),
                "--json",
                "--out",
                str(changed),
            ]
            done = subprocess.run(
                [sys.executable, "-c", _PEAK, *command], check=True, capture_output=True, env={**os.environ}
            )
            found = json.loads(done.stdout)
            line = f"{found['seconds']:6.1f} s  peak {found['peak']:6,.0f} MB  {found['sessions']}"
            print(f"{rows:>11,} rows  {line}")


if __name__ == "__main__":
    main()
