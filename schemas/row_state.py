"""Arrow schemas of what a version keeps of eligible sessions, so that the next run need not mask them."""

from __future__ import annotations

import pyarrow as pa

from schemas.tables import CATEGORY, DECISIONS, KEY

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
