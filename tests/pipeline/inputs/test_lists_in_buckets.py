"""Consent, lists, mapping tables, policies and packs are read from a bucket as from disk."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from pipeline.commands.erasure_keys import keys_asked
from pipeline.inputs.config import DEFAULT_DEID, find_config
from pipeline.inputs.mapping_table import identities_of
from pipeline.inputs.packaged import packaged_file
from pipeline.inputs.packs import deid_at, pack_at
from pipeline.inputs.watched import states_of, watch
from schemas.errors import ConfigError, ConsentError, InputError, PipelineError, PolicyError
from schemas.keys import KeyedHasher
from schemas.sections.inputs import InputConfig
from tests.support.memory_bucket import URL, MemoryBucket, memory_bucket
from transforms.consent.authorizations import read_authorizations
from transforms.consent.files import read_batches
from transforms.consent.snapshots import inspect_snapshot, read_snapshot

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
KEY = bytes(range(32))
HASHER = KeyedHasher(KEY)
COLUMNS = ("user_id", "state", "decided_at", "snapshot_at")
ROWS = [(f"u{n}", ("granted", "refused")[n % 2], "2026-01-01T00:00:00Z") for n in range(500)]
FOLDER = "snapshot_at=2026-02-01"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryBucket:
    """A bucket behind every URL."""
    return memory_bucket(monkeypatch)


def snapshots(folder: Path) -> dict[str, Path]:
    """One snapshot in each form."""
    below = folder / FOLDER
    below.mkdir()
    text = "\n".join(["user_id,state,decided_at", *map(",".join, ROWS)]).encode()
    objects = [dict(zip(COLUMNS, row, strict=False)) for row in ROWS]
    lines = "\n".join(map(json.dumps, objects)).encode()
    for name, data in (("a.csv", text), ("b.csv.gz", gzip.compress(text)), ("c.jsonl", lines)):
        (below / name).write_bytes(data)
    pq.write_table(pa.Table.from_pylist(objects), below / "d.parquet", row_group_size=90)
    return {path.name: path for path in below.iterdir()}


@pytest.mark.parametrize("name", ["a.csv", "b.csv.gz", "c.jsonl", "d.parquet"])
def test_a_snapshot_gives_the_same_rows(tmp_path: Path, store: MemoryBucket, name: str) -> None:
    """The instant comes from the name of the object; every request names the state that was digested."""
    path = snapshots(tmp_path)[name]
    url = store.add(path, f"{FOLDER}/{name}")
    states = states_of([watch(url)])
    assert watch(url).sha256 == watch(str(path)).sha256
    there = pa.concat_tables(read_snapshot(url, HASHER, AS_OF, states))
    assert there.equals(pa.concat_tables(read_snapshot(str(path), HASHER, AS_OF)))
    assert inspect_snapshot(url, AS_OF, states)[1:] == inspect_snapshot(str(path), AS_OF)[1:]
    store.put(f"{FOLDER}/{name}", b"other bytes")
    states = {url: states[url]._replace(identity="replaced before any byte was read")}
    with pytest.raises(PipelineError, match="changed while it was read; nothing was committed"):
        [*read_batches(url, COLUMNS, states)]


def test_what_is_missing_or_damaged_is_named(store: MemoryBucket) -> None:
    """As for files on disk, with the URL."""
    store.put("bad.parquet", b"no parquet")
    with pytest.raises(InputError, match=rf"\A{URL}/none.csv: no such file"):
        [*read_batches(f"{URL}/none.csv", COLUMNS)]
    with pytest.raises(ConsentError, match=rf"\A{URL}/bad.parquet: damaged, or not the format"):
        [*read_batches(f"{URL}/bad.parquet", COLUMNS)]
    with pytest.raises(ConfigError, match=rf"\A{URL}/none.csv: cannot be read"):
        read_authorizations(f"{URL}/none.csv", HASHER, {"chat"})


def test_lists_and_tables(tmp_path: Path, store: MemoryBucket) -> None:
    """Authorisations, mapping tables in both forms, and a list of `forget`."""
    terms = "organization_id,surface,valid_from,valid_to,reference\norg,,2025-01-01T00:00:00Z,,r\n"
    erased = "kind,id\nuser,u1\nconversation,c1\n"
    table = "path,user_id\na/**,u1\nb/*,u2\n"
    for name, text in (("terms.csv", terms), ("erased.csv", erased), ("people.csv", table)):
        (tmp_path / name).write_text(text)
    pq.write_table(pa.csv.read_csv(tmp_path / "people.csv"), tmp_path / "people.parquet")
    urls = {path.name: store.add(path, path.name) for path in sorted(tmp_path.iterdir())}
    found = read_authorizations(urls["terms.csv"], HASHER, {"chat"})
    assert found.equals(read_authorizations(tmp_path / "terms.csv", HASHER, {"chat"}))
    assert keys_asked([], [], urls["erased.csv"], KEY) == keys_asked([], [], tmp_path / "erased.csv", KEY)
    for name in ("people.csv", "people.parquet"):
        config = InputConfig(path="logs")
        assert identities_of(config, "r", urls[name]) == identities_of(config, "r", str(tmp_path / name))


def test_policies_and_packs(store: MemoryBucket) -> None:
    """The digests in manifests are those of the same files on disk."""
    policy = packaged_file("policies", "consumer-terms-2025-09-28")
    urls = [store.add(path, path.name) for path in (policy, DEFAULT_DEID)]
    assert find_config("policies", urls[0], Path("/base")) == urls[0]
    assert pack_at(urls[0]) == pack_at(policy)
    assert deid_at(urls[1]) == deid_at(DEFAULT_DEID)
    named = DEFAULT_DEID.read_bytes().replace(b"recognizers: []", b"recognizers: [mine.yaml]")
    store.put("beside.yaml", named)
    with pytest.raises(ConfigError, match=rf"\A{URL}/beside.yaml: mine.yaml: expected an absolute path"):
        deid_at(f"{URL}/beside.yaml")
    store.put("wrong.yaml", b"id: x\n")
    with pytest.raises(PolicyError, match=rf"\A{URL}/wrong.yaml:1: "):
        pack_at(f"{URL}/wrong.yaml")
    store.put("long.yaml", b"#" * (2 << 20))
    with pytest.raises(PolicyError, match="longer than 262,144 characters"):
        pack_at(f"{URL}/long.yaml")
    assert max(each.size for each in store.ranges()) <= 1 << 20 | 1
