"""The store on local disk keeps the contract; tests/cluster/test_stores.py has the same cases for buckets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.store_contract import CONTRACT
from transforms.storage.contract import Store
from transforms.storage.places import store_of


@pytest.mark.parametrize("case", CONTRACT, ids=lambda case: case.__name__)
def test_the_store_on_disk(case: Callable[[Store], None], tmp_path: Path) -> None:
    """Commands use stores by this contract alone."""
    case(store_of(tmp_path / "store"))
