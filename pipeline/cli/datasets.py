"""Commands about the versions of a dataset: path, versions, gc."""

from __future__ import annotations

import json
import os
import sys
from pathlib import PurePath
from typing import Annotated

import typer
from msgspec import to_builtins

from pipeline.cli.options import Json, Quiet, tell
from pipeline.cli.watched import watch
from transforms.storage.places import location

Dataset = Annotated[
    PurePath, typer.Argument(metavar="DATASET", parser=location, help="A dataset or audit folder.")
]
Numbered = Annotated[
    PurePath,
    typer.Argument(
        metavar="DATASET[@N]", parser=location, help="A dataset or audit folder; @N names a version."
    ),
]


def path(dataset: Numbered) -> None:
    """Print the folder of the current version, or of version N.

    Examples:
        chatsieve path out/dataset
        chatsieve path out/dataset@1
    """
    from pipeline.dataset.committed import version_folder

    folder = str(version_folder(dataset)[0])
    if sys.stdout.isatty():
        tell(folder)
    else:
        typer.echo(os.fsencode(folder))  # for scripts: exactly the name


def versions(dataset: Dataset, json_: Json = False) -> None:
    """List all versions of a dataset.

    Prints number, date, training rows, the command that made it, and its folder.

    Examples:
        chatsieve versions out/dataset
    """
    from pipeline.dataset.change import catalog_of

    catalog = catalog_of(dataset)
    if json_:
        listed = [{**to_builtins(one), "current": one.version == catalog.version} for one in catalog.versions]
        typer.echo(json.dumps({"kind": catalog.kind, "current": catalog.version, "versions": listed}))
        return
    for one in catalog.versions:
        mark = "*" if one.version == catalog.version else " "
        tell(f"{mark} {one.version:>4}  {one.at}  {one.rows:>12,} rows  {one.why:<8}  {one.folder}")


def gc(
    dataset: Dataset,
    keep: Annotated[int, typer.Option("--keep", metavar="N", min=1, help="Keep the N newest versions.")],
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove old versions: all but the newest N.

    Nothing that a remaining version needs is removed.

    Examples:
        chatsieve gc out/dataset --keep 3
    """
    from pipeline.commands.versions import collect

    removed = [one.version for one in collect(dataset, keep)]
    watch().removed(removed)
    if json_:
        typer.echo(json.dumps({"removed": removed}))
    elif not quiet:
        told = ", ".join(f"{dataset}@{one}" for one in removed)
        tell(f"removed {told}" if removed else f"{dataset}: nothing to remove", err=True)
