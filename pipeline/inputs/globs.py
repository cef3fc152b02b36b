"""The files that a path or glob of the configuration means."""

from __future__ import annotations

import glob
from pathlib import Path


def matching(pattern: str) -> list[str]:
    """The path itself if it exists, else what the glob matches, hidden files too, in no order."""
    if Path(pattern).exists():
        return [pattern]
    # pathlib's globs cannot start from an absolute pattern, and skip nothing we would not.
    return glob.glob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207
