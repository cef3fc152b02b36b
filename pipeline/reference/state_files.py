"""What the columns of `restricted/state/` mean."""

from __future__ import annotations

from pipeline.dataset.state import State
from pipeline.reference.columns import File
from schemas.state import ROW_STATE, STATE_FACTS, STATE_FILES, STATE_UNITS

_YES = "yes"

STATE = File(
    "restricted/state/state.json",
    "Digests of everything that a version was made from, in hex. A run takes over facts and "
    "rows of the version before only if all up to `limits` are equal.",
    State,
    {
        "format": ("", "The version of these files."),
        "key_id": ("", "The id of the run's key."),
        "policy": ("", "Of the policy."),
        "deid": ("", "Of the de-identification config."),
        "models": ("", "Of its models."),
        "code": ("", "Of the installed chatsieve."),
        "packages": ("", "Of names and versions of all installed packages and Python."),
        "limits": ("", "Of `limits`."),
        "inputs": ("", "Keyed: of all input files in their state."),
        "settings": (
            "",
            "Keyed: of consent, lists, mapping tables, erasures and the rest of the configuration.",
        ),
        "as_of": ("", "The instant of the decisions."),
    },
)

FACTS = File(
    "restricted/state/facts-*.parquet",
    "One row per record that was read, sorted by `unit` and `row`. Lists have one element per message.",
    STATE_FACTS,
    {
        "unit": ("", "The key of the unit, in `units-*`."),
        "row": ("", "The number of the record in the unit."),
        "offset": ("", "Where the record begins in a plain file, in bytes; else 0."),
        "length": ("", "Its length in a plain file, in bytes; else 0."),
        "user_key": ("yes: no user id", "The key of the user."),
        "conversation_key": ("", "The key of the conversation."),
        "organization_key": ("yes: none", "The key of the organisation."),
        "tier": (_YES, "The tier; one that the policy does not list as `unlisted ` and a keyed digest."),
        "surface": (_YES, "The surface, in the same way."),
        "created_at": ("", "When the session began."),
        "deleted_at": ("yes: not deleted", "When it was deleted."),
        "incognito": (_YES, "The record is incognito."),
        "text_bytes": ("", "UTF-8 bytes of all text; -1: texts were not read."),
        "digest": ("yes: texts were not read", "Keyed digest of the bytes of the record."),
        "current_back": (
            "yes: not given",
            "The current message, counted from the end: 1 is the last one; 0: see `current`.",
        ),
        "current": (_YES, "The digest of a current message that is not in the list."),
        "time_step": ("", "Microseconds of one step of `sent_after`."),
        "message_id": ("", "Keyed digests of message ids, of 8 bytes."),
        "parent_back": (
            "elements: the next one of `parents`",
            "How many messages before the parent is: 1 is the message before; 0: no parent.",
        ),
        "sent_after": ("", "Steps since the message before; the first one since `created_at`."),
        "flags": ("", "1: a human message; 2: an answer."),
        "thread": ("", "Keyed digests of thread names; 0: the main thread."),
        "parents": ("yes: none", "Digests of parents that are not in the list."),
    },
)

UNITS = File(
    "restricted/state/units-*.parquet",
    "One row per unit of reading (a byte range, a row group, a group of linked files), sorted"
    " by `place` and `unit`.",
    STATE_UNITS,
    {
        "place": ("", "Of the files that are planned together."),
        "unit": ("", "The key of the unit."),
        "files": ("", "Its files, by `file` of `files-*`."),
        "kind": ("", "bytes, stream, row_group or files."),
        "start": ("", "Of `bytes`: the first byte. Of `row_group`: its number."),
        "end": ("", "Of `bytes`: the byte after the last. Of `row_group`: how many the file has."),
        "size": ("", "Bytes of all its files."),
        "rows": ("", "The greatest row number of its facts, and one."),
        "sessions": ("", "How many session records it has."),
        "parts": ("", "How many lines and messages that are read one by one it has."),
        "unknown": ("", "JSON: kinds that the format does not know, counted by name."),
        "quarantined": ("", "Its quarantined records, in any order."),
        "quarantined[].conversation_key": ("yes: no id could be read", "The key of the conversation."),
        "quarantined[].file": ("", "The position of its file in `files`."),
        "quarantined[].locator": ("", "As in the quarantine."),
        "quarantined[].code": ("", "As in the quarantine."),
        "quarantined[].field": (_YES, "As in the quarantine."),
        "quarantined[].kind": (_YES, "As in the quarantine."),
        "quarantined[].byte_length": ("", "As in the quarantine."),
        "quarantined[].digest": ("", "As in the quarantine."),
        "quarantined[].is_part": ("", "A line or message that its session is read without."),
        "names": ("", "Further ids of conversations."),
        "names[].key": ("", "The key of the further id."),
        "names[].conversation_key": ("", "The key of the conversation."),
        "names[].user_key": ("yes: no user id", "The key of the user."),
        "unlisted": ("", "Its tiers and surfaces that the policy does not list; 20 values of each at most."),
        "unlisted[].column": ("", "`tier` or `surface`."),
        "unlisted[].value": ("yes: all others", "As the logs have it, cut to 100 characters."),
        "unlisted[].records": ("", "Records that have it."),
        "links": ("yes: not Claude Code", "By file, digests of the ids that link Claude Code files."),
    },
)

ROWS = File(
    "restricted/state/rows-*.parquet",
    "One row per session whose text was read, one file per shard, sorted by key.",
    ROW_STATE,
    {
        "conversation_key": ("", "The key of the conversation."),
        "text_digest": ("", "Keyed digest of everything that its masked text depends on."),
        "characters": ("", "Code points of all kept text, before masking."),
        "dropped_blocks": ("", "How many images and documents were dropped."),
        "masked_again": ("", "How many spans only the residual check found."),
        "refusal": ("yes: the session is in the shard", "Why the text was refused."),
    },
)

STATE_INPUTS = File(
    "restricted/state/files-00000-of-00001.parquet",
    "One row per input file that the next run need not open, sorted by `file`.",
    STATE_FILES,
    {
        "file": ("", "The digest of its path, its identity and everything that its facts depend on."),
        "bytes": ("", "Its size."),
        "sha256": ("", "The SHA-256 of its content."),
    },
)

FILES = [STATE, FACTS, UNITS, ROWS, STATE_INPUTS]
