"""Graphs of runs and audits that several tests look into; nothing runs them."""

from __future__ import annotations

import pytest

from tests.support.canary_plans import Graphs, canary_graphs


@pytest.fixture(scope="package")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    """The graphs of plans that are full of canaries."""
    return canary_graphs(tmp_path_factory.mktemp("canaries"))
