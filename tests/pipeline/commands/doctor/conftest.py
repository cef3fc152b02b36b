"""The configuration that the tests of `doctor` change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.examined import Examined


@pytest.fixture
def world(tmp_path: Path) -> Examined:
    """A configuration without faults."""
    return Examined(tmp_path)
