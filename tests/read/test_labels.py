"""Tiers and surfaces that no policy lists: only a digest of them leaves the reading."""

from __future__ import annotations

from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.small_days import begun, differing, session, usual
from tests.support.source_files import HASHER
from transforms.read.labels import without_unlisted

LISTED = frozenset({"free", "pro", "chat"})
CANARY = "planted.tier@example.org"


def shown(tiers: list[str | None], surfaces: list[str | None]) -> tuple[list[str | None], list[str | None]]:
    """The two columns afterwards; given in two chunks with dictionaries of their own."""
    halves = [
        pa.table({"tier": pa.array(tiers[part]), "surface": pa.array(surfaces[part])})
        for part in (slice(0, 1), slice(1, None))
    ]
    encoded = pa.concat_tables(
        pa.table({name: half[name].dictionary_encode() for name in half.column_names}) for half in halves
    )
    found = without_unlisted(encoded, LISTED, HASHER)
    assert found.schema == encoded.schema
    return found["tier"].to_pylist(), found["surface"].to_pylist()


def test_listed_and_missing_values_stay() -> None:
    """Several values of one field, too."""
    columns = ["free", None, "free\x1fpro"], ["chat", "chat", None]
    assert shown(*columns) == columns


@pytest.mark.parametrize("value", [CANARY, "Free", "free ", "unlisted 0", "unlisted"])
def test_another_value_becomes_a_digest(value: str) -> None:
    """Equal values get equal digests, in both columns and beside a listed value; no digest is listed."""
    tiers, surfaces = shown([value, "free\x1f" + value, "pro"], [value, "chat", value])
    assert tiers[0] == surfaces[0] == surfaces[2]
    assert tiers[0] is not None
    assert tiers[0].startswith("unlisted ")
    assert value not in tiers[0][len("unlisted ") :]
    assert tiers[1] == "free\x1f" + tiers[0]
    assert tiers[2] == "pro"


def test_different_values_have_different_digests() -> None:
    """Otherwise records that differ in them would count as equal."""
    assert len({*shown(["a", "b", "c"], [None] * 3)[0]}) == 3


@pytest.mark.e2e
def test_a_run_keeps_no_unlisted_value_in_any_file(tmp_path: Path) -> None:
    """Not in the state either; the run after it takes the facts over and decides as a rebuild."""
    days = begun(tmp_path)
    odd = session(20, "Hello to all.", "Hello.", tier=CANARY)
    days.logs["b.jsonl"] = [odd, {**odd, "conversation_id": "c21", "tier": "free", "surface": CANARY}]
    first = days.run("2026-02-01T00:00:00Z")
    days.logs["c.jsonl"] = [usual(30)]
    second = days.run("2026-02-02T00:00:00Z")
    assert second.manifest.increment is not None
    assert second.manifest.increment["units_read"] == 1
    assert differing(second, days.rebuilt("2026-02-02T00:00:00Z")) == []
    for outcome in (first, second):
        assert texts_of(outcome.folder, "restricted/state/facts-*.parquet") > {"free", "chat"}
        assert not any(CANARY in text for text in texts_of(outcome.folder, "**/*.parquet"))
        found = texts_of(outcome.folder, "ledger/**/*.parquet")
        assert {"tier_unknown", "surface_unknown"} <= found


def texts_of(folder: PurePath, pattern: str) -> set[str]:
    """All values of the tier, surface and reason columns of the Parquet files of a version."""
    found = set()
    for path in Path(folder).glob(pattern):
        table = pq.ParquetFile(path).read()
        for name in {"tier", "surface", "reason"} & {*table.column_names}:
            found |= {value for value in table[name].to_pylist() if value}
    return found
