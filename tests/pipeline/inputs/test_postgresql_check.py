"""The check of a table without its rows: what a run would refuse of it, and nothing of its content."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.inputs.postgresql_consent import check_table
from schemas.consent_config import ConsentConfig
from schemas.errors import ConsentError
from tests.support.consent_systems import HASHER
from tests.support.consent_tables import LATER, clean
from tests.support.postgresql import Server, server
from tests.support.source_files import RUN_KEY
from transforms.consent.spilled import temporary_spill

__all__ = ["clean", "server"]
pytestmark = pytest.mark.usefixtures("clean")


def checked(server: Server, **keys: Any) -> tuple[tuple[dt.datetime, ...], int, int]:
    """Instants and rows of the snapshot, and the number of tables of rows."""
    entry = {"format": "postgresql", "uri": server.uri, "table": "consent.given"} | keys
    entry = {name: value for name, value in entry.items() if value is not None}
    (source,) = ConsentConfig.model_validate({"sources": [entry]}).sources
    settings: Any = SimpleNamespace(path=Path("c.yaml"), as_of=LATER, config=SimpleNamespace(as_of=None))
    with temporary_spill(RUN_KEY) as spill:
        snapshot, kept = check_table(settings, "consent.sources[0]", source, HASHER, spill)
    return snapshot.instants, snapshot.rows, len(kept)


def test_a_table_is_checked_without_its_rows(server: Server) -> None:
    """A million rows take minutes; an invalid row is found by the run that reads it."""
    server.run("INSERT INTO consent.given VALUES ('u1', 'maybe', NULL, NULL)")
    assert checked(server) == ((LATER,), 0, 0)
    columns = {"snapshot_at": "recorded_at"}
    assert checked(server, columns=columns) == ((LATER,), 0, 0)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"table": "consent.gone"}, "there is no such table"),
        ({"columns": {"user_id": "account"}}, "there is no such column"),
        (
            {"table": None, "query": "SELECT 'u' AS user_id, 'true' AS state, current_date AS decided_at"},
            "column decided_at: expected timestamp with time zone",
        ),
        ({"uri": "postgresql://owner@/postgres?host=/gone"}, "cannot connect"),
    ],
)
def test_a_table_that_a_run_would_refuse_is_refused(
    server: Server, keys: dict[str, Any], reason: str
) -> None:
    """Tables, columns and connections change without notice."""
    with pytest.raises(ConsentError) as refused:
        checked(server, **keys)
    assert reason in str(refused.value)
    assert server.uri not in str(refused.value)
