"""Runs over a dataset that was tampered with, and repeated runs that cross a threshold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.commands.commit import Outcome
from pipeline.commands.verify import verify
from tests.support.small_days import KEY, Days, begun, differing, usual

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
FIRST, SECOND = "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """A dataset with a version."""
    made = begun(tmp_path_factory.mktemp("odd"))
    made.run(FIRST)
    return made


def test_a_repeated_run_that_crosses_a_threshold_fails_again(days: Days) -> None:
    """A scheduler that tries again must not take exit code 0 for a version that passed; none is added."""
    crossing = {"audit.fail_if.min_sessions": 1000}
    first = days.run(FIRST, **crossing)
    again = days.run(FIRST, **crossing)
    assert first.failed == again.failed != []
    assert (first.nothing_new, again.folder) == (None, first.folder)
    assert again.nothing_new is not None
    shared = days.run(FIRST, to_share=True, **crossing)
    assert days.run(FIRST, to_share=True, **crossing).failed == shared.failed != []
    assert days.run(FIRST).failed == []
    kept = days.run(FIRST)
    assert (kept.failed, kept.nothing_new is not None) == ([], True)


DEEP = b'{"policy": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"


def _without_figures(data: bytes) -> bytes:
    return json.dumps(json.loads(data) | {"counts": {}, "policy": {}}).encode()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("manifest.json", lambda _: DEEP),
        ("manifest.json", _without_figures),
        ("manifest.json", lambda data: data + b" "),
        ("restricted/state/state.json", lambda _: DEEP),
        ("restricted/state/state.json", lambda data: data.replace(b"0", b"1")),
        ("restricted/state/state.json", lambda data: data + b" " * 1000),
        ("restricted/state/state.json", lambda _: b""),
        ("report/report.json", lambda _: b"[" * 100_000),
    ],
)
def test_a_file_that_was_changed_is_not_believed(
    days: Days, name: str, change: Callable[[bytes], bytes]
) -> None:
    """A run replaces the version by what a rebuild gives, whatever the file holds now."""
    before = days.run(SECOND, **{"output.shards": 3})
    file = Path(before.folder) / name
    old = file.read_bytes()
    file.unlink()  # it can be a hard link
    file.write_bytes(change(old))
    after = days.run(SECOND, **{"output.shards": 3})
    assert after.nothing_new is None
    assert after.manifest.dataset_version > before.manifest.dataset_version
    is_rebuild = not name.startswith("report/")
    assert (after.manifest.increment or {})["from"] == (
        None if is_rebuild else before.manifest.dataset_version
    )
    assert differing(after, before) == [name] * ("state" in name)


_PARTS = ("data/", "ledger/", "restricted/", "report/", "README.md", "manifest.json")
LEDGER, PAGE = "ledger/part-00000-of-00001.parquet", "report/report.html"
SHARD = "data/train-00001-of-00003.parquet"
HARMS: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "cut": lambda path: _replaced(path, path.read_bytes()[:-1]),
    "longer": lambda path: _replaced(path, path.read_bytes() + b" "),
}


def _replaced(path: Path, data: bytes) -> None:
    path.unlink()  # it can be a hard link
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        (SHARD, "missing"),
        (LEDGER, "cut"),
        (LEDGER, "longer"),
        (PAGE, "missing"),
    ],
)
def test_a_version_without_one_of_its_files_is_replaced(days: Days, name: str, harm: str) -> None:
    """`nothing new` about a version that cannot be read would leave it so, and the exit code would be 0."""
    settings = {"output.shards": 3}
    days.run(SECOND, **settings)
    before = days.run(SECOND, **settings)
    assert before.nothing_new is not None
    HARMS[harm](Path(before.folder) / name)
    after = days.run(SECOND, **settings)
    assert after.nothing_new is None
    increment = after.manifest.increment or {}
    assert (increment["from"], increment["damaged"]) == (before.manifest.dataset_version, [name])
    assert _findings(after) == []
    assert differing(after, days.rebuilt(SECOND, **settings)) == []
    assert days.run(SECOND, **settings).nothing_new is not None


def _findings(outcome: Outcome) -> list[str]:
    """The findings in a version's own folder."""
    found = verify(outcome.path, KEY).findings
    return [str(each) for each in found if each.where.startswith((outcome.folder.name, *_PARTS))]


def test_a_leftover_file_and_damage_of_equal_size_add_no_version(days: Days) -> None:
    """Only `verify` reads all files; `--rebuild` then writes a whole version, whatever is damaged."""
    before = days.run(SECOND, **{"output.shards": 5})
    (Path(before.folder) / "data/.tmp-left").write_bytes(b"half")
    data = bytearray((Path(before.folder) / LEDGER).read_bytes())
    data[len(data) // 2] ^= 1
    _replaced(Path(before.folder) / LEDGER, bytes(data))
    assert days.run(SECOND, **{"output.shards": 5}).nothing_new is not None
    assert LEDGER in {each.where for each in verify(days.dataset, KEY).findings}
    after = days.run(SECOND, rebuild=True, **{"output.shards": 5})
    assert (after.manifest.increment or {})["reason"] == "--rebuild was given"
    assert _findings(after) == []


def test_no_file_that_the_manifest_does_not_list_is_read(days: Days) -> None:
    """A state of another size is not read into memory."""
    before = days.run(SECOND, **{"output.shards": 4})
    state = Path(before.folder) / "restricted/state/state.json"
    size = state.stat().st_size
    state.unlink()
    with state.open("wb") as file:
        file.truncate(1 << 40)  # sparse: reading it would end in MemoryError
    after = days.run(SECOND, **{"output.shards": 4})
    assert (after.manifest.increment or {})["reason"] == (
        f"restricted/state/state.json of version {before.manifest.dataset_version} is missing or damaged"
    )
    assert (Path(after.folder) / "restricted/state/state.json").stat().st_size == size


@pytest.mark.parametrize("name", ["restricted/state/state.json", "data/train-00000-of-00003.parquet"])
def test_a_link_in_place_of_a_file_is_not_followed(days: Days, name: str, tmp_path: Path) -> None:
    """The run ends, and the new version has a file of its own."""
    before = days.run(SECOND, **{"output.shards": 3})
    file = Path(before.folder) / name
    kept = tmp_path / "kept"
    file.replace(kept)
    file.symlink_to(kept)
    days.logs["more.jsonl"] = [usual(40)]
    after = days.run(SECOND, **{"output.shards": 3})
    own = Path(after.folder) / name
    assert not own.is_symlink()
    assert differing(after, days.rebuilt(SECOND, **{"output.shards": 3})) == []
    del days.logs["more.jsonl"]
