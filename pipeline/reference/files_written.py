"""What the columns of files that chatsieve writes mean; those for the next run are in `state_files.py`."""

from __future__ import annotations

from pipeline.commands.diff import CHANGED
from pipeline.reference.columns import File
from pipeline.reference.documents import CERTIFICATE, CLAIM, CURRENT, MANIFEST, UNLISTED_VALUES, WHAT_IF
from pipeline.verify.schema import QuarantineLine
from schemas.tables import INDEX, LEDGER, SESSIONS, TRAINING

_RECORD = "yes: a quarantined record without a session"
_NO_SUBJECT = "yes: an authorised session without a user"

DATA = File(
    "data/train-*.parquet",
    """\
The training rows: one row per eligible session, with `threads: all` one per thread, sorted by
`conversation_key` over all shards. The only files with text, which is de-identified.

- Tool calls have the form `{"type": "function", "id": "call_1", "function": {"name": ..., "arguments":
  {...}}}`. Ids are numbered anew in each session.
- If digits of a number in a tool's input are masked, the number becomes a string. Two keys of one
  object with the same surrogate are distinguished by `#2`.
- A block of unknown type becomes `[its type]`. Images and documents are dropped and counted in the
  manifest.""",
    TRAINING,
    {
        "conversation_key": ("", "The key of the conversation."),
        "user_key": (_NO_SUBJECT, "The key of the user."),
        "messages": ("", "The kept messages, in order."),
        "messages[].role": ("", "system, user, assistant or tool."),
        "messages[].content": ("yes: nothing but calls", "The text."),
        "messages[].thinking": ("yes: none", "The model's reasoning."),
        "messages[].tool_calls": ("yes: none", "JSON text: the calls of the message."),
        "messages[].tool_call_id": ("yes: no tool result", "The call that the message answers."),
        "messages[].name": ("yes: no tool result, or unknown", "The name of the tool."),
        "surface": ("", "The surface that decided."),
        "tier": ("", "The tier that decided."),
        "language": ("yes: too little text to detect it", "ISO 639-1 code."),
        "basis": ("", "`user_consent` or `separate_authorization`."),
        "policy_id": ("", "The `id` of the policy."),
        "started_on": ("", "The day when the session began."),
        "last_active_on": ("", "The day of the newest message of the session, kept or not."),
        "retain_until": ("", "The day until which the row may be kept; `expire` removes it then."),
        "turns": ("", "Messages of role user."),
        "entities": ("", "Replaced values of the session by type; with threads, in its first row."),
        "entities[].key": ("", "The entity type."),
        "entities[].value": ("", "How many were replaced."),
    },
)

DECISIONS = File(
    "ledger/part-*.parquet",
    """\
The ledger: one row per session, kept or not, and one per quarantined record without a session, sorted
by key. The counts of `decision` add up to what was read. [Reasons](reasons.md) lists all reasons.""",
    LEDGER,
    {
        "conversation_key": (
            "yes: a quarantined record without a readable id",
            "The key of the conversation.",
        ),
        "decision": ("", "`eligible`, `excluded`, `deferred` or `quarantined`."),
        "reason": ("", "The first rule that fired, or a quarantine code; `eligible` if none fired."),
        "basis": ("yes: not eligible", "`user_consent` or `separate_authorization`."),
        "clause": ("yes: the reason has none", "The clause of the policy that the reason is based on."),
        "tier": (
            "yes: the record has none",
            "The tier that decided; `unknown` if the policy lists it nowhere.",
        ),
        "surface": ("yes: the record has none", "The surface that decided; `unknown` likewise."),
        "created_on": (_RECORD, "The day when the session began."),
        "last_active_on": (_RECORD, "The day of its newest message, kept or not."),
        "messages_seen": (_RECORD, "Distinct messages over all its records."),
        "messages_kept": (_RECORD, "Messages in the training row; 0 unless eligible."),
        "retain_until": (_RECORD, "Last activity and the granted retention, for every session."),
        "policy_id": ("", "The `id` of the policy."),
        "policy_sha256": ("", "The SHA-256 of its file, in hex."),
        "as_of": ("", "The instant of the decision."),
        "known_until": ("", "The newest instant of any consent snapshot that was known then."),
    },
)

QUARANTINE = File(
    "quarantine/part-*.jsonl",
    """\
One line per record, or line or message of a session, that could not be read; never content. To find the
file of a line: `sha256sum` of your files gives the digest of entry `manifest_input`. A session that was
read but is not trustworthy (`future_timestamp`, `subject_conflict`, `cyclic_messages`) has a ledger row
only.""",
    QuarantineLine,
    {
        "input": ("", "The number of the entry in `inputs` of the run config, from 0."),
        "manifest_input": ("", "The position of the file in the manifest's `inputs`, from 0."),
        "file": (
            "",
            "The name below the input's folder, with words that may be of a name masked; many files "
            "may share it.",
        ),
        "locator": ("", "The place in the file, such as `line 17`; see [below](#locators)."),
        "code": ("", "The [quarantine code](reasons.md#quarantine-codes)."),
        "field": (
            "yes: the fault is not in a field",
            "The path of the field at fault in the schema of the format; `*`: a field that is not read.",
        ),
        "kind": (
            "yes: without `field`",
            "What it has: `missing`, `null`, `boolean`, `number`, `text`, `list`, `object`, `time`, "
            "`bytes`, or `repeated` for a field that one object gives twice.",
        ),
        "byte_length": ("", "The size of the record."),
        "digest": ("", "Keyed digest of its bytes; zeros for a whole file."),
    },
)

ROWS_OF_USERS = File(
    "restricted/index-*.parquet",
    "One row per training row, for erasure by user or conversation.",
    INDEX,
    {
        "user_key": (_NO_SUBJECT, "The key of the user."),
        "conversation_key": ("", "The key of the conversation."),
        "shard": ("", "The number of the shard, from 0."),
        "row": ("", "The position in the shard, from 0."),
    },
)

SESSIONS_OF_USERS = File(
    "restricted/sessions-*.parquet",
    "One row per ledger row that has a key, in the order of the ledger: the ledger has no user.",
    SESSIONS,
    {
        "user_key": ("yes: no subject", "The key of the user."),
        "conversation_key": ("", "The key of the conversation."),
        "names": (
            "yes: none",
            "Keys of further ids: session ids of Claude Code, ids of records that repeat its history."
            " Sorted.",
        ),
    },
)

TRUTH = File(
    "truth/decisions.jsonl",
    "Written by `chatsieve sample`: the decision that each session must get.",
    {
        "conversation_id": "text",
        "user_id": "text",
        "decision": "text",
        "reason": "text",
        "scenario": "text",
        "kept_message_ids": "list of text",
    },
    {
        "conversation_id": ("", "The id of the conversation."),
        "user_id": ("yes: no user id", "The id of the user."),
        "decision": ("", "As in the ledger."),
        "reason": ("", "As in the ledger."),
        "scenario": ("", "The kind of session that was made."),
        "kept_message_ids": ("", "The messages of the training row; empty if there is none."),
    },
)

PLANTED = File(
    "truth/planted.jsonl",
    "Written by `chatsieve sample`: each made-up personal value in the logs.",
    dict.fromkeys(("conversation_id", "message_id", "type", "value", "where"), "text"),
    {
        "conversation_id": ("", "The id of the conversation."),
        "message_id": ("", "The id of the message."),
        "type": ("", "The entity type."),
        "value": ("", "The value."),
        "where": ("", "`text`, `thinking`, `tool_input` or `tool_result`."),
    },
)

CHANGES = File(
    "chatsieve diff --out FILE",
    "Parquet: one row per session that two runs or audits, A and B, decide differently.",
    CHANGED,
    {
        "conversation_key": ("yes: a row without a key", "The key of the conversation."),
        "tier": ("yes", "The tier, of B if it has the session."),
        "surface": ("yes", "The surface, of B if it has the session."),
        "a_decision": ("yes: not in A", "The decision in A."),
        "a_reason": ("yes: not in A", "The reason in A."),
        "a_messages_kept": ("yes: not in A", "Kept messages in A."),
        "b_decision": ("yes: not in B", "The decision in B."),
        "b_reason": ("yes: not in B", "The reason in B."),
        "b_messages_kept": ("yes: not in B", "Kept messages in B."),
        "rule": ("", "The rule that makes the difference; `absent` if a ledger does not have the session."),
        "fires_in": ("", "`a` or `b`: where it fires."),
    },
)

FILES = [
    CURRENT,
    MANIFEST,
    DATA,
    DECISIONS,
    QUARANTINE,
    ROWS_OF_USERS,
    SESSIONS_OF_USERS,
    UNLISTED_VALUES,
    CLAIM,
    CERTIFICATE,
]
OTHERS = [CHANGES, WHAT_IF, TRUTH, PLANTED]

REST = """
### Locators

`locator` of a quarantined record is one of these. Lines and members count from 1, all others
from 0.

| form | meaning |
| --- | --- |
| `byte N` | the offset of its line in a plain file; `byte N, 2.` is the second record of that line |
| `line N` | a line of a compressed file |
| `row group G row N` | a row of Parquet |
| `item N` | an element of an array; after `member M` in an archive of several parts |
| `item N message M` | a message of a conversation in an export |
| `session N` | a session of a file with several |
| `file` | the whole file |

### Reports, pages and others

"""

#: Files without columns, and the page that explains each.
REST_ROWS = [
    (
        "`report/report.json`",
        "all counts of a version; its JSON Schema is [report.schema.json](report.schema.json), see "
        "[reports](reports.md)",
    ),
    ("`report/report.html`", "the same as a page that loads nothing"),
    ("`README.md`", "the dataset card, with the columns for Hugging Face `datasets`"),
    (
        "`erasures/NAME.keys`",
        "the keys that must not come back: `user` or `conversation` and 32 hex digits, one a line, sorted",
    ),
    (
        "output of `convert`",
        "[canonical logs](#canonical-logs) in Parquet, with raw texts and ids, mode 0600",
    ),
    ("`--metrics-file`, JSON log", "see [monitoring](monitoring.md)"),
    ("output of `keygen`", "a key: 64 hex digits, mode 0600"),
    ("output of `init`", "a run config, a key and, if asked for, a consent snapshot"),
    (
        "output of `sample`",
        "logs, consent, lists, a run config, a policy and a de-identification config as above, and `truth/`",
    ),
    ("shareable reports, pages of `diff` and `history`", "see [reports](reports.md)"),
]
