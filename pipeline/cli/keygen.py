"""`chatsieve keygen`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import tell


def keygen(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Write the key to this new file (mode 0600). [default: stdout]"),
    ] = None,
) -> None:
    """Generate a random key of 64 hex digits for `key_file`.

    The key links conversation keys and user keys to ids. Keep it: the keys of a dataset cannot be computed
    again without it.

    Examples:
        chatsieve keygen new.key
    """
    from pipeline.inputs.key_file import make_key, write_key

    if path is None:
        typer.echo(make_key())
    else:
        write_key(path)
        tell(f"{path}: key written; keep it, since it cannot be recovered", err=True)
