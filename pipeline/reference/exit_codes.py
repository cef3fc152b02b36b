"""The page of exit codes: what each one means for a scheduler and for each command, and the errors."""

from __future__ import annotations

import inspect
from typing import NamedTuple

from pipeline.reference.markdown import code, table
from schemas import errors
from schemas.errors import ChatsieveError

_INTRODUCTION = """\
# Exit codes

Every command ends with one of these codes. The [runbook](../how-to/runbook.md#exit-codes) has what to look
at and what to do.

"""

#: Each code, its meaning, and what a scheduler does.
CODES = [
    ("0", "done", "go on"),
    (
        "1",
        "done, but a check failed: `verify` found something, a threshold was crossed, or more was "
        "quarantined than `limits.max_quarantined_fraction`. The dataset is committed, without the "
        "unreadable records",
        "stop: do not release it, do not try again; a person looks at the report",
    ),
    (
        "2",
        "refused before anything was written",
        "stop: another try is refused again until somebody changes what the line names",
    ),
    (
        "3",
        "failed, or ended by SIGINT or SIGTERM; everything written was removed, and the dataset is as it was",
        "stop and alert; to repeat the command is safe",
    ),
    (
        "4",
        "not now: inputs or consent are not ready, or another command holds or changed the dataset. Nothing "
        "was written by this one",
        "try again later, without an alert until the result is due",
    ),
]

_AFTER_CODES = """
A claim of another command is 4 and names the end of its lease; so are a claim that was taken over, a
catalog that another command changed first, and a `forget` that ended while the run began.

## By command

Every command can end with 0, 2 and 3, and with 4 if an object store or disk does not answer. "Never" means
that the command does not use the code otherwise. Wrong arguments and unknown options are 2, an
error inside the program is 3.

"""

_NEVER = "never"
_HELD = "another command holds or changed the dataset"
_NOT_READY = "inputs or consent are not ready; another command holds or changed the dataset"


class Codes(NamedTuple):
    """When a command ends with 1, and when with 4."""

    one: str = _NEVER
    four: str = _NEVER


#: All commands of `chatsieve`; a test compares the names.
COMMANDS: dict[str, Codes] = {
    "init": Codes(),
    "doctor": Codes(four="no fault, but something is not ready: inputs, consent, a job service, the dataset"),
    "run": Codes(
        "a threshold of `audit.fail_if` or `limits.max_quarantined_fraction` was crossed. The version is "
        "committed; a repeated run that finds nothing new ends with 1 again",
        _NOT_READY,
    ),
    "audit": Codes("as `run`; with several policies, if any of the audits crosses a threshold", _NOT_READY),
    "inspect": Codes(
        "no file has a known format, nothing of a format can be read, or a file of spans has no messages; "
        "with `--suggest`, some files have no messages that it finds"
    ),
    "convert": Codes("records were quarantined; the others are in the output"),
    "verify": Codes("there are findings"),
    "explain": Codes("with `--run`, the ledger has another decision: the inputs changed since the run"),
    "diff": Codes(),
    "path": Codes(),
    "versions": Codes(),
    "history": Codes("a version cannot be read; the others are printed"),
    "gc": Codes(four=_HELD),
    "forget": Codes(four=_HELD),
    "expire": Codes(four=_HELD),
    "scrub": Codes(),
    "evaluate": Codes(),
    "demo": Codes("as `run`"),
    "sample": Codes(),
    "keygen": Codes(),
    "completion": Codes(),
    "policy": Codes(),
}

_BEFORE_ERRORS = """
`scrub` ends with 3 if the text is refused (`pii_density`, `language_unsupported` and others); with `--jsonl`,
each refused line is marked in the output and the code is 0.

## Errors

The message of an error is one line for each fault: file, key or id digest, what was expected and what to do.
It has no text of a conversation, no name and no raw id. The classes are in `schemas/errors.py`.

"""

_AFTER_ERRORS = """
An input, list or output that is refused because its store or disk failed (EAGAIN, EIO, ETIMEDOUT,
EHOSTUNREACH) ends the command with 4 in place of 2, because a later try may succeed.
"""


def error_classes() -> list[type[ChatsieveError]]:
    """The classes of errors, in the order of schemas/errors.py."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return [kind for kind in kinds if issubclass(kind, ChatsieveError)]


def page() -> str:
    """The page in Markdown."""
    commands = [(code(name), codes.one, codes.four) for name, codes in COMMANDS.items()]
    classes = [
        (
            code(kind.__name__),
            "" if kind is ChatsieveError else code(kind.__mro__[1].__name__),
            str(kind.exit_code),
            (inspect.getdoc(kind) or "").partition("\n\n")[0],
        )
        for kind in error_classes()
    ]
    return "".join(
        [
            _INTRODUCTION,
            table(["code", "meaning", "scheduler"], CODES),
            _AFTER_CODES,
            table(["command", "1", "4"], commands),
            _BEFORE_ERRORS,
            table(["class", "derived from", "exit code", "meaning"], classes),
            _AFTER_ERRORS,
        ]
    )
