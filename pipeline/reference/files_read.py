"""What the columns of files that chatsieve reads mean."""

from __future__ import annotations

from pipeline.reference.columns import File
from transforms.sources.canonical.table import CANONICAL

_YES = "yes"

LOGS = File(
    "Canonical logs",
    """\
`inputs[].path` with `format: canonical`: one JSON object per line (`.jsonl`, `.ndjson`, plain, `.gz`,
`.zst`), or one Parquet row. The types are those that `chatsieve convert` writes; [data
model](data-model.md#parquet) has the others that are accepted, and the [other formats](data-model.md).
Fields that are not listed are skipped.""",
    CANONICAL,
    {
        "conversation_id": ("", "Not blank; belongs to one user. Records of one id are one session."),
        "user_id": (_YES, "Blank counts as null. Null: `inputs[].mapping` or defaults, else no subject."),
        "organization_id": (_YES, "For separate authorisations. Blank counts as null."),
        "tier": (_YES, "As the policy names it: free, pro, max, team, enterprise, gov, education, api."),
        "surface": (_YES, "As the policy names it: chat, code, api, bedrock, vertex."),
        "created_at": ("", "When the session began. In JSON: RFC 3339 with an offset, from 1970 to 2199."),
        "deleted_at": ("yes: not deleted", "When the session was deleted."),
        "current_message_id": ("yes: the newest leaf", "The leaf of the active branch."),
        "incognito": ("yes: false", "The session is incognito, and excluded."),
        "messages": ("", "May be empty."),
        "messages[].message_id": ("", "Not empty. Two messages of one id in a record must be equal."),
        "messages[].parent_id": (
            "yes: a root",
            "The message before. If no message has one, the order of the list is the branch.",
        ),
        "messages[].role": ("", "system, user, assistant or tool."),
        "messages[].origin": ("yes: unknown", "Who made it: human, model, tool, harness or summary."),
        "messages[].sent_at": ("", "When it was sent."),
        "messages[].thread": (
            "yes: the main thread",
            "The name of an agent; empty or `main`: the main thread.",
        ),
        "messages[].content": (_YES, "Blocks. In JSON also a string."),
        "messages[].content[].type": (
            "",
            "text, thinking, tool_use or tool_result; any other: a placeholder.",
        ),
        "messages[].content[].text": (_YES, "Of `text`; of `thinking` if it has no `thinking`."),
        "messages[].content[].thinking": (_YES, "Of `thinking`."),
        "messages[].content[].id": (_YES, "Of `tool_use`: the id of the call."),
        "messages[].content[].name": (_YES, "Of `tool_use`: the name of the tool."),
        "messages[].content[].input": (
            _YES,
            "Of `tool_use`: JSON text. In JSON: any value, 100 levels deep.",
        ),
        "messages[].content[].tool_use_id": (_YES, "Of `tool_result`: the call that it answers."),
        "messages[].content[].content": (_YES, "Of `tool_result`: blocks. In JSON also a string."),
        "messages[].content[].content[].type": ("", "The type of the block; only `text` is read."),
        "messages[].content[].content[].text": (_YES, "The text."),
        "messages[].content[].is_error": (_YES, "Of `tool_result`: the tool failed."),
    },
)

CONSENT = File(
    "Consent snapshots",
    """\
`consent.snapshots`: Parquet, CSV (`.csv`, `.csv.gz`) or JSON Lines (`.jsonl`, `.ndjson`, plain, `.gz`,
`.zst`), by the suffix. Other columns are not read. In JSON Lines every line has the keys of the first
one, each once. An invalid row is an error before the run starts (exit code 2), because a skipped row
could be an opt-out. [Consent sources](consent.md) has other systems.""",
    {"user_id": "text", "state": "text or boolean", "decided_at": "instant", "snapshot_at": "instant"},
    {
        "user_id": ("", "Not blank; at most 1,024 bytes. Numbers are an error."),
        "state": (
            "yes: undecided",
            "`granted` or true, `refused` or false (in text also True and TRUE). Other values are an error.",
        ),
        "decided_at": ("yes: the user exists and had not decided", "When the user decided."),
        "snapshot_at": (
            "",
            "When the row was exported. A column, or a folder `snapshot_at=VALUE` in the path: an "
            "instant, or a date for its first moment in UTC.",
        ),
    },
)

AUTHORIZATIONS = File(
    "Authorisations",
    "`authorizations`: CSV with these columns. [Policy](policy.md#separate-authorisations) has the rules.",
    {
        "organization_id": "text",
        "surface": "text",
        "valid_from": "instant",
        "valid_to": "instant",
        "reference": "text",
    },
    {
        "organization_id": ("", "The organisation whose sessions may be used."),
        "surface": ("empty: every authorisable surface", "A surface that the policy lists."),
        "valid_from": ("", "From when on, inclusive."),
        "valid_to": ("empty: no end", "Until when, exclusive; after `valid_from`."),
        "reference": ("may be empty", "For your own records. It is not used and written nowhere."),
    },
)

DELETIONS = File(
    "Deletions",
    "`deletions`: Parquet, CSV or JSON Lines, as for consent. Each session of these ids gets "
    "the reason `deleted`.",
    {"kind": "text", "id": "text", "deleted_at": "instant"},
    {
        "kind": ("", "`user` or `conversation`."),
        "id": ("", "The id; of a conversation also a further id, such as a session id of Claude Code."),
        "deleted_at": ("", "When it was deleted. A row after `as_of` does not count."),
    },
)

ERASED = File(
    "Lists of ids to erase",
    "`chatsieve forget --list FILE`: Parquet, CSV or JSON Lines, as for consent. Other columns are not read.",
    {"kind": "text", "id": "text"},
    {
        "kind": ("", "`user` or `conversation`."),
        "id": ("", "The id, or its key as 32 hex digits."),
    },
)

MAPPING = File(
    "Mapping tables",
    """\
`inputs[].mapping`: CSV or Parquet, 200,000 rows at most, with `path` or `account` and any of the other
columns. An unknown column is an error. [Data
model](data-model.md#users-organisations-tiers-and-surfaces) has the rules.""",
    {
        "path": "text",
        "account": "text",
        "user_id": "text",
        "organization_id": "text",
        "tier": "text",
        "surface": "text",
        "valid_from": "instant",
        "valid_to": "instant",
    },
    {
        "path": ("if `account` is given", "A glob over paths below the input."),
        "account": ("if `path` is given", "The user id in the record."),
        "user_id": (_YES, "The user."),
        "organization_id": (_YES, "The organisation."),
        "tier": (_YES, "The tier, as the policy names it."),
        "surface": (_YES, "The surface, as the policy names it."),
        "valid_from": ("yes: always", "From when on the row applies, inclusive."),
        "valid_to": ("yes: no end", "Until when, exclusive."),
    },
)

SPANS = File(
    "Labelled texts",
    "`chatsieve evaluate --spans FILE`: JSON Lines. `chatsieve scrub --jsonl` reads lines with `text` alone.",
    {"text": "text", "spans": "list of [start, end, type]", "session": "text"},
    {
        "text": ("", "The text."),
        "spans": ("", "Offsets in code points, `start` inclusive, `end` exclusive; the entity type."),
        "session": ("yes: a session of its own", "Texts of one session are masked together."),
    },
)

FILES = [LOGS, CONSENT, AUTHORIZATIONS, DELETIONS, ERASED, MAPPING, SPANS]

OTHERS = """
### Others

| file | named by | content |
| --- | --- | --- |
| configurations | `-c`, `policy`, `deid` | see [configuration](configuration.md) |
| fields of an own schema | `--fields` of `inspect` and `convert` | the value of `inputs[].fields`, in YAML |
| key | `key_file`, `--key-file` | 64 hex digits, mode 0600; `chatsieve keygen` writes one |
| marker | `ready.marker` | any file; only its existence counts |
| recognizers | `recognizers` of a de-identification config | Presidio YAML files |
| models | `models` of a de-identification config | folders of spaCy and ONNX models |
"""
