"""The events that a command logs with `--log-format json`: one class an event, one field a value.

Every line also has `time`, `level`, `event`, `run_id`, `command` and `version`. Fields that have their
default are left out. No field has a raw id, a text or an unmasked name of a file.
docs/reference/monitoring.md lists all events; a test compares it with these classes.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Level = Literal["info", "warning", "error"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base class: `name` is the value of `event`; `level` is fixed for each event but `library.logged`."""

    name: ClassVar[str]
    level: ClassVar[Level] = "info"


class RunStarted(Event, frozen=True, kw_only=True):
    """A command began. `program`: the version of chatsieve."""

    name: ClassVar[str] = "run.started"
    program: str


class InputsFound(Event, frozen=True, kw_only=True):
    """Inputs and consent were found and checked. `bytes`: of all input files.

    `newest_input`: the newest modification of an input file on disk, null for inputs in buckets.
    """

    name: ClassVar[str] = "inputs.found"
    files: int
    bytes: int
    snapshots: int
    as_of: str
    known_until: str
    newest_input: str | None


class RunWaiting(Event, frozen=True, kw_only=True):
    """What `--wait` waits for, at its start and when that changes; and that the wait is over."""

    name: ClassVar[str] = "run.waiting"
    message: str


class StageFinished(Event, frozen=True, kw_only=True):
    """A stage of the graph ended. `sessions`: records or sessions that it counted, null if it counts none.

    A stage can begin again after another one; it then has several lines, and its time is their sum.
    """

    name: ClassVar[str] = "stage.finished"
    stage: str
    seconds: float
    sessions: int | None


class RunCommitted(Event, frozen=True, kw_only=True):
    """`CURRENT` names the new version. `path`: the dataset, names masked. `seconds`: since the start."""

    name: ClassVar[str] = "run.committed"
    path: str
    policy: str
    as_of: str
    known_until: str
    records: int
    sessions: int
    eligible: int
    excluded: int
    deferred: int
    quarantined: int
    training_rows: int
    seconds: float


class RunUnchanged(Event, frozen=True, kw_only=True):
    """Nothing is new: no version was added, and `version` is the current one. `path`: names masked.

    `threshold.crossed` follows if that version crosses one.
    """

    name: ClassVar[str] = "run.unchanged"
    path: str
    seconds: float


class ThresholdCrossed(Event, frozen=True, kw_only=True):
    """A threshold of the configuration was crossed; the version is committed and the exit code is 1."""

    name: ClassVar[str] = "threshold.crossed"
    level: ClassVar[Level] = "error"
    threshold: str
    limit: int | float | str
    actual: int | float | str | None
    message: str


class Warned(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A warning of the report by its code, or of the program itself.

    The program's: `telemetry_not_sent`, `metrics_not_written`, `telemetry_failed` (a fault of chatsieve).
    """

    name: ClassVar[str] = "warning"
    level: ClassVar[Level] = "warning"
    code: str
    subject: str | None = None
    count: int | None = None
    share: float | None = None
    message: str


class ErasureCommitted(Event, frozen=True, kw_only=True):
    """`forget` or `expire` is complete. `pending`: old files are removed by the next command.

    `users`, `conversations`: found and removed. `unknown`: ids that no version holds. `versions`: rewritten.
    """

    name: ClassVar[str] = "erasure.committed"
    users: int
    conversations: int
    unknown: int
    training_rows: int
    versions: list[int]
    pending: bool


class VersionsRemoved(Event, frozen=True, kw_only=True):
    """`gc` is complete. `versions`: those that it removed."""

    name: ClassVar[str] = "versions.removed"
    versions: list[int]


class VerifyFound(Event, frozen=True, kw_only=True):
    """A finding of `verify`: its class, and the place and fault with names masked."""

    name: ClassVar[str] = "verify.found"
    level: ClassVar[Level] = "error"
    kind: str
    where: str
    message: str


class VerifyFinished(Event, frozen=True, kw_only=True):
    """`verify` is complete. `checked`, `not_checked`: classes of findings."""

    name: ClassVar[str] = "verify.finished"
    findings: int
    checked: list[str]
    not_checked: list[str]


class RunRefused(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Exit code 2: nothing was written. `error`: the class of the error, `message` has names masked.

    `places`: with --debug, file and line of each call.
    """

    name: ClassVar[str] = "run.refused"
    level: ClassVar[Level] = "error"
    error: str
    message: str
    places: list[str] | None = None


class RunLater(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Exit code 4: not now; try again later."""

    name: ClassVar[str] = "run.later"
    level: ClassVar[Level] = "warning"
    error: str
    message: str
    places: list[str] | None = None


class RunFailed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Exit code 3: everything that was written is removed, or the command was interrupted."""

    name: ClassVar[str] = "run.failed"
    level: ClassVar[Level] = "error"
    error: str
    message: str
    places: list[str] | None = None


class RunFinished(Event, frozen=True, kw_only=True):
    """The last line of every command, with its exit code."""

    name: ClassVar[str] = "run.finished"
    exit_code: int
    seconds: float


class LibraryLogged(Event, frozen=True, kw_only=True):
    """A library logged a warning or an error, once a place. Its message can hold data and is left out."""

    name: ClassVar[str] = "library.logged"
    level: ClassVar[Level] = "warning"
    logger: str
    place: str


EVENTS: tuple[type[Event], ...] = (
    RunStarted,
    RunWaiting,
    InputsFound,
    StageFinished,
    RunCommitted,
    RunUnchanged,
    ThresholdCrossed,
    Warned,
    ErasureCommitted,
    VersionsRemoved,
    VerifyFound,
    VerifyFinished,
    RunRefused,
    RunLater,
    RunFailed,
    RunFinished,
    LibraryLogged,
)
