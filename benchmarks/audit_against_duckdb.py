"""The time of an audit, compared with DuckDB reading the same files and computing the same join.

    python -m benchmarks.audit_against_duckdb --conversations 200000

Both run alternately, as whole processes on the same input. Compare ratios of one call only.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_QUERY = """
import duckdb, sys
folder = sys.argv[1]
print(duckdb.connect().execute(f'''
  with consent as (
    select user_id, arg_max(state, decided_at) as state
    from read_parquet('{folder}/consent/*.parquet') group by 1)
  select s.tier, s.surface, c.state, count(*), sum(len(s.messages)),
         max(list_max([m.sent_at for m in s.messages]))
  from read_json('{folder}/logs/*.jsonl', format = 'newline_delimited', ignore_errors = true,
                 maximum_object_size = 67108864) s
  left join consent c using (user_id) group by all
''').fetchall())
"""


def main() -> None:
    """Prints wall seconds and peak memory of each pair, and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=3)
    given = parser.parse_args()
    command = str(Path(sys.executable).parent / "chatsieve")
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "sample"
        sample = ["sample", str(folder), "--conversations", str(given.conversations), "--seed", "3"]
        subprocess.run([command, *sample, "--input-format", "jsonl", "--quiet"], check=True)
        size = sum(file.stat().st_size for file in (folder / "logs").iterdir())
        print(f"{given.conversations} sessions, {size / 1e6:.0f} MB of JSON Lines, {os.cpu_count()} cores")
        ratios = []
        for _ in range(given.pairs):
            duckdb = timed([sys.executable, "-c", _QUERY, str(folder)])
            shutil.rmtree(folder / "out", ignore_errors=True)
            workers = f"runner.workers={given.workers}"
            audit = timed([command, "audit", "-c", f"{folder}/config.yaml", "--quiet", "--set", workers])
            ratios.append(audit / duckdb)
            print(f"duckdb {duckdb:6.1f} s   audit {audit:6.1f} s   ratio {ratios[-1]:.2f}")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f"median ratio {statistics.median(ratios):.2f}; largest process {peak:.2f} GB")


def timed(command: list[str]) -> float:
    """Wall seconds of a command; CalledProcessError if it fails."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
