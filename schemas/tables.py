"""Arrow schemas of what moves between the stages, and of what is written.

Inside the graph ids are `KeyedHasher` digests (16 bytes) and message ids 64-bit digests; no raw id and no
text is in any of these but TRAINING, which holds de-identified text only.
"""

from __future__ import annotations

import pyarrow as pa

KEY = pa.binary(16)
INSTANT = pa.timestamp("us", tz="UTC")
#: Texts of which there are few: a table holds each once.
WORD = pa.dictionary(pa.int32(), pa.string())

#: Bits of a message's `flags`.
HUMAN = 1  # role user and origin human, or origin unsaid and a text that is not blank
ANSWER = 2  # role assistant and a text that is not blank or a tool call

#: In the place of a record's text_bytes.
UNREAD = -1

#: One row per session record read. `message_*` lists are parallel, in record order.
#: message_parent 0: no parent. message_thread 0: the main thread, else a digest of the thread's name.
#: text_bytes: size of all its text, UNREAD where an audit did without. (unit, row) finds the record again;
#: offset and length are the record's place in a unit of kind `bytes`, else 0.
FACTS = pa.schema(
    [
        ("user_key", KEY),
        ("conversation_key", KEY),
        ("organization_key", KEY),
        ("tier", WORD),
        ("surface", WORD),
        ("created_at", INSTANT),
        ("deleted_at", INSTANT),
        ("incognito", pa.bool_()),
        ("current_message", pa.int64()),
        ("text_bytes", pa.int64()),
        ("unit", WORD),
        ("row", pa.int64()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("message_id", pa.list_(pa.int64())),
        ("message_parent", pa.list_(pa.int64())),
        ("message_sent_at", pa.list_(INSTANT)),
        ("message_flags", pa.list_(pa.uint8())),
        ("message_thread", pa.list_(pa.int64())),
    ]
)

#: Consent states as numbers; the greater one wins where two stand at one instant.
GRANTED, UNDECIDED, REFUSED = 0, 1, 2

#: Rows of all snapshots known at as_of (decided_at and snapshot_at not later), projected and deduplicated.
#: decided_at null: the user exists and had not decided.
CONSENT = pa.schema([("user_key", KEY), ("state", pa.int8()), ("decided_at", INSTANT)])

#: Deletions at or before as_of: `key` is a user key or a conversation key, by the table it stands in.
DELETIONS = pa.schema([("key", KEY), ("deleted_at", INSTANT)])

#: Separate authorisations; surface null: any authorizable surface; valid_to null: open.
AUTHORIZATIONS = pa.schema(
    [
        ("organization_key", KEY),
        ("surface", pa.string()),
        ("valid_from", INSTANT),
        ("valid_to", INSTANT),
    ]
)

RECORD_POINTER = pa.struct(
    [("unit", pa.string()), ("row", pa.int64()), ("offset", pa.int64()), ("length", pa.int64())]
)

#: A kept message: position of its record in `records`, its position in that record, its thread.
KEPT_MESSAGE = pa.struct([("record", pa.int32()), ("index", pa.int32()), ("thread", pa.int64())])

#: One row per session of a bucket. `records` and `kept` are empty unless the decision is eligible;
#: `records[0]` is the record with the newest activity; `kept` is in branch order, main thread first.
#: row_retain_until: retention of the training row (the refused one under prior_contributions: keep).
DECISIONS = pa.schema(
    [
        ("user_key", KEY),
        ("conversation_key", KEY),
        ("decision", WORD),
        ("reason", WORD),
        ("basis", WORD),
        ("tier", WORD),
        ("surface", WORD),
        ("created_on", pa.date32()),
        ("last_active_on", pa.date32()),
        ("messages_seen", pa.int32()),
        ("messages_kept", pa.int32()),
        ("retain_until", pa.date32()),
        ("row_retain_until", pa.date32()),
        ("text_bytes", pa.int64()),
        ("records", pa.list_(RECORD_POINTER)),
        ("kept", pa.list_(KEPT_MESSAGE)),
    ]
)

#: DECISIONS on their way to the ledger. `standing` is an index into CONSENT_STATUSES of
#: `transforms.decide.consent_status`, computed from the snapshots apart from the verdict.
SETTLING = pa.schema([*DECISIONS, ("standing", pa.int8())])

LEDGER = pa.schema(
    [
        ("conversation_key", pa.string()),
        ("decision", WORD),
        ("reason", WORD),
        ("basis", WORD),
        ("clause", WORD),
        ("tier", WORD),
        ("surface", WORD),
        ("created_on", pa.date32()),
        ("last_active_on", pa.date32()),
        ("messages_seen", pa.int32()),
        ("messages_kept", pa.int32()),
        ("retain_until", pa.date32()),
        ("policy_id", WORD),
        ("policy_sha256", WORD),
        ("as_of", INSTANT),
        ("known_until", INSTANT),
    ]
)

TRAINING_MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("thinking", pa.string()),
        ("tool_calls", pa.string()),
        ("tool_call_id", pa.string()),
        ("name", pa.string()),
    ]
)

#: `entities` is a list of (key, value), not an Arrow map: `datasets` cannot load a map column.
TRAINING = pa.schema(
    [
        ("conversation_key", pa.string()),
        ("user_key", pa.string()),
        ("messages", pa.list_(TRAINING_MESSAGE)),
        ("surface", WORD),
        ("tier", WORD),
        ("language", WORD),
        ("basis", WORD),
        ("policy_id", WORD),
        ("started_on", pa.date32()),
        ("last_active_on", pa.date32()),
        ("retain_until", pa.date32()),
        ("turns", pa.int32()),
        ("entities", pa.list_(pa.struct([("key", pa.string()), ("value", pa.int32())]))),
    ]
)

INDEX = pa.schema(
    [("user_key", pa.string()), ("conversation_key", pa.string()), ("shard", pa.int32()), ("row", pa.int64())]
)

#: Columns that have one value in every row of a run, or follow from `reason`.
LEDGER_CONSTANTS = ("clause", "policy_id", "policy_sha256", "as_of", "known_until")

#: What SETTLING comes to: what the rows of a ledger do not say alike, under keys in bytes.
SETTLED = pa.schema(
    [
        *(SETTLING.field(name) for name in LEDGER.names if name not in LEDGER_CONSTANTS),
        SETTLING.field("row_retain_until"),
        SETTLING.field("standing"),
    ]
)

#: Quarantined records as they travel: `part_key` spreads those without an id by their digest.
QUARANTINED = pa.schema(
    [
        ("part_key", KEY),
        ("conversation_key", KEY),
        ("input", pa.int32()),
        ("path", pa.string()),
        ("locator", pa.string()),
        ("code", pa.string()),
        ("byte_length", pa.int64()),
        ("digest", pa.string()),
    ]
)

#: A session whose text was refused: a text reason, or a quarantine code.
REFUSAL = pa.schema([("conversation_key", KEY), ("reason", pa.string())])
