"""Names of source files fit to be written: relative, and with what looks personal in them masked.

Folder names of coding sessions carry the user's name, export archives the e-mail address.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transforms.deid.patterns import PatternScanner


def input_root(pattern: str) -> str:
    """The longest folder of a path or glob that holds no wildcard."""
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if any(c in part for c in "*?[")), len(parts) - 1)
    return str(Path(*parts[:fixed]))


def display_name(path: str, roots: Sequence[str], input_number: int) -> str:
    """The path below its input's root, masked."""
    return masked_name(os.path.relpath(path, roots[input_number] or os.curdir))


def below(path: str, root: str) -> str:
    """The path below a folder, with slashes; for globs."""
    return Path(os.path.relpath(path, root or os.curdir)).as_posix()


def masked_name(name: str) -> str:
    """A name with every structured identifier replaced by its type."""
    for span in reversed(_scanner().scan([name])[0]):
        name = f"{name[: span.start]}<{span.type}>{name[span.end :]}"
    return name


@functools.cache
def _scanner() -> PatternScanner:
    from transforms.deid.patterns import PatternScanner

    return PatternScanner()
