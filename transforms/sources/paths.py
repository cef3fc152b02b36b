"""Paths of input files: the folder of an input, and names below it."""

from __future__ import annotations

import os
from pathlib import Path

from transforms.storage.places import is_remote


def input_root(pattern: str) -> str:
    """The longest leading folder of a path or glob without a wildcard."""
    if is_remote(pattern):
        scheme, _, rest = pattern.partition("://")
        names = rest.split("/")
        fixed = next((n for n, part in enumerate(names) if any(c in part for c in "*?[")), len(names) - 1)
        return f"{scheme}://{'/'.join(names[: max(1, fixed)])}"
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if any(c in part for c in "*?[")), len(parts) - 1)
    return str(Path(*parts[:fixed]))


def below(path: str, root: str) -> str:
    """The path below a folder, with slashes; for globs."""
    return Path(os.path.relpath(path, root or os.curdir)).as_posix()
