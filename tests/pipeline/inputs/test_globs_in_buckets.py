"""Globs, folders and files in a bucket match as they do on disk, with one listing."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.inputs import watched
from pipeline.inputs.globs import (
    files_at,
    files_in,
    files_matching,
    input_files,
    is_file,
    is_folder,
    matching,
)
from pipeline.inputs.watched import check_unchanged, watch, watch_log
from schemas.errors import ConfigError, InputError, PipelineError
from schemas.manifest import FORMAT
from tests.support.memory_bucket import URL, MemoryBucket, memory_bucket
from transforms.sources.paths import below, input_root
from transforms.storage.contract import Stat

NAMES = [
    "logs/a.jsonl",
    "logs/b.parquet",
    "logs/.hidden/c.jsonl",
    "logs/x/d.jsonl",
    "logs/x/y/e.jsonl",
    "logs/x/y/[f].jsonl",
    "logs/x y/ü%20#+&=.jsonl",
    "logs/x-1/snapshot_at=2026-01-01/g.jsonl",
    "logs/mine/CURRENT",
    "logs/mine/h.jsonl",
    "logs/out/CURRENT",
    "logs/out/v0001-3fa9c1/data/train.jsonl",
    "logs/out/loose.jsonl",
    "logs/killed/v0002-3fa9c1/quarantine/part.jsonl",
    "logs.jsonl",
    "logs-2/a.jsonl",
    "other/a.jsonl",
]
PATTERNS = [
    "logs/*.jsonl",
    "logs/**/*.jsonl",
    "logs/**",
    "logs/**/y/*",
    "**/*.jsonl",
    "*/a.jsonl",
    "logs/?.jsonl",
    "logs/x*/[a-d].jsonl",
    "logs/x/y/[!a]*",
    "logs/x/y/[[]f].jsonl",
    "logs/x/y/[f].jsonl",
    "logs/*/snapshot_at=*/*",
    "logs/x y/*",
    "logs/x y/ü%20#+&=.jsonl",
    "logs/out/**/*.jsonl",
    "logs/out/loose.jsonl",
    "logs/out/v0001-3fa9c1/data/*.jsonl",
    "logs/nothing/*.jsonl",
    "logs/nothing.jsonl",
]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryBucket:
    """A bucket behind every URL."""
    return memory_bucket(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, store: MemoryBucket) -> Path:
    """A folder with files, which are in the bucket too."""
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"format": "' + FORMAT + '/2"}' if name == "logs/out/CURRENT" else name)
        store.add(path, name)
    return tmp_path


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_the_same_names_in_the_same_order(
    folder: Path, store: MemoryBucket, pattern: str
) -> None:
    """Datasets below a glob are left out, hidden files and special characters are not."""
    here = [(below(file.path, str(folder)), file.size) for file in files_matching(f"{folder}/{pattern}")]
    store.requests.clear()
    there = files_matching(f"{URL}/{pattern}")
    assert [(file.path.removeprefix(f"{URL}/"), file.size) for file in there] == here
    assert [file.identity for file in there] == [store.objects[name][1] for name, _ in here]
    assert len([each for each in store.requests if each.kind == "list"]) <= 1
    assert {*matching(f"{URL}/{pattern}")} == {file.path for file in there}
    root = input_root(f"{URL}/{pattern}")
    assert root.removeprefix(URL) == input_root(f"{folder}/{pattern}").removeprefix(str(folder))
    assert [below(file.path, root) for file in there] == [
        below(f"{folder}/{name}", input_root(f"{folder}/{pattern}")) for name, _ in here
    ]


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_is_a_prefix(folder: Path, store: MemoryBucket, end: str) -> None:
    """A format chooses its files among the objects with the folder's name and a slash."""
    assert is_folder(f"{URL}/logs{end}")
    assert is_folder(URL)
    assert not is_folder(f"{URL}/logs.jsonl")
    here = [below(file.path, str(folder)) for file in files_in(f"{folder}/logs", ["**/*.jsonl"])]
    there = [file.path.removeprefix(f"{URL}/") for file in files_in(f"{URL}/logs{end}", ["**/*.jsonl"])]
    assert there == here
    assert "logs/a.jsonl" in there
    assert len(files_at(f"{URL}/logs{end}")) == sum(name.startswith("logs/") for name in NAMES)
    with pytest.raises(InputError, match="is a folder; give a file or a glob"):
        input_files(f"{URL}/logs", "canonical")
    with pytest.raises(InputError, match=r"s3://memory/no: is a folder|no such input"):
        input_files(f"{URL}/no", "claude-code")
    assert store.requests


def test_the_mark_of_a_folder_is_no_file(store: MemoryBucket) -> None:
    """Consoles make an empty object with a slash at its end; an empty file is one."""
    for name in ("logs/", "logs/a/", "logs/empty/", "logs/a/b.jsonl", "logs/none.jsonl"):
        store.put(name, b"x" if name.endswith("b.jsonl") else b"")
    assert [file.path for file in files_at(f"{URL}/logs")] == [
        f"{URL}/logs/a/b.jsonl",
        f"{URL}/logs/none.jsonl",
    ]


def test_a_bucket_with_many_objects_takes_linear_work(store: MemoryBucket) -> None:
    """100,000 names are listed once, and looked at once."""
    for number in range(100_000):
        store.objects[f"logs/day={number % 30:02}/{number}.jsonl"] = b"x", "t"
    found = files_matching(f"{URL}/logs/day=*/*7.jsonl")
    assert len(found) == 10_000
    assert found == sorted(found)
    assert [each.kind for each in store.requests] == ["head", "list"]


def test_an_object_that_changed_is_found_at_commit(
    store: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few objects are looked at, many are listed; what is missing in a listing is looked at."""
    for number in range(90):
        store.put(f"logs/{number:02}.jsonl", b"x")
    store.put("list.csv", b"kind,id\n")
    files = files_matching(f"{URL}/logs/*")
    logs = [watch_log(file, f"{URL}/logs") for file in files]
    listed = watch(f"{URL}/list.csv")
    store.requests.clear()
    check_unchanged([*logs, listed])
    assert [each.kind for each in store.requests] == ["list", "head"]
    store.requests.clear()
    check_unchanged(logs[:9])
    assert {each.kind for each in store.requests} == {"head"}

    def lagging(prefix: str) -> Iterator[object]:
        assert prefix == f"{URL}/logs"
        return iter(())

    with monkeypatch.context() as patch:
        patch.setattr(watched, "files_below", lagging)
        check_unchanged(logs)
    store.put("logs/77.jsonl", b"x")
    with pytest.raises(PipelineError, match=r"\A77\.jsonl: changed while it was read; nothing was committed"):
        check_unchanged(logs)
    store.delete(["logs/77.jsonl"])
    with pytest.raises(PipelineError, match=r"changed while it was read"):
        check_unchanged(logs)
    store.put("list.csv", b"kind,id\n")
    with pytest.raises(PipelineError, match=r"changed while it was read"):
        check_unchanged([listed])


def test_an_object_without_an_etag_is_known_by_size_and_time(
    store: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gateways have none for files that were not written through them."""
    store.objects["logs/a.jsonl"] = b"x", ""
    moments = iter([5, 5, 6])
    monkeypatch.setattr(store, "head", lambda _: Stat(1, next(moments), ""))
    (file,) = files_in(f"{URL}/logs", ["*.jsonl"])
    log = watch_log(file, f"{URL}/logs")
    check_unchanged([log])
    with pytest.raises(PipelineError, match=r"changed while it was read"):
        check_unchanged([log])


def test_a_store_that_denies_access_refuses_the_run(
    store: MemoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line with the path and the reason; nothing was written."""
    denied = PermissionError(errno.EACCES, "the store denied access; check credentials", f"{URL}/logs")

    def deny(*_: object) -> None:
        raise denied

    monkeypatch.setattr(store, "head", deny)
    monkeypatch.setattr(store, "below", deny)
    for pattern in ("logs/*", "logs", "logs/a.jsonl"):
        with pytest.raises(InputError, match=r"\As3://memory/logs: cannot be read \(the store denied access"):
            input_files(f"{URL}/{pattern}", "claude-code")


def test_what_is_no_url_of_an_object_is_refused(store: MemoryBucket) -> None:
    """A bucket is named, not matched."""
    assert not is_file(URL)
    for pattern in ("s3://*/a.jsonl", "s3://memory/a//b.jsonl", "s3://memory/../b.jsonl"):
        with pytest.raises(ConfigError, match="expected s3://BUCKET/PREFIX"):
            files_matching(pattern)
    assert not store.requests
