"""Expands a path or glob of the configuration."""

from __future__ import annotations

import functools
import glob
import itertools
import re
from pathlib import Path

from schemas.manifest import FORMAT, VERSION_FOLDER

_MAGIC = re.compile(r"[*?\[]")


def matching(pattern: str) -> list[str]:
    """The path itself if it exists, else the matches of the glob, including hidden files, in no order.

    A glob does not match below a dataset: a run must not read its own quarantine or rows, nor another's.
    """
    if Path(pattern).exists():
        return [pattern]
    # pathlib cannot glob an absolute pattern.
    found = glob.glob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207
    fixed = Path(_MAGIC.split(pattern)[0].rpartition("/")[0])
    is_dataset = functools.cache(_is_dataset)
    return [path for path in found if not any(map(is_dataset, _folders_of(Path(path), fixed)))]


def _folders_of(path: Path, fixed: Path) -> list[Path]:
    """The folders of a match from its own up to the one that the pattern begins with."""
    above = itertools.takewhile(lambda folder: folder != fixed.parent, path.parents)
    return list(above)


def _is_dataset(folder: Path) -> bool:
    """True for the folder of a dataset or audit, and for that of a version, committed or not."""
    if VERSION_FOLDER.match(folder.name):
        return True
    try:
        with (folder / "CURRENT").open("rb") as file:
            return FORMAT.encode() in file.read(64)
    except OSError:
        return False
