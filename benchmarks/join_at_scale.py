"""Audits of the same sessions with increasing numbers of users: shows whether users or skew cost memory.

    python -m benchmarks.join_at_scale --sessions 2000000 --users 1000000 --users 5000000

The input is generated and skewed: one user has 100,000 sessions, one organisation has half of all sessions,
and the rest is spread evenly. Prints one line per run: wall seconds, peak memory of the largest process,
ledger rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
TIMES = pa.timestamp("us", tz="UTC")
MESSAGES_A_SESSION = 6
GROUP_ROWS = 50_000
HOT_SESSIONS = 100_000


def write_sessions(folder: Path, sessions: int, users: int, rng: np.random.Generator) -> None:
    """Writes canonical Parquet, `GROUP_ROWS` sessions per row group and ten row groups per file."""
    folder.mkdir()
    owner = rng.integers(1, users, sessions)
    owner[rng.permutation(sessions)[: min(HOT_SESSIONS, sessions // 4)]] = 0
    for number, start in enumerate(range(0, sessions, GROUP_ROWS * 10)):
        rows = range(start, min(start + GROUP_ROWS * 10, sessions))
        table = session_table(np.arange(rows.start, rows.stop), owner[rows.start : rows.stop], rng)
        pq.write_table(table, folder / f"part-{number:05d}.parquet", row_group_size=GROUP_ROWS)


def session_table(numbers: np.ndarray, owner: np.ndarray, rng: np.random.Generator) -> pa.Table:
    count = len(numbers)
    created = np.datetime64("2025-08-01", "us") + rng.integers(0, 200 * 86400, count).astype("timedelta64[s]")
    steps = np.cumsum(rng.integers(5, 90, (count, MESSAGES_A_SESSION)), axis=1).astype("timedelta64[s]")
    sent_at = (created[:, None] + steps).reshape(-1)
    total = count * MESSAGES_A_SESSION
    within = np.tile(np.arange(MESSAGES_A_SESSION), count)
    message = pa.StructArray.from_arrays(
        [
            pa.array([f"m{n}" for n in range(MESSAGES_A_SESSION)]).take(pa.array(within)),
            pa.array(["user", "assistant"]).take(pa.array(within % 2)),
            pa.array(sent_at.astype("int64")).cast(TIMES),
            pa.array(["How would I do that?", "Like this."]).take(pa.array(within % 2)),
        ],
        names=["message_id", "role", "sent_at", "content"],
    )
    offsets = pa.array(np.arange(0, total + 1, MESSAGES_A_SESSION).astype("int32"))
    in_organization = numbers % 2 == 0
    return pa.table(
        {
            "conversation_id": [f"conv-{n:012d}" for n in numbers],
            "user_id": [f"user-{n:012d}" for n in owner],
            "organization_id": pa.array(np.where(in_organization, "org-000000000000", None), pa.string()),
            "tier": pa.array(np.where(in_organization & (numbers % 10 == 0), "team", "pro")),
            "surface": pa.array(np.where(numbers % 3 == 0, "code", "chat")),
            "created_at": pa.array(created.astype("int64")).cast(TIMES),
            "messages": pa.ListArray.from_arrays(offsets, message),
        }
    )


def write_consent(folder: Path, users: int, rng: np.random.Generator) -> None:
    """Writes one snapshot of every user, a million rows per file."""
    folder.mkdir()
    for number, start in enumerate(range(0, users, 1_000_000)):
        count = min(1_000_000, users - start)
        decided = np.datetime64("2025-08-28", "us") + rng.integers(0, 180 * 86400, count).astype(
            "timedelta64[s]"
        )
        table = pa.table(
            {
                "user_id": [f"user-{n:012d}" for n in range(start, start + count)],
                "state": pa.array(["granted", "refused", None]).take(
                    pa.array(rng.choice(3, count, p=[0.7, 0.2, 0.1]))
                ),
                "decided_at": pa.array(decided.astype("int64")).cast(TIMES),
                "snapshot_at": pa.repeat(pa.scalar(AS_OF - dt.timedelta(hours=6), TIMES), count),
            }
        )
        pq.write_table(table, folder / f"part-{number:05d}.parquet")


def write_config(folder: Path) -> Path:
    configs = Path(__file__).resolve().parent.parent / "configs"
    config = folder / "config.json"  # JSON is YAML
    config.write_text(
        json.dumps(
            {
                "inputs": [{"path": "logs/*.parquet"}],
                "consent": {"snapshots": ["consent/*.parquet"]},
                "policy": str(configs / "policies/consumer-terms-2025-09-28.yaml"),
                "deid": str(configs / "deid/default.yaml"),
                "as_of": AS_OF.isoformat(),
                "key": "${CHATSIEVE_KEY}",
                "output": {"path": "out", "on_exists": "new_version"},
            }
        )
    )
    return config


def audit(config: Path) -> dict[str, float]:
    """Wall seconds and peak memory of one audit, in a separate process so that each has its own peak."""
    code = (
        "import json,resource,subprocess,sys,time\n"
        "start=time.time()\n"
        "out=subprocess.run(sys.argv[1:],check=True,capture_output=True).stdout\n"
        "peak=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "counts=json.loads(out)['counts']\n"
        "print(json.dumps({'seconds':time.time()-start,'peak_mb':peak/1024,'rows':counts['ledger_rows'],"
        "'eligible':counts['decisions'].get('eligible',0)}))\n"
    )
    command = [sys.executable, "-m", "pipeline.cli.main", "audit", "-c", str(config), "--json", "--quiet"]
    environment = {**os.environ, "CHATSIEVE_KEY": "5" * 64}
    done = subprocess.run(
        [sys.executable, "-c", code, *command], check=True, capture_output=True, text=True, env=environment
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=2_000_000)
    parser.add_argument("--users", type=int, action="append")
    parser.add_argument("--folder", type=Path, help="keep the input in this folder; default: delete it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for users in arguments.users or [1_000_000, 5_000_000]:
            folder = (arguments.folder or Path(temporary)) / f"{arguments.sessions}x{users}"
            if not folder.exists():
                folder.mkdir(parents=True)
                rng = np.random.default_rng(7)
                write_sessions(folder / "logs", arguments.sessions, min(users, 1_000_000), rng)
                write_consent(folder / "consent", users, rng)
                config = write_config(folder)
            else:
                config = folder / "config.json"
            found = audit(config)
            print(
                f"{arguments.sessions:>10,} sessions {users:>11,} users  {found['seconds']:7.1f} s  "
                f"peak {found['peak_mb']:7,.0f} MB  {found['rows']:,} rows, {found['eligible']:,} eligible"
            )


if __name__ == "__main__":
    main()
