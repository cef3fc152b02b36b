"""A compiled database is loaded only from a cache file that is intact and that no other user can write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hyperscan
import pytest

from transforms.deid.text import database_cache
from transforms.deid.text.database_cache import load_or_compile
from transforms.deid.text.environment_cache import MAX_BYTES

EXPRESSIONS = ["b+c", "^a"]
FLAG = hyperscan.HS_FLAG_DOTALL


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """An empty environment; the result is a list that gets one item per compilation of EXPRESSIONS."""
    counted: list[int] = []
    compile_all = database_cache.compile_all

    def counting(expressions: list[str], flag: int) -> hyperscan.Database:
        if expressions != ["x"]:
            counted.append(len(expressions))
        return compile_all(expressions, flag)

    monkeypatch.setattr(database_cache, "compile_all", counting)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return counted


def cache_file(folder: Path) -> Path:
    return folder / "share/chatsieve/hyperscan-test.db"


def hits(expressions: list[str] = EXPRESSIONS) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    database = load_or_compile("test", expressions, FLAG)
    database.scan(b"abbcbc", match_event_handler=lambda n, _, end, *_more: found.append((n, end)))
    return sorted(found)


def test_the_second_process_compiles_nothing(compiled: list[int], tmp_path: Path) -> None:
    """Compiling takes more than a second in every worker."""
    first = hits()
    assert hits() == first == [(0, 4), (0, 6), (1, 1)]
    assert compiled == [2]
    assert [file.name for file in cache_file(tmp_path).parent.iterdir()] == ["hyperscan-test.db"]
    assert cache_file(tmp_path).stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_can_write_is_not_loaded(compiled: list[int], tmp_path: Path, mode: int) -> None:
    """A crafted database can take over the process."""
    first = hits()
    cache_file(tmp_path).chmod(mode)
    assert hits() == first
    assert compiled == [2, 2]
    # The file has been replaced by one that only its owner can write.
    assert hits() == first
    assert compiled == [2, 2]


def test_another_users_file_is_not_loaded(
    compiled: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only this user's files and root's are trusted."""
    hits()
    if os.geteuid() == 0:
        os.chown(cache_file(tmp_path), 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    hits()
    assert compiled == [2, 2]


def test_a_symbolic_link_is_not_followed(compiled: list[int], tmp_path: Path) -> None:
    """Its target may change after the check."""
    first = hits()
    cache_file(tmp_path).rename(tmp_path / "elsewhere")
    cache_file(tmp_path).symlink_to(tmp_path / "elsewhere")
    assert hits() == first
    assert compiled == [2, 2]


@pytest.mark.parametrize("damage", ["shortened", "changed", "empty"])
def test_a_damaged_file_is_replaced(compiled: list[int], tmp_path: Path, damage: str) -> None:
    """A full disk or a crash must not change the detected spans."""
    first = hits()
    data = cache_file(tmp_path).read_bytes()
    changed = {"shortened": data[:-9], "changed": data[:-9] + b"\1" + data[-8:], "empty": b""}[damage]
    cache_file(tmp_path).write_bytes(changed)
    assert hits() == first
    assert compiled == [2, 2]
    assert hits() == first
    assert compiled == [2, 2]


def test_other_expressions_are_compiled_anew(compiled: list[int]) -> None:
    """A changed rule must take effect immediately."""
    hits()
    assert hits(["bc"]) == [(0, 4), (0, 6)]
    assert compiled == [2, 1]


def test_an_environment_that_cannot_be_written_only_costs_time(compiled: list[int], tmp_path: Path) -> None:
    """Environments are often read-only: owned by root, or part of a container image."""
    (tmp_path / "share").write_text("no folder can be made here")
    assert hits() == hits()
    assert compiled == [2, 2]


@pytest.mark.parametrize("kind", ["folder", "pipe", "huge"])
def test_something_else_in_place_of_the_file_is_not_loaded(
    compiled: list[int], tmp_path: Path, kind: str
) -> None:
    """A pipe must not block, a folder must not end the run, a huge file must not fill the memory."""
    first = hits()
    place = cache_file(tmp_path)
    if kind == "huge":
        os.truncate(place, MAX_BYTES + 1)
    else:
        place.unlink()
        os.mkfifo(place) if kind == "pipe" else place.mkdir()
    assert hits() == first
    assert compiled == [2, 2]
