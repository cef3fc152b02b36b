"""Estimated bucket sizes and skew of the join of users and sessions, for a run too big for this machine.

    python -m benchmarks.join_plan --users 100000000 --sessions 10000000

Nothing is joined. User keys are uniform, as from HMAC. Sessions are assigned to users by a Zipf law, with one
user of 100,000 sessions. Buckets and shares are computed as in the program. Bytes per session and per consent
row are measured on tables of the program's schemas, encoded as for the shuffle.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
import pyarrow as pa

from schemas.tables import CONSENT, FACTS
from transforms.shuffle.blobs import to_blob
from transforms.shuffle.buckets import Buckets
from transforms.shuffle.dictionaries import constant_column

HOT_SESSIONS = 100_000
MESSAGES = 10


def bytes_a_session() -> float:
    """Encoded bytes of one session's facts, of `MESSAGES` messages, in a blob of 10,000."""
    count = 10_000
    rng = np.random.default_rng(1)
    starts = rng.integers(1_756_000_000, 1_772_000_000, count) * 1_000_000
    sent_at = starts[:, None] + np.cumsum(rng.integers(1, 90, (count, MESSAGES)), axis=1) * 1_000_000
    ids = rng.integers(-(2**63), 2**63 - 1, (count, MESSAGES))
    parents = np.concatenate([np.zeros((count, 1), np.int64), ids[:, :-1]], axis=1)
    flags = np.tile(np.array([1, 2], np.uint8), (count, MESSAGES // 2))
    lists = {
        "message_id": ids,
        "message_parent": parents,
        "message_sent_at": sent_at,
        "message_flags": flags,
        "message_thread": np.zeros((count, MESSAGES), np.int64),
    }
    offsets = pa.array(np.arange(0, count * MESSAGES + 1, MESSAGES).astype(np.int32))
    columns = []
    for field in FACTS:
        if field.name in lists:
            values = pa.array(lists[field.name].reshape(-1)).cast(field.type.value_type)
            columns.append(pa.ListArray.from_arrays(offsets, values))
        elif pa.types.is_fixed_size_binary(field.type):
            columns.append(pa.array([os.urandom(16) for _ in range(count)], field.type))
        elif field.name == "created_at":
            columns.append(pa.array(starts).cast(field.type))
        elif pa.types.is_dictionary(field.type):
            columns.append(constant_column("a word", count))
        elif pa.types.is_integer(field.type) and field.name != "current_message":
            columns.append(pa.array(np.arange(count)))
        else:
            columns.append(pa.nulls(count, field.type))
    return len(to_blob(pa.table(columns, schema=FACTS), "facts")) / count


def bytes_a_consent_row() -> float:
    """Encoded bytes of one consent row in a blob of 10,000."""
    count = 10_000
    rng = np.random.default_rng(1)
    columns = [
        pa.array([os.urandom(16) for _ in range(count)], CONSENT.field(0).type),
        pa.array(rng.integers(0, 3, count).astype(np.int8)),
        pa.array(rng.integers(1_756_000_000, 1_772_000_000, count) * 1_000_000).cast(CONSENT.field(2).type),
    ]
    return len(to_blob(pa.table(columns, schema=CONSENT), "consent")) / count


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--users", type=int, default=100_000_000)
    parser.add_argument("--sessions", type=int, default=10_000_000)
    parser.add_argument("--buckets", type=int, default=512)
    arguments = parser.parse_args()
    rng = np.random.default_rng(7)
    prefixes = rng.integers(0, 2**32, arguments.users, dtype=np.uint32)  # HMAC keys are uniform
    bucket = ((prefixes.astype(np.uint64) * np.uint64(arguments.buckets)) >> np.uint64(32)).astype(np.int32)
    users = np.bincount(bucket, minlength=arguments.buckets)
    hot = min(HOT_SESSIONS, arguments.sessions // 4)
    owner = rng.zipf(1.5, arguments.sessions - hot) % arguments.users
    sessions = np.bincount(bucket[owner], minlength=arguments.buckets)
    sessions[bucket[0]] += hot
    per_session, per_row = bytes_a_session(), bytes_a_consent_row()
    size = sessions * per_session + users * per_row
    limit = Buckets(arguments.buckets).max_bytes
    shares = np.maximum(1, np.ceil(size / limit)).astype(int)
    print(f"{arguments.users:,} users, {arguments.sessions:,} sessions, {arguments.buckets} buckets")
    print(f"bytes: {per_session:.0f} per session of {MESSAGES} messages, {per_row:.1f} per consent row")
    print(f"total {size.sum() / 2**30:.2f} GiB; largest user {np.bincount(owner).max():,} sessions")
    measures = {"users/bucket": users, "sessions/bucket": sessions, "MiB/bucket": size / 2**20}
    for name, values in measures.items():
        low, middle, high = np.percentile(values, [1, 50, 99])
        print(f"{name:>18}: 1% {low:,.1f}  median {middle:,.1f}  99% {high:,.1f}  max {values.max():,.1f}")
    print(f"shares: {shares.sum()} for {arguments.buckets} buckets; the biggest bucket has {shares.max()}")
    biggest = (sessions / shares).max()
    print(f"decided at once: at most about {biggest:,.0f} sessions, {biggest * per_session / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
