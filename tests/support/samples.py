"""Public sample files: an optional folder outside the clone, named by CHATSIEVE_SAMPLES.

A test that reads them has the mark `samples`. Without the folder it is skipped with a reason.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "CHATSIEVE_SAMPLES"
SKIPPED = f"{VARIABLE} names no folder of public samples"


def samples_folder() -> Path | None:
    """The absolute path of the folder of public samples; None if the variable is unset or empty."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named).resolve()
    if not folder.is_dir():
        raise pytest.UsageError(f"{VARIABLE}: {named}: no such folder")
    return folder


def sample(relative: str) -> Path:
    """The path of one sample. Call it inside a test marked `samples`."""
    folder = samples_folder()
    assert folder is not None, SKIPPED
    return folder / relative


def sample_files(pattern: str) -> list[Path]:
    """The sample files that match a glob, sorted; empty without the folder."""
    folder = samples_folder()
    return sorted(folder.glob(pattern)) if folder else []
