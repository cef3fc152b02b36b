"""Reads consent from a table of the test server, as the driver of a run does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from pipeline.inputs.postgresql_consent import read_table
from schemas.consent_config import ConsentConfig
from schemas.tables import CONSENT
from tests.support.consent_systems import HASHER
from tests.support.postgresql import Server
from tests.support.source_files import RUN_KEY
from transforms.consent.snapshots import Snapshot, read_snapshot
from transforms.consent.spilled import temporary_spill

LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
COLUMNS = "user_id text, state text, decided_at timestamptz, recorded_at timestamptz"


@pytest.fixture
def clean(server: Server) -> None:
    """Gives the test an empty schema `consent`."""
    server.run(
        "DROP SCHEMA IF EXISTS consent CASCADE",
        "CREATE SCHEMA consent",
        f"CREATE TABLE consent.given ({COLUMNS})",
    )


class Found:
    """The result of reading a source in a run for `as_of`; `given` is true if the config sets as_of."""

    def __init__(self, server: Server, as_of: dt.datetime = LATER, given: bool = False, **keys: Any) -> None:
        keys = {"format": "postgresql", "uri": server.uri, **keys}
        if "query" not in keys:
            keys.setdefault("table", "consent.given")
        (source,) = ConsentConfig.model_validate({"sources": [keys]}).sources
        config = SimpleNamespace(as_of=as_of if given else None)
        settings: Any = SimpleNamespace(path=Path("c.yaml"), as_of=as_of, config=config)
        with temporary_spill(RUN_KEY) as spill:
            self.snapshot: Snapshot
            self.snapshot, kept = read_table(settings, "consent.sources[0]", source, HASHER, spill)
            tables = [table for each in kept for table in read_snapshot(each, HASHER, as_of)]
        self.rows = {
            tuple(r.values()) for r in pa.concat_tables([CONSENT.empty_table(), *tables]).to_pylist()
        }
