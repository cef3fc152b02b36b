"""What the fields of the JSON documents of a dataset mean."""

from __future__ import annotations

from pipeline.dataset.catalog import Catalog
from pipeline.dataset.erasures import Certificate
from pipeline.reference.columns import File
from pipeline.report.unlisted import UNLISTED, Unlisted
from schemas.manifest import Manifest
from transforms.read.labels import LABELS
from transforms.storage.leases import Holder

MANIFEST = File(
    "manifest.json",
    """\
What a version consists of. Names of inputs are masked; no raw id is in it.""",
    Manifest,
    {
        "format": ("", "`chatsieve-dataset`."),
        "format_version": ("", "The version of this format."),
        "kind": ("", "`run` or `audit`."),
        "dataset_version": ("", "The number of the version."),
        "parent": ("yes: the first version", "The version before."),
        "parent.version": ("", "Its number."),
        "parent.digest": ("", "The digest of its manifest."),
        "arguments": (
            "",
            "What changes the output besides the inputs, with the first and last day of each input's "
            "window and its days without files.",
        ),
        "key_id": ("", "The id of the run's key; not the key."),
        "policy": ("", "Id, digests and, under `pack`, the canonical form of the policy."),
        "deid": ("", "Digests of the de-identification config and its models."),
        "packages": ("", "Versions of the packages that the output depends on."),
        "as_of": ("", "The instant of the decisions."),
        "known_until": ("", "The newest instant of any consent snapshot that was known then."),
        "inputs": (
            "",
            "The files read: `input`, masked `name`, size and `sha256`; of Parquet in an audit "
            "`metadata_sha256`, over the footer and all columns that were read.",
        ),
        "snapshots": ("", "The consent files and lists read, with size and digest."),
        "counts": (
            "",
            "Records, sessions, quarantined records, training rows; sessions by decision and reason.",
        ),
        "entities": ("", "Replaced values by entity type."),
        "files": ("", "All files of the version, but this one."),
        "files[].path": ("", "Below the folder of the version."),
        "files[].bytes": ("", "Its size."),
        "files[].rows": ("", "Its rows or lines; 0 for other files."),
        "files[].sha256": ("", "Its SHA-256, in hex."),
        "erased": ("", "What `forget` and `expire` removed later; `counts` still has it."),
        "erased.training_rows": ("", "Training rows."),
        "erased.ledger_rows": ("", "Ledger rows."),
        "made_at": ("", "When the files were complete, UTC."),
        "increment": (
            "yes: an audit",
            "The version that was taken over from, and what was read, masked and taken over; or "
            "`from: null` and the `reason` of a rebuild.",
        ),
        "digest": ("", "SHA-256 of this document with empty `digest` and `hmac`, keys sorted, no spaces."),
        "hmac": ("", 'HMAC-SHA256 of `"manifest\\0"` and the bytes of the digest, under the run\'s key.'),
    },
)

_VALUES = {
    "": "Its values that the policy does not list, most records first, then by value; 500 at most.",
    "[].value": "As the logs have it; of a longer one the first 100 characters and `...`.",
    "[].records": "Records that have it. A session can have several; the report counts sessions.",
    "[].file_count": "How many input files have it. Linked Claude Code files count together.",
    "[].files": "The first ten of them: [`input`, `file`], as in `inputs` of the manifest.",
}
UNLISTED_VALUES = File(
    UNLISTED,
    """\
Tiers and surfaces that the policy does not list, for whoever lists them there. JSON, only if there are
any. The values are as the logs have them and may be personal: every other file shows them as `unknown`,
and only `state/units-*` has them, too. `forget` removes the file from each version that it rewrites, since
an erased session may be the only one with a value. Later runs and audits write it without the records of
erased keys, even if the logs still have them. An audit has a folder of its own: give it to `forget`, too.
`expire` leaves the file.""",
    Unlisted,
    {
        "format": ("", "`chatsieve.unlisted/1`."),
        "policy_id": ("", "The policy that does not list the values."),
        **{f"{name}{field}": ("", text) for name in LABELS for field, text in _VALUES.items()},
        "other_records": ("", "By column, records with values beyond these limits, or the 20 of a unit."),
    },
)

CURRENT = File(
    "CURRENT",
    "The catalog of a dataset, in its folder: which versions there are, and which one counts."
    " JSON, replaced in one step. `latest` is a link to the current version, on disk only.",
    Catalog,
    {
        "format": ("", "`chatsieve-dataset/2`."),
        "kind": ("", "`run` or `audit`; a folder has one kind."),
        "version": ("", "The number of the current version."),
        "folder": ("", "Its folder."),
        "versions": ("", "All versions, oldest first."),
        "versions[].version": ("", "The number."),
        "versions[].folder": ("", "The folder."),
        "versions[].manifest_sha256": ("", "The SHA-256 of the file `manifest.json`."),
        "versions[].rows": ("", "Training rows."),
        "versions[].at": ("", "When it was committed, UTC."),
        "versions[].why": ("", "The command: `run`, `audit`, `forget` or `expire`."),
        "erased": ("", "Names of erasures, whose keys every later run excludes."),
    },
)

CLAIM = File(
    "claims/NNNN",
    "Who writes version NNNN, and until when. A command renews its claim and removes it at its end. JSON.",
    Holder,
    {
        "run": ("", "A random id of the command."),
        "folder": ("", "The folder that it writes."),
        "host": ("", "Digest of the name of its host."),
        "process": ("", "Id and start of its process."),
        "until": ("", "The end of the lease: 90 seconds after it was renewed, UTC."),
    },
)

CERTIFICATE = File(
    "erasures/NAME.json",
    "The certificate of a `forget` or `expire`: counts and digests, no ids.",
    Certificate,
    {
        "kind": ("", "`forget` or `expire`."),
        "name": ("", "The name of the erasure, as in `CURRENT`."),
        "at": ("", "When, UTC."),
        "asked": ("", "How many users and conversations were asked for."),
        "found": ("", "How many of them were in the dataset."),
        "unknown": ("", "How many were not."),
        "versions": ("", "What was changed, by version."),
        "versions[].version": ("", "The number."),
        "versions[].files": ("", "Files that were rewritten."),
        "versions[].training_rows": ("", "Training rows that were removed."),
        "versions[].ledger_rows": ("", "Ledger rows that were removed."),
        "keys_sha256": ("", "The SHA-256 of `erasures/NAME.keys`."),
        "scan": (
            "yes: old files are not removed yet",
            "Files and bytes that were searched for the keys, and how often one was found.",
        ),
    },
)

WHAT_IF = File(
    "what-if.json",
    "Written by `audit` with several `--policy`, last, beside a folder for each policy.",
    {
        "kind": "text",
        "as_of": "text",
        "known_until": "text",
        "policies": "list of objects",
        "policies[].id": "text",
        "policies[].sha256": "text",
        "policies[].path": "text",
        "policies[].eligible": "integer",
        "policies[].messages_kept": "integer",
        "reasons": "list of objects",
        "reasons[].decision": "text",
        "reasons[].reason": "text",
        "reasons[].sessions": "list of integer",
        "against_first": "list of objects",
        "against_first[].policy": "text",
        "against_first[].sessions": "object",
        "against_first[].changed": "list of objects",
    },
    {
        "kind": ("", "`what-if`."),
        "as_of": ("", "The instant of the decisions."),
        "known_until": ("", "The newest instant of any consent snapshot that was known then."),
        "policies": ("", "The policies, in the order given."),
        "policies[].id": ("", "Its `id`."),
        "policies[].sha256": ("", "The SHA-256 of its file."),
        "policies[].path": ("", "The folder of its audit."),
        "policies[].eligible": ("", "Eligible sessions."),
        "policies[].messages_kept": ("", "Messages that would be kept."),
        "reasons": ("", "All reasons that any policy gives."),
        "reasons[].decision": ("", "As in the ledger."),
        "reasons[].reason": ("", "As in the ledger."),
        "reasons[].sessions": ("", "Sessions with the reason, by policy."),
        "against_first": ("", "Each further policy against the first one."),
        "against_first[].policy": ("", "Its `id`."),
        "against_first[].sessions": ("", "Sessions of both, as `chatsieve diff --json` counts them."),
        "against_first[].changed": ("", "Sessions that change, by pair of reasons and deciding rule."),
    },
)
