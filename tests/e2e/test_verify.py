"""`chatsieve verify` finds each class of damage."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.manifest import FileEntry, decode, encode
from tests.support.command import chatsieve

pytestmark = pytest.mark.e2e
Finished = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Path:
    """A dataset to damage."""
    return Path(shutil.copytree(finished[0], tmp_path / "copy"))


def kinds(run: Path) -> list[str]:
    done = chatsieve("verify", run, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    return [finding["kind"] for finding in report["findings"]]


def reseal(run: Path, change: dict[str, object]) -> None:
    """Rewrites the manifest, with a digest that fits, as a careful forger would."""
    manifest = decode((run / "manifest.json").read_bytes())
    (run / "manifest.json").write_bytes(encode(msgspec.structs.replace(manifest, **change)))


def test_an_intact_dataset_passes(copy: Path) -> None:
    """No findings for a dataset without faults."""
    assert kinds(copy) == []


def test_a_changed_manifest_is_found(copy: Path) -> None:
    """The digest is over all of it."""
    text = (copy / "manifest.json").read_text().replace('"kind": "run"', '"kind": "ran"')
    (copy / "manifest.json").write_text(text)
    assert "manifest" in kinds(copy)


def test_a_flipped_byte_a_missing_file_and_a_short_one_are_found(copy: Path) -> None:
    """Each file must have exactly the committed bytes."""
    shards = sorted((copy / "data").iterdir())
    data = bytearray(shards[0].read_bytes())
    data[len(data) // 2] ^= 1
    shards[0].write_bytes(data)
    shards[1].unlink()
    shards[2].write_bytes(shards[2].read_bytes()[:-1])
    assert kinds(copy)[:3] == ["files", "files", "files"]


def test_a_foreign_schema_is_found(copy: Path) -> None:
    """A shard with the right digest but the wrong columns is invalid."""
    shard = sorted((copy / "data").iterdir())[0]
    pq.write_table(pa.table({"x": [1]}), shard)
    reseal_file(copy, shard, 1)
    assert "schema" in kinds(copy)


def test_a_ledger_that_does_not_add_up_is_found(copy: Path) -> None:
    """Sums are promises."""
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["counts"]["reasons"]["eligible"] += 1
    reseal(copy, {"counts": manifest["counts"]})
    assert "ledger" in kinds(copy)


def test_residual_pii_is_found(copy: Path) -> None:
    """A shard that was tampered with, or masked by a broken engine, shows."""
    shard = next(f for f in sorted((copy / "data").iterdir()) if pq.read_metadata(f).num_rows)
    table = pq.read_table(shard)
    rows = table.to_pylist()
    rows[0]["messages"][0]["content"] += " write to somebody@example.com"
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), shard)
    reseal_file(copy, shard, len(rows))
    assert kinds(copy) == ["residual"]


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path: Path) -> None:
    """Exit 2 and one line: there is no dataset to verify."""
    done = chatsieve("verify", tmp_path)
    assert done.returncode == 2
    assert "no manifest.json" in done.stderr


def reseal_file(run: Path, path: Path, rows: int) -> None:
    data = path.read_bytes()
    relative = path.relative_to(run).as_posix()
    changed = FileEntry(relative, len(data), rows, hashlib.sha256(data).hexdigest())
    files = decode((run / "manifest.json").read_bytes()).files
    reseal(run, {"files": [changed if file.path == relative else file for file in files]})
