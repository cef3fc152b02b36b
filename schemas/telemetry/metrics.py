"""The metrics of a command: names, units, labels and meaning. A test compares docs/reference/monitoring.md.

All are gauges: they describe the last command, and the version that it committed. The values of labels come
from closed lists (commands, reasons, codes, stages, entity types), never from data.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Unit = Literal["seconds", "bytes", "ratio"]
#: Units as OpenTelemetry writes them.
UCUM: dict[Unit | None, str] = {"seconds": "s", "bytes": "By", "ratio": "1", None: "1"}


class Metric(NamedTuple):
    """A gauge. `labels`: the names of its labels, besides `dataset` in the text file."""

    base: str
    help: str
    unit: Unit | None = None
    labels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in Prometheus, with the unit at the end."""
        return f"chatsieve_{self.base}" + (f"_{self.unit}" if self.unit else "")

    @property
    def otel_name(self) -> str:
        """The name in OpenTelemetry, which keeps the unit apart."""
        return f"chatsieve.{self.base}"


class Sample(NamedTuple):
    """A value of a metric; `labels` in the order of the metric's."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


LAST_RUN = Metric("last_run_timestamp", "End of the last execution.", "seconds", ("command",))
LAST_SUCCESS = Metric(
    "last_success_timestamp",
    "End of the last execution that did its work: exit code 0, or 1 of run and audit.",
    "seconds",
    ("command",),
)
LAST_EXIT_CODE = Metric("last_exit_code", "Exit code of the last execution.", None, ("command",))
RUN_DURATION = Metric("run_duration", "Duration of the last execution.", "seconds", ("command",))
STAGE_DURATION = Metric("stage_duration", "Duration of each stage of the graph.", "seconds", ("stage",))

DATASET_VERSION = Metric("dataset_version", "Number of the version that was committed last.")
AS_OF = Metric("as_of_timestamp", "The moment decided for.", "seconds")
LATENESS = Metric("lateness", "Time from the moment decided for to the commit.", "seconds")
SNAPSHOT_TIME = Metric("consent_snapshot_timestamp", "The newest consent snapshot.", "seconds")
SNAPSHOT_AGE = Metric("consent_snapshot_age", "Its age at the moment decided for.", "seconds")
INPUT_FILES = Metric("input_files", "Input files found.")
INPUT_SIZE = Metric("input_size", "Size of all input files.", "bytes")
NEWEST_INPUT = Metric(
    "newest_input_timestamp", "Newest modification of an input file on disk; absent for buckets.", "seconds"
)
MISSING_DATES = Metric("missing_dates", "Days of the windows of inputs without a file.")
NEWEST_DAY = Metric(
    "newest_day_timestamp", "Start of the newest day that an input with dates covers; else absent.", "seconds"
)

RECORDS = Metric("records", "Records read.")
QUARANTINED_RECORDS = Metric("quarantined_records", "Records that could not be read.")
SESSIONS = Metric("sessions", "Ledger rows by decision and reason.", None, ("decision", "reason"))
TRAINING_ROWS = Metric("training_rows", "Training rows written.")
MESSAGES_KEPT = Metric("messages_kept", "Messages kept in eligible sessions.")
QUARANTINED_SHARE = Metric(
    "quarantined", "Share of records, or of lines and messages, that could not be read: the larger.", "ratio"
)
QUARANTINED_LIMIT = Metric("quarantined_limit", "limits.max_quarantined_fraction.", "ratio")
USERS = Metric(
    "users", "Users with sessions, by consent state at the moment decided for.", None, ("consent",)
)
REFUSED_ELIGIBLE = Metric(
    "refused_eligible_sessions",
    "Eligible sessions of users who refuse, by the policy setting that keeps them; nothing: must be 0.",
    None,
    ("kept_by",),
)
UNDECIDED_USERS = Metric(
    "undecided_after_deadline_users", "Users without a decision who wrote after the policy's deadline."
)
STALE_USERS = Metric("stale_users", "Users who wrote after the newest consent snapshot.")
REASON_MOVED = Metric(
    "reason_moved", "Change of a reason's share since the version before.", "ratio", ("reason",)
)
RESIDUAL_SESSIONS = Metric(
    "residual_sessions",
    "Sessions with personal data after masking: masked again, or dropped.",
    None,
    ("outcome",),
)
MASKED_SPANS = Metric("masked_spans", "Replaced spans in training rows, by entity type.", None, ("type",))
WARNINGS = Metric("warnings", "Warnings of the report, by code.", None, ("code",))
THRESHOLDS_CROSSED = Metric("thresholds_crossed", "Thresholds of the configuration that were crossed.")

ERASED_CONVERSATIONS = Metric(
    "erased_conversations", "Conversations that the last erasure removed.", None, ("command",)
)
ERASED_ROWS = Metric(
    "erased_training_rows",
    "Training rows that the last erasure removed, in all versions.",
    None,
    ("command",),
)
ERASURE_UNKNOWN = Metric("erasure_unknown_ids", "Ids of the last `forget` that no version holds.")
ERASURE_PENDING = Metric(
    "erasure_pending", "1 while old files of the last erasure are not removed.", None, ("command",)
)
VERIFY_FINDINGS = Metric("verify_findings", "Findings of the last `verify`, by class.", None, ("kind",))

#: Replaced as a whole when a version is committed.
VERSION_METRICS: tuple[Metric, ...] = (
    STAGE_DURATION,
    DATASET_VERSION,
    AS_OF,
    LATENESS,
    SNAPSHOT_TIME,
    SNAPSHOT_AGE,
    INPUT_FILES,
    INPUT_SIZE,
    NEWEST_INPUT,
    MISSING_DATES,
    NEWEST_DAY,
    RECORDS,
    QUARANTINED_RECORDS,
    SESSIONS,
    TRAINING_ROWS,
    MESSAGES_KEPT,
    QUARANTINED_SHARE,
    QUARANTINED_LIMIT,
    USERS,
    REFUSED_ELIGIBLE,
    UNDECIDED_USERS,
    STALE_USERS,
    REASON_MOVED,
    RESIDUAL_SESSIONS,
    MASKED_SPANS,
    WARNINGS,
    THRESHOLDS_CROSSED,
)
#: In the order of the text file.
METRICS: tuple[Metric, ...] = (
    *(LAST_RUN, LAST_SUCCESS, LAST_EXIT_CODE, RUN_DURATION),
    *VERSION_METRICS,
    *(ERASED_CONVERSATIONS, ERASED_ROWS, ERASURE_UNKNOWN, ERASURE_PENDING, VERIFY_FINDINGS),
)
