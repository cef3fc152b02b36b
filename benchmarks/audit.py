"""An audit of millions of Parquet sessions, compared with DuckDB on the same files: time, CPU, peak memory.

    python -m benchmarks.audit --sessions 5000000

DuckDB computes only the inputs of the decisions: deletions, each user's state at `as_of`, the state at each
human message by an as-of join, and activity and counts of each session. The audit computes the same with
keyed digests of all ids. It also applies every rule and writes ledger, report and manifest.
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
import threading
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.replicas import write_replicas

_QUERY = """
import duckdb, sys
folder = sys.argv[1]
as_of = "TIMESTAMPTZ '2026-03-01 00:00:00+00'"
base = duckdb.connect()
base.execute(f"set threads = {sys.argv[2]}; set enable_progress_bar = false")
print(base.execute(f'''
  with events as (
    select distinct user_id, state, decided_at from read_parquet('{folder}/consent/*.parquet')
    where snapshot_at <= {as_of} and (decided_at is null or decided_at <= {as_of})),
  now as (select user_id, arg_max(state, decided_at) as state from events group by 1),
  gone as (select kind, id from read_csv('{folder}/deletions.csv') where deleted_at <= {as_of}),
  sessions as (
    select conversation_id, user_id, organization_id, tier, surface, created_at, incognito,
           current_message_id, deleted_at,
           [{{'role': m.role, 'sent_at': m.sent_at, 'thread': m.thread}} for m in messages] as messages
    from read_parquet('{folder}/logs/*.parquet')),
  human as (
    select conversation_id, user_id, m.sent_at as sent_at
    from (select conversation_id, user_id, unnest(messages) as m from sessions) where m.role = 'user'),
  states as (
    select h.conversation_id, count(*) filter (state = 'granted') as granted,
           count(*) filter (state = 'refused') as refused, count(*) as human, max(h.sent_at) as newest
    from human h asof left join (select * from events where decided_at is not null) e
      on h.user_id = e.user_id and h.sent_at >= e.decided_at
    group by 1)
  select s.tier, s.surface, n.state, s.incognito, u.id is not null, c.id is not null, st.granted > 0,
         st.refused > 0, count(*), sum(len(s.messages)), sum(st.human), max(st.newest),
         max(coalesce(list_max([m.sent_at for m in s.messages]), s.created_at))
  from sessions s left join now n using (user_id) left join states st using (conversation_id)
  left join gone u on u.kind = 'user' and u.id = s.user_id
  left join gone c on c.kind = 'conversation' and c.id = s.conversation_id
  group by all''').fetchall()[:0])
"""


def main() -> None:
    """Prints the cost of each pair of runs, and the median ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=5_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the input in this folder; default: delete it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "input"
        if not folder.exists():
            write_replicas(folder, given.sessions, given.workers)
        size = sum(file.stat().st_size for file in (folder / "logs").iterdir())
        print(f"about {given.sessions:,} sessions, {size / 1e6:,.0f} MB of Parquet, {os.cpu_count()} cores")
        walls, cpus = [], []
        for _ in range(given.pairs):
            duckdb = measured([sys.executable, "-c", _QUERY, str(folder), str(given.workers)])
            shutil.rmtree(folder / "out", ignore_errors=True)
            command = [str(Path(sys.executable).parent / "chatsieve"), "audit", "-c", f"{folder}/config.yaml"]
            audit = measured([*command, "--quiet", "--set", f"runner.workers={given.workers}"])
            walls.append(audit.wall / duckdb.wall)
            cpus.append(audit.cpu / duckdb.cpu)
            print(f"duckdb {duckdb}   audit {audit}   ratio {walls[-1]:.2f}, CPU {cpus[-1]:.2f}", flush=True)
        print(f"median ratio {statistics.median(walls):.2f}, CPU {statistics.median(cpus):.2f}")


class Cost(NamedTuple):
    """Wall seconds, CPU seconds and peak memory in GiB of a command with all its children."""

    wall: float
    cpu: float
    peak: float

    def __str__(self) -> str:
        return f"{self.wall:6.1f} s {self.cpu:6.1f} CPU s {self.peak:5.2f} GiB"


def measured(command: list[str]) -> Cost:
    """The cost of a command; SystemExit if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks = [0]
    watcher = threading.Thread(target=_watch, args=(process, peaks))
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - started
    watcher.join()
    if code:
        raise SystemExit(f"{command[0]} ended with {code}")
    # The audit waits for its workers, so its resource usage includes theirs.
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, cpu, peaks[0] / (1 << 20))


def _watch(process: subprocess.Popen[bytes], peaks: list[int]) -> None:
    while process.poll() is None:
        peaks[0] = max(peaks[0], sum(map(_proportional, _family(process.pid))))
        time.sleep(0.2)


def _family(pid: int) -> list[int]:
    """The ids of a process and all its descendants."""
    found = [pid]
    for parent in found:
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, tasks.read_text().split())
            except OSError:
                continue
    return found


def _proportional(pid: int) -> int:
    """Proportional set size of a process in KiB: shared pages are divided among their processes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
