"""Commands that remove people and expired rows from a dataset: forget, expire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.datasets import Dataset
from pipeline.cli.options import Json, Quiet, tell

KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="The run's key; the environment variable CHATSIEVE_KEY otherwise."),
]


def forget(
    dataset: Dataset,
    user: Annotated[list[str] | None, typer.Option("--user", help="A user id or key; repeatable.")] = None,
    conversation: Annotated[
        list[str] | None, typer.Option("--conversation", help="A conversation id or key; repeatable.")
    ] = None,
    list_: Annotated[
        Path | None,
        typer.Option("--list", help="A file with columns kind (user, conversation) and id."),
    ] = None,
    key_file: KeyFile = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Erase users and conversations from every version, and keep them out of every later run."""
    from pipeline.commands.erasure_keys import key_of, keys_asked
    from pipeline.commands.forget import forget as erase

    key = key_of(dataset, key_file)
    asked = keys_asked(user or [], conversation or [], list_, key)
    _tell(erase(dataset, asked, key), json_, quiet, dataset)


def expire(
    dataset: Dataset,
    as_of: Annotated[str, typer.Option("--as-of", help="A date, or an RFC 3339 time with an offset.")],
    key_file: KeyFile = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove rows whose `retain_until` is on or before a date, from every version."""
    from pipeline.commands.erasure_keys import key_of, moment_of
    from pipeline.commands.forget import expire as erase

    _tell(erase(dataset, moment_of(as_of), key_of(dataset, key_file)), json_, quiet, dataset)


def _tell(done: Any, as_json: bool, quiet: bool, dataset: Path) -> None:
    from msgspec import to_builtins

    certificate = done.certificate
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
        text = (
            f"{certificate.kind}: {certificate.found['conversations']} conversations found, "
            f"{certificate.unknown} ids unknown; {rows} training rows removed; rewritten: {changed}; "
            f"certificate {done.path}"
        )
        if certificate.scan.get("found"):
            text += (
                f"; {certificate.scan['found']} places with a key, or that cannot be searched, are left in "
                "files that are not the dataset's: `chatsieve verify` names them"
            )
    if not quiet or (certificate is not None and certificate.scan is None):
        tell(f"{name}: {text}", err=True)
