"""Class `index`: what a version keeps of its eligible sessions, against its shards and its ledger."""

from __future__ import annotations

import collections
import itertools

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.verify.findings import RowFaults
from pipeline.verify.schema import table as read_table
from pipeline.verify.subject import Subject
from schemas.decisions import DEID_FAILED, TEXT_REASONS
from schemas.state import ROW_STATE_PREFIX
from transforms.shuffle.blobs import part_of_keys
from transforms.shuffle.hex_keys import hex_keys, keys_of_hex

_REASONS = {*map(str, TEXT_REASONS), DEID_FAILED}
_NUMBERS = ("characters", "dropped_blocks", "masked_again")


def check_row_state(subject: Subject, index: RowFaults) -> None:
    """Adds the faults of all files: each has exactly the sessions of its shard and the refused ones.

    A version without a state has none.
    """
    states = subject.files(ROW_STATE_PREFIX)
    refused = _refused(subject, len(states)) if states else {}
    for number, (file, shard) in enumerate(zip(states, subject.files("data/"), strict=True)):
        rows = read_table(subject.folder / file.path)
        keys = hex_keys(rows["conversation_key"]).to_pylist()
        for name in ("conversation_key", "text_digest", *_NUMBERS):
            index.add(file.path, f"has no {name}", rows[name].null_count)
        for name in _NUMBERS:
            index.add(file.path, f"{name} is negative", pc.sum(pc.less(rows[name], 0)).as_py() or 0)
        unordered = sum(str(one) >= str(other) for one, other in itertools.pairwise(keys))
        index.add(file.path, "its key is not greater than the one before", unordered)
        held = dict(zip(keys, rows["refusal"].to_pylist(), strict=True))
        written = read_table(subject.folder / shard.path, ["conversation_key"])["conversation_key"]
        expected = {**dict.fromkeys(written.unique().to_pylist()), **refused.get(number, {})}
        differ = held.items() ^ expected.items()
        what = "is not a session of its shard, or is not refused as in the ledger"
        index.add(file.path, what, len({key for key, _ in differ}))


def _refused(subject: Subject, shards: int) -> dict[int, dict[str, str]]:
    """The sessions of the ledger that were refused for their text: the reason by key, by shard."""
    found: dict[int, dict[str, str]] = collections.defaultdict(dict)
    for part in subject.files("ledger/"):
        rows = read_table(subject.folder / part.path, ["conversation_key", "reason"])
        is_text = pc.is_in(rows["reason"].cast(pa.string()), value_set=pa.array(sorted(_REASONS)))
        rows = rows.filter(pc.and_(is_text, rows["conversation_key"].is_valid()))
        numbers = part_of_keys(keys_of_hex(rows["conversation_key"]), shards).tolist()
        columns = (rows["conversation_key"].to_pylist(), rows["reason"].to_pylist())
        for shard, key, reason in zip(numbers, *columns, strict=True):
            found[shard][key] = reason
    return found
