"""Expands a path or glob of the configuration."""

from __future__ import annotations

import glob
from pathlib import Path


def matching(pattern: str) -> list[str]:
    """The path itself if it exists, else the matches of the glob, including hidden files, in no order."""
    if Path(pattern).exists():
        return [pattern]
    # pathlib cannot glob an absolute pattern.
    return glob.glob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207
