"""Commands that remove people and expired rows from a dataset: forget, expire."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.datasets import Dataset
from pipeline.cli.options import Json, Quiet, tell
from pipeline.cli.watched import watch

if TYPE_CHECKING:
    from schemas.telemetry.events import ErasureCommitted

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="The key of the dataset's runs. [default: CHATSIEVE_KEY, if it is set]",
    ),
]


def forget(
    dataset: Dataset,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="USER", help="A user id or key. Can be repeated."),
    ] = None,
    conversation: Annotated[
        list[str] | None,
        typer.Option(
            "--conversation",
            metavar="CONVERSATION",
            help="A conversation id or key, or a further id: a session id of Claude Code, the id of a record "
            "that repeats a history. Can be repeated.",
        ),
    ] = None,
    list_: Annotated[
        str | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="A file (CSV, JSON Lines or Parquet) with the columns kind (user, conversation) and id.",
        ),
    ] = None,
    key_file: KeyFile = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Erase users and conversations from every version.

    Every later run leaves them out, too.

    Examples:
        chatsieve forget out/dataset --user user-000000002 --key-file chatsieve.key
        Erase all users and conversations of a list:
            chatsieve forget out/dataset --list erasures.csv --key-file chatsieve.key
    """
    from pipeline.commands.erasure_keys import key_of, keys_asked
    from pipeline.commands.forget import forget as erase

    key = key_of(dataset, key_file)
    asked = keys_asked(user or [], conversation or [], list_, key)
    _tell(erase(dataset, asked, key), json_, quiet, dataset)


def expire(
    dataset: Dataset,
    as_of: Annotated[
        str,
        typer.Option("--as-of", metavar="TIME", help="A date, or a time (RFC 3339 with an offset)."),
    ],
    key_file: KeyFile = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove rows whose retention has ended from every version.

    These are the rows whose `retain_until` is on or before the date.

    Examples:
        chatsieve expire out/dataset --as-of 2027-01-01 --key-file chatsieve.key
    """
    from pipeline.commands.erasure_keys import key_of, moment_of
    from pipeline.commands.forget import expire as erase

    _tell(erase(dataset, moment_of(as_of), key_of(dataset, key_file)), json_, quiet, dataset)


def _tell(done: Any, as_json: bool, quiet: bool, dataset: PurePath) -> None:
    from msgspec import to_builtins

    certificate = done.certificate
    watch().erased(_erased(certificate), done.version)
    if as_json:
        path = None if done.path is None else str(done.path)
        typer.echo(json.dumps({"certificate": to_builtins(certificate), "path": path}))
    name = f"{dataset}@{done.version}"
    if certificate is None:
        text = "nothing to remove"
    elif certificate.scan is None:
        text = (
            f"{certificate.kind}: old files could not be removed yet; the next command that changes the "
            f"dataset removes them; certificate {done.path}"
        )
    else:
        rows = sum(one.training_rows for one in certificate.versions)
        changed = ", ".join(f"{dataset}@{one.version}" for one in certificate.versions) or "none"
        if certificate.kind == "expire":
            removed = f"{_counted(rows, 'row')} past their retention removed"
        else:
            conversations = _counted(certificate.found["conversations"], "conversation")
            removed = (
                f"{conversations} found, {_counted(certificate.unknown, 'id')} unknown; "
                f"{_counted(rows, 'training row')} removed"
            )
        text = f"{certificate.kind}: {removed}; rewritten: {changed}; certificate {done.path}"
        if certificate.scan.get("found"):
            text += (
                f"; {certificate.scan['found']} places with a key, or that cannot be searched, are left in "
                "files that are not the dataset's: `chatsieve verify` names them"
            )
    if not quiet or (certificate is not None and certificate.scan is None):
        tell(f"{name}: {text}", err=True)


def _erased(certificate: Any) -> ErasureCommitted:
    """What an erasure did, in counts; all 0 if there was nothing to do."""
    from schemas.telemetry.events import ErasureCommitted

    if certificate is None:
        return ErasureCommitted(
            users=0, conversations=0, unknown=0, training_rows=0, versions=[], pending=False
        )
    return ErasureCommitted(
        users=certificate.found["users"],
        conversations=certificate.found["conversations"],
        unknown=certificate.unknown,
        training_rows=sum(one.training_rows for one in certificate.versions),
        versions=[one.version for one in certificate.versions],
        pending=certificate.scan is None,
    )


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
