"""The servers of the cluster tests, which `make test-cluster` builds."""

from __future__ import annotations

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / ".tools" / "servers"


def program(name: str) -> str:
    """The path of a built server; the test fails, with the reason, where it is missing."""
    path = _FOLDER / name
    if not path.is_file():
        pytest.fail(f"{name} is missing: run make test-cluster")
    return str(path)
