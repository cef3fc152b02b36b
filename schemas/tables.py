"""Arrow schemas of the tables that pass between stages, and of the Parquet files of a dataset.

The file follows the flow: column types, tables that are read, decisions, the ledger, training rows.
Only TRAINING contains text, and that text is de-identified. No table contains a raw id: inside the pipeline
an id is a `KeyedHasher` digest of 16 bytes, in files the same digest as 32 hex digits.
Instants are UTC with microseconds; dates are UTC days.
"""

from __future__ import annotations

import pyarrow as pa

# Column types.

#: A keyed digest of a user, conversation or organization id (`schemas.keys`).
KEY = pa.binary(16)
INSTANT = pa.timestamp("us", tz="UTC")
#: Text with few distinct values; each batch holds a value once.
CATEGORY = pa.dictionary(pa.int32(), pa.string())

# What the readers give: facts about sessions, without their text.

#: Bits of `message_flags`.
HUMAN = 1  # role user, and origin human; or, where the origin is missing, a text that is not blank
ANSWER = 2  # role assistant, and a text that is not blank or a tool call

#: The value of `text_bytes` for a record whose text was not read (an audit of Parquet does not need it).
TEXT_NOT_READ = -1

#: One row per session record. The `message_*` lists are parallel: one element per message, in record order.
FACTS = pa.schema(
    [
        ("user_key", KEY),  # null: the record has no user id
        ("conversation_key", KEY),
        ("organization_key", KEY),  # null: the record has no organization id
        ("tier", CATEGORY),
        ("surface", CATEGORY),
        ("created_at", INSTANT),
        ("deleted_at", INSTANT),
        ("incognito", pa.bool_()),
        ("current_message", pa.int64()),  # digest: last message of the active branch; null: not given
        ("text_bytes", pa.int64()),  # UTF-8 bytes of all text, or TEXT_NOT_READ
        # The place of the record: unit and row; offset and length in bytes for units of kind `bytes`, else 0.
        ("unit", CATEGORY),
        ("row", pa.int64()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        # Of the bytes that were read: see `transforms.sources.base.FoundSession`; null: texts were not read.
        ("digest", pa.int64()),
        ("message_id", pa.list_(pa.int64())),  # 64-bit digests
        ("message_parent", pa.list_(pa.int64())),  # digest of the parent's id; 0: no parent
        ("message_sent_at", pa.list_(INSTANT)),
        ("message_flags", pa.list_(pa.uint8())),  # HUMAN | ANSWER
        ("message_thread", pa.list_(pa.int64())),  # digest of the thread's name; 0: the main thread
    ]
)

#: One row per record that cannot be read as a session.
QUARANTINED = pa.schema(
    [
        ("part_key", KEY),  # conversation_key, or a digest of the record: spreads records over ledger parts
        ("conversation_key", KEY),  # null: no id could be read
        ("input", pa.int32()),  # position in the configuration's `inputs`
        ("path", pa.string()),
        ("locator", pa.string()),  # "line 17", "row 5", "item 3" or "file"
        ("code", pa.string()),  # one of `schemas.units.QUARANTINE_CODES`
        ("field", pa.string()),  # path of the field at fault in the schema; null: the fault is not in a field
        ("kind", pa.string()),  # one of `schemas.units.FIELD_KINDS`, null without a field
        ("byte_length", pa.int64()),
        ("digest", pa.string()),  # `KeyedHasher.record` of the bytes, in hex
    ]
)

#: The histories of records that may repeat each other: one row per record, with digests of all turns up to
#: each message. `message_id` is null for a record of another format: it is no history.
HISTORIES = pa.schema(
    [
        ("user_key", KEY),
        ("conversation_key", KEY),
        ("created_at", INSTANT),
        ("message_id", pa.list_(pa.int64())),
    ]
)

#: Records whose whole history other conversations begin with: one row per record and conversation.
JOINS = pa.schema(
    [
        ("user_key", KEY),
        ("key", KEY),  # the record's own conversation key
        ("conversation_key", KEY),  # a conversation that begins with the record
        ("stays", pa.bool_()),  # the key is also of a record that no other conversation begins with
        ("last", pa.int64()),  # the digest of the record's last message
        ("created_at", INSTANT),
    ]
)

#: Further ids of conversations: a deletion that names `key` concerns the conversation.
NAMES = pa.schema([("key", KEY), ("conversation_key", KEY), ("user_key", KEY)])

# What the consent readers give.

#: Consent states as numbers. Of two states decided at the same instant the greater number applies.
GRANTED, UNDECIDED, REFUSED = 0, 1, 2

#: One row per known consent decision: decided and exported (`snapshot_at`) at or before as_of; no duplicates.
CONSENT = pa.schema(
    [
        ("user_key", KEY),
        ("state", pa.int8()),
        ("decided_at", INSTANT),  # null: the snapshot lists the user as not having decided
    ]
)

#: One row per deletion at or before as_of. `key` is a user key or a conversation key, one kind a table.
DELETIONS = pa.schema([("key", KEY), ("deleted_at", INSTANT)])

#: One row per separate authorisation.
AUTHORIZATIONS = pa.schema(
    [
        ("organization_key", KEY),
        ("surface", pa.string()),  # null: every surface that the policy lists as authorizable
        ("valid_from", INSTANT),
        ("valid_to", INSTANT),  # null: no end
    ]
)

# Decisions.

#: The place of a record and the digest of its bytes, as in FACTS.
RECORD_POINTER = pa.struct(
    [("unit", pa.string()), *((name, pa.int64()) for name in ("row", "offset", "length", "digest"))]
)

#: A message that goes into the training row: position in `records`, position in that record, thread digest.
KEPT_MESSAGE = pa.struct([("record", pa.int32()), ("index", pa.int32()), ("thread", pa.int64())])

#: One row per session of a user bucket.
DECISIONS = pa.schema(
    [
        ("user_key", KEY),
        ("conversation_key", KEY),
        ("decision", CATEGORY),
        ("reason", CATEGORY),
        ("basis", CATEGORY),  # null unless eligible
        ("tier", CATEGORY),
        ("surface", CATEGORY),
        ("created_on", pa.date32()),
        ("last_active_on", pa.date32()),
        ("messages_seen", pa.int32()),
        ("messages_kept", pa.int32()),
        ("retain_until", pa.date32()),
        ("row_retain_until", pa.date32()),  # of the training row; sooner under prior_contributions: keep
        ("text_bytes", pa.int64()),
        # Empty unless the session is eligible.
        ("records", pa.list_(RECORD_POINTER)),  # the record with the newest activity first
        ("kept", pa.list_(KEPT_MESSAGE)),  # in branch order, the main thread first
    ]
)

#: DECISIONS before decisions on one conversation are compared across users. `standing` is the user's consent
#: status at as_of, an index into STANDINGS of `transforms.decide.consent_status`; it is computed from the
#: snapshots, independently of the decision.
UNSETTLED = pa.schema([*DECISIONS, ("standing", pa.int8())])

#: A session that de-identification refuses: a reason of `schemas.decisions.TEXT_REASONS`, or deid_failed.
TEXT_REFUSALS = pa.schema([("conversation_key", KEY), ("reason", pa.string())])

# The ledger.

#: One row per session, and one per quarantined record without a session.
LEDGER = pa.schema(
    [
        ("conversation_key", pa.string()),  # null: a quarantined record without a readable id
        ("decision", CATEGORY),
        ("reason", CATEGORY),
        ("basis", CATEGORY),
        ("clause", CATEGORY),
        ("tier", CATEGORY),
        ("surface", CATEGORY),
        ("created_on", pa.date32()),
        ("last_active_on", pa.date32()),
        ("messages_seen", pa.int32()),
        ("messages_kept", pa.int32()),
        ("retain_until", pa.date32()),
        ("policy_id", CATEGORY),
        ("policy_sha256", CATEGORY),
        ("as_of", INSTANT),
        ("known_until", INSTANT),  # the newest instant of any consent snapshot
    ]
)

#: Columns of LEDGER that are the same in all rows of a run, or follow from `reason`. They are added last.
LEDGER_CONSTANTS = ("clause", "policy_id", "policy_sha256", "as_of", "known_until")

#: Ledger rows on their way to the writer: LEDGER without its constants, keys in bytes.
SETTLED = pa.schema(
    [
        *(UNSETTLED.field(name) for name in LEDGER.names if name not in LEDGER_CONSTANTS),
        UNSETTLED.field("row_retain_until"),
        UNSETTLED.field("standing"),
        UNSETTLED.field("user_key"),
        ("names", pa.list_(KEY)),  # further ids of the conversation, sorted; null: none
    ]
)

#: Restricted: one row per ledger row that has a conversation key, in the ledger's order. Erasure by user
#: needs it: the ledger names no user. `user_key` is null where the session has no subject. `names`: the keys
#: of its further ids (session ids, ids of records that repeat its history), sorted; null if it has none.
SESSIONS = pa.schema(
    [("user_key", pa.string()), ("conversation_key", pa.string()), ("names", pa.list_(pa.string()))]
)

# Training rows.

TRAINING_MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("thinking", pa.string()),
        ("tool_calls", pa.string()),  # JSON
        ("tool_call_id", pa.string()),
        ("name", pa.string()),
    ]
)

#: One row per eligible session; under `threads: all` one per thread. `entities` counts the replaced spans of
#: the session by entity type, in its first row. It is a list of (key, value), not an Arrow map: Hugging Face
#: `datasets` cannot load a map column.
TRAINING = pa.schema(
    [
        ("conversation_key", pa.string()),
        ("user_key", pa.string()),
        ("messages", pa.list_(TRAINING_MESSAGE)),
        ("surface", CATEGORY),
        ("tier", CATEGORY),
        ("language", CATEGORY),  # ISO 639-1 code; null: too little text to detect it
        ("basis", CATEGORY),
        ("policy_id", CATEGORY),
        ("started_on", pa.date32()),
        ("last_active_on", pa.date32()),
        ("retain_until", pa.date32()),
        ("turns", pa.int32()),  # messages of role user
        ("entities", pa.list_(pa.struct([("key", pa.string()), ("value", pa.int32())]))),
    ]
)

#: One row per training row: its shard and its position in the shard, for erasure by user or conversation.
INDEX = pa.schema(
    [("user_key", pa.string()), ("conversation_key", pa.string()), ("shard", pa.int32()), ("row", pa.int64())]
)
