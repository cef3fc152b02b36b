"""A dataset in a bucket, from its first run to its erasure: every command, with the same bytes as on disk."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cluster.buckets import Server
from tests.support.command import Corpus, chatsieve
from transforms.storage.local import LocalStore
from transforms.storage.objects.bucket import bucket_of, parse
from transforms.storage.places import store_of

pytestmark = pytest.mark.cluster
AGAIN = ("--as-of", "2026-03-02T00:00:00Z", "--set", "output.on_exists=new_version")
COMMON = ("--quiet", "--set", "output.shards=2")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus of a few conversations."""
    path = tmp_path_factory.mktemp("small") / "corpus"
    _done("sample", path, "--conversations", "12", "--seed", "5")
    return Corpus(path)


def _done(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    done = chatsieve(*arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done


def _versions(out: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(_done("versions", out, "--json").stdout)["versions"]
    return listed


def _files(out: str) -> dict[str, bytes]:
    """All files of all versions but manifests and pages, which name the output, by version and name."""
    store = store_of(out)
    return {
        f"{one['version']}/{name.partition('/')[2]}": store.read(name)
        for one in _versions(out)
        for name in store.names(f"{one['folder']}/")
        if not name.endswith(("/manifest.json", "/report.html"))
    }


def _tables(out: str, folder: str) -> pa.Table:
    """The tables of one folder of all versions, as one table."""
    files = [data for name, data in sorted(_files(out).items()) if f"/{folder}" in name]
    assert files
    return pa.concat_tables([pq.read_table(io.BytesIO(data)).unify_dictionaries() for data in files])


def _reason(ledger: pa.Table, key: str) -> str:
    """The one reason that the ledger gives for a conversation."""
    (reason,) = [row["reason"] for row in ledger.to_pylist() if row["conversation_key"] == key]
    return str(reason)


def _assert_whole(out: str, corpus: Corpus, version: int) -> None:
    """A version verifies, and the dataset holds nothing that its catalog does not name."""
    store = store_of(out)
    done = _done("verify", f"{out}@{version}", "--key-file", corpus.path / "chatsieve.key")
    assert "no findings" in done.stderr
    assert ("not checked: file modes" in done.stderr) == (not isinstance(store, LocalStore))
    known = {one["folder"] for one in _versions(out)} | {"CURRENT", "erasures", "latest"}
    assert {name for name in store.entries() if store.names(name)} <= known
    assert not any("/staging/" in name for name in store.names())


def test_a_dataset_in_a_bucket_is_that_on_disk(
    place: str, server: Server, small: Corpus, tmp_path: Path
) -> None:
    """Two versions, an erasure, expiry, a later run and gc: the same bytes, and nothing left over."""
    local, remote = str(tmp_path / "out"), f"{place}/data/out"
    key = ("--key-file", small.path / "chatsieve.key")
    held = next(row for row in small.truth() if row["decision"] == "eligible")
    explained, changed = [], []
    for out in (local, remote):
        _done("run", "-c", small.config, "--output", out, *COMMON, "--set", "runner.workers=1")
        _done("run", "-c", small.config, "--output", out, *COMMON, *AGAIN, "--set", "runner.workers=2")
        assert _done("path", f"{out}@1").stdout.startswith(f"{out}/v0001-")
        diff = json.loads(_done("diff", f"{out}@1", out, "--json").stdout)
        changed.append([diff["sessions"], diff["changed"], diff["matrix"]])
        shown = _done("explain", small.key_of(held["conversation_id"]), "--run", f"{out}@1", "--json").stdout
        explained.append(json.loads(shown.replace(out, "OUT")))
        _assert_whole(out, small, 2)
    assert explained[0] == explained[1]
    assert changed[0] == changed[1]
    first = _files(local)
    assert first == _files(remote)
    folders = {name.split("/")[1] for name in first}
    assert folders == {"README.md", "data", "ledger", "quarantine", "report", "restricted"}
    certificates = []
    for out in (local, remote):
        done = _done("forget", out, "--conversation", held["conversation_id"], *key, "--json", "--quiet")
        certificate = json.loads(done.stdout)["certificate"]
        assert certificate["scan"]["found"] == 0
        assert certificate["found"]["conversations"] == 1
        certificates.append({**certificate, "name": "", "at": "", "scan": certificate["scan"]["files"]})
        done = _done("expire", out, "--as-of", _first_expiry(first), *key, "--json", "--quiet")
        assert json.loads(done.stdout)["certificate"]["versions"]
        _assert_whole(out, small, 1)
    assert certificates[0] == certificates[1]
    assert _files(local) == _files(remote) != first
    gone = small.key_of(held["conversation_id"])
    for out in (local, remote):
        _done("run", "-c", small.config, "--output", out, *COMMON, *AGAIN)
        removed = json.loads(_done("gc", out, "--keep", "1", "--json").stdout)["removed"]
        assert removed == [1, 2]
        _assert_whole(out, small, 3)
        assert _reason(_tables(out, "ledger/"), gone) == "deleted"
        for folder in ("data/", "restricted/index-"):
            assert gone not in _tables(out, folder)["conversation_key"].to_pylist()
    assert _files(local) == _files(remote)
    _assert_no_credentials(store_of(place), server)


def _first_expiry(files: dict[str, bytes]) -> str:
    """The earliest date on which a row is past retention."""
    tables = [pq.read_table(io.BytesIO(data)) for name, data in files.items() if "/data/" in name]
    return str(min(date for table in tables for date in table["retain_until"].to_pylist()))


def _assert_no_credentials(store: Any, server: Server) -> None:
    for name in store.names():
        data = store.read(name)
        for value in server.environment.values():
            assert value.encode() not in data or value == "us-east-1", name


def test_a_copy_of_a_bucket_on_disk_is_a_dataset(place: str, small: Corpus, tmp_path: Path) -> None:
    """People copy datasets with the tools of their cloud; the catalog ends in a token of the store then."""
    remote, local = f"{place}/out", tmp_path / "copy"
    _done("audit", "-c", small.config, "--output", remote, "--quiet")
    store, copy = store_of(remote), LocalStore(local)
    held = bucket_of(parse(place))
    for name in store.names():
        copy.put(name, held.get(f"{parse(remote).key}/{name}")[0])
    assert copy.read("CURRENT").endswith((b"\t\n", b" \n"))
    _done("verify", local)
    done = _done("audit", "-c", small.config, "--output", local, "--quiet", "--compare", remote, *AGAIN[2:])
    assert done.stderr == ""
    _done("verify", f"{local}@2")


def test_several_policies_are_audited_into_a_bucket(place: str, small: Corpus, tmp_path: Path) -> None:
    """What-if comparisons are small and shared; a bucket is where others can read them."""
    names = ("consumer-terms-2025-09-28", "consumer-terms-2025-09-28-strict")
    policies = [part for name in names for part in ("--policy", name)]
    documents = []
    for out in (str(tmp_path / "out"), f"{place}/out"):
        done = _done("audit", "-c", small.config, "--output", out, *policies, "--json", "--quiet")
        documents.append(json.loads(done.stdout))
        assert json.loads(store_of(out).read("what-if.json")) == documents[-1]
        refused = chatsieve("audit", "-c", small.config, "--output", out, "--quiet")
        assert refused.returncode == 2
    assert documents[0] == documents[1]


def test_what_cannot_be_written_is_refused_in_one_line(place: str, small: Corpus) -> None:
    """Nobody waits hours for a run whose result cannot be stored."""
    store_of(place).put("notes/of.somebody", b"x")
    scheme = place[:2]
    cases = {
        f"{place}/notes": "not a dataset of chatsieve",
        f"{scheme}://no-such-bucket/out": "the bucket does not exist",
        f"{scheme}://chatsieve-tests": "expected",
        f"{place}/out@2": "names a version",
    }
    for out, reason in cases.items():
        done = chatsieve("run", "-c", small.config, "--output", out, "--quiet")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert reason in done.stderr
    for command in ("verify", "versions", "history", "path"):
        done = chatsieve(command, f"{place}/none")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "no CURRENT" in done.stderr
        done = chatsieve(command, f"{scheme}://no-such-bucket/out")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "the bucket does not exist" in done.stderr
    assert store_of(place).names() == ["notes/of.somebody"]
