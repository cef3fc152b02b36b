"""The decision stage alone, on metadata in memory, in one thread: sessions per minute.

    python -m benchmarks.decide_alone

The facts come from a sample of synthetic sessions, read as in a run and repeated with other keys. The target
is one million sessions per minute and core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.commands.sample import write_sample
from pipeline.inputs.config import load_settings
from pipeline.inputs.find_inputs import find_inputs
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from schemas.tables import DELETIONS, KEY
from transforms.consent.snapshots import read_snapshot
from transforms.decide.merge import merge
from transforms.decide.rules import DecisionInputs, judge
from transforms.decide.verdicts import decisions_table
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.spill import Spill
from transforms.sources.base import ReadContext
from transforms.sources.registry import plan_units, read_facts


def other_keys(table: pa.Table, column: str, salt: int) -> pa.Table:
    """The table with other keys in a column; equal keys stay equal."""
    whole = table[column].combine_chunks()
    words = np.frombuffer(whole.fill_null(bytes(16)).buffers()[1], np.uint64).copy()
    words[::2] ^= np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    keys = pa.FixedSizeBinaryArray.from_buffers(KEY, len(whole), [None, pa.py_buffer(words)])
    valid = whole.is_valid().to_pylist()
    keys = pa.array([key if ok else None for key, ok in zip(keys.to_pylist(), valid, strict=True)], KEY)
    return table.set_column(table.schema.get_field_index(column), table.schema.field(column), keys)


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "sample"
        write_sample(folder, conversations=arguments.conversations, seed=1, input_format="parquet")
        settings = load_settings(folder / "config.yaml", {})
        hasher = KeyedHasher(settings.key)
        inputs = find_inputs(settings, hasher, Spill.below(temporary, RunKey.new(settings.key_reference)))
        context = ReadContext(hasher, Limits(), (Defaults(),))
        facts = pa.concat_tables(
            batch.facts
            for task in inputs.tasks
            for unit in plan_units(task)[0]
            for batch in read_facts(unit, context)
        )
        read = [read_snapshot(path, hasher, settings.as_of) for path in inputs.snapshots]
        consent = pa.concat_tables(table for tables in read for table in tables)
    many = [
        other_keys(other_keys(facts, "conversation_key", n), "user_key", n) for n in range(arguments.repeat)
    ]
    facts = pa.concat_tables(many).combine_chunks()
    consent = pa.concat_tables([other_keys(consent, "user_key", n) for n in range(arguments.repeat)])
    given = DecisionInputs(
        consent, DELETIONS.empty_table(), inputs.authorizations, settings.as_of, inputs.known_until
    )
    start = time.process_time()
    sessions = merge(facts)
    judged = judge(sessions, given, settings.policy)
    decisions = decisions_table(sessions, judged.verdicts)
    seconds = time.process_time() - start
    rate = decisions.num_rows / seconds * 60
    messages = len(sessions.messages)
    print(
        f"{decisions.num_rows:,} sessions, {messages:,} messages, {consent.num_rows:,} consent rows: "
        f"{seconds:.1f} CPU s, {rate / 1e6:.1f} million sessions per minute and core"
    )


if __name__ == "__main__":
    main()
