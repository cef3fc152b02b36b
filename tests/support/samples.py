"""Public sample files: an optional folder outside the clone, named by CHATSIEVE_SAMPLES.

A test that reads them has the mark `samples`; without the folder it is skipped with that reason.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "CHATSIEVE_SAMPLES"
SKIPPED = f"{VARIABLE} names no folder of public samples"


def samples_folder() -> Path | None:
    """The folder of public samples, absolute; None where the variable is unset or empty."""
    named = os.environ.get(VARIABLE)
    return Path(named).resolve() if named else None


def sample(relative: str) -> Path:
    """The path of one sample; call it inside a test that is marked `samples`."""
    folder = samples_folder()
    assert folder is not None, SKIPPED
    return folder / relative


def sample_files(pattern: str) -> list[Path]:
    """The sample files that match a glob, sorted; none without the folder."""
    folder = samples_folder()
    return sorted(folder.glob(pattern)) if folder else []
