"""Arrow schemas of the files of `restricted/state/`: what a version keeps for the run after it.

All ids and paths are keyed digests of 16 bytes, in binary. There is no text, no path and no raw id, unless
the logs have one in place of a tier or surface: see STATE_UNLISTED.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.tables import CATEGORY, DECISIONS, FACTS, INSTANT, KEY

#: One row per row of FACTS, in another form: see `transforms.read.state.facts`. Sorted by `unit` and `row`.
STATE_FACTS = pa.schema(
    [
        ("unit", KEY),  # of STATE_UNITS
        *(FACTS.field(name) for name in ("row", "offset", "length", "user_key", "conversation_key")),
        FACTS.field("organization_key"),
        ("tier", pa.string()),
        ("surface", pa.string()),
        ("created_at", INSTANT),
        ("deleted_at", INSTANT),
        ("incognito", pa.bool_()),
        ("text_bytes", pa.int64()),
        ("digest", pa.int64()),
        ("current_back", pa.int32()),  # 1: the last message, 2: the one before; 0: `current`; null: not given
        ("current", pa.int64()),  # the digest of a current message that is not in the list
        ("time_step", pa.int64()),  # microseconds of one step of `sent_after`
        # One element per message.
        ("message_id", pa.list_(pa.int64())),
        ("parent_back", pa.list_(pa.int32())),  # 1: the message before; 0: no parent; null: in `parents`
        ("sent_after", pa.list_(pa.int64())),  # steps since the message before; the first: since created_at
        ("flags", pa.list_(pa.uint8())),
        ("thread", pa.list_(pa.int64())),
        ("parents", pa.list_(pa.int64())),  # digests of parents that are not in the list; null: none
    ]
)

#: Quarantined records of a unit, in any order. `file`: position in `files`.
STATE_QUARANTINED = pa.struct(
    [
        ("conversation_key", KEY),
        ("file", pa.int32()),
        ("locator", pa.string()),
        ("code", pa.string()),
        ("field", pa.string()),
        ("kind", pa.string()),
        ("byte_length", pa.int64()),
        ("digest", pa.string()),
        ("is_part", pa.bool_()),
    ]
)

#: Tiers and surfaces of a unit that the policy does not list: see `transforms.read.labels.most_frequent`.
STATE_UNLISTED = pa.struct([("column", pa.string()), ("value", pa.string()), ("records", pa.int64())])

#: One row per unit, sorted by `place` and `unit`. It is read again unless all its files are in STATE_FILES.
STATE_UNITS = pa.schema(
    [
        ("place", KEY),  # of the files that are planned together, whatever their state
        ("unit", KEY),
        ("files", pa.list_(KEY)),  # of STATE_FILES, in the order of the unit's paths
        ("kind", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("size", pa.int64()),
        ("rows", pa.int64()),  # the greatest row number of its facts and one
        ("sessions", pa.int64()),
        ("parts", pa.int64()),
        ("unknown", pa.string()),  # JSON: kinds that the format does not know, counted by name
        ("quarantined", pa.list_(STATE_QUARANTINED)),
        ("names", pa.list_(pa.struct([("key", KEY), ("conversation_key", KEY), ("user_key", KEY)]))),
        ("unlisted", pa.list_(STATE_UNLISTED)),  # the only values that are kept as they were read
        ("links", pa.list_(pa.list_(pa.int64()))),  # by file, digests of the ids that link it to others
    ]
)

#: One row per input file that the next run need not open, sorted by `file`, each once. Files that could not
#: be read to their end are left out.
STATE_FILES = pa.schema([("file", KEY), ("bytes", pa.int64()), ("sha256", pa.binary(32))])

#: The files of a version, one per shard and with its keys.
ROW_STATE_PREFIX = "restricted/state/rows-"

_FIGURES = (
    ("characters", pa.int64()),  # code points of all kept text, before masking
    ("dropped_blocks", pa.int32()),  # images and documents
    ("masked_again", pa.int32()),  # spans that only the residual check found
    # Why the text was refused, a reason of TEXT_REFUSALS; null: the session is in the shard.
    ("refusal", CATEGORY),
)

#: Restricted: one row per session whose text was read, sorted by key. `text_digest`: see
#: `transforms.decide.text_digest`.
ROW_STATE = pa.schema([("conversation_key", KEY), ("text_digest", pa.int64()), *_FIGURES])

#: ROW_STATE of the version before, with the number of the shard.
KNOWN = pa.schema([*ROW_STATE, ("shard", pa.int32())])

#: Eligible sessions whose text is to be read.
TO_MASK = pa.schema([*DECISIONS, ROW_STATE.field("text_digest")])

#: Eligible sessions that the version before has already masked.
TAKEN = pa.schema([*TO_MASK, *(ROW_STATE.field(name) for name, _ in _FIGURES)])
