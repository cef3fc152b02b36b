"""Tiers and surfaces that no policy lists: only a digest of them leaves the reading."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.cli.terminal.summary import print_summary
from pipeline.commands.forget import forget
from pipeline.commands.run import execute
from pipeline.commands.verify import verify
from pipeline.dataset.change import catalog_of
from pipeline.dataset.erasures import Asked
from pipeline.inputs.config import load_settings
from pipeline.report.unlisted import UNLISTED
from pipeline.runners.progress import Progress
from schemas.tables import KEY as KEY_TYPE
from tests.support.small_days import KEY, Days, begun, differing, session, usual
from tests.support.source_files import HASHER
from transforms.read.labels import Counts, Erased, most_frequent, unlisted_in, without_unlisted

LISTED = frozenset({"free", "pro", "chat"})
CANARY, OTHER = "planted.tier@example.org", "planted.surface@example.org"


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


ONLY = {"tier": frozenset({"free", "pro"}), "surface": frozenset({"chat"})}


def test_records_are_counted_by_each_value_that_their_column_does_not_list() -> None:
    """A value of the other column's list is not listed either; a missing one is no value."""
    facts = pa.table(
        {
            "tier": ["free", "gold", "gold\x1ffree\x1fgold", "\x1fchat", None],
            "surface": ["chat", "chat", "x" * 101, "x" * 102, "chat\x1fgold"],
        }
    )
    halves = pa.concat_tables([facts.slice(0, 2), facts.slice(2)])
    assert unlisted_in(halves, ONLY, Erased()) == {
        ("tier", "gold"): 2,
        ("tier", "chat"): 1,
        ("surface", "gold"): 1,
        ("surface", "x" * 100 + "..."): 2,
    }


def test_records_of_erased_keys_are_not_counted() -> None:
    """The logs may still have a person whom `forget` erased from the dataset."""
    key = [bytes([number]) * 16 for number in range(4)]
    facts = pa.table(
        {
            "tier": pa.array(["gold", "silver", "gold", "free"]).dictionary_encode(),
            "surface": ["chat"] * 4,
            "user_key": pa.array([key[0], key[1], None, key[3]], KEY_TYPE),
            "conversation_key": pa.array(key, KEY_TYPE),
        }
    )
    assert unlisted_in(facts, ONLY, Erased()) == {("tier", "gold"): 2, ("tier", "silver"): 1}
    assert unlisted_in(facts, ONLY, Erased((key[1],), ())) == {("tier", "gold"): 2}
    assert unlisted_in(facts, ONLY, Erased((key[3],), (key[0], key[1]))) == {("tier", "gold"): 1}


def test_only_the_most_frequent_values_of_a_unit_are_kept() -> None:
    """A field with another value in each record would fill the state; of equal numbers the order is fixed."""
    counts = Counts({("tier", "b"): 2, ("tier", "a"): 2, ("tier", "c"): 3, ("surface", "d"): 1})
    rows = [("tier", "c", 3), ("tier", "a", 2), ("tier", None, 2), ("surface", "d", 1)]
    found = most_frequent(counts, 2)
    assert [tuple(row.values()) for row in found] == rows
    assert most_frequent(Counts(dict(reversed(counts.items()))), 2) == found
    assert [row["value"] for row in most_frequent(counts, 3)] == ["c", "a", "b", "d"]


@pytest.mark.e2e
def test_an_unlisted_value_is_in_the_operators_list_and_in_no_other_file(tmp_path: Path) -> None:
    """Nor in what is printed. The run after it takes the facts over and writes what a rebuild writes."""
    days = begun(tmp_path)
    odd = session(20, "Hello to all.", "Hello.", tier=CANARY)
    days.logs["b.jsonl"] = [odd, {**odd, "conversation_id": "c21", "tier": "free", "surface": OTHER}]
    first = days.run("2026-02-01T00:00:00Z")
    days.logs["c.jsonl"] = [usual(30), session(31, "Hi.", "Hello.", tier="gold")]
    second = days.run("2026-02-02T00:00:00Z")
    assert second.manifest.increment is not None
    assert second.manifest.increment["units_read"] == 1
    assert differing(second, days.rebuilt("2026-02-02T00:00:00Z")) == []
    for outcome in (first, second):
        assert texts_of(outcome.folder, "restricted/state/facts-*.parquet") > {"free", "chat"}
        found = texts_of(outcome.folder, "ledger/**/*.parquet")
        assert {"tier_unknown", "surface_unknown"} <= found
        assert (
            holding(outcome.folder, CANARY)
            == holding(outcome.folder, OTHER)
            == {UNLISTED, "restricted/state/units-00000-of-00001.parquet"}
        )
        path = Path(outcome.folder) / UNLISTED
        assert path.stat().st_mode & 0o777 == 0o600
        listed = json.loads(path.read_bytes())
        canary = {"value": CANARY, "records": 1, "file_count": 1, "files": [[0, 1]]}
        gold = {"value": "gold", "records": 1, "file_count": 1, "files": [[0, 2]]}
        assert listed["tier"] == ([canary] if outcome is first else [gold, canary])
        assert listed["surface"] == [{**canary, "value": OTHER}]
        assert outcome.manifest.inputs[1]["name"] == "b.jsonl"
    assert [str(each) for each in verify(days.dataset, KEY).findings] == []
    given = {"audit.path": str(tmp_path / "audit"), "as_of": "2026-02-02T00:00:00Z"}
    audited = execute(load_settings(tmp_path / "config.yaml", given), "audit", [], Progress(False))
    assert Path(audited.folder, UNLISTED).read_bytes() == Path(second.folder, UNLISTED).read_bytes()
    assert holding(audited.folder, CANARY) == {UNLISTED}
    with StringIO() as printed:
        print_summary(second, Console(file=printed, width=200))
        assert f"does not list: {second.folder}/{UNLISTED}" in printed.getvalue()
        assert CANARY not in printed.getvalue()
    _erased_from(days, HASHER.conversation("c20"))


def _erased_from(days: Days, key: bytes) -> None:
    """The list goes with an erased session, and comes back without it, although the logs still have it."""
    forget(days.dataset, Asked(frozenset(), frozenset([frozenset([key])])), KEY)
    folders = [Path(days.dataset) / one.folder for one in catalog_of(days.dataset).versions]
    assert len(folders) == 2
    assert [holding(folder, CANARY) | holding(folder, OTHER) for folder in folders] == [set(), set()]
    assert [str(each) for each in verify(days.dataset, KEY).findings] == []
    after = days.run("2026-02-03T00:00:00Z")
    listed = json.loads(Path(after.folder, UNLISTED).read_bytes())
    assert [[each["value"] for each in listed[name]] for name in ("tier", "surface")] == [["gold"], [OTHER]]
    assert holding(after.folder, CANARY) == set()
    again = days.run("2026-02-03T00:00:00Z", rebuild=True)
    assert differing(again, after) == []


def holding(folder: PurePath, text: str) -> set[str]:
    """The files of a version that have a text, those of Parquet uncompressed."""
    found = set()
    for path in Path(folder).rglob("*"):
        if path.suffix == ".parquet":
            data = repr(pq.ParquetFile(path).read().to_pylist()).encode()
        else:
            data = path.read_bytes() if path.is_file() else b""
        if text.encode() in data:
            found.add(str(path.relative_to(folder)))
    return found


def texts_of(folder: PurePath, pattern: str) -> set[str]:
    """All values of the tier, surface and reason columns of the Parquet files of a version."""
    found = set()
    for path in Path(folder).glob(pattern):
        table = pq.ParquetFile(path).read()
        for name in {"tier", "surface", "reason"} & {*table.column_names}:
            found |= {value for value in table[name].to_pylist() if value}
    return found
